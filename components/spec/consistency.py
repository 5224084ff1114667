"""What must fit together across the parts of a spec.

`CHECKS` says which sections each check reads, so that a section that is wrong in itself keeps no check of the
others from running, and none reports what only follows from it.
"""

import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from components.spec import references, server_checks
from components.spec.base import milliseconds
from components.spec.logging import CORE_FIELDS
from components.spec.matchers import label
from components.spec.problem import MISSING, AsWritten, KeyPath, Problem

if TYPE_CHECKING:
    from components.spec import Spec

_TEXTS_OF = {"long": r"-?\d{1,18}", "double": r"-?\d+(\.\d+)?", "boolean": "true|false"}
"""By type of a field, the texts that the store takes for one; of other types any."""

_MARKS = ("parse_error", "timestamp_text", "unparsed")
"""Fields of a record that the collector itself writes."""

RESERVED_PROGRAMS = (
    "alertmanager", "collector", "collector-agent", "front", "housekeeper", "jaeger", "journal",
    "node-exporter", "opensearch", "pages", "prometheus", "redis", "redis-exporter", "sink",
)  # fmt: skip
"""Names of the stack's own programs, which no service may have."""

RESERVED_JOBS = ("collector-pushed", "collector-spanmetrics", *RESERVED_PROGRAMS)
"""Names of the stack's own scrape jobs; another of that name would take its file."""

RESERVED_LABELS = (
    "cluster", "env", "instance", "job", "le", "owner", "quantile", "region", "service", "service_name",
    "team",
)  # fmt: skip
"""Labels that the stack itself relies on: to forbid one would drop every series, and what a stack file gives
them is overwritten, or hides series from rules that look for the stack's own value."""

JOB_LABELS = ("service", "owner")
"""Those that a further scrape job may set: it has no service otherwise, and the platform team as owner."""


def _service_names(spec: "Spec") -> list[Problem]:
    """No service takes the place of a program, a scrape job or a rule file of the stack's own."""
    found: list[Problem] = []
    for index, service in enumerate(spec.services):
        path: KeyPath = ("services", index, "name")
        if service.name in RESERVED_PROGRAMS:
            found.append(Problem(path, service.name, "expected a name that no program of the stack has"))
        elif service.name in ("custom", *RESERVED_JOBS) or service.name.startswith("platform-"):
            found.append(
                Problem(
                    path, service.name, "expected a name that no scrape job or rule file of the stack has"
                )
            )
    return found


def _service_places(spec: "Spec") -> list[Problem]:
    """What the stack does not run itself says where its metrics and logs are."""
    found: list[Problem] = []
    for index, service in enumerate(spec.services):
        if service.run is not None:
            continue
        here: KeyPath = ("services", index)
        missing: list[KeyPath] = [
            (*here, "metrics", position, "address")
            for position, endpoint in enumerate(service.metrics)
            if endpoint.address is None
        ]
        missing += [
            (*here, "logs", position, "path")
            for position, source in enumerate(service.logs)
            if source.captured
        ]
        found += [
            Problem(path, MISSING, "missing; expected a value, since the service has no `run`")
            for path in missing
        ]
    return found


def _service_ports(spec: "Spec") -> list[Problem]:
    found: list[Problem] = []
    offsets: dict[int, str] = {}
    for index, service in enumerate(spec.services):
        if service.run is None:
            continue
        offset = service.run.port_offset
        if offset in offsets:
            message = f"expected an offset of its own; {offsets[offset]} has it"
            found.append(Problem(("services", index, "run", "port_offset"), offset, message))
        offsets.setdefault(offset, service.name)
    return found


def _service_promises(spec: "Spec") -> list[Problem]:
    """A promise is computed from metrics that the service has, or from its spans."""
    found: list[Problem] = []
    for index, service in enumerate(spec.services):
        here: KeyPath = ("services", index)
        if service.slo is None:
            continue
        if service.slo.metrics is None:
            if service.traces.protocol == "none":
                expected = "missing; expected slo.metrics, or slo: null, since traces.protocol is none"
                found.append(Problem((*here, "slo", "metrics"), MISSING, expected))
            continue
        if not service.metrics:
            expected = "expected an endpoint at least, since slo.metrics names metrics of the service"
            found.append(Problem((*here, "metrics"), MISSING, expected))
        if label(service.slo.metrics.errors) in RESERVED_LABELS:
            message = "expected a label that the stack does not set itself"
            found.append(Problem((*here, "slo", "metrics", "errors"), service.slo.metrics.errors, message))
    return found


def _span_buckets(spec: "Spec") -> list[Problem]:
    """A promise on a time that no bucket of the span metrics ends at could not be computed."""
    buckets = spec.tracing.span_metrics.buckets
    message = f"expected one of tracing.span_metrics.buckets: {', '.join(buckets)}"
    return [
        Problem(("services", index, "slo", "latency", "threshold"), service.slo.latency.threshold, message)
        for index, service in enumerate(spec.services)
        if service.slo and service.slo.metrics is None and service.traces.protocol != "none"
        if service.slo.latency.threshold not in buckets
    ]


