"""What a target offers: where a stack can go, as a record of functions.

A target is a folder that owns its plan and its resources. Only the registry (`targets`) imports it; the
Pulumi program, the command line and `obs verify` know it by this record alone.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from components.errors import SuiteError
from components.heads import Heads
from components.parity.written import Written
from components.plan import Part, Pillar, Plan
from components.site import Site
from components.spec import Spec
from components.spec.problem import Problem

if TYPE_CHECKING:
    import pulumi


P = TypeVar("P", bound=Plan)

Deploy = Callable[[Any, "pulumi.ResourceOptions"], "pulumi.Resource"]
"""What makes the resource of a part, given the part and options."""


@dataclass(frozen=True)
class Obstacle(Problem):
    """What stands in the way of a plan in its place; the path names a thing there. Where it is not fatal, the
    stack comes up all the same, with less."""

    fatal: bool = True

    def __str__(self) -> str:
        return f"{self.key}: {self.value}; {self.expected}. {self.what_to_do}"


@dataclass(frozen=True)
class UnitStatus:
    """One row of `obs status`. `uptime` in seconds; `restarts` are ends that nobody asked for."""

    unit: str
    pillar: Pillar
    state: str
    """That of its process."""
    silence: str
    """Why it does not serve though its process runs, or who has its port; '' if there is nothing to say."""
    starting: bool
    """Whether it is silent and may be so: its time to get ready is not over."""
    pid: int
    uptime: int
    restarts: int
    ports: tuple[int, ...]
    drift: str
    managed: bool = False
    """Whether others keep it, as AWS does: it has no process, and `obs start` does nothing for it."""
    what_to_do: str = ""
    """Where it is managed and not well."""

    @staticmethod
    def unreachable(place: str, why: str) -> "UnitStatus":
        """The one row of a place that does not answer."""
        return UnitStatus(f"@{place}", Pillar.METRICS, "unreachable", why, False, 0, 0, 0, (), "")

    @property
    def well(self) -> bool:
        """Whether it serves, with what was deployed."""
        return self.state == "running" and not self.silence and not self.drift


Progress = Callable[[str, str], None]
"""Called with a unit's name and `starting`, `ready`, `stopping`, `stopped` or `failed: ...`."""


class Units(Protocol):
    """Ids of what was deployed, in the order in which it starts. A place that does not answer keeps nobody
    from the others: it is put into `away`, with the reason. SuiteError if none answers."""

    def __call__(self, stack: str, away: dict[str, str] | None = None) -> list[str]: ...


class Logs(Protocol):
    """Pairs of unit and log line: the last `lines` of each, then, with `follow`, what comes, until closed, or
    until it is `over`, which is asked while nothing comes."""

    def __call__(
        self, stack: str, units: list[str], *, follow: bool, lines: int, over: Callable[[], bool]
    ) -> Iterator[tuple[str, str]]: ...


FORGET_HOSTS = "OBS_FORGET_HOSTS"
"""Variable with the names of hosts that are given up, a blank between: what the state of the Pulumi engine
has of them is dropped without asking them. For who types `pulumi` by hand; `obs` has an option."""


class Departed(NamedTuple):
    """A host on which something of a stack stands, though none of it is planned there any more."""

    place: str
    why: str
    """Why it cannot be reached, so that what stands there cannot be taken away; '' if it can."""


Decrypt = Callable[[str, str], str | None]
"""The value of a key in the configuration of a stack of that name; None if it has no such key. SuiteError if
it cannot be read."""
_decrypting: list[Decrypt] = []


def decrypt_by(decrypt: Decrypt) -> None:
    """What looks after a stack without the Pulumi engine has this one way to what the engine encrypts."""
    _decrypting[:] = [decrypt]


def decrypted(stack: str, key: str) -> str | None:
    """A value of a stack's configuration; None if it has none, or if nobody said how to decrypt it."""
    return _decrypting[0](stack, key) if _decrypting else None


class Busy(SuiteError):
    """Another run, of whoever, changes the stack in its place."""

    exit_code = 3


