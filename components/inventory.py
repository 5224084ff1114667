"""Each program of a stack, once: what others have to know of it.

Scrape jobs, parts, ports, passwords, certificates and the addresses that people and clients are given all
read the row here. So a new program is a row, a renderer, and its rules; how it is started is the target's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from components.plan import Pillar
from components.site import Site
from components.spec import Spec
from components.spec.base import Severity
from components.spec.references import read_at
from components.spec.servers import Role

Condition = Callable[[Spec], bool]
"""Whether a stack has something."""


def _always(_spec: Spec) -> bool:
    return True


def _exporter(name: str) -> Condition:
    return lambda spec: name in spec.metrics.exporters


def _several_gateways(spec: Spec) -> bool:
    """Whether the agent of each host takes OTLP there, since a gateway may be away."""
    return len(spec.servers.of_role("gateway")) > 1


def runs_redis(spec: Spec) -> bool:
    """Whether a service that the stack starts keeps something in Redis."""
    return any(service.run and service.run.redis for service in spec.services)


def guarded(spec: Spec) -> bool:
    """Whether programs on loopback ask who dials them, so that the collector and Jaeger may not serve their
    own numbers themselves (`components.render.own_metrics`)."""
    return spec.deploy.loopback == "guarded"


def reads_journal(spec: Spec) -> bool:
    """Whether a log source is a unit in the journal of a host."""
    return bool(read_at(spec, "journal"))


@dataclass(frozen=True)
class Socket:
    """One of a program's listeners."""

    name: str
    """What a `Site` calls it."""
    offset: int
    """Of its port from the stack's base, where a stack has one host. Fixed for good: a new program takes new
    ones below 100, so that nothing else moves; from 100 on they are the services'."""
    tls: Literal["never", "guarded", "able", "always"] = "never"
    """Whether it can speak TLS (`guarded`: where loopback is guarded alone), and whether it does even where
    only loopback reaches it."""
    speaks: Literal["http", "other"] = "http"
    """What is spoken there: HTTP, which a host's front can pass on, or something else (gRPC, its own)."""
    near: bool = False
    """Whether only programs of the same host have to reach it: loopback does, wherever the host is."""
    peers: bool = False
    """Whether it is there for several instances of the program: one alone has no such listener."""
    opened: Condition = _always


@dataclass(frozen=True)
class Metrics:
    """A page of a program that Prometheus scrapes."""

    job: str
    """Name of the scrape job; programs that do the same work are instances of one."""
    listener: str
    down: Severity
    """How bad it is when it does not answer."""


@dataclass(frozen=True)
class Page:
    """What a person can open in a browser."""

    shows: str
    path: str = "/"


@dataclass(frozen=True)
class Program:
    """A program that a stack has beside the services that it watches."""

    name: str
    pillar: Pillar
    role: Role
    """Which hosts have it, where a stack has several."""
    sockets: tuple[Socket, ...]
    engine: str | None = None
    """Its name in the catalogue; None for a small program of ours."""
    metrics: tuple[Metrics, ...] = ()
    api: str = ""
    """The listener at which clients ask it; '' if none does."""
    pages: tuple[Page, ...] = ()
    """Behind `api`."""
    user: str = ""
    """Which user of OpenSearch it is, with a password of its own (`password_of`); '' if none."""
    own_pages: bool = False
    """Whether it may have web pages of its own at `api`, by the channel that brought it."""
    certificates: tuple[str, ...] = ()
    """Names of the certificates that it needs wherever it is, signed by the stack's authority; with TLS on a
    listener that can go without, one of its own name besides."""
    once: bool = False
    """Whether a stack has one alone, on the first host of its role; otherwise each of its hosts has one."""
    dials: tuple[str, ...] = ()
    """Listeners of others that it dials with TLS, if it serves none itself: where these are and TLS is
    mutual, it has a certificate of its own name too."""
    runs: Condition = _always

    @property
    def password(self) -> str:
        """Name of the secret with the password of `user`; '' if it is none."""
        return password_of(self.user) if self.user else ""

    @property
    def each_host(self) -> bool:
        """Whether each host has one; otherwise a stack has one, or a few that replace each other."""
        return self.role == "agent"