def _protocols(spec: "Spec") -> list[Problem]:
    opened = {"otlp-grpc": spec.tracing.otlp.grpc, "otlp-http": spec.tracing.otlp.http, "none": True}
    message = "expected a protocol that tracing.otlp opens"
    return [
        Problem(("services", index, "traces", "protocol"), service.traces.protocol, message)
        for index, service in enumerate(spec.services)
        if not opened[service.traces.protocol]
    ]


def _intervals(spec: "Spec") -> list[Problem]:
    """A scrape ends before the next one begins."""
    timeout, interval = spec.metrics.scrape_timeout, spec.metrics.scrape_interval
    found: list[Problem] = []
    if milliseconds(timeout) > milliseconds(interval):
        expected = f"expected at most metrics.scrape_interval, which is {interval}"
        found.append(Problem(("metrics", "scrape_timeout"), timeout, expected))
    for index, job in enumerate(spec.metrics.scrape_jobs):
        found += _interval(("metrics", "scrape_jobs", index, "interval"), job.interval, timeout)
    return found


def _service_intervals(spec: "Spec") -> list[Problem]:
    found: list[Problem] = []
    for index, service in enumerate(spec.services):
        for position, endpoint in enumerate(service.metrics):
            path: KeyPath = ("services", index, "metrics", position, "interval")
            found += _interval(path, endpoint.interval, spec.metrics.scrape_timeout)
    return found


def _interval(path: KeyPath, interval: str | None, timeout: str) -> list[Problem]:
    if interval is None or milliseconds(interval) >= milliseconds(timeout):
        return []
    return [Problem(path, interval, f"expected at least metrics.scrape_timeout, which is {timeout}")]


def _store_prefixes(spec: "Spec") -> list[Problem]:
    found: list[Problem] = []
    logs, traces = spec.logging.index.prefix, spec.tracing.storage.index_prefix
    if logs == traces or logs.startswith(f"{traces}-") or traces.startswith(f"{logs}-"):
        place: KeyPath = ("tracing", "storage", "index_prefix")
        found.append(Problem(place, traces, "expected a prefix apart from logging.index.prefix"))
    return found


STORES = {
    "logging.retention", "logging.index.shards", "logging.index.replicas", "logging.index.refresh_interval",
    "tracing.retention", "tracing.storage.shards", "tracing.storage.replicas",
}  # fmt: skip
"""What a store decides for its tenants, too."""


def _shared_store(spec: "Spec") -> list[Problem]:
    """A stack has a store, or another's, or is one; a tenant says nothing that its store decides."""
    store, place = spec.logging.store, ("logging", "store")
    given = {name: getattr(store, name) for name in ("address", "housekeeper", "tenant")}
    found = [
        Problem(
            (*place, name), MISSING, f"missing; expected a value beside {', '.join(filter(given.get, given))}"
        )
        for name, value in given.items()
        if value is None and any(given.values())
    ]
    if any(given.values()) and store.tenants:
        found.append(
            Problem((*place, "tenants"), store.tenants, "expected none where `address` is another's")
        )
    if store.tenants and spec.services:
        expected = "expected none: a stack with logging.store.tenants is a store and nothing else"
        found.append(Problem(("services",), AsWritten(f"{len(spec.services)} services"), expected))
    found += references.unique((*place, "tenants"), list(store.tenants))
    if store.tenant is None:
        return found
    prefixes: tuple[tuple[KeyPath, str], ...] = (
        (("logging", "index", "prefix"), spec.logging.index.prefix),
        (("tracing", "storage", "index_prefix"), spec.tracing.storage.index_prefix),
    )
    expected = f"expected a prefix that begins with '{store.tenant}-', as logging.store.tenant says"
    found += [
        Problem(path, value, expected) for path, value in prefixes if not value.startswith(f"{store.tenant}-")
    ]
    return found + _of_the_store(spec)


def _of_the_store(spec: "Spec") -> list[Problem]:
    """Settings that a tenant has, though its store decides them."""
    sections = {
        "logging": spec.logging, "logging.index": spec.logging.index,
        "tracing": spec.tracing, "tracing.storage": spec.tracing.storage,
    }  # fmt: skip
    found = []
    for name in sorted(STORES):
        section, _, field = name.rpartition(".")
        if field in sections[section].model_fields_set:
            expected = "expected it to be left out: the stack of logging.store.address decides it"
            found.append(Problem(tuple(name.split(".")), getattr(sections[section], field), expected))
    return found