class Run(NamedTuple):
    """A command that is about to change what stands there."""

    stack: str
    command: str
    """Without `obs`."""
    wait: bool = False
    """For another run to end, rather than Busy."""


class Kept(NamedTuple):
    """A folder that a destroy leaves, for people: where it is, and how many bytes the files below it have."""

    place: str
    size: int


@dataclass(frozen=True)
class Operate(Generic[P]):
    """Looking after what stands there, without the Pulumi engine and without the stack file, which may be
    another one by now. The first argument of each is the stack's name."""

    is_there: Callable[[str], bool]
    """Whether anything of the stack is there."""
    units: Units
    status: Callable[[str], list[UnitStatus]]
    logs: Logs
    log: Callable[[str, str], str]
    """Where the log of a unit is, for a message; '' if there is none."""
    stop: Callable[[str, list[str] | None, Progress], None]
    """None stops all."""
    start: Callable[[str, list[str] | None, Progress], Sequence[SuiteError]]
    """Start, each after what it needs; what failed. None starts all."""
    remove: Callable[[str, Callable[[str], None]], None]
    """Take down what still stands by what was recorded there, for when the engine's state does not know it;
    told of each unit. SuiteError if one does not go."""
    kept: Callable[[str], list[Kept]]
    """What a destroy leaves. Hosts on which nothing is left are known no more."""
    departed: Callable[[str, Collection[str]], list[Departed]] = lambda *_: []
    """Hosts of a stack that are not among those of these names."""
    alone: Callable[[Run, P | None], AbstractContextManager[None]] = lambda *_: nullcontext()
    """While inside, no other run changes the stack in its place, whoever began it. Given the plan that
    is carried out, if one is. Busy, naming the other."""
    noted: Callable[[str], str] = lambda _: ""
    """What this machine remembers of where the stack is; a run brings it in line with its plan."""
    look_ahead: Callable[[str], None] = lambda _: None
    """Begin to look at what the engine will have read, before it is started, and return at once; again, where
    that is no longer true. What goes wrong is told by whoever reads."""


class Lacks(SuiteError):
    """What a check of `obs verify` needs and a place does not have; the text says why."""


Outputs = Callable[[str], Mapping[str, Any]]
"""The outputs of a part's resource by the part's id, secrets in plain; asked only where they are needed.
SuiteError if the engine does not know it."""


@dataclass(frozen=True)
class Bound:
    """A socket that takes connections or datagrams from others."""

    process: str
    address: str
    port: int
    datagrams: bool = False
    """Whether it takes these rather than connections."""


class Reach(Protocol):
    """Leads from this machine to what a site names by addresses that only its own network knows."""

    def __call__(self, address: str) -> str:
        """The `host:port` at which this machine reaches an address of the site."""

    def why(self, address: str) -> str:
        """Why the last connection did not get there; '' if it did."""


@dataclass(frozen=True)
class Access:
    """How `obs verify` reaches what runs. Each function raises `Lacks` where the place has no such thing, and
    SuiteError where it should have."""

    site: Site
    """Where things are, for whoever verifies."""
    secret: Callable[[str], str]
    """The value of a secret, by its name."""
    authority: Callable[[], str]
    """The certificate of the stack's authority, PEM."""
    identity: Callable[[], tuple[str, str]] | None
    """The certificate and the key, PEM, that whoever verifies shows; None where nobody asks for one."""
    units: Mapping[str, Callable[[], str]]
    """Unit -> a call that says why it does not serve, '' if it does."""
    log: Callable[[str], Iterable[str]]
    """What a service wrote, line by line, oldest first."""
    sockets: Callable[[], list[Bound]]
    """Where the stack's processes listen."""
    reach: Reach | None = None
    """None where this machine dials the site's addresses itself."""
    instances: Callable[[str], tuple[str, ...]] | None = None
    """An address, as `reach` takes it, of each instance of a service by its name; None where the service's
    listener has them all."""
    note: str = ""
    """What a person has to know to use the site's addresses."""
    reader: str = "reader"
    """The user of OpenSearch that reads; its password is the secret of `reader`, whatever it is called."""


