"""Each unit of a host: which files, started how, known to be ready by what.

One function a unit, named after it. Flags stand here, content in `components.render`.
"""

from typing import TypedDict

from components.catalog import ENGINES
from components.inventory import BY_NAME, PROGRAMS
from components.plan import Pillar, part_id
from components.render import (
    alertmanager,
    collector,
    collector_logs,
    housekeeper,
    jaeger,
    opensearch,
    pages,
    prometheus,
    redis,
    scrape_jobs,
    services,
    sink,
    tls,
)
from components.render.document import Documents
from components.render.text import texts
from components.site import Site
from components.spec import Service, Spec
from vsi.site import MERGED
from vsi.unit import HostUnit, Process, Ready

CA = "{secrets}/tls/ca.pem"
_CATALOG = {engine.name: engine for engine in ENGINES}


def program(engine: str, executable: str) -> str:
    """A program of an engine, as a token that the host fills in."""
    if executable not in dict(_CATALOG[engine].executables):
        raise KeyError(f"{engine} has no program {executable}")
    return f"{{engine:{engine}:{executable}}}"


def _ids(site: Site, *names: str) -> tuple[str, ...]:
    return tuple(part_id(name, site.name) for name in names)


def _files(documents: Documents) -> tuple[tuple[str, str], ...]:
    return tuple(texts(documents).items())


def _ready(site: Site, listener: str, path: str, seconds: int = 60) -> Ready:
    ca = CA if site.tls(listener) else None
    return Ready(url=f"{site.url(listener)}{path}", ca=ca, seconds=seconds)


def _web_flags(site: Site, name: str) -> tuple[str, ...]:
    """Those of a program whose listener has its name."""
    own = (f"--web.listen-address={site.bind(name)}",)
    return (*own, f"--web.config.file={tls.WEB}") if tls.web(site, name) else own


