"""When nodes of a store leave, in the life of its units: before one is removed, and before the last that
stays is made a store of its own. What is done then stands in `leaving`.

That a node leaves, and not the whole stack, is known from what was last planned: where a unit that is planned
is removed, all of them are.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from vsi import leaving
from vsi.errors import DeployError, Unreachable
from vsi.machine import Machine, machine_of
from vsi.reach import Report
from vsi.records import Applied, Request, read_applied
from vsi.resources import teller
from vsi.servers.known import recall
from vsi.settled import saying

STORE = "opensearch"
"""The engine whose units hold each other's copies."""
_ended: set[tuple[str, str]] = set()
"""Stores, by stack and unit, of which in this process a node is removed that is planned."""


class _AllGo(Exception):
    """Nobody is left who could take copies."""


@contextmanager
def around(action: str, request: Request) -> Iterator[None]:
    """While a unit of a server is put there, or removed. Of all that are no store, nothing is asked."""
    if request.connection is None or STORE not in request.unit.engines:
        yield
        return
    machine = machine_of(request.stack, request.connection, request.login, request.engines)
    tell = teller(request.unit.id, request.host)
    if action == "remove":
        before_removal(machine, request, tell)
        yield
        return
    before = before_change(machine, request, tell)
    yield
    after_change(machine, request, before, tell)


def before_removal(machine: Machine, request: Request, tell: Report) -> None:
    """Of a node that leaves others: its copies in place on those, its vote taken, its process stopped. Raises
    DeployError, and it runs as before."""
    unit, asked = request.unit, request.unit.process.settled
    if asked is None:
        return
    stay, store = _planned(request.stack, unit.name), (request.stack, unit.name)
    if not stay or request.host in stay:
        _ended.add(store)
        return

    def pause(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if store in _ended:
                raise _AllGo
            time.sleep(0.2)

    say = saying(machine, request, peers=True)
    try:
        with _refused(request, "not taken away from"):
            alone = leaving.only_here(say, request.host)
            if alone:
                what = ", ".join(alone[: leaving.SHOWN])
                raise leaving.StoreError(
                    f"its process takes no part in the store, and may alone have {what}. "
                    f"Start it first (`obs start {request.stack} {unit.name}`)"
                )
            if alone is None:
                leaving.move_away(say, {request.host}, asked.seconds, _about(tell, unit.name), sleep=pause)
    except _AllGo:
        return
    tell(f"stopping {unit.name}, whose copies are in place on other hosts")
    machine.keeper.stop(unit.name)
    _welcome(machine, request, {request.host}, tell)


def before_change(machine: Machine, request: Request, tell: Report) -> Applied | None:
    """Of the last node that stays: all copies in place on it, the votes of the others taken, before it is a
    store of its own. Returns what stood before. Raises DeployError, and all run as before."""
    unit = request.unit
    record = read_applied(machine.reach, unit.name)
    old = record.unit if record else None
    if old is None or old.process.settled is None or len(unit.members) > 1:
        return record
    others = {*old.members} - {request.host}
    if others:
        before = request.model_copy(update={"unit": old})
        with _refused(request, "not made the only one, on"):
            leaving.move_away(
                saying(machine, before), others, old.process.settled.seconds, _about(tell, unit.name)
            )
    return record


def after_change(machine: Machine, request: Request, record: Applied | None, tell: Report) -> None:
    """Whoever is a member now may have copies and a vote, as may a name that is nobody's any more."""
    old = record.unit if record else None
    before = set(old.members) if old else set()
    if before == {*request.unit.members} or not (before or request.unit.members):
        return
    names = {*request.unit.members} if old else {request.host}
    if len(request.unit.members) < 2:
        names |= before
    if old and not request.unit.process.settled:
        request = request.model_copy(update={"unit": old})
    _welcome(machine, request, names, tell)


def _welcome(machine: Machine, request: Request, names: set[str], tell: Report) -> None:
    """Said, not failed for: the store serves, and the next change of its members does it again."""
    if request.unit.process.settled is None:
        return
    try:
        leaving.welcome(saying(machine, request, peers=True), names)
    except leaving.ShutOut:
        return  # one that is new knows no users yet, and nothing of nodes that left either
    except (leaving.StoreError, Unreachable) as error:
        tell(f"nodes {', '.join(sorted(names))} are still set aside in the store: {error}")


def _planned(stack: str, unit: str) -> tuple[str, ...]:
    """The hosts on which a unit was last planned."""
    known = recall(stack)
    return dict(known.hosts).get(unit, ()) if known else ()


def _about(tell: Report, name: str) -> Report:
    return lambda words: tell(f"{name} waits: {words}")


@contextmanager
def _refused(request: Request, what: str) -> Iterator[None]:
    try:
        yield
    except leaving.StoreError as error:
        stack = request.stack
        raise DeployError(
            request.unit.name,
            f"{what} {request.host}, where it runs as before: {error}.\n"
            "What is stored has to be on the nodes that stay before one goes. Look at them "
            f"(`obs status {stack}`: a node that is away, a full disk), keep less (`logging.retention`, "
            f"`replicas`) or give the role logs to another host; then run `obs up {stack}` again. Indices "
            "that nobody needs any more can be deleted in OpenSearch.",
        ) from None