class Checked(NamedTuple):
    """One row of `obs verify` of a place that is asked part by part."""

    name: str
    pillar: str
    result: Literal["passed", "not applied", "failed"]
    text: str
    """The evidence, the reason why it does not apply, or what is wrong."""


@dataclass(frozen=True)
class Restored:
    """A day of log records that came back from an archive, and whether all of it did."""

    day: str
    """As in 2026-11-29."""
    file: str
    """The lines; under another name where some are missing."""
    expected: int
    """Lines, by the archive's own manifest."""
    count: int
    sha256: str
    """Of the lines that came back, in order."""
    objects: int
    problems: tuple[str, ...] = ()
    """What is missing, or not as it was written, each with what to do."""
    waiting: tuple[str, ...] = ()
    """What was asked back from where it takes hours."""

    @property
    def whole(self) -> bool:
        """Whether each line is there, as it was written."""
        return not self.problems and not self.waiting


Restore = Callable[[P, str, str, str], Restored]
"""Brings a day into a file of a folder; the last is how fast cold storage is asked: Standard, Bulk or
Expedited. SuiteError where the archive cannot be read, or has nothing of that day."""


@dataclass(frozen=True)
class StandIn(Generic[P]):
    """Something on this machine that takes the place of where a stack goes, for training."""

    start: Callable[[str, P | None], bool]
    """Make sure that it answers, if the stack of that name has one: as its plan says, without a plan as
    recorded when it was started first. Whether this call started it, empty. SuiteError if it cannot."""
    end: Callable[[str], bool]
    """End it, with all that it held; whether there was one."""


@dataclass(frozen=True)
class Target(Generic[P]):
    """A place that stacks can go to. `refusals` and `plan` are pure."""

    name: str
    """As in `environment.target`."""
    kinds: tuple[type[Part], ...]
    """The kinds of its parts."""
    refusals: Callable[[Spec], list[Problem]]
    """Every setting that it cannot honour."""
    plan: Callable[[Spec, str], P]
    """The plan of a stack of that name; only for a spec without refusals."""
    resources: "Callable[[P, Mapping[str, pulumi.Output[str]]], Deploy]"
    """Inside the Pulumi program: what makes the resource of each part of a plan. Takes the values, by name,
    of those secrets that come from outside the target. SuiteError if it cannot."""
    access: Callable[[Spec, P, Outputs], Access]
    """For `obs verify`."""
    preflight: Callable[[P], list[Obstacle]] | None = None
    """What the place lacks for a plan; changes nothing. None where nobody asks."""
    variables: Callable[[P], Mapping[str, str]] | None = None
    """Under which the Pulumi engine changes what is planned, beside those of every stack; None where there
    are none. SuiteError if it cannot."""
    operate: Operate[P] | None = None
    """None where it has no such thing."""
    status: Callable[[P], list[UnitStatus]] | None = None
    """The parts of a plan as they are in their place, which knows them by their names: in place of `operate`
    where nothing but the place itself remembers what was deployed."""
    stand_in: StandIn[P] | None = None
    """None where nothing takes its place."""
    checks: Callable[[P], list[Checked]] | None = None
    """What `obs verify` asks of a plan's parts where nothing that runs can be reached from here, so that
    `access` has no way; None where requests are followed."""
    survivors: Callable[[P], list[tuple[str, str]]] | None = None
    """What is still in the place of a plan that was taken down, and is the stack's by its own mark: pairs of
    what it is and its name. None where nothing but `operate` knows."""
    heads: Heads[P] | None = None
    """For cohorts; None where none can be made, and on this machine, which `cohorts` knows itself."""
    restore: Restore[P] | None = None
    """Brings back logs from an archive; None where there is none."""
    written: Callable[[Spec, str, Mapping[str, str]], Written] | None = None
    """What the files say that are written for a stack of that name, read back from their text, for
    `obs parity`; None where nobody compares them."""
    made_of: Callable[[type[Part], Mapping[str, Any]], Mapping[str, str]] | None = None
    """What a place makes of the inputs of such a part's resource, as texts by name, so that a preview can
    show what a setting does; {} where nobody can tell. SuiteError where it should be told and is not."""


AnyTarget = Target[Any]
