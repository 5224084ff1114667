"""What must fit together across the parts of a spec: (key path, value, what was expected)."""

import re
from typing import TYPE_CHECKING

from components.spec.base import duplicates, milliseconds
from components.spec.logging import CORE_FIELDS
from components.spec.matchers import label
from components.spec.services import Service

if TYPE_CHECKING:
    from components.spec import Spec

Path = tuple[str | int, ...]
Found = tuple[Path, object, str]

_TEXTS_OF = {"long": r"-?\d{1,18}", "double": r"-?\d+(\.\d+)?", "boolean": "true|false"}
"""By type of a field, the texts that the store takes for one; of other types any."""

RESERVED_UNITS = (
    "alertmanager", "collector", "housekeeper", "jaeger", "node-exporter", "opensearch",
    "prometheus", "redis", "redis-exporter", "sink",
)  # fmt: skip
"""Names of the stack's own units, which no service may have."""

RESERVED_JOBS = ("collector-spanmetrics", *RESERVED_UNITS)
"""Names of the stack's own scrape jobs; another of that name would take its file."""

RESERVED_LABELS = (
    "cluster", "env", "instance", "job", "le", "owner", "quantile", "region", "service", "service_name",
    "team",
)  # fmt: skip
"""Labels that the stack itself relies on: to forbid one would drop every series, and what a stack file gives
them is overwritten, or hides series from rules that look for the stack's own value."""

JOB_LABELS = ("service", "owner")
"""Those that a further scrape job may set: it has no service otherwise, and the platform team as owner."""


def problems(spec: "Spec") -> list[Found]:
    """Everything that does not fit together."""
    return [*_names(spec), *_references(spec), *_stores(spec), *_services(spec), *_metrics(spec)]


def _names(spec: "Spec") -> list[Found]:
    services = [service.name for service in spec.services]
    # A service's further log sources are called `<service>-2` and so on.
    log_sources = services + [
        f"{service.name}-{number}" for service in spec.services for number in range(2, len(service.logs) + 1)
    ]
    lists: tuple[tuple[Path, list[str]], ...] = (
        (("alerting", "teams"), [team.name for team in spec.alerting.teams]),
        (("alerting", "receivers"), [receiver.name for receiver in spec.alerting.receivers]),
        (("services",), services),
        (("secrets",), [secret.name for secret in spec.secrets]),
        (("logging", "inputs"), [item.name for item in spec.logging.inputs] + log_sources),
        (("logging", "redaction"), [rule.name for rule in spec.logging.redaction]),
        (("metrics", "scrape_jobs"), [job.name for job in spec.metrics.scrape_jobs] + services),
        (("metrics", "rules", "alerts"), [rule.name for rule in spec.metrics.rules.alerts]),
    )
    return [(path, name, "expected each name once") for path, names in lists for name in duplicates(names)]


def _known(path: Path, name: str, names: list[str], what: str) -> list[Found]:
    if name in names:
        return []
    offered = ", ".join(sorted(names)) or "none is defined"
    return [(path, name, f"expected the name of a {what}: {offered}")]


def _references(spec: "Spec") -> list[Found]:
    alerting = spec.alerting
    teams = [team.name for team in alerting.teams]
    receivers = [receiver.name for receiver in alerting.receivers]
    secrets = [secret.name for secret in spec.secrets]
    switch = ("alerting", "dead_mans_switch", "receiver")
    found = _known(("alerting", "platform_team"), alerting.platform_team, teams, "team")
    found += _known(switch, alerting.dead_mans_switch.receiver, receivers, "receiver")
    for index, team in enumerate(alerting.teams):
        found += _known(("alerting", "teams", index, "receiver"), team.receiver, receivers, "receiver")
    for index, route in enumerate(alerting.routes):
        found += _known(("alerting", "routes", index, "receiver"), route.receiver, receivers, "receiver")
    for index, receiver in enumerate(alerting.receivers):
        here: Path = ("alerting", "receivers", index)
        if receiver.secret is not None:
            found += _known((*here, "secret"), receiver.secret, secrets, "secret")
        if receiver.to_sink and not alerting.sink:
            found.append(((*here, "to_sink"), True, "expected alerting.sink: true"))
    for index, rule in enumerate(spec.metrics.rules.alerts):
        found += _known(("metrics", "rules", "alerts", index, "team"), rule.team, teams, "team")
    used = {receiver.secret for receiver in alerting.receivers}
    for index, secret in enumerate(spec.secrets):
        if secret.name == "tls" or secret.name.startswith("opensearch-"):
            message = "expected a name that the stack does not use itself: not 'tls', not 'opensearch-...'"
            found.append((("secrets", index, "name"), secret.name, message))
        if secret.name not in used:
            found.append((("secrets", index, "name"), secret.name, "expected a secret that a receiver uses"))
    for index, service in enumerate(spec.services):
        found += _known(("services", index, "owner"), service.owner, teams, "team")
    return found


def _stores(spec: "Spec") -> list[Found]:
    found: list[Found] = []
    logs, traces = spec.logging.index.prefix, spec.tracing.storage.index_prefix
    if logs == traces or logs.startswith(f"{traces}-") or traces.startswith(f"{logs}-"):
        place: Path = ("tracing", "storage", "index_prefix")
        found.append((place, traces, "expected a prefix apart from logging.index.prefix"))
    return found + _nested_fields(spec) + _field_names(spec)