def _field_names(spec: "Spec") -> list[Problem]:
    """Fields that the pipeline or the store keeps for itself, and texts put where no text can be stored."""
    logging = spec.logging
    named: list[tuple[KeyPath, str]] = [
        (("logging", "fields", index, "name"), field.name) for index, field in enumerate(logging.fields)
    ]
    named += [(("logging", "enrichment", name), name) for name in logging.enrichment]
    found: list[Problem] = [
        Problem(path, name, "expected a name that does not begin with '_', 'log.' or 'obs.', which are taken")
        for path, name in named
        if name.startswith(("_", "log.", "obs."))
    ]
    found += [
        Problem(path, name, "expected another name: this one says what was not understood of a record")
        for path, name in named
        if name.partition(".")[0] in _MARKS
    ]
    for field in logging.fields:
        value = logging.enrichment.get(field.name)
        if value is not None and not re.fullmatch(_TEXTS_OF.get(field.type, ".*"), value):
            message = f"expected a {field.type}, the type of that field in logging.fields"
            found.append(Problem(("logging", "enrichment", field.name), value, message))
    return found


def _nested_fields(spec: "Spec") -> list[Problem]:
    """OpenSearch has no field inside a field that holds a value itself: its template would be refused."""
    own: dict[str, KeyPath] = {name: ("logging", "enrichment", name) for name in spec.logging.enrichment}
    own |= {
        field.name: ("logging", "fields", index, "name") for index, field in enumerate(spec.logging.fields)
    }
    every = {*own, *CORE_FIELDS, *spec.environment.labels}
    found: list[Problem] = []
    for name, place in own.items():
        parts = name.split(".")
        outer = [whole for end in range(1, len(parts)) if (whole := ".".join(parts[:end])) in every]
        if outer:
            expected = f"expected a name that lies in no other field; {outer[0]} is one itself"
            found.append(Problem(place, name, expected))
    return found


def _metrics(spec: "Spec") -> list[Problem]:
    found: list[Problem] = []
    for index, job in enumerate(spec.metrics.scrape_jobs):
        here: KeyPath = ("metrics", "scrape_jobs", index)
        if job.name in RESERVED_JOBS:
            message = "expected a name that no scrape job of the stack has"
            found.append(Problem((*here, "name"), job.name, message))
        for name, value in job.labels.items():
            if name in RESERVED_LABELS and name not in JOB_LABELS:
                message = f"expected no label that the stack sets itself, but for {', '.join(JOB_LABELS)}"
                found.append(Problem((*here, "labels", name), value, f"{message}; take it out or rename it"))
            elif name in spec.metrics.forbidden_labels:
                message = "expected none of metrics.forbidden_labels; this would drop every series of the job"
                found.append(Problem((*here, "labels", name), value, message))
    for index, name in enumerate(spec.metrics.forbidden_labels):
        if name in RESERVED_LABELS:
            message = "expected a label that the stack does not set itself; this would drop every series"
            found.append(Problem(("metrics", "forbidden_labels", index), name, message))
    return found


def _host_labels(spec: "Spec") -> list[Problem]:
    return server_checks.host_labels(spec, RESERVED_LABELS)


def _unused_secrets(spec: "Spec") -> list[Problem]:
    return references.unused_secrets(spec, server_checks.servers_secrets(spec))


Check = Callable[["Spec"], list[Problem]]

CHECKS: tuple[tuple[tuple[str, ...], Check], ...] = (
    (("alerting",), references.team_and_receiver_names),
    (("alerting",), references.alerting_references),
    (("secrets",), references.secret_names),
    (("secrets", "alerting"), references.secrets_of_receivers),
    (("secrets", "metrics"), references.secrets_of_jobs),
    (("secrets", "services"), references.secrets_of_services),
    (("secrets", "servers"), server_checks.secrets_of_servers),
    (("secrets", "alerting", "metrics", "services", "servers"), _unused_secrets),
    (("services",), references.service_names),
    (("services",), references.calls),
    (("services",), _service_names),
    (("services",), _service_places),
    (("services",), _service_ports),
    (("services",), _service_promises),
    (("services",), server_checks.addresses_of_services),
    (("services", "servers"), server_checks.hosts_of_services),
    (("services", "servers"), server_checks.roles),
    (("services", "alerting"), references.owners),
    (("services", "metrics"), references.job_names),
    (("services", "metrics"), _service_intervals),
    (("services", "logging"), references.input_names),
    (("services", "logging"), references.log_paths),
    (("services", "tracing"), _span_buckets),
    (("services", "tracing"), _protocols),
    (("servers",), server_checks.host_names),
    (("servers",), server_checks.jumps),
    (("servers", "metrics"), _host_labels),
    (("metrics",), references.rule_names),
    (("metrics",), _intervals),
    (("metrics",), _metrics),
    (("metrics", "alerting"), references.rule_teams),
    (("logging",), references.redaction_names),
    (("logging",), _field_names),
    (("logging", "environment"), _nested_fields),
    (("logging", "tracing"), _store_prefixes),
    (("logging", "tracing", "services"), _shared_store),
)
"""The sections of the spec that a check reads, and the check."""


def problems(spec: "Spec", sections: Collection[str] | None = None) -> list[Problem]:
    """Everything that does not fit together in these sections; in all of them if none is named."""
    return [
        found
        for needs, check in CHECKS
        if sections is None or all(section in sections for section in needs)
        for found in check(spec)
    ]
