"""The plan: what a target shall hold, as plain data.

The plan is the seam between the one description and the targets. It is made by pure code from the
spec (`vsi.plan`), holds no secret, no clock, no absolute path and nothing of the machine, and equal specs
give equal plans. What carries it out (`vsi.deploy`) decides nothing.

Commands hold tokens that are replaced on the host, where alone the folders are known:
`{conf}` `{data}` `{log}` `{cache}` (this unit's folders), `{state}` (the stack's), `{secrets}`, `{python}`,
`{repo}`, `{engine:NAME}` (the folder of an engine's artifact) and
`{engine:NAME:PROGRAM}` (one of its programs).
"""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

PLAN_VERSION = "1"
"""Raised when the code that carries a plan out changes what it makes of the same plan.

The Pulumi engine compares inputs only, so without this a change of code would never be deployed."""


class Frozen(BaseModel):
    """Base of all plan types."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Pillar(StrEnum):
    """Where a unit stands in the component tree."""

    METRICS = "metrics"
    ALERTING = "alerting"
    LOGGING = "logging"
    TRACING = "tracing"
    SERVICES = "services"


class Ready(Frozen):
    """How to learn that a process serves: a URL that answers with one of `status`; `redis://host:port` for
    one that answers `PING`; `tcp://host:port` for one that only needs to accept connections."""

    url: str
    answers: str | None = None
    """For `tcp`: an http URL at which any answer shows that the process works. The kernel accepts connections
    for one that hangs, too. Asked for the state of what runs, not waited for at a start."""
    status: tuple[int, ...] = (200,)
    user: str | None = None
    """Basic-auth user; the password is the secret `password_secret`."""
    password_secret: str | None = None
    ca: str | None = None
    """CA file for an https URL, with tokens."""
    seconds: int = 60
    """Deadline, from start to ready."""


class Process(Frozen):
    """One long-running program, kept by the supervisor. Its name is the unit's name."""

    command: tuple[str, ...]
    """Argument list with tokens; run with the unit's conf folder as working directory."""
    environment: tuple[tuple[str, str], ...] = ()
    """Sorted pairs; values may hold tokens, never a secret."""
    reload: Literal["SIGHUP"] | None = None
    """What makes the process read its files again; None means restart."""
    restart_files: tuple[str, ...] = ()
    """Files that a reload does not cover: a change of one of them restarts."""
    setup_only_files: tuple[str, ...] = ()
    """Path prefixes of files that neither restart nor reload: the unit's `setup` brings them in."""
    refuses_root: bool = False
    stop_signal: Literal["TERM", "INT", "QUIT"] = "TERM"
    stop_seconds: int = 20
    ready: Ready
    log_max_bytes: int = 50_000_000
    log_backups: int = 3


class Unit(Frozen):
    """One engine or service on one host: what becomes one Pulumi resource."""

    name: str
    pillar: Pillar
    engines: tuple[str, ...] = ()
    """Catalogue names whose artifacts it needs."""
    files: tuple[tuple[str, str], ...]
    """Sorted pairs of path (relative to the conf folder) and text. One Pulumi input each."""
    checks: tuple[tuple[str, ...], ...] = ()
    """Commands, run in a staged copy of the conf folder, that must all exit 0 before the files
    replace the running ones: the engine's own validation."""
    process: Process
    setup: tuple[str, ...] = ()
    """A command that brings what is kept inside the running engine (templates, roles) in line with the
    files. Idempotent; run after the process is ready, when a file changed or the process was new."""
    ports: tuple[int, ...] = ()
    """Loopback TCP ports that it listens on."""
    secrets: tuple[str, ...] = ()
    """Names of secrets whose files must stand in the secrets folder before the process starts."""
    needs: tuple[str, ...] = ()
    """Names of units that must be ready before this one starts."""
    memory_mb: int
    """Expected resident memory, for the preflight."""


class Secret(Frozen):
    """A secret by name and where its value comes from; the value is never in a plan."""

    name: str
    source: Literal["generated", "environment", "config"]
    key: str
    """For `environment` the variable, for `config` the key under `obs:`, else ''."""


class Plan(Frozen):
    """All that one stack puts on one host."""

    stack: str
    host: str
    units: tuple[Unit, ...]
    """In an order in which each unit comes after what it needs."""
    secrets: tuple[Secret, ...] = ()
    tls_names: tuple[str, ...] = ()
    """Certificates to be made on the host: `secrets/tls/<name>.pem`, `<name>.key`, all signed by `ca.pem`."""
    retain: bool = True
    """Whether `destroy` keeps the data folders."""

    def unit(self, name: str) -> Unit:
        """The unit of that name; KeyError if there is none."""
        for unit in self.units:
            if unit.name == name:
                return unit
        raise KeyError(name)


class Refused(Exception):
    """What a stack asks and its target cannot do; `problems` holds every one: (setting, value, why and what
    to do)."""

    def __init__(self, target: str, problems: list[tuple[str, object, str]]) -> None:
        self.target = target
        self.problems = problems
        lines = [f"target {target}: {setting} = {value}: {why}" for setting, value, why in problems]
        super().__init__("\n".join(lines))
