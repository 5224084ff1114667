"""A host as one run finds it, asked once: what each of its parts is compared by, in one round trip.

Each part of a stack is a resource that reads its host by itself. The first that reads asks for all of them,
of all hosts that the stack is known to have, side by side; the others are answered from that. A part is
answered once: when it asks again, another run has begun. What changes a host forgets what was seen of it.
Whoever starts the engine may have had them looked at before it is there, and before the hosts were locked for
the run: what another run may have changed since is looked at again.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from components.errors import SuiteError
from vsi import listening
from vsi.drift import look_of
from vsi.errors import DeployError
from vsi.keepers import Program
from vsi.listening import Listeners
from vsi.logins import login_of
from vsi.machine import Machine
from vsi.paths import RELATIVE
from vsi.reach import Facts, Look
from vsi.servers import survey
from vsi.servers.known import recall
from vsi.servers.machine import server
from vsi.ssh import holding
from vsi.ssh.connection import Connection, Login

RUNS = PurePosixPath("/run/obs-runs")
"""Holds a lock for each stack, of the run that changes it. Root's, and gone with the next boot, as whoever
holds one."""
FRESH_SECONDS = 60
"""So long what was seen is taken for what is there, if nothing of ours changed it: what another run does, or
somebody by hand, is seen by the next one."""
_CHECKED = ("sh", "-euc")
"""A shell that ends at the first command that fails."""


class Way(NamedTuple):
    """To a host of a stack: two stacks on one host are asked each for itself."""

    stack: str
    connection: Connection
    login: Login


@dataclass(frozen=True)
class Seen:
    """All that the parts of a stack on one host are compared by."""

    facts: Facts
    programs: Mapping[str, Program]
    surveyed: str
    """What `vsi.servers.survey` reads."""
    listeners: Listeners | None = None
    lock: str = ""
    """When a run had last taken the stack's lock there, before all else was looked at; '' if one had it."""


@dataclass
class _Taken:
    """A snapshot, which may be on its way."""

    seen: Future[Seen] = field(default_factory=Future)
    answered: set[str] = field(default_factory=set)
    """Ids of the parts that had their answer."""
    ended: float = 0.0
    """When it was there; 0 as long as it is not."""
    lock: str | None = None
    """When the host's lock was last taken, as this run was told that has it; None for what is looked at by
    one that has it already, or has none."""

    def answers(self, part: str) -> bool:
        """Whether it is a part's to read."""
        fresh = not self.ended or time.monotonic() - self.ended < FRESH_SECONDS
        return fresh and part not in self.answered

    @property
    def unread(self) -> bool:
        """Whether no part has had its answer, and it is no old one."""
        return not self.answered and self.answers("")


_taken: dict[Way, _Taken] = {}
_turn = threading.Lock()


def seen(way: Way, part: str) -> Seen:
    """A part's host. Raises what asking it raised: at once, where another part of it has waited already."""
    with _turn:
        taken = _taken.get(way)
        if taken is None or not taken.answers(part):
            taken = _begin(way)
            for other in _others(way):
                if other not in _taken or _taken[other].answered:
                    _begin(other)
        taken.answered.add(part)
    found = taken.seen.result()
    if taken.lock is None or taken.lock == found.lock != "":
        return found
    with _turn:
        if _taken.get(way) is taken:
            _begin(way)
    return seen(way, part)


def ahead(stack: str) -> None:
    """Begin to look at all hosts of a stack, for a run that is about to begin: they answer while it is
    planned and the engine starts. What is looked at already is not looked at again. Not where one logs in
    with what only the engine can decrypt, which would be a start of it."""
    try:
        known = recall(stack)
        if known is None or not all(text.startswith("environment:") for _, text in known.login):
            return
        login = login_of(dict(known.login))
    except SuiteError:
        return
    with _turn:
        for connection in known.without(known.cleaned).connections:
            way = Way(stack, connection, login)
            if way not in _taken or not _taken[way].unread:
                _begin(way)


def locked(stack: str, connection: Connection, before: str) -> None:
    """A run has the lock of a host, which was last taken `before`. If it was not so when the host was looked
    at, that was in the middle of another run, or before it."""
    with _turn:
        for way in [way for way in _taken if (way.stack, way.connection) == (stack, connection)]:
            _taken[way].lock = before


@contextmanager
def changing(connection: Connection | None) -> Iterator[None]:
    """While something on a host is changed, and afterwards, nothing that was seen of it before is told, of
    whichever stack. None for this machine, of which nothing is remembered."""
    _forget(connection)
    try:
        yield
    finally:
        _forget(connection)


def _forget(connection: Connection | None) -> None:
    with _turn:
        for way in [way for way in _taken if way.connection == connection]:
            del _taken[way]


def _others(way: Way) -> list[Way]:
    """The stack's other hosts, as they were last planned."""
    try:
        known = recall(way.stack)
    except DeployError:
        return []
    found = known.without(known.cleaned).connections if known else ()
    return [Way(way.stack, other, way.login) for other in found if other != way.connection]


def _begin(way: Way) -> _Taken:
    """Ask a host in a thread of its own, which does not outlive the process."""
    taken = _taken[way] = _Taken()

    def ask() -> None:
        try:
            taken.seen.set_result(look(way))
        except Exception as error:  # whoever waits for it raises it
            taken.seen.set_exception(error)
        taken.ended = time.monotonic()

    threading.Thread(target=ask, name=f"look at {way.connection.host}", daemon=True).start()
    return taken


def look(way: Way) -> Seen:
    """Ask a host now. Raises SuiteError."""
    machine = server(way.stack, way.connection, way.login, {})
    reach, keeper = machine.reach, machine.keeper
    host = way.connection.host
    facts, (lock, shown, surveyed, heard) = reach.look_and_run(
        _look(machine),
        holding.question(RUNS, way.stack),
        keeper.question(),
        (*_CHECKED, survey.script(survey.Where(way.stack))),
        listening.QUESTION,
    )
    if surveyed.code:
        raise SuiteError(f"{host}: looking at the host failed: {surveyed.output[-2000:].strip()}")
    return Seen(
        facts,
        keeper.programs_in(shown),
        surveyed.output,
        listening.heard(heard.output),
        lock.output.strip() if not lock.code else "",
    )


def _look(machine: Machine) -> Look:
    """Every unit's, and the digests of the secrets that units are given."""
    return look_of(machine) | Look(digest=(str(RELATIVE.secrets / "*"),))
