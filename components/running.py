"""How a program is run, wherever that is: what an engine needs beside its documents.

Each target keeps processes in its own way; what it has to know of one stands here, next to nothing of a host.
Commands, their environment and setup hold tokens that the target replaces: `{python}`, `{conf}` `{data}`
`{log}` `{cache}` `{secrets}` (folders), `{engine:NAME}` (an engine's folder) and `{engine:NAME:PROGRAM}`.
"""

from dataclasses import dataclass
from typing import Literal

from components.catalog import ENGINES

_CATALOG = {engine.name: engine for engine in ENGINES}


@dataclass(frozen=True)
class Health:
    """How to learn that a program serves: `path` of a listener answers 200, or `PING` is answered."""

    listener: str
    path: str = "/"
    seconds: int = 60
    """Deadline, from start to ready."""
    protocol: Literal["http", "redis"] = "http"


@dataclass(frozen=True)
class Settled:
    """Who may ask OpenSearch, at a listener, whether each copy of its data is in place: before one of several
    nodes is restarted, they must be."""

    listener: str
    user: str
    secret: str
    """Name of the secret with the user's password: one of those that the program reads."""
    seconds: int = 1800
    """How long to wait while no further copy comes into place. One of a large shard takes many minutes."""


@dataclass(frozen=True)
class Running:
    """A program as a process."""

    command: tuple[str, ...]
    """Run with the folder of its documents as working directory."""
    health: Health
    memory_mb: int
    """Expected resident memory."""
    environment: tuple[tuple[str, str], ...] = ()
    """Sorted pairs; never a secret."""
    checks: tuple[tuple[str, ...], ...] = ()
    """The engine's own validation: commands that must all exit 0 in a folder of its documents before they
    replace the running ones."""
    reload: Literal["SIGHUP"] | None = None
    """What makes it read its documents again; None means restart."""
    setup: tuple[str, ...] = ()
    """A command that brings what is kept inside the running engine in line with its documents. Idempotent."""
    setup_only: tuple[str, ...] = ()
    """Path prefixes of documents that only `setup` reads: no reload, no restart."""
    secrets: tuple[str, ...] = ()
    """Names of the secrets that it reads."""
    needs: tuple[str, ...] = ()
    """Names of the programs that must be ready before it starts."""
    refuses_root: bool = False
    stop_seconds: int = 20
    settled: Settled | None = None
    """Of several that hold each other's copies: what is waited for before one that serves is changed."""


def program(engine: str, executable: str) -> str:
    """A program of an engine, as a token."""
    if executable not in dict(_CATALOG[engine].executables):
        raise KeyError(f"{engine} has no program {executable}")
    return f"{{engine:{engine}:{executable}}}"


def ours(
    module: str, health: Health, memory_mb: int, *, secrets: tuple[str, ...] = (), needs: tuple[str, ...] = ()
) -> Running:
    """A small program of this project with its `settings.json`."""
    command = ("{python}", "-m", module, "--settings", "settings.json")
    checks = checks_of(command)
    return Running(command, health, memory_mb, checks=checks, secrets=secrets, needs=needs)


def checks_of(command: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Programs of this project judge their settings with `--check`. Of a service that is somebody else's we
    know no such command: its process is the first to read them."""
    ours = command[:2] == ("{python}", "-m") and "".join(command[2:3]).startswith(("demo.", "agents."))
    return ((*command, "--check"),) if ours else ()
