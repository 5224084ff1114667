"""Looking after what stands on servers: each host on its own, all at once, and none waits for another."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from queue import Empty, Queue
from threading import Thread
from typing import TypeVar

from components.errors import SuiteError
from components.plan import name_of, part_id, place_of
from components.target import Departed, Kept, Progress, UnitStatus
from vsi import forgotten, host
from vsi.errors import Unreachable
from vsi.logins import OfStack, login_of
from vsi.machine import Machine
from vsi.reach import Look
from vsi.servers.known import cleaned, recall
from vsi.ssh.master import Master
from vsi.ssh.shell import shell
from vsi.systemd import journal

T = TypeVar("T")
MOST = 16
"""Hosts that are asked at the same time."""


def machines(stack: str) -> dict[str, Machine]:
    """Those on which units of a stack may stand; none if it was never planned from here."""
    known = recall(stack)
    return known.without(known.cleaned).machines(stack) if known else {}


def each(found: dict[str, Machine], ask: Callable[[str, Machine], T]) -> dict[str, T]:
    """Ask every host at once. The first error, when all have answered."""
    with ThreadPoolExecutor(max(1, min(MOST, len(found)))) as pool:
        answers = {name: pool.submit(ask, name, machine) for name, machine in found.items()}
    return {name: answer.result() for name, answer in answers.items()}


def units(stack: str, away: dict[str, str] | None = None) -> list[str]:
    """See `Units`."""
    found = each(machines(stack), lambda _, machine: _records(machine))
    lost = [names for names in found.values() if isinstance(names, Unreachable)]
    if lost and len(lost) == len(found):
        raise lost[0]
    if away is not None:
        away |= {place: names.message for place, names in found.items() if isinstance(names, Unreachable)}
    return [
        part_id(name, place)
        for place, names in found.items()
        if not isinstance(names, Unreachable)
        for name in names
    ]


def _records(machine: Machine) -> list[str] | Unreachable:
    """Names of a host's units. One that cannot be reached keeps nobody from the others."""
    try:
        return list(host.records(machine))
    except Unreachable as error:
        return error


def status(stack: str) -> list[UnitStatus]:
    """Every unit of every host. A host that cannot be reached is a row of its own."""

    def ask(place: str, machine: Machine) -> list[UnitStatus]:
        try:
            rows = host.status(machine)
        except Unreachable as error:
            return [UnitStatus.unreachable(place, error.message)]
        return [replace(row, unit=part_id(row.unit, place)) for row in rows]

    return [row for rows in each(machines(stack), ask).values() for row in rows]


def logs(
    stack: str, units: list[str], *, follow: bool, lines: int, over: Callable[[], bool]
) -> Iterator[tuple[str, str]]:
    """What units wrote, host by host; those that are followed come as they come."""
    chosen = _by_host(stack, units)
    if not follow:
        lost: list[SuiteError] = []

        def ask(place: str, machine: Machine) -> list[tuple[str, str]]:
            with _noted(lost):
                return list(host.logs(machine, chosen[place][1], lines=lines))
            return []

        for place, rows in each({place: machine for place, (machine, _) in chosen.items()}, ask).items():
            yield from ((part_id(name, place), line) for name, line in rows)
        _raise(lost)
        return
    queue: Queue[tuple[str, str]] = Queue(10_000)

    def pump(place: str, machine: Machine, names: list[str]) -> None:
        for name, line in _followed(machine, names, lines, over):
            queue.put((part_id(name, place), line))

    for place, (machine, names) in chosen.items():
        Thread(target=pump, args=(place, machine, names), daemon=True).start()
    while not over():
        try:
            yield queue.get(timeout=0.2)
        except Empty:
            continue


@contextmanager
def _noted(lost: list[SuiteError]) -> Iterator[None]:
    """What goes wrong with one host is told when the others are done."""
    try:
        yield
    except SuiteError as error:
        lost.append(error)


def _raise(lost: list[SuiteError]) -> None:
    if lost:
        raise SuiteError("\n".join(sorted(map(str, lost))))


