"""What is on this host, and stopping and starting it: for the command line, without Pulumi or the spec."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from components.plan import dependency_order
from components.target import Progress, UnitStatus
from vsi.drift import Observed, read_machine
from vsi.errors import DeployError
from vsi.machine import Machine
from vsi.preflight import preflight
from vsi.reach import Look
from vsi.ready import silence, wait_ready
from vsi.records import Applied, read_all
from vsi.unit import HostUnit

__all__ = [
    "Progress",
    "UnitStatus",
    "logs",
    "preflight",
    "records",
    "revive",
    "start",
    "status",
    "stop",
]


def records(machine: Machine) -> dict[str, Applied]:
    """The record of every unit on this host, in an order in which each comes after what it needs."""
    found = {name: record for name, record in read_all(machine.reach).items() if record}
    return {name: found[name] for name in start_order(found)}


def start_order(found: dict[str, Applied]) -> list[str]:
    """Names so that each comes after what it needs; alphabetical where that leaves a choice."""
    graph = {
        name: [need for need in record.unit.needs_here if need in found]
        for name, record in sorted(found.items())
    }
    try:
        return dependency_order(graph)
    except ValueError as error:
        raise DeployError("plan", str(error)) from None


def status(machine: Machine) -> list[UnitStatus]:
    """Every unit of a stack on this host; empty when none was ever applied or all were removed. Those that
    run are asked whether they serve, all at once."""
    exits = machine.keeper.exits()
    found = read_machine(machine)
    running = {seen.unit: seen for seen in found if seen.process_state == "running"}
    known = read_all(machine.reach)
    units = {name: record.unit for name in running if (record := known.get(name))}
    with ThreadPoolExecutor(max(1, len(units))) as pool:
        told = pool.map(lambda name: _silence(machine, units[name], running[name].pid), units)
        silences = dict(zip(units, told, strict=True))
    for name, words in _taken(machine, found).items():
        silences[name] = "; ".join(filter(None, (silences.get(name), words)))
    return [
        UnitStatus(
            unit=seen.unit,
            pillar=seen.pillar,
            state=seen.process_state,
            silence=(silent := silences.get(seen.unit, "")),
            starting=bool(silent)
            and seen.unit in units
            and seen.uptime < units[seen.unit].process.ready.seconds,
            pid=seen.pid,
            uptime=seen.uptime,
            restarts=exits.get(seen.unit, 0),
            ports=seen.ports,
            drift=drift_words(seen),
        )
        for seen in found
    ]


def _taken(machine: Machine, found: Iterable[Observed]) -> dict[str, str]:
    """Units of which somebody outside of the stack has a port, and who: what answers there would be taken for
    them."""
    holders = machine.reach.ports({port for seen in found for port in seen.ports})
    pids = {pid for holder in holders.values() for pid in holder.listeners if pid}
    ours = machine.keeper.owned(pids)
    others = {
        port: f"port {port} is held by "
        + (f"pid {holder.pid}: {holder.command}" if holder.pid else "a process of another user")
        for port, holder in holders.items()
        if holder.listeners and not ours & {*holder.listeners}
    }
    words = {seen.unit: [others[port] for port in seen.ports if port in others] for seen in found}
    return {name: "; ".join(texts) for name, texts in words.items() if texts}


def _silence(machine: Machine, unit: HostUnit, pid: int) -> str:
    """Why a running unit does not serve; '' if it does."""
    if machine.reach.suspended(pid):
        return f"its process was stopped by a signal; `kill -CONT {pid}` lets it go on"
    return silence(machine, unit)


def drift_words(seen: Observed) -> str:
    """What differs from what was applied, in a few words; '' if nothing does."""
    parts = [
        (seen.changed, "changed"),
        (seen.missing, "missing"),
        (seen.extra, "not planned"),
        (seen.secrets_off, "secret"),
    ]
    words = [f"{word}: {', '.join(names)}" for names, word in parts if names]
    if seen.access:
        words.append(seen.access)
    if seen.program_changed:
        words.append("supervisor's file changed")
    if not seen.complete:
        words.append("last apply did not finish")
    return "; ".join(words)


def stop(machine: Machine, units: Iterable[str] | None = None, progress: Progress = lambda *_: None) -> None:
    """Stop units, those that need them first; None stops all and the supervisor too. Configuration stays."""
    if machine.reach.look(Look(at=(".",))).get(".") is None:
        return
    keeper = machine.keeper
    known = records(machine)
    wanted = _chosen(known, units)
    trouble = keeper.trouble()
    if trouble and trouble.kind == "cut off":
        if units is not None:
            raise DeployError("supervisor", trouble.words)
        keeper.end()
    running = keeper.programs()
    for name in reversed([name for name in known if name in wanted]):
        if name in running:
            progress(name, "stopping")
            keeper.stop(name)
        progress(name, "stopped")
    if units is None:
        keeper.end()


def start(
    machine: Machine, units: Iterable[str] | None = None, progress: Progress = lambda *_: None
) -> list[DeployError]:
    """Start units and what they need, each after what it needs is ready; None starts all.

    For after a reboot too: nothing but the state folder is needed. Goes on after a failure with what does not
    depend on it; returns the failures."""
    known = records(machine)
    wanted = _with_needs(known, _chosen(known, units))
    if not wanted:
        return []
    machine.keeper.wake()
    failures: dict[str, DeployError] = {}
    for name in [name for name in known if name in wanted]:
        unit = known[name].unit
        if missing := [need for need in unit.needs_here if need in failures or need not in known]:
            failures[name] = DeployError(name, f"not started: it needs {', '.join(missing)}")
            progress(name, f"failed: {failures[name].message}")
            continue
        progress(name, "starting")
        try:
            machine.keeper.install(name)
            machine.keeper.start(name)
            wait_ready(machine, unit)
        except DeployError as error:
            failures[name] = error
            progress(name, f"failed: {error.message.splitlines()[0]}")
        else:
            progress(name, "ready")
    return list(failures.values())


def revive(machine: Machine, without: str, report: Callable[[str], None]) -> None:
    """After the keeper had to be started: bring back what ran under it, in order, except `without`.

    Best effort: a unit that does not come up is found by its own apply or by refresh."""
    known = records(machine)
    needed = {need for record in known.values() for need in record.unit.needs_here}
    for name, record in known.items():
        if name == without or not record.complete:
            continue
        report(f"bringing back {name}")
        with contextlib.suppress(DeployError):
            machine.keeper.install(name)
            machine.keeper.start(name)
            if name in needed:
                wait_ready(machine, record.unit)


def _chosen(known: dict[str, Applied], units: Iterable[str] | None) -> set[str]:
    if units is None:
        return set(known)
    chosen = set(units)
    if unknown := sorted(chosen - set(known)):
        raise DeployError(
            unknown[0],
            f"no unit {', '.join(map(repr, unknown))} here; there are: {', '.join(known) or 'none'}",
        )
    return chosen


def _with_needs(known: dict[str, Applied], chosen: set[str]) -> set[str]:
    todo, found = list(chosen), set(chosen)
    while todo:
        for need in known[todo.pop()].unit.needs_here:
            if need in known and need not in found:
                found.add(need)
                todo.append(need)
    return found


def logs(
    machine: Machine,
    units: Iterable[str] | None = None,
    *,
    follow: bool = False,
    lines: int = 50,
    over: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[str, str]]:
    """Pairs of unit and log line: the last `lines` of each, then, with `follow`, what comes, until closed, or
    until it is `over`, which is asked while nothing comes.

    Follows across the supervisor's rotation. Log lines are the processes' own; they are not masked."""
    known = records(machine)
    chosen = _chosen(known, units)
    names = [name for name in known if name in chosen]
    return machine.keeper.logs(names, lines, follow=follow, over=over)