def _own_checks(command: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Programs of this project judge their settings with `--check`. Of a service that is somebody else's we
    know no such command: its process is the first to read them."""
    ours = command[:2] == ("{python}", "-m") and "".join(command[2:3]).startswith(("demo.", "agents."))
    return ((*command, "--check"),) if ours else ()


def all_units(spec: Spec, site: Site) -> list[HostUnit]:
    """Every unit of a stack, in no particular order."""
    units = [_UNITS[row.name](spec, site) for row in PROGRAMS if row.name not in MERGED and row.runs(spec)]
    units += [service_unit(spec, site, service) for service in spec.services if service.run]
    return units


class _Row(TypedDict):
    name: str
    place: str
    pillar: Pillar
    engines: tuple[str, ...]
    ports: tuple[int, ...]


def _row(name: str, site: Site) -> _Row:
    """What the inventory says of a unit."""
    row = BY_NAME[name]
    return _Row(
        name=name,
        place=site.name,
        pillar=row.pillar,
        engines=(row.engine,) if row.engine else (),
        ports=tuple(site.port(socket.name) for socket in row.sockets if site.has(socket.name)),
    )


def opensearch_unit(spec: Spec, site: Site) -> HostUnit:
    """The store of logs and traces."""
    return HostUnit(
        **_row("opensearch", site),
        files=_files(opensearch.render(spec, site)),
        checks=(opensearch.CHECK_COMMAND,),
        process=Process(
            command=opensearch.COMMAND,
            environment=opensearch.ENVIRONMENT,
            setup_only_files=opensearch.SETUP_ONLY,
            refuses_root=True,
            stop_seconds=60,
            ready=_ready(site, "opensearch", opensearch.READY_PATH, seconds=300),
        ),
        setup=opensearch.SETUP_COMMAND,
        secrets=opensearch.SECRETS,
        memory_mb=spec.deploy.opensearch_heap_mb + 500,
    )


def housekeeper_unit(spec: Spec, site: Site) -> HostUnit:
    """Deletes what is older than its retention, and reports on the store."""
    return HostUnit(
        **_row("housekeeper", site),
        files=_files(housekeeper.render(spec, site)),
        checks=_own_checks(housekeeper.COMMAND),
        process=Process(
            command=housekeeper.COMMAND,
            ready=_ready(site, "housekeeper", housekeeper.HEALTH_PATH),
        ),
        secrets=(housekeeper.PROGRAM.password,),
        needs=_ids(site, "opensearch"),
        memory_mb=60,
    )


def collector_unit(spec: Spec, site: Site) -> HostUnit:
    """Takes spans and log lines in, treats them and passes them on."""
    otelcol = program("otelcol", "otelcol")
    return HostUnit(
        **_row("collector", site),
        files=_files(collector.render(spec, site)),
        checks=((otelcol, "validate", "--config", "collector.yaml"),),
        process=Process(
            command=(otelcol, "--config", "collector.yaml"),
            reload=collector.RELOAD,
            ready=_ready(site, "collector-health", "/"),
        ),
        secrets=(collector_logs.PROGRAM.password,),
        needs=_ids(site, "opensearch"),
        memory_mb=300,
    )


def jaeger_unit(spec: Spec, site: Site) -> HostUnit:
    """Keeps traces in OpenSearch and answers queries about them."""
    exe = program("jaeger", "jaeger")
    return HostUnit(
        **_row("jaeger", site),
        files=_files(jaeger.render(spec, site)),
        checks=((exe, "validate", "--config", "jaeger.yaml"),),
        process=Process(
            command=(exe, "--config", "jaeger.yaml"),
            ready=_ready(site, "jaeger-health", jaeger.HEALTH_PATH, seconds=120),
        ),
        secrets=(jaeger.PROGRAM.password,),
        needs=_ids(site, "opensearch"),
        memory_mb=120,
    )


def alertmanager_unit(spec: Spec, site: Site) -> HostUnit:
    """Groups, routes and delivers alerts."""
    secrets = {receiver.secret for receiver in spec.alerting.receivers if receiver.secret}
    return HostUnit(
        **_row("alertmanager", site),
        files=_files({**alertmanager.render(spec, site), **tls.web(site, "alertmanager")}),
        checks=((program("alertmanager", "amtool"), "check-config", "alertmanager.yml"),),
        process=Process(
            command=(
                program("alertmanager", "alertmanager"),
                "--config.file=alertmanager.yml",
                "--storage.path={data}",
                *_web_flags(site, "alertmanager"),
                "--cluster.listen-address=",
                "--log.format=json",
            ),
            reload="SIGHUP",
            ready=_ready(site, "alertmanager", "/-/ready"),
        ),
        secrets=tuple(sorted(secrets)),
        memory_mb=60,
    )


def prometheus_unit(spec: Spec, site: Site) -> HostUnit:
    """Scrapes, keeps, and judges metrics."""
    promtool = program("prometheus", "promtool")
    prove = (
        "{python}",
        "-m",
        "agents.rule_tests",
        "--promtool",
        promtool,
        "--passed",
        "{cache}/rule-tests.json",
    )
    return HostUnit(
        **_row("prometheus", site),
        files=_files({**prometheus.render(spec, site), **tls.web(site, "prometheus")}),
        checks=(
            (promtool, "check", "config", "prometheus.yml"),
            (*prove, "tests"),
        ),
        process=Process(
            command=(
                program("prometheus", "prometheus"),
                "--config.file=prometheus.yml",
                "--storage.tsdb.path={data}",
                *_web_flags(site, "prometheus"),
                *(("--enable-feature=exemplar-storage",) if spec.metrics.exemplars else ()),
                "--log.format=json",
            ),
            reload="SIGHUP",
            ready=_ready(site, "prometheus", "/-/ready", seconds=120),
        ),
        secrets=scrape_jobs.secrets(spec),
        memory_mb=300,
    )


def node_exporter_unit(spec: Spec, site: Site) -> HostUnit:
    """The host's own metrics."""
    del spec
    return HostUnit(
        **_row("node-exporter", site),
        files=_files(tls.web(site, "node-exporter")),
        process=Process(
            command=(
                program("node_exporter", "node_exporter"),
                *_web_flags(site, "node-exporter"),
                "--log.format=json",
            ),
            ready=_ready(site, "node-exporter", "/"),
        ),
        memory_mb=30,
    )


def redis_unit(spec: Spec, site: Site) -> HostUnit:
    """Where the demo shop keeps its stock.

    Without a check: Redis has no command that judges a configuration. Nothing in `redis.conf` comes from the
    stack file but the port."""
    return HostUnit(
        **_row("redis", site),
        files=_files(redis.render(spec, site)),
        process=Process(
            command=(program("redis", "redis-server"), "redis.conf"),
            ready=Ready(url=f"redis://{site.dial('redis')}"),
        ),
        memory_mb=30,
    )


def redis_exporter_unit(spec: Spec, site: Site) -> HostUnit:
    """Redis's metrics."""
    return HostUnit(
        **_row("redis-exporter", site),
        files=_files(redis.render_exporter(spec, site)),
        checks=_own_checks(redis.EXPORTER_COMMAND),
        process=Process(command=redis.EXPORTER_COMMAND, ready=_ready(site, "redis-exporter", "/metrics")),
        needs=_ids(site, "redis"),
        memory_mb=60,
    )


def sink_unit(spec: Spec, site: Site) -> HostUnit:
    """Receives what the team's Slack, Teams, PagerDuty and ticket system would."""
    return HostUnit(
        **_row("sink", site),
        files=_files(sink.render(spec, site)),
        checks=_own_checks(sink.COMMAND),
        process=Process(command=sink.COMMAND, ready=_ready(site, "sink", sink.HEALTH_PATH)),
        memory_mb=90,
    )


def pages_unit(spec: Spec, site: Site) -> HostUnit:
    """The stack's web pages, over what the others answer; it needs none of them to start."""
    return HostUnit(
        **_row("pages", site),
        files=_files(pages.render(spec, site)),
        checks=_own_checks(pages.COMMAND),
        process=Process(command=pages.COMMAND, ready=_ready(site, "pages", pages.HEALTH_PATH)),
        memory_mb=70,
    )


def service_unit(spec: Spec, site: Site, service: Service) -> HostUnit:
    """A service that the stack starts."""
    run = service.run
    if run is None:
        raise ValueError(f"service {service.name} is not run by the stack")
    command = (*run.command, "--settings", "settings.json")
    own = site.service(service)
    here = own.dial[0]
    metrics = [
        f"http://{here}{endpoint.path}"
        for endpoint in service.metrics
        if endpoint.address in (None, here) and endpoint.scheme == "http" and not endpoint.basic_auth
    ]
    return HostUnit(
        name=service.name,
        place=site.name,
        pillar=Pillar.SERVICES,
        files=_files(services.render(spec, site, service)),
        checks=_own_checks(command),
        process=Process(
            command=command, ready=Ready(url=f"tcp://{here}", answers=metrics[0] if metrics else None)
        ),
        ports=(own.port,),
        needs=_ids(site, *run.calls, *(("redis",) if run.redis else ())),
        memory_mb=run.memory_mb,
    )


_UNITS = {
    "alertmanager": alertmanager_unit,
    "collector": collector_unit,
    "housekeeper": housekeeper_unit,
    "jaeger": jaeger_unit,
    "node-exporter": node_exporter_unit,
    "opensearch": opensearch_unit,
    "pages": pages_unit,
    "prometheus": prometheus_unit,
    "redis": redis_unit,
    "redis-exporter": redis_exporter_unit,
    "sink": sink_unit,
}
"""By the name of the program."""

__all__ = ["all_units", "program"]