def _followed(
    machine: Machine, names: list[str], lines: int, over: Callable[[], bool]
) -> Iterator[tuple[str, str]]:
    """One host: what it says, and, under no name, why it says nothing. A host that is away at the start is
    waited for, and then begun with."""
    lost = ""
    while not over():
        try:
            for row in host.logs(machine, names, follow=True, lines=lines, over=over):
                if lost:
                    yield "", journal.FOUND
                    lost = ""
                yield row
        except Unreachable as error:
            if not lost:
                yield "", journal.LOST.format(why=error.message)
            lost = error.message
            time.sleep(journal.PAUSE)
        except SuiteError as error:
            yield "", str(error)
            return
        else:
            return


def _by_host(stack: str, units: list[str]) -> dict[str, tuple[Machine, list[str]]]:
    found: dict[str, tuple[Machine, list[str]]] = {}
    for place, machine in machines(stack).items():
        if names := [name_of(unit) for unit in units if place_of(unit) == place]:
            found[place] = machine, names
    return found


def stop(stack: str, units: list[str] | None, progress: Progress) -> None:
    """On all hosts at once: within a host, those that need others first. What fails is told when all are
    done."""
    lost: list[SuiteError] = []

    def ask(place: str, machine: Machine) -> None:
        names = None if units is None else [name_of(unit) for unit in units if place_of(unit) == place]
        with _noted(lost):
            host.stop(machine, names, lambda name, what: progress(part_id(name, place), what))

    each(_of(stack, units), ask)
    _raise(lost)


def start(stack: str, units: list[str] | None, progress: Progress) -> Sequence[SuiteError]:
    """On all hosts at once: within a host, each after what it needs."""

    def ask(place: str, machine: Machine) -> list[SuiteError]:
        names = None if units is None else [name_of(unit) for unit in units if place_of(unit) == place]
        lost: list[SuiteError] = []
        with _noted(lost):
            lost += host.start(machine, names, lambda name, what: progress(part_id(name, place), what))
        return lost

    return [error for errors in each(_of(stack, units), ask).values() for error in errors]


def _of(stack: str, units: list[str] | None) -> dict[str, Machine]:
    found = machines(stack)
    return (
        found if units is None else {place: found[place] for place in found if place in map(place_of, units)}
    )


def kept(stack: str) -> list[Kept]:
    """The data of units, on each host."""
    known = recall(stack)
    if known is None:
        return []

    def ask(place: str, machine: Machine) -> list[Kept]:
        data = str(machine.relative.unit("*").data)
        try:
            folders = machine.reach.look(Look(at=(f"{data}/*",))).names(data.removesuffix("/*"))
            paths = [str(machine.unit(name).data) for name in folders]
            return [Kept(f"{place}:{path}", machine.reach.folder_size(path)) for path in paths]
        except Unreachable as error:
            return [Kept(f"{place}: not known now ({error.message})", 0)]

    found = each(known.machines(stack), ask)
    for place in known.cleaned:
        if not found[place]:
            cleaned(stack, place, data=False)
    return [item for items in found.values() for item in items]


def departed(stack: str, planned: Collection[str]) -> list[Departed]:
    """Hosts that are known and not planned, all asked at once whether they can be reached."""

    def ask(place: str, machine: Machine) -> Departed:
        try:
            machine.reach.run(("true",))
        except Unreachable as error:
            return Departed(place, error.message)
        return Departed(place, "")

    found = {place: machine for place, machine in machines(stack).items() if place not in planned}
    return list(each(found, ask).values())


def remove(stack: str, told: Callable[[str], None]) -> None:
    """By the records of the hosts; what is left on the way stays recorded."""
    from vsi.servers.machine import server_paths
    from vsi.servers.prepare import has_data, take_away
    from vsi.servers.survey import Where

    known = recall(stack)
    if known is None:
        return
    login, found = login_of(dict(known.login), OfStack(stack)), known.machines(stack)
    for connection in known.connections:
        place = connection.host

        def removed(name: str, place: str = place) -> None:
            told(part_id(name, place))

        forgotten.remove(found[place], removed, connection, login)
        with shell(Master(connection, login)) as way:
            take_away(place, Where(stack), way, lambda _: None)
            data = has_data(way, place, str(server_paths(stack).kept))
        cleaned(stack, place, data=data)