def password_of(user: str) -> str:
    """Name of the secret that holds the password of a user of OpenSearch."""
    return f"opensearch-{user}"


PROGRAMS = (
    Program(
        name="opensearch",
        pillar=Pillar.LOGGING,
        role="logs",
        engine="opensearch",
        sockets=(
            Socket("opensearch", 10, tls="always"),
            Socket("opensearch-transport", 11, tls="always", speaks="other"),
        ),
        api="opensearch",
        pages=(Page("logs"),),
        certificates=("opensearch", "admin"),
    ),
    Program(
        name="housekeeper",
        pillar=Pillar.LOGGING,
        role="logs",
        once=True,
        sockets=(Socket("housekeeper", 6),),
        metrics=(Metrics("housekeeper", "housekeeper", "warning"),),
        user="housekeeper",
    ),
    Program(
        name="collector",
        pillar=Pillar.TRACING,
        role="gateway",
        engine="otelcol",
        sockets=(
            Socket(
                "collector-otlp-grpc",
                20,
                tls="able",
                speaks="other",
                opened=lambda spec: spec.tracing.otlp.grpc,
            ),
            Socket("collector-otlp-http", 21, tls="able", opened=lambda spec: spec.tracing.otlp.http),
            Socket("collector-metrics", 22, tls="guarded"),
            Socket("collector-spanmetrics", 23, tls="able"),
            Socket("collector-health", 24, tls="able", near=True),
            Socket("collector-pushed", 25, tls="able", opened=lambda spec: spec.metrics.otlp),
            Socket("collector-spread", 28, tls="able", speaks="other", peers=True),
            Socket("collector-own", 37, tls="able", near=True, opened=guarded),
        ),
        metrics=(
            Metrics("collector", "collector-metrics", "critical"),
            Metrics("collector-spanmetrics", "collector-spanmetrics", "critical"),
            Metrics("collector-pushed", "collector-pushed", "critical"),
        ),
        user="collector",
        dials=("jaeger-otlp-grpc",),
    ),
    Program(
        name="collector-agent",
        pillar=Pillar.LOGGING,
        role="agent",
        engine="otelcol",
        sockets=(
            Socket("collector-agent-metrics", 26),
            Socket("collector-agent-health", 27, tls="able", near=True),
            Socket(
                "collector-agent-pushed",
                29,
                tls="able",
                opened=lambda spec: spec.metrics.otlp and _several_gateways(spec),
            ),
            Socket(
                "collector-agent-otlp-grpc",
                35,
                speaks="other",
                near=True,
                opened=lambda spec: spec.tracing.otlp.grpc and _several_gateways(spec),
            ),
            Socket(
                "collector-agent-otlp-http",
                36,
                near=True,
                opened=lambda spec: spec.tracing.otlp.http and _several_gateways(spec),
            ),
        ),
        metrics=(
            Metrics("collector", "collector-agent-metrics", "critical"),
            Metrics("collector-pushed", "collector-agent-pushed", "critical"),
        ),
        user="collector",
        dials=("collector-spread",),
    ),
    Program(
        name="journal",
        pillar=Pillar.LOGGING,
        role="agent",
        sockets=(Socket("journal", 7),),
        metrics=(Metrics("journal", "journal", "warning"),),
        runs=reads_journal,
    ),
    Program(
        name="jaeger",
        pillar=Pillar.TRACING,
        role="traces",
        engine="jaeger",
        sockets=(
            Socket("jaeger-query-http", 30, tls="able"),
            Socket("jaeger-query-grpc", 31, tls="able", speaks="other", near=True),
            Socket("jaeger-otlp-grpc", 32, tls="able", speaks="other"),
            Socket("jaeger-metrics", 33, tls="guarded"),
            Socket("jaeger-health", 34, tls="able", near=True),
            Socket("jaeger-own", 38, tls="able", near=True, opened=guarded),
        ),
        metrics=(Metrics("jaeger", "jaeger-metrics", "critical"),),
        api="jaeger-query-http",
        own_pages=True,
        user="jaeger",
    ),
    Program(
        name="alertmanager",
        pillar=Pillar.ALERTING,
        role="alerting",
        engine="alertmanager",
        sockets=(
            Socket("alertmanager", 1, tls="able"),
            Socket("alertmanager-cluster", 2, tls="able", speaks="other", peers=True),
        ),
        metrics=(Metrics("alertmanager", "alertmanager", "critical"),),
        api="alertmanager",
        own_pages=True,
        pages=(Page("alerts"),),
    ),
    Program(
        name="prometheus",
        pillar=Pillar.METRICS,
        role="metrics",
        engine="prometheus",
        sockets=(Socket("prometheus", 0, tls="able"),),
        metrics=(Metrics("prometheus", "prometheus", "critical"),),
        api="prometheus",
        own_pages=True,
    ),
    Program(
        name="pages",
        pillar=Pillar.METRICS,
        role="metrics",
        once=True,
        sockets=(Socket("pages", 41),),
        metrics=(Metrics("pages", "pages", "warning"),),
        api="pages",
        pages=(Page("start page"), Page("metrics", "/explore"), Page("traces", "/traces")),
        user="reader",
        dials=("prometheus", "alertmanager", "jaeger-query-http"),
    ),
    Program(
        name="node-exporter",
        pillar=Pillar.METRICS,
        role="agent",
        engine="node_exporter",
        sockets=(Socket("node-exporter", 3, tls="able"),),
        metrics=(Metrics("node-exporter", "node-exporter", "warning"),),
        runs=_exporter("node"),
    ),
    Program(
        name="front",
        pillar=Pillar.SERVICES,
        role="agent",
        engine="caddy",
        sockets=(Socket("front", 4),),
        metrics=(Metrics("front", "front", "warning"),),
        certificates=("front",),
    ),
    Program(
        name="redis",
        pillar=Pillar.SERVICES,
        role="demo",
        once=True,
        engine="redis",
        sockets=(Socket("redis", 12, speaks="other", near=True),),
        runs=runs_redis,
    ),
    Program(
        name="redis-exporter",
        pillar=Pillar.METRICS,
        role="demo",
        once=True,
        sockets=(Socket("redis-exporter", 5),),
        metrics=(Metrics("redis-exporter", "redis-exporter", "warning"),),
        runs=lambda spec: runs_redis(spec) and "redis" in spec.metrics.exporters,
    ),
    Program(
        name="sink",
        pillar=Pillar.ALERTING,
        role="alerting",
        once=True,
        sockets=(Socket("sink", 40),),
        metrics=(Metrics("sink", "sink", "warning"),),
        api="sink",
        own_pages=True,
        pages=(Page("notifications"),),
        runs=lambda spec: spec.alerting.sink,
    ),
)

