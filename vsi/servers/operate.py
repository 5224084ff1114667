"""Looking after what stands on servers: each host on its own, all at once, and none waits for another."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import Empty, Queue
from threading import Thread
from typing import TypeVar

from components.errors import SuiteError
from components.plan import name_of, part_id, place_of
from components.target import Kept, Progress, UnitStatus
from vsi import forgotten, host
from vsi.errors import Unreachable
from vsi.logins import login_of
from vsi.machine import Machine
from vsi.reach import Look
from vsi.servers.known import forget, recall

T = TypeVar("T")
MOST = 16
"""Hosts that are asked at the same time."""


def machines(stack: str) -> dict[str, Machine]:
    """Those of a stack; none if it was never planned from here."""
    known = recall(stack)
    return known.machines(stack) if known else {}


def each(found: dict[str, Machine], ask: Callable[[str, Machine], T]) -> dict[str, T]:
    """Ask every host at once. The first error, when all have answered."""
    with ThreadPoolExecutor(max(1, min(MOST, len(found)))) as pool:
        answers = {name: pool.submit(ask, name, machine) for name, machine in found.items()}
    return {name: answer.result() for name, answer in answers.items()}


def units(stack: str) -> list[str]:
    """What was applied, by id, in the order in which it starts on each host."""
    found = each(machines(stack), lambda _, machine: list(host.records(machine)))
    return [part_id(name, place) for place, names in found.items() for name in names]


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
        found = each(
            {place: machine for place, (machine, _) in chosen.items()},
            lambda place, machine: list(host.logs(machine, chosen[place][1], lines=lines)),
        )
        for place, rows in found.items():
            yield from ((part_id(name, place), line) for name, line in rows)
        return
    queue: Queue[tuple[str, str]] = Queue(10_000)

    def pump(place: str, machine: Machine, names: list[str]) -> None:
        for name, line in host.logs(machine, names, follow=True, lines=lines, over=over):
            queue.put((part_id(name, place), line))

    for place, (machine, names) in chosen.items():
        Thread(target=pump, args=(place, machine, names), daemon=True).start()
    while not over():
        try:
            yield queue.get(timeout=0.2)
        except Empty:
            continue


def _by_host(stack: str, units: list[str]) -> dict[str, tuple[Machine, list[str]]]:
    found: dict[str, tuple[Machine, list[str]]] = {}
    for place, machine in machines(stack).items():
        if names := [name_of(unit) for unit in units if place_of(unit) == place]:
            found[place] = machine, names
    return found


def stop(stack: str, units: list[str] | None, progress: Progress) -> None:
    """On all hosts at once: within a host, those that need others first."""

    def ask(place: str, machine: Machine) -> None:
        names = None if units is None else [name_of(unit) for unit in units if place_of(unit) == place]
        host.stop(machine, names, lambda name, what: progress(part_id(name, place), what))

    each(_of(stack, units), ask)


def start(stack: str, units: list[str] | None, progress: Progress) -> Sequence[SuiteError]:
    """On all hosts at once: within a host, each after what it needs."""

    def ask(place: str, machine: Machine) -> list[SuiteError]:
        names = None if units is None else [name_of(unit) for unit in units if place_of(unit) == place]
        return list(host.start(machine, names, lambda name, what: progress(part_id(name, place), what)))

    return [error for errors in each(_of(stack, units), ask).values() for error in errors]


def _of(stack: str, units: list[str] | None) -> dict[str, Machine]:
    found = machines(stack)
    return (
        found if units is None else {place: found[place] for place in found if place in map(place_of, units)}
    )


def kept(stack: str) -> list[Kept]:
    """The data of units, on each host."""

    def ask(place: str, machine: Machine) -> list[Kept]:
        data = str(machine.relative.unit("*").data)
        folders = machine.reach.look(Look(at=(f"{data}/*",))).names(data.removesuffix("/*"))
        paths = [str(machine.unit(name).data) for name in folders]
        return [Kept(f"{place}:{path}", machine.reach.folder_size(path)) for path in paths]

    return [item for found in each(machines(stack), ask).values() for item in found]


def remove(stack: str, told: Callable[[str], None]) -> None:
    """By the records of the hosts; what is left on the way stays recorded."""
    known = recall(stack)
    if known is None:
        return
    login, found = login_of(dict(known.login)), known.machines(stack)
    for connection in known.connections:
        place = connection.host

        def removed(name: str, place: str = place) -> None:
            told(part_id(name, place))

        forgotten.remove(found[place], removed, connection, login)
    forget(stack)
