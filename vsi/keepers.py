"""Who keeps the programs of a stack running on a host: the supervisor here, systemd on servers.

A keeper starts nothing by itself but what ended unasked: who starts a unit knows the order in which units
need each other.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from vsi.unit import HostUnit

State = Literal["STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL", "UNKNOWN"]
"""Of a program. `BACKOFF`: it ended by itself and is about to be started again; `FATAL`: given up."""
KEPT_STATES = frozenset({"STARTING", "RUNNING", "BACKOFF"})
"""In which a program is meant to run."""


@dataclass(frozen=True)
class Program:
    """One program as its keeper sees it. Times are seconds since the epoch."""

    name: str
    state: State
    pid: int
    started: int
    now: int
    message: str

    @property
    def running(self) -> bool:
        """Whether the process is there now; BACKOFF is not."""
        return self.state in ("STARTING", "RUNNING") and self.pid > 0


@dataclass(frozen=True)
class File:
    """A file of the host and what it shall hold."""

    path: str
    text: str

    @property
    def data(self) -> bytes:
        """The text as it stands on the host; a name of a file in it may be in no encoding."""
        return self.text.encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Entry:
    """How a keeper knows a unit: the script that becomes the process, and what the keeper itself reads."""

    script: File
    program: File


@dataclass(frozen=True)
class Trouble:
    """Why nothing can be told to a keeper."""

    kind: Literal["user", "cut off"]
    """What runs belongs to another user; or it works, but cannot be spoken to any more."""
    words: str
    """For the user: what was found, and what to do."""


class Keeper(Protocol):
    """The keeper of one stack on one host. Refuses with DeployError. Holds no connection."""

    def entry(self, unit: HostUnit) -> Entry:
        """What `install` takes over, when it stands on the host."""

    def files(self, name: str) -> tuple[str, str]:
        """Where script and program of a unit are, for a `Look`; `*` for those of all."""

    def trouble(self) -> Trouble | None:
        """Why it must be left alone; None if it can be told things, or is not there."""

    def awake(self) -> bool:
        """Whether it answers."""

    def wake(self) -> bool:
        """Start it unless it runs. True when it had to be started, so that its programs are stopped."""

    def programs(self) -> dict[str, Program]:
        """Every program by name; empty when the keeper is not there."""

    def program(self, name: str) -> Program | None:
        """One program; None if the keeper does not know it."""

    def install(self, name: str) -> bool:
        """Take over the entry of one unit: new, changed or gone. True if that stopped it, or it is new."""

    def start(self, name: str) -> None:
        """Start it and return at once. Fine if it runs."""

    def stop(self, name: str) -> None:
        """Stop it and wait until it is gone. Fine if it does not run or is not known."""

    def reload(self, name: str, signal_name: str) -> None:
        """Have it read its files again, by a signal such as `SIGHUP`."""

    def owned(self, pids: set[int], name: str | None = None) -> set[int]:
        """Which processes are of this stack, or of one unit."""

    def last_words(self, name: str, count: int) -> list[str]:
        """The last lines of what a program wrote; none if it is not known."""

    def logs(
        self, names: Collection[str], last: int, *, follow: bool, over: Callable[[], bool]
    ) -> Iterator[tuple[str, str]]:
        """Pairs of name and line of what programs wrote: the last of each, then what comes, until it is
        `over`, which is asked while nothing comes."""

    def exits(self) -> dict[str, int]:
        """How often each program ended by itself, as far as is remembered."""

    def end(self) -> None:
        """Stop every program, and what keeps them. Fine if it is not there."""