BY_NAME = {program.name: program for program in PROGRAMS}


STORE = ("opensearch", "housekeeper")
"""Programs of a stack that is a store for others, and those that its tenants do without."""


def programs(spec: Spec) -> tuple[Program, ...]:
    """Those that a stack has."""
    store = spec.logging.store
    if store.tenants:
        return tuple(program for program in PROGRAMS if program.name in STORE)
    without = STORE if store.address else ()
    return tuple(program for program in PROGRAMS if program.runs(spec) and program.name not in without)


def sockets(spec: Spec, without: tuple[str, ...] = (), *, peers: bool = False) -> Iterator[Socket]:
    """Every listener that the programs of a stack open, but those `without`; of `peers` if asked for."""
    for program in programs(spec):
        if program.name not in without:
            yield from (
                socket for socket in program.sockets if socket.opened(spec) and (peers or not socket.peers)
            )


def certificates(site: Site) -> tuple[str, ...]:
    """Names of the certificates that the programs of a site need, each once."""
    found: list[str] = []
    for program in PROGRAMS:
        opened = [socket for socket in program.sockets if site.has(socket.name)]
        if opened:
            found += certificates_of(program, site)
    return tuple(dict.fromkeys((*found, *(site.services if site.mutual else ()))))


def certificates_of(program: Program, site: Site) -> tuple[str, ...]:
    """Names of the certificates that a program reads at a site that has it."""
    speaks = any(
        socket.tls == "able" and site.has(socket.name) and site.serves_tls(socket.name)
        for socket in program.sockets
    )
    dials = any(site.has(name) and site.asks(name) for name in program.dials)
    own = (program.name,) if speaks or dials else ()
    return tuple(dict.fromkeys((*program.certificates, *own)))
