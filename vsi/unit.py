"""The parts of this target: programs that are kept running on hosts, and the plan that holds them.

Commands hold tokens (`components.running`) that are replaced on the host, where alone the folders are known:
`{conf}` `{data}` `{log}` `{cache}` (this unit's folders), `{state}` (the stack's), `{secrets}`, `{python}`,
`{repo}`, `{engine:NAME}` (the folder of an engine's artifact) and
`{engine:NAME:PROGRAM}` (one of its programs).
"""

from typing import Any, ClassVar, Literal

from components.plan import Frozen, Part, Plan, name_of, part_id
from vsi import keys
from vsi.ssh.connection import Connection

HOST = "host"
"""Name of the part that is a host itself, where a plan has one: no unit."""


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
    certificate: str | None = None
    """File of the certificate to show there, with tokens; the key is beside it. On this machine alone."""
    seconds: int = 60
    """Deadline, from start to ready."""


class Settled(Frozen):
    """How to learn that a store has every copy of its data in place: OpenSearch's API, and who may ask it."""

    url: str
    """Without a path."""
    user: str
    password_secret: str
    ca: str
    """CA file, with tokens."""
    seconds: int
    """Deadline, from the last copy that came into place."""
    peers: tuple[str, ...] = ()
    """URLs of the other members, for when this one does not answer any more."""


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
    settled: Settled | None = None
    """What is waited for, while it serves, before it is changed; of members that hold each other's copies."""
    log_max_bytes: int = 50_000_000
    log_backups: int = 3


class HostUnit(Part):
    """One engine or service on one host. Its `place` is the host, its files lie in its conf folder: one
    Pulumi input each."""

    TOKENS: ClassVar[tuple[str, ...]] = ("pulumi-python:dynamic/vsi:Unit",)

    engines: tuple[str, ...] = ()
    """Catalogue names whose artifacts it needs."""
    checks: tuple[tuple[str, ...], ...] = ()
    """Commands, run in a staged copy of the conf folder, that must all exit 0 before the files
    replace the running ones: the engine's own validation."""
    process: Process
    setup: tuple[str, ...] = ()
    """A command that brings what is kept inside the running engine (templates, roles) in line with the
    files. Idempotent; run after the process is ready, when a file changed or the process was new."""
    ports: tuple[int, ...] = ()
    """Loopback TCP ports that it listens on."""
    certificates: tuple[str, ...] = ()
    """Names of the certificates that it reads, beside that of the authority, where each unit finds just its
    own."""
    members: tuple[str, ...] = ()
    """Hosts whose units of this name replace each other, its own among them: one is changed after the other.
    None where all may change at once."""
    memory_mb: int
    """Expected resident memory, for the preflight."""

    @property
    def certificate_files(self) -> tuple[str, ...]:
        """Files of `secrets/tls` that it reads; none unless they are declared."""
        pairs = [f"{name}.{kind}" for name in self.certificates for kind in ("pem", "key")]
        return ("ca.pem", *pairs) if pairs else ()

    @property
    def url(self) -> str:
        """What is asked to learn that it serves."""
        return self.process.ready.url

    @classmethod
    def file_of(cls, key: tuple[str, ...]) -> str | None:
        """As `vsi.keys` names them; what stands inside another input is no file."""
        return keys.file_of(key[0]) if len(key) == 1 else None

    @property
    def needs_here(self) -> tuple[str, ...]:
        """Names of the units on the same host that must be ready before this one starts."""
        here = [name_of(need) for need in self.needs if need == part_id(name_of(need), self.place)]
        return tuple(name for name in here if name != HOST)


class HostPlan(Plan):
    """All that one stack puts on hosts."""

    parts: tuple[HostUnit, ...]
    tls_names: tuple[str, ...] = ()
    """Certificates to be made on the host: `secrets/tls/<name>.pem`, `<name>.key`, all signed by `ca.pem`."""

    def connection(self, host: str) -> Connection | None:
        """The way to a host; None for this machine."""
        del host
        return None

    def settings_of(self, part: Part) -> dict[str, Any]:
        """With what of the whole plan goes into each of its resources. In which company a unit is changed is
        none of them."""
        found = super().settings_of(part)
        if connection := self.connection(part.place):
            found["connection"] = connection.model_dump(mode="json", exclude_defaults=True)
            found["login"] = self.login_sources
        if isinstance(part, HostUnit):
            del found["members"]
            sources = {secret.name: f"{secret.source}:{secret.key}" for secret in self.secrets}
            found["secrets"] = {name: sources[name] for name in part.secrets}
            found |= {"needs": list(part.needs), "tls": list(self.tls_names), "retain": self.retain}
        return found

    @property
    def login_sources(self) -> dict[str, str]:
        """What one logs in to its hosts with, by `Login`'s names: where each comes from, `source:key`."""
        return {}

    @property
    def engines(self) -> tuple[str, ...]:
        """All that a unit needs."""
        return tuple(sorted({engine for unit in self.parts for engine in unit.engines}))
