"""What is on this host, and stopping and starting it: for the command line, without Pulumi or the spec."""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from components.plan import Pillar, dependency_order
from vsi.drift import Observed, read_host
from vsi.errors import DeployError
from vsi.paths import StatePaths, state_paths
from vsi.preflight import Problem, preflight
from vsi.processes import is_suspended
from vsi.ready import silence, wait_ready
from vsi.records import Applied, read_applied
from vsi.supervisor import Supervisor
from vsi.unit import HostUnit

__all__ = [
    "Problem",
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

Progress = Callable[[str, str], None]
"""Called with a unit's name and `starting`, `ready`, `stopping`, `stopped` or `failed: ...`."""


@dataclass(frozen=True)
class UnitStatus:
    """One row of `obs status`. `uptime` in seconds; `restarts` are ends that nobody asked for."""

    unit: str
    pillar: Pillar
    state: str
    """That of its process."""
    silence: str
    """Why it does not serve though its process runs; '' if it serves, or does not run."""
    starting: bool
    """Whether it is silent and may be so: its time to get ready is not over."""
    pid: int
    uptime: int
    restarts: int
    ports: tuple[int, ...]
    drift: str

    @property
    def well(self) -> bool:
        """Whether it serves, with what was deployed."""
        return self.state == "running" and not self.silence and not self.drift


def records(state: StatePaths) -> dict[str, Applied]:
    """The record of every unit on this host, in an order in which each comes after what it needs."""
    found = {name: record for name in state.applied_units() if (record := read_applied(state, name))}
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


def status(stack: str) -> list[UnitStatus]:
    """Every unit of a stack on this host; empty when none was ever applied or all were removed. Those that
    run are asked whether they serve, all at once."""
    state = state_paths(stack)
    exits = Supervisor(state).unexpected_exits()
    found = read_host(state)
    running = {seen.unit: seen for seen in found if seen.process_state == "running"}
    units = {name: record.unit for name in running if (record := read_applied(state, name))}
    with ThreadPoolExecutor(max(1, len(units))) as pool:
        told = pool.map(lambda name: _silence(state, units[name], running[name].pid), units)
        silences = dict(zip(units, told, strict=True))
    return [
        UnitStatus(
            unit=seen.unit,
            pillar=seen.pillar,
            state=seen.process_state,
            silence=(silent := silences.get(seen.unit, "")),
            starting=bool(silent) and seen.uptime < units[seen.unit].process.ready.seconds,
            pid=seen.pid,
            uptime=seen.uptime,
            restarts=exits.get(seen.unit, 0),
            ports=seen.ports,
            drift=drift_words(seen),
        )
        for seen in found
    ]


def _silence(state: StatePaths, unit: HostUnit, pid: int) -> str:
    """Why a running unit does not serve; '' if it does."""
    if is_suspended(pid):
        return f"its process was stopped by a signal; `kill -CONT {pid}` lets it go on"
    return silence(state, unit)


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


def stop(stack: str, units: Iterable[str] | None = None, progress: Progress = lambda *_: None) -> None:
    """Stop units, those that need them first; None stops all and the supervisor too. Configuration stays."""
    state = state_paths(stack)
    if not state.root.exists():
        return
    supervisor = Supervisor(state)
    known = records(state)
    wanted = _chosen(known, units)
    if lost := supervisor.cut_off():
        if units is not None:
            raise DeployError("supervisor", lost)
        supervisor.shutdown()
    running = supervisor.programs()
    for name in reversed([name for name in known if name in wanted]):
        if name in running:
            progress(name, "stopping")
            supervisor.stop(name)
        progress(name, "stopped")
    if units is None:
        supervisor.shutdown()


def start(
    stack: str, units: Iterable[str] | None = None, progress: Progress = lambda *_: None
) -> list[DeployError]:
    """Start units and what they need, each after what it needs is ready; None starts all.

    For after a reboot too: nothing but the state folder is needed. Goes on after a failure with what does not
    depend on it; returns the failures."""
    state = state_paths(stack)
    known = records(state)
    wanted = _with_needs(known, _chosen(known, units))
    if not wanted:
        return []
    supervisor = Supervisor(state)
    supervisor.ensure_running()
    failures: dict[str, DeployError] = {}
    for name in [name for name in known if name in wanted]:
        unit = known[name].unit
        if missing := [need for need in unit.needs if need in failures or need not in known]:
            failures[name] = DeployError(name, f"not started: it needs {', '.join(missing)}")
            progress(name, f"failed: {failures[name].message}")
            continue
        progress(name, "starting")
        try:
            supervisor.update(name)
            supervisor.start(name)
            wait_ready(state, unit)
        except DeployError as error:
            failures[name] = error
            progress(name, f"failed: {error.message.splitlines()[0]}")
        else:
            progress(name, "ready")
    return list(failures.values())


def revive(state: StatePaths, without: str, report: Callable[[str], None]) -> None:
    """After the supervisor had to be started: bring back what ran under it, in order, except `without`.

    Best effort: a unit that does not come up is found by its own apply or by refresh."""
    supervisor = Supervisor(state)
    known = records(state)
    needed = {need for record in known.values() for need in record.unit.needs_here}
    for name, record in known.items():
        if name == without or not record.complete:
            continue
        report(f"bringing back {name}")
        with contextlib.suppress(DeployError):
            supervisor.update(name)
            supervisor.start(name)
            if name in needed:
                wait_ready(state, record.unit)


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
    stack: str, units: Iterable[str] | None = None, *, follow: bool = False, lines: int = 50
) -> Iterator[tuple[str, str]]:
    """Pairs of unit and log line: the last `lines` of each, then, with `follow`, what comes, until closed.

    Follows across the supervisor's rotation. Log lines are the processes' own; they are not masked."""
    state = state_paths(stack)
    known = records(state)
    chosen = _chosen(known, units)
    tails = [_Tail(name, state.unit(name).log / f"{name}.log") for name in known if name in chosen]
    begun = [(tail.unit, line) for tail in tails for line in tail.last(lines)]
    return _lines(begun, tails if follow else [])


