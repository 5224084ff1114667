"""Members of a program that replace each other are changed one after another, each healthy before the next.

What does not serve has nothing to lose: it goes at once, with others like it. A cluster that comes up for the
first time, or after all of it was down, may need that: its members wait for each other. Who serves waits for
those, for its turn, and until the others can do without it; when one has failed, nobody's turn comes any more
in that run.

Turns are of one process: the one that serves a run's providers. Why no edges between the resources:
docs/adr/0020-safe-rollouts.md.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from components.errors import SuiteError
from vsi.carry_out import ApplyFailed
from vsi.machine import Machine
from vsi.ready import probe
from vsi.records import read_applied

T = TypeVar("T")


@dataclass(frozen=True)
class Member:
    """A program on one host, and the hosts that have one of its kind."""

    stack: str
    name: str
    host: str
    hosts: tuple[str, ...]

    @property
    def alone(self) -> bool:
        """Whether nobody replaces it."""
        return len(self.hosts) < 2


@dataclass
class _Round:
    """The members of one program in one run."""

    waiting: list[str] = field(default_factory=list)
    at_once: int = 0
    busy: bool = False
    failed: str = ""
    done: set[str] = field(default_factory=set)


class Turns:
    """Who may be changed now. One for all programs of a run."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rounds: dict[tuple[str, str], _Round] = {}

    def take(
        self,
        member: Member,
        serves: Callable[[], bool],
        change: Callable[[], T],
        settle: Callable[[], None] = lambda: None,
    ) -> T:
        """Make a change when it is the member's turn; of one that serves, after `settle`, which returns when
        the others can do without it. Raises ApplyFailed for one whose turn does not come any more; what fails
        names those that stay as they are."""
        if member.alone:
            return change()
        at_once, well = not serves(), False
        found = self._begin(member, at_once=at_once)
        try:
            if not at_once:
                settle()
            done = change()
            well = True
        except SuiteError as error:
            rest = [host for host in member.hosts if host not in found.done and host != member.host]
            left = f"\nNot changed in this run: {member.name} on {', '.join(rest)}." if rest else ""
            raise ApplyFailed(f"{error}{left}") from None
        finally:
            self._end(found, member, at_once=at_once, well=well)
        return done

    def _begin(self, member: Member, *, at_once: bool) -> _Round:
        with self._changed:
            found = self._rounds.setdefault((member.stack, member.name), _Round())
            if at_once:
                found.at_once += 1
                return found
            found.waiting.append(member.host)
            self._changed.wait_for(lambda: found.failed or _is_next(found, member))
            found.waiting.remove(member.host)
            if found.failed:
                raise ApplyFailed(
                    f"{member.name}: not changed on {member.host}, where it runs as before: it failed on "
                    f"{found.failed}, and its hosts are changed one after another"
                )
            found.busy = True
            return found

    def _end(self, found: _Round, member: Member, *, at_once: bool, well: bool) -> None:
        with self._changed:
            if at_once:
                found.at_once -= 1
            else:
                found.busy = False
            if well:
                found.done.add(member.host)
            else:
                found.failed = found.failed or member.host
            self._changed.notify_all()


def _is_next(found: _Round, member: Member) -> bool:
    """In the order of the inventory, of those that wait."""
    first = min(found.waiting, key=_order(member.hosts))
    return not found.busy and not found.at_once and first == member.host


def _order(hosts: Sequence[str]) -> Callable[[str], int]:
    return lambda host: hosts.index(host) if host in hosts else len(hosts)


def serving(machine: Machine, name: str) -> bool:
    """Whether a unit serves now."""
    record, program = read_applied(machine.reach, name), machine.program(name)
    return bool(record and program and program.running and not probe(machine, record.unit))


TURNS = Turns()
"""Of the process that serves a run's providers."""
