"""The one way to a host: what it is asked, what it answers, and how it is changed.

What a caller wants to know goes into one `Look` or one `Question`, so that a host on the other side of a
network answers in one round trip. Paths are of the host; those of a look are relative to the state folder of
the stack. What goes wrong on the way is `Unreachable`; a file that is not there is an answer.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from vsi.changes import Steps

Report = Callable[[str], None]
"""Hears what is done, a step at a time."""


@dataclass(frozen=True)
class Look:
    """What to look at, in one go. `*` stands for any text in one name, `**` at the end for all files below.

    No folder is entered through a link. An absolute path stands for itself."""

    at: tuple[str, ...] = ()
    """What is there: kind, mode, owner, size, time."""
    digest: tuple[str, ...] = ()
    """The same, and the digest of what is a regular file."""
    read: tuple[str, ...] = ()
    """The same, and the contents."""

    def __or__(self, other: "Look") -> "Look":
        """Both in one."""
        return Look(self.at + other.at, self.digest + other.digest, self.read + other.read)


Kind = Literal["file", "folder", "link", "other"]


@dataclass(frozen=True)
class Found:
    """What is under one path. Kind, mode and owner are a link's own, the rest is of what it leads to."""

    kind: Kind
    mode: int
    owner: int
    size: int = 0
    mtime_ns: int = 0
    digest: str = ""
    """SHA-256 of a file that could be read; else ''."""
    data: bytes | None = field(default=None, repr=False)

    @property
    def stamp(self) -> str:
        """Changes when the file is written anew, and tells nothing of what it holds; '' for a link that leads
        nowhere."""
        return f"{self.mtime_ns}:{self.size}" if self.mtime_ns >= 0 else ""


class Facts:
    """What a look found, by path."""

    def __init__(self, found: Mapping[str, Found]) -> None:
        self._found = dict(found)

    def __bool__(self) -> bool:
        """Whether anything was found."""
        return bool(self._found)

    def get(self, path: str) -> Found | None:
        """What is there; None if nothing is."""
        return self._found.get(path)

    def data(self, path: str) -> bytes | None:
        """The contents of a file that was to be read; None if there is none."""
        found = self._found.get(path)
        return found.data if found else None

    def digest(self, path: str) -> str | None:
        """The digest of a regular file; None if there is none, if it is a link, or if it cannot be read."""
        found = self._found.get(path)
        return found.digest or None if found and found.kind == "file" else None

    def files(self, folder: str) -> dict[str, Found]:
        """The regular files below a folder, by path relative to it."""
        start = f"{folder}/"
        return {
            path.removeprefix(start): found
            for path, found in sorted(self._found.items())
            if path.startswith(start) and found.kind == "file"
        }

    def names(self, folder: str) -> list[str]:
        """What was found directly in a folder."""
        start = f"{folder}/"
        rests = (path.removeprefix(start) for path in self._found if path.startswith(start))
        return sorted({rest.split("/", 1)[0] for rest in rests})


@dataclass(frozen=True)
class Holder:
    """Who has a port. `listeners` holds process ids, None for one of another user."""

    listeners: tuple[int | None, ...] = ()
    pid: int | None = None
    """The process to name: that of a listener, else of a connection that has the port on our side."""
    command: str = ""
    outgoing: bool = False
    """Whether nobody listens, and a connection to elsewhere has the port on our side."""
    free: bool = False
    """Whether a server could listen on loopback all the same."""
    near: tuple[int | None, ...] = ()
    """Those of the listeners that keep it from there; the others listen at another address alone."""


@dataclass(frozen=True)
class Question:
    """What a plan wants to know of a machine before anything is changed."""

    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    """Python modules, as `python -m` would find them."""
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()


@dataclass(frozen=True)
class Survey:
    """A machine, as far as asked."""

    uid: int
    programs: frozenset[str]
    """Those that are on PATH, or are files that may be run."""
    modules: frozenset[str]
    files: frozenset[str]
    folders: frozenset[str]
    ports: Mapping[int, Holder]
    """The ports that somebody has."""
    memory_mb: int
    """Available."""
    disk_mb: int
    """Free where the state folder is, or will be."""
    disk_at: str
    """The folder that was looked at: the state folder, or the nearest above it that is there."""
    disk_writable: bool
    ephemeral_ports: tuple[int, int] | None = None
    max_map_count: int | None = None


@dataclass(frozen=True)
class Get:
    """An HTTP request that the host makes of itself. Files are the host's, so that no password travels."""

    url: str
    user: str = ""
    password_file: str = ""
    ca_file: str = ""
    password: str = field(default="", repr=False)
    """In place of the file, where the host may not have that yet."""
    method: str = "GET"
    body: str = ""
    """JSON; '' for none."""
    certificate_file: str = ""
    """The certificate to show, with its key beside it. On this machine alone: no key is taken from a host."""

    @property
    def data(self) -> tuple[bytes | None, dict[str, str]]:
        """The body, and headers that say what it is."""
        return (self.body.encode(), {"Content-Type": "application/json"}) if self.body else (None, {})


@dataclass(frozen=True)
class Answer:
    """What came back: a status and a body, or the name of a fault (`TimeoutError`, ...)."""

    status: int | None = None
    body: bytes = field(default=b"", repr=False)
    fault: str = ""


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it wrote."""

    code: int
    output: str


class Reach(Protocol):
    """One stack's way to one host. Holds nothing between two calls, so that threads may share it."""

    def look(self, what: Look) -> Facts:
        """What is in the state folder."""

    def survey(self, question: Question) -> Survey:
        """What the machine has."""

    def ports(self, ports: Collection[int]) -> dict[int, Holder]:
        """Who has which of the ports now; those that nobody has are not named."""

    def get(self, request: Get, timeout: float) -> Answer:
        """Ask an HTTP server on the host."""

    def greet(self, host: str, port: int, words: bytes, timeout: float) -> Answer:
        """Connect to a TCP server on the host; what it answers to some words, if there are any."""

    def run(self, command: tuple[str, ...]) -> Said:
        """A command; of files it changes none. What a keeper is told goes this way too."""

    def tail(self, path: str, size: int) -> bytes:
        """The end of a file; empty if it is not there."""

    def folder_size(self, path: str) -> int:
        """How many bytes the files below a folder have."""

    def suspended(self, pid: int) -> bool:
        """Whether a process was stopped by a signal or a debugger."""

    def change(self, steps: Steps, report: Report) -> None:
        """Carry steps out in order. The first that fails ends it with `ChangeFailed`."""

    def scratch(self, path: str) -> AbstractContextManager[None]:
        """A folder for what changes need for a moment, secrets among it; emptied before, gone after."""

    def hold(self, name: str) -> AbstractContextManager[object]:
        """A lock of this stack on this host, which ends with the process that has it."""
