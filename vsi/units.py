"""Each unit of a host: which files, started how, known to be ready by what.

One function a unit, named after it. Flags stand here, content in `components.render`.
"""

from components.catalog import ENGINES
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
)
from components.site import Site
from components.spec import Service, Spec
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


def _files(rendered: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(rendered.items()))


def _ready(base: str, path: str, seconds: int = 60) -> Ready:
    return Ready(url=f"{base}{path}", seconds=seconds)


def _own_checks(command: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Programs of this project judge their settings with `--check`. Of a service that is somebody else's we
    know no such command: its process is the first to read them."""
    ours = command[:2] == ("{python}", "-m") and "".join(command[2:3]).startswith(("demo.", "agents."))
    return ((*command, "--check"),) if ours else ()


def all_units(spec: Spec, site: Site) -> list[HostUnit]:
    """Every unit of a stack, in no particular order."""
    units = [
        opensearch_unit(spec, site),
        housekeeper_unit(spec, site),
        collector_unit(spec, site),
        jaeger_unit(spec, site),
        alertmanager_unit(spec, site),
        prometheus_unit(spec, site),
        pages_unit(spec, site),
    ]
    if "node" in spec.metrics.exporters:
        units.append(node_exporter_unit(spec, site))
    if any(service.run and service.run.redis for service in spec.services):
        units.append(redis_unit(spec, site))
        if "redis" in spec.metrics.exporters:
            units.append(redis_exporter_unit(spec, site))
    if spec.alerting.sink:
        units.append(sink_unit(spec, site))
    units += [service_unit(spec, site, service) for service in spec.services if service.run]
    return units


def opensearch_unit(spec: Spec, site: Site) -> HostUnit:
    """The store of logs and traces."""
    return HostUnit(
        name="opensearch",
        place=site.name,
        pillar=Pillar.LOGGING,
        engines=("opensearch",),
        files=_files(opensearch.render(spec, site)),
        checks=(opensearch.CHECK_COMMAND,),
        process=Process(
            command=opensearch.COMMAND,
            environment=opensearch.ENVIRONMENT,
            setup_only_files=opensearch.SETUP_ONLY,
            refuses_root=True,
            stop_seconds=60,
            ready=Ready(url=f"{site.url('opensearch')}{opensearch.READY_PATH}", ca=CA, seconds=300),
        ),
        setup=opensearch.SETUP_COMMAND,
        ports=(site.port("opensearch"), site.port("opensearch-transport")),
        secrets=opensearch.SECRETS,
        memory_mb=spec.deploy.opensearch_heap_mb + 500,
    )


def housekeeper_unit(spec: Spec, site: Site) -> HostUnit:
    """Deletes what is older than its retention, and reports on the store."""
    return HostUnit(
        name="housekeeper",
        place=site.name,
        pillar=Pillar.LOGGING,
        files=_files(housekeeper.render(spec, site)),
        checks=_own_checks(housekeeper.COMMAND),
        process=Process(
            command=housekeeper.COMMAND,
            ready=_ready(site.url("housekeeper"), housekeeper.HEALTH_PATH),
        ),
        ports=(site.port("housekeeper"),),
        secrets=(housekeeper.SECRET,),
        needs=_ids(site, "opensearch"),
        memory_mb=60,
    )


def collector_unit(spec: Spec, site: Site) -> HostUnit:
    """Takes spans and log lines in, treats them and passes them on."""
    names = ["collector-metrics", "collector-spanmetrics", "collector-health"]
    names += ["collector-pushed"] if spec.metrics.otlp else []
    names += ["collector-otlp-grpc"] if spec.tracing.otlp.grpc else []
    names += ["collector-otlp-http"] if spec.tracing.otlp.http else []
    otelcol = program("otelcol", "otelcol")
    return HostUnit(
        name="collector",
        place=site.name,
        pillar=Pillar.TRACING,
        engines=("otelcol",),
        files=_files(collector.render(spec, site)),
        checks=((otelcol, "validate", "--config", "collector.yaml"),),
        process=Process(
            command=(otelcol, "--config", "collector.yaml"),
            reload=collector.RELOAD,
            ready=_ready(site.url("collector-health"), "/"),
        ),
        ports=tuple(sorted(site.port(name) for name in names)),
        secrets=(collector_logs.SECRET,),
        needs=_ids(site, "opensearch"),
        memory_mb=300,
    )


def jaeger_unit(spec: Spec, site: Site) -> HostUnit:
    """Keeps traces in OpenSearch and answers queries about them."""
    exe = program("jaeger", "jaeger")
    return HostUnit(
        name="jaeger",
        place=site.name,
        pillar=Pillar.TRACING,
        engines=("jaeger",),
        files=_files(jaeger.render(spec, site)),
        checks=((exe, "validate", "--config", "jaeger.yaml"),),
        process=Process(
            command=(exe, "--config", "jaeger.yaml"),
            ready=_ready(site.url("jaeger-health"), jaeger.HEALTH_PATH, seconds=120),
        ),
        ports=tuple(site.port(name) for name in jaeger.LISTENERS),
        secrets=(jaeger.SECRET,),
        needs=_ids(site, "opensearch"),
        memory_mb=120,
    )


def alertmanager_unit(spec: Spec, site: Site) -> HostUnit:
    """Groups, routes and delivers alerts."""
    secrets = {receiver.secret for receiver in spec.alerting.receivers if receiver.secret}
    return HostUnit(
        name="alertmanager",
        place=site.name,
        pillar=Pillar.ALERTING,
        engines=("alertmanager",),
        files=_files(alertmanager.render(spec, site)),
        checks=((program("alertmanager", "amtool"), "check-config", "alertmanager.yml"),),
        process=Process(
            command=(
                program("alertmanager", "alertmanager"),
                "--config.file=alertmanager.yml",
                "--storage.path={data}",
                f"--web.listen-address={site.bind('alertmanager')}",
                "--cluster.listen-address=",
                "--log.format=json",
            ),
            reload="SIGHUP",
            ready=_ready(site.url("alertmanager"), "/-/ready"),
        ),
        ports=(site.port("alertmanager"),),
        secrets=tuple(sorted(secrets)),
        memory_mb=60,
    )


def prometheus_unit(spec: Spec, site: Site) -> HostUnit:
    """Scrapes, keeps, and judges metrics."""
    rendered = prometheus.render(spec, site)
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
        name="prometheus",
        place=site.name,
        pillar=Pillar.METRICS,
        engines=("prometheus",),
        files=_files(rendered),
        checks=(
            (promtool, "check", "config", "prometheus.yml"),
            (*prove, "tests"),
        ),
        process=Process(
            command=(
                program("prometheus", "prometheus"),
                "--config.file=prometheus.yml",
                "--storage.tsdb.path={data}",
                f"--web.listen-address={site.bind('prometheus')}",
                *(("--enable-feature=exemplar-storage",) if spec.metrics.exemplars else ()),
                "--log.format=json",
            ),
            reload="SIGHUP",
            ready=_ready(site.url("prometheus"), "/-/ready", seconds=120),
        ),
        ports=(site.port("prometheus"),),
        secrets=scrape_jobs.secrets(spec),
        memory_mb=300,
    )


def node_exporter_unit(spec: Spec, site: Site) -> HostUnit:
    """The host's own metrics."""
    del spec
    return HostUnit(
        name="node-exporter",
        place=site.name,
        pillar=Pillar.METRICS,
        engines=("node_exporter",),
        files=(),
        process=Process(
            command=(
                program("node_exporter", "node_exporter"),
                f"--web.listen-address={site.bind('node-exporter')}",
                "--log.format=json",
            ),
            ready=_ready(site.url("node-exporter"), "/"),
        ),
        ports=(site.port("node-exporter"),),
        memory_mb=30,
    )


def redis_unit(spec: Spec, site: Site) -> HostUnit:
    """Where the demo shop keeps its stock.

    Without a check: Redis has no command that judges a configuration. Nothing in `redis.conf` comes from the
    stack file but the port."""
    return HostUnit(
        name="redis",
        place=site.name,
        pillar=Pillar.SERVICES,
        engines=("redis",),
        files=_files(redis.render(spec, site)),
        process=Process(
            command=(program("redis", "redis-server"), "redis.conf"),
            ready=Ready(url=f"redis://{site.dial('redis')}"),
        ),
        ports=(site.port("redis"),),
        memory_mb=30,
    )


def redis_exporter_unit(spec: Spec, site: Site) -> HostUnit:
    """Redis's metrics."""
    return HostUnit(
        name="redis-exporter",
        place=site.name,
        pillar=Pillar.METRICS,
        files=_files(redis.render_exporter(spec, site)),
        checks=_own_checks(redis.EXPORTER_COMMAND),
        process=Process(command=redis.EXPORTER_COMMAND, ready=_ready(site.url("redis-exporter"), "/metrics")),
        ports=(site.port("redis-exporter"),),
        needs=_ids(site, "redis"),
        memory_mb=60,
    )


def sink_unit(spec: Spec, site: Site) -> HostUnit:
    """Receives what the team's Slack, Teams, PagerDuty and ticket system would."""
    return HostUnit(
        name="sink",
        place=site.name,
        pillar=Pillar.ALERTING,
        files=_files(sink.render(spec, site)),
        checks=_own_checks(sink.COMMAND),
        process=Process(command=sink.COMMAND, ready=_ready(site.url("sink"), sink.HEALTH_PATH)),
        ports=(site.port("sink"),),
        memory_mb=90,
    )


def pages_unit(spec: Spec, site: Site) -> HostUnit:
    """The stack's web pages, over what the others answer; it needs none of them to start."""
    return HostUnit(
        name="pages",
        place=site.name,
        pillar=Pillar.METRICS,
        files=_files(pages.render(spec, site)),
        checks=_own_checks(pages.COMMAND),
        process=Process(command=pages.COMMAND, ready=_ready(site.url("pages"), pages.HEALTH_PATH)),
        ports=(site.port("pages"),),
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


__all__ = ["all_units", "program"]