def _lines(begun: list[tuple[str, str]], tails: list["_Tail"]) -> Iterator[tuple[str, str]]:
    yield from begun
    while tails:
        found = [(tail.unit, line) for tail in tails for line in tail.more()]
        yield from found
        if not found:
            time.sleep(0.2)


class _Tail:
    """A log file that another process appends to and rotates.

    The file stays open, so that what was written just before a rotation is read to its end."""

    def __init__(self, unit: str, path: Path) -> None:
        self.unit = unit
        self._path = path
        self._stream: BinaryIO | None = None
        self._rest = b""

    def last(self, count: int) -> list[str]:
        """The last lines; from here on `more` goes on."""
        stream = self._open()
        if stream is None:
            return []
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 400 * (count + 1)))
        lines = stream.read().decode(errors="replace").splitlines()
        return lines[-count:] if count else []

    def more(self) -> list[str]:
        """Whole lines written since, also into the file that took this one's place."""
        stream = self._open()
        if stream is None:
            return []
        data = self._rest + stream.read()
        if self._replaced(stream):
            data += stream.read()
            stream.close()
            self._stream = None
            if new := self._open():
                data += new.read()
        whole, _, self._rest = data.rpartition(b"\n")
        return whole.decode(errors="replace").splitlines() if whole else []

    def _open(self) -> BinaryIO | None:
        if self._stream is None:
            with contextlib.suppress(OSError):
                self._stream = self._path.open("rb")
        return self._stream

    def _replaced(self, stream: BinaryIO) -> bool:
        try:
            return self._path.stat().st_ino != os.fstat(stream.fileno()).st_ino
        except OSError:
            return False
