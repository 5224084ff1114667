"""Each unit of a host: which files, started how, known to be ready by what.

One function a unit, named after it. Flags stand here, content in `components.render`.
"""

from components.addresses import Addresses
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
from components.spec import Service, Spec
from vsi.unit import HostUnit, Process, Ready

HOST = "local"
"""The one host that there is yet."""
CA = "{secrets}/tls/ca.pem"
_CATALOG = {engine.name: engine for engine in ENGINES}


def program(engine: str, executable: str) -> str:
    """A program of an engine, as a token that the host fills in."""
    if executable not in dict(_CATALOG[engine].executables):
        raise KeyError(f"{engine} has no program {executable}")
    return f"{{engine:{engine}:{executable}}}"


def _ids(*names: str) -> tuple[str, ...]:
    return tuple(part_id(name, HOST) for name in names)


def _files(rendered: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(rendered.items()))


def _ready(address: str, path: str, seconds: int = 60) -> Ready:
    return Ready(url=f"http://{address}{path}", seconds=seconds)


def _own_checks(command: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Programs of this project judge their settings with `--check`. Of a service that is somebody else's we
    know no such command: its process is the first to read them."""
    ours = command[:2] == ("{python}", "-m") and "".join(command[2:3]).startswith(("demo.", "agents."))
    return ((*command, "--check"),) if ours else ()


def all_units(spec: Spec, at: Addresses) -> list[HostUnit]:
    """Every unit of a stack, in no particular order."""
    units = [
        opensearch_unit(spec, at),
        housekeeper_unit(spec, at),
        collector_unit(spec, at),
        jaeger_unit(spec, at),
        alertmanager_unit(spec, at),
        prometheus_unit(spec, at),
        pages_unit(spec, at),
    ]
    if "node" in spec.metrics.exporters:
        units.append(node_exporter_unit(spec, at))
    if any(service.run and service.run.redis for service in spec.services):
        units.append(redis_unit(spec, at))
        if "redis" in spec.metrics.exporters:
            units.append(redis_exporter_unit(spec, at))
    if spec.alerting.sink:
        units.append(sink_unit(spec, at))
    units += [service_unit(spec, at, service) for service in spec.services if service.run]
    return units


def opensearch_unit(spec: Spec, at: Addresses) -> HostUnit:
    """The store of logs and traces."""
    return HostUnit(
        name="opensearch",
        place=HOST,
        pillar=Pillar.LOGGING,
        engines=("opensearch",),
        files=_files(opensearch.render(spec, at)),
        checks=(opensearch.CHECK_COMMAND,),
        process=Process(
            command=opensearch.COMMAND,
            environment=opensearch.ENVIRONMENT,
            setup_only_files=opensearch.SETUP_ONLY,
            refuses_root=True,
            stop_seconds=60,
            ready=Ready(url=f"https://{at['opensearch']}{opensearch.READY_PATH}", ca=CA, seconds=300),
        ),
        setup=opensearch.SETUP_COMMAND,
        ports=(at.port("opensearch"), at.port("opensearch-transport")),
        secrets=opensearch.SECRETS,
        memory_mb=spec.deploy.opensearch_heap_mb + 500,
    )


def housekeeper_unit(spec: Spec, at: Addresses) -> HostUnit:
    """Deletes what is older than its retention, and reports on the store."""
    return HostUnit(
        name="housekeeper",
        place=HOST,
        pillar=Pillar.LOGGING,
        files=_files(housekeeper.render(spec, at)),
        checks=_own_checks(housekeeper.COMMAND),
        process=Process(
            command=housekeeper.COMMAND,
            ready=_ready(at["housekeeper"], housekeeper.HEALTH_PATH),
        ),
        ports=(at.port("housekeeper"),),
        secrets=(housekeeper.SECRET,),
        needs=_ids("opensearch"),
        memory_mb=60,
    )


def collector_unit(spec: Spec, at: Addresses) -> HostUnit:
    """Takes spans and log lines in, treats them and passes them on."""
    names = ["collector-metrics", "collector-spanmetrics", "collector-health"]
    names += ["collector-pushed"] if spec.metrics.otlp else []
    names += ["collector-otlp-grpc"] if spec.tracing.otlp.grpc else []
    names += ["collector-otlp-http"] if spec.tracing.otlp.http else []
    otelcol = program("otelcol", "otelcol")
    return HostUnit(
        name="collector",
        place=HOST,
        pillar=Pillar.TRACING,
        engines=("otelcol",),
        files=_files(collector.render(spec, at)),
        checks=((otelcol, "validate", "--config", "collector.yaml"),),
        process=Process(
            command=(otelcol, "--config", "collector.yaml"),
            reload=collector.RELOAD,
            ready=_ready(at["collector-health"], "/"),
        ),
        ports=tuple(sorted(at.port(name) for name in names)),
        secrets=(collector_logs.SECRET,),
        needs=_ids("opensearch"),
        memory_mb=300,
    )


def jaeger_unit(spec: Spec, at: Addresses) -> HostUnit:
    """Keeps traces in OpenSearch and answers queries about them."""
    exe = program("jaeger", "jaeger")
    return HostUnit(
        name="jaeger",
        place=HOST,
        pillar=Pillar.TRACING,
        engines=("jaeger",),
        files=_files(jaeger.render(spec, at)),
        checks=((exe, "validate", "--config", "jaeger.yaml"),),
        process=Process(
            command=(exe, "--config", "jaeger.yaml"),
            ready=_ready(at["jaeger-health"], jaeger.HEALTH_PATH, seconds=120),
        ),
        ports=tuple(at.port(name) for name in jaeger.LISTENERS),
        secrets=(jaeger.SECRET,),
        needs=_ids("opensearch"),
        memory_mb=120,
    )


def alertmanager_unit(spec: Spec, at: Addresses) -> HostUnit:
    """Groups, routes and delivers alerts."""
    secrets = {receiver.secret for receiver in spec.alerting.receivers if receiver.secret}
    return HostUnit(
        name="alertmanager",
        place=HOST,
        pillar=Pillar.ALERTING,
        engines=("alertmanager",),
        files=_files(alertmanager.render(spec, at)),
        checks=((program("alertmanager", "amtool"), "check-config", "alertmanager.yml"),),
        process=Process(
            command=(
                program("alertmanager", "alertmanager"),
                "--config.file=alertmanager.yml",
                "--storage.path={data}",
                f"--web.listen-address={at['alertmanager']}",
                "--cluster.listen-address=",
                "--log.format=json",
            ),
            reload="SIGHUP",
            ready=_ready(at["alertmanager"], "/-/ready"),
        ),
        ports=(at.port("alertmanager"),),
        secrets=tuple(sorted(secrets)),
        memory_mb=60,
    )


def prometheus_unit(spec: Spec, at: Addresses) -> HostUnit:
    """Scrapes, keeps, and judges metrics."""
    rendered = prometheus.render(spec, at)
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
        place=HOST,
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
                f"--web.listen-address={at['prometheus']}",
                *(("--enable-feature=exemplar-storage",) if spec.metrics.exemplars else ()),
                "--log.format=json",
            ),
            reload="SIGHUP",
            ready=_ready(at["prometheus"], "/-/ready", seconds=120),
        ),
        ports=(at.port("prometheus"),),
        secrets=scrape_jobs.secrets(spec),
        memory_mb=300,
    )


def node_exporter_unit(spec: Spec, at: Addresses) -> HostUnit:
    """The host's own metrics."""
    del spec
    return HostUnit(
        name="node-exporter",
        place=HOST,
        pillar=Pillar.METRICS,
        engines=("node_exporter",),
        files=(),
        process=Process(
            command=(
                program("node_exporter", "node_exporter"),
                f"--web.listen-address={at['node-exporter']}",
                "--log.format=json",
            ),
            ready=_ready(at["node-exporter"], "/"),
        ),
        ports=(at.port("node-exporter"),),
        memory_mb=30,
    )


def redis_unit(spec: Spec, at: Addresses) -> HostUnit:
    """Where the demo shop keeps its stock.

    Without a check: Redis has no command that judges a configuration. Nothing in `redis.conf` comes from the
    stack file but the port."""
    return HostUnit(
        name="redis",
        place=HOST,
        pillar=Pillar.SERVICES,
        engines=("redis",),
        files=_files(redis.render(spec, at)),
        process=Process(
            command=(program("redis", "redis-server"), "redis.conf"),
            ready=Ready(url=f"redis://{at['redis']}"),
        ),
        ports=(at.port("redis"),),
        memory_mb=30,
    )


def redis_exporter_unit(spec: Spec, at: Addresses) -> HostUnit:
    """Redis's metrics."""
    return HostUnit(
        name="redis-exporter",
        place=HOST,
        pillar=Pillar.METRICS,
        files=_files(redis.render_exporter(spec, at)),
        checks=_own_checks(redis.EXPORTER_COMMAND),
        process=Process(command=redis.EXPORTER_COMMAND, ready=_ready(at["redis-exporter"], "/metrics")),
        ports=(at.port("redis-exporter"),),
        needs=_ids("redis"),
        memory_mb=60,
    )


def sink_unit(spec: Spec, at: Addresses) -> HostUnit:
    """Receives what the team's Slack, Teams, PagerDuty and ticket system would."""
    return HostUnit(
        name="sink",
        place=HOST,
        pillar=Pillar.ALERTING,
        files=_files(sink.render(spec, at)),
        checks=_own_checks(sink.COMMAND),
        process=Process(command=sink.COMMAND, ready=_ready(at["sink"], sink.HEALTH_PATH)),
        ports=(at.port("sink"),),
        memory_mb=90,
    )


def pages_unit(spec: Spec, at: Addresses) -> HostUnit:
    """The stack's web pages, over what the others answer; it needs none of them to start."""
    return HostUnit(
        name="pages",
        place=HOST,
        pillar=Pillar.METRICS,
        files=_files(pages.render(spec, at)),
        checks=_own_checks(pages.COMMAND),
        process=Process(command=pages.COMMAND, ready=_ready(at["pages"], pages.HEALTH_PATH)),
        ports=(at.port("pages"),),
        memory_mb=70,
    )


def service_unit(spec: Spec, at: Addresses, service: Service) -> HostUnit:
    """A service that the stack starts."""
    run = service.run
    if run is None:
        raise ValueError(f"service {service.name} is not run by the stack")
    command = (*run.command, "--settings", "settings.json")
    here = at.service(service)
    own = [
        f"http://{here}{endpoint.path}"
        for endpoint in service.metrics
        if endpoint.address in (None, here) and endpoint.scheme == "http" and not endpoint.basic_auth
    ]
    return HostUnit(
        name=service.name,
        place=HOST,
        pillar=Pillar.SERVICES,
        files=_files(services.render(spec, at, service)),
        checks=_own_checks(command),
        process=Process(command=command, ready=Ready(url=f"tcp://{here}", answers=own[0] if own else None)),
        ports=(at.service_port(service),),
        needs=_ids(*run.calls, *(("redis",) if run.redis else ())),
        memory_mb=run.memory_mb,
    )


__all__ = ["all_units", "program"]