def _field_names(spec: "Spec") -> list[Found]:
    """Fields that the pipeline or the store keeps for itself, and texts put where no text can be stored."""
    logging = spec.logging
    named: list[tuple[Path, str]] = [
        (("logging", "fields", index, "name"), field.name) for index, field in enumerate(logging.fields)
    ]
    named += [(("logging", "enrichment", name), name) for name in logging.enrichment]
    found: list[Found] = [
        (path, name, "expected a name that does not begin with '_', 'log.' or 'obs.', which are taken")
        for path, name in named
        if name.startswith(("_", "log.", "obs."))
    ]
    for field in logging.fields:
        value = logging.enrichment.get(field.name)
        if value is not None and not re.fullmatch(_TEXTS_OF.get(field.type, ".*"), value):
            message = f"expected a {field.type}, the type of that field in logging.fields"
            found.append((("logging", "enrichment", field.name), value, message))
    return found


def _nested_fields(spec: "Spec") -> list[Found]:
    """OpenSearch has no field inside a field that holds a value itself: its template would be refused."""
    own: dict[str, Path] = {name: ("logging", "enrichment", name) for name in spec.logging.enrichment}
    own |= {
        field.name: ("logging", "fields", index, "name") for index, field in enumerate(spec.logging.fields)
    }
    every = {*own, *CORE_FIELDS, *spec.environment.labels}
    found: list[Found] = []
    for name, place in own.items():
        parts = name.split(".")
        outer = [whole for end in range(1, len(parts)) if (whole := ".".join(parts[:end])) in every]
        if outer:
            expected = f"expected a name that lies in no other field; {outer[0]} is one itself"
            found.append((place, name, expected))
    return found


def _services(spec: "Spec") -> list[Found]:
    found: list[Found] = []
    services = {service.name: service for service in spec.services}
    offsets: dict[int, str] = {}
    for index, service in enumerate(spec.services):
        here: Path = ("services", index)
        found += _service(spec, service, here)
        if service.run is None:
            continue
        offset = service.run.port_offset
        if offset in offsets:
            message = f"expected an offset of its own; {offsets[offset]} has it"
            found.append(((*here, "run", "port_offset"), offset, message))
        offsets.setdefault(offset, service.name)
        runnable = [name for name, other in services.items() if other.run and name != service.name]
        for position, callee in enumerate(service.run.calls):
            found += _known((*here, "run", "calls", position), callee, runnable, "service with `run`")
    found += [(("services",), name, "expected no circle in run.calls") for name in _cycle(services)]
    return found


def _service(spec: "Spec", service: Service, here: Path) -> list[Found]:
    found: list[Found] = []
    if service.name in RESERVED_UNITS:
        found.append(((*here, "name"), service.name, "expected a name that no unit of the stack has"))
    elif service.name in ("custom", *RESERVED_JOBS) or service.name.startswith("platform-"):
        message = "expected a name that no scrape job or rule file of the stack has"
        found.append(((*here, "name"), service.name, message))
    for position, endpoint in enumerate(service.metrics):
        interval = endpoint.interval
        if interval and milliseconds(interval) < milliseconds(spec.metrics.scrape_timeout):
            path = (*here, "metrics", position, "interval")
            found.append((path, interval, "expected at least metrics.scrape_timeout"))
    buckets = spec.tracing.span_metrics.buckets
    if service.slo and service.slo.metrics is None and service.slo.latency.threshold not in buckets:
        message = f"expected one of tracing.span_metrics.buckets: {', '.join(buckets)}"
        found.append(((*here, "slo", "latency", "threshold"), service.slo.latency.threshold, message))
    if service.slo and service.slo.metrics and label(service.slo.metrics.errors) in RESERVED_LABELS:
        message = "expected a label that the stack does not set itself"
        found.append(((*here, "slo", "metrics", "errors"), service.slo.metrics.errors, message))
    opened = {"otlp-grpc": spec.tracing.otlp.grpc, "otlp-http": spec.tracing.otlp.http, "none": True}
    if not opened[service.traces.protocol]:
        message = "expected a protocol that tracing.otlp opens"
        found.append(((*here, "traces", "protocol"), service.traces.protocol, message))
    return found


def _metrics(spec: "Spec") -> list[Found]:
    found: list[Found] = []
    for index, job in enumerate(spec.metrics.scrape_jobs):
        here: Path = ("metrics", "scrape_jobs", index)
        if job.name in RESERVED_JOBS:
            message = "expected a name that no scrape job of the stack has"
            found.append(((*here, "name"), job.name, message))
        for name, value in job.labels.items():
            if name in RESERVED_LABELS and name not in JOB_LABELS:
                message = f"expected no label that the stack sets itself, but for {', '.join(JOB_LABELS)}"
                found.append(((*here, "labels", name), value, f"{message}; take it out or rename it"))
            elif name in spec.metrics.forbidden_labels:
                message = "expected none of metrics.forbidden_labels; this would drop every series of the job"
                found.append(((*here, "labels", name), value, message))
    for index, name in enumerate(spec.metrics.forbidden_labels):
        if name in RESERVED_LABELS:
            message = "expected a label that the stack does not set itself; this would drop every series"
            found.append((("metrics", "forbidden_labels", index), name, message))
    return found


def _cycle(services: dict[str, Service]) -> list[str]:
    """The services that stand on a circle of calls, sorted."""

    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            run = services[todo.pop()].run
            for name in run.calls if run else ():
                if name in services and name not in seen:
                    seen.add(name)
                    todo.append(name)
        return seen

    return sorted(name for name in services if name in reachable(name))
