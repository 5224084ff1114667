"""No setting is silently ignored: every field of the model changes the plan, or is refused by name.

The fields are enumerated from the model, so a new one without a case here fails. Those that may be `null` are
judged with that as well, and a scrape job's labels with each name that the stack itself sets.
"""

import functools
import json
import types
import typing
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from components.spec import Spec
from components.spec.consistency import JOB_LABELS, RESERVED_LABELS
from components.spec.problem import Refused
from targets import MODULES, plan
from tests import specs

Path = tuple[str | int, ...]

# field of the model -> where it stands in the stack below, and another value
CASES: dict[str, tuple[Path, Any]] = {
    "environment.name": (("environment", "name"), "other"),
    "environment.tier": (("environment", "tier"), "test"),
    "environment.target": (("environment", "target"), "aws"),
    "environment.cluster": (("environment", "cluster"), "other"),
    "environment.region": (("environment", "region"), "other"),
    "environment.team": (("environment", "team"), "warehouse"),
    "deploy.port_base": (("deploy", "port_base"), 22000),
    "deploy.retain": (("deploy", "retain"), False),
    "deploy.opensearch_heap_mb": (("deploy", "opensearch_heap_mb"), 1024),
    "secrets[].name": (("secrets", 0, "name"), "renamed"),
    "secrets[].source": (("secrets", 0, "source"), "config"),
    "secrets[].key": (("secrets", 0, "key"), "OTHER"),
    "services[].name": (("services", 4, "name"), "older-billing"),
    "services[].owner": (("services", 0, "owner"), "warehouse"),
    "services[].language": (("services", 0, "language"), "go"),
    "services[].version": (("services", 0, "version"), "9"),
    "services[].metrics[].address": (("services", 4, "metrics", 0, "address"), "127.0.0.1:1"),
    "services[].metrics[].path": (("services", 0, "metrics", 0, "path"), "/other"),
    "services[].metrics[].scheme": (("services", 0, "metrics", 0, "scheme"), "https"),
    "services[].metrics[].ca": (("services", 4, "metrics", 0, "ca"), "/etc/ssl/other.pem"),
    "services[].metrics[].basic_auth.username": (
        ("services", 4, "metrics", 0, "basic_auth", "username"),
        "other",
    ),
    "services[].metrics[].basic_auth.secret": (
        ("services", 4, "metrics", 0, "basic_auth", "secret"),
        "second",
    ),
    "services[].metrics[].interval": (("services", 0, "metrics", 0, "interval"), "45s"),
    "services[].logs[].path": (("services", 4, "logs", 0, "path"), "/var/log/other.log"),
    "services[].logs[].format": (("services", 0, "logs", 0, "format"), "text"),
    "services[].logs[].pattern": (("services", 4, "logs", 0, "pattern"), "^(?P<message>.*)$"),
    "services[].logs[].multiline.start_pattern": (
        ("services", 0, "logs", 0, "multiline", "start_pattern"),
        "^[0-9]",
    ),
    "services[].logs[].multiline.max_lines": (("services", 0, "logs", 0, "multiline", "max_lines"), 77),
    "services[].logs[].multiline.max_wait": (("services", 0, "logs", 0, "multiline", "max_wait"), "7s"),
    "services[].traces.protocol": (("services", 0, "traces", "protocol"), "otlp-http"),
    "services[].slo.availability": (("services", 0, "slo", "availability"), 98.0),
    "services[].slo.latency.threshold": (("services", 2, "slo", "latency", "threshold"), "1s"),
    "services[].slo.latency.target": (("services", 2, "slo", "latency", "target"), 90.0),
    "services[].slo.metrics.requests": (("services", 2, "slo", "metrics", "requests"), "calls_total"),
    "services[].slo.metrics.errors": (("services", 2, "slo", "metrics", "errors"), 'status="failed"'),
    "services[].slo.metrics.latency": (("services", 2, "slo", "metrics", "latency"), "calls_seconds"),
    "services[].correlation_header": (("services", 0, "correlation_header"), "X-Other"),
    "services[].run.command": (("services", 0, "run", "command"), ["{python}", "-m", "demo.orders"]),
    "services[].run.port_offset": (("services", 0, "run", "port_offset"), 199),
    "services[].run.calls": (("services", 0, "run", "calls"), []),
    "services[].run.redis": (("services", 0, "run", "redis"), True),
    "services[].run.memory_mb": (("services", 0, "run", "memory_mb"), 256),
    "services[].run.options": (("services", 0, "run", "options"), {"rate": 1}),
    "metrics.scrape_interval": (("metrics", "scrape_interval"), "20s"),
    "metrics.scrape_timeout": (("metrics", "scrape_timeout"), "3s"),
    "metrics.evaluation_interval": (("metrics", "evaluation_interval"), "20s"),
    "metrics.exporters": (("metrics", "exporters"), []),
    "metrics.scrape_jobs[].name": (("metrics", "scrape_jobs", 0, "name"), "renamed"),
    "metrics.scrape_jobs[].targets": (("metrics", "scrape_jobs", 0, "targets"), ["127.0.0.1:2"]),
    "metrics.scrape_jobs[].path": (("metrics", "scrape_jobs", 0, "path"), "/other"),
    "metrics.scrape_jobs[].scheme": (("metrics", "scrape_jobs", 0, "scheme"), "https"),
    "metrics.scrape_jobs[].ca": (("metrics", "scrape_jobs", 1, "ca"), "/etc/ssl/other.pem"),
    "metrics.scrape_jobs[].basic_auth.username": (
        ("metrics", "scrape_jobs", 1, "basic_auth", "username"),
        "other",
    ),
    "metrics.scrape_jobs[].basic_auth.secret": (
        ("metrics", "scrape_jobs", 1, "basic_auth", "secret"),
        "second",
    ),
    "metrics.scrape_jobs[].interval": (("metrics", "scrape_jobs", 0, "interval"), "45s"),
    "metrics.scrape_jobs[].labels": (("metrics", "scrape_jobs", 0, "labels"), {"site": "south"}),
    "metrics.otlp": (("metrics", "otlp"), False),
    "metrics.retention.time": (("metrics", "retention", "time"), "3d"),
    "metrics.retention.size": (("metrics", "retention", "size"), "7GiB"),
    "metrics.forbidden_labels": (("metrics", "forbidden_labels"), ["user_id"]),
    "metrics.limits.samples_per_scrape": (("metrics", "limits", "samples_per_scrape"), 7),
    "metrics.limits.labels_per_series": (("metrics", "limits", "labels_per_series"), 7),
    "metrics.limits.label_value_length": (("metrics", "limits", "label_value_length"), 77),
    "metrics.rules.error_ratio": (("metrics", "rules", "error_ratio"), 0.2),
    "metrics.rules.error_window": (("metrics", "rules", "error_window"), "7m"),
    "metrics.rules.error_hold": (("metrics", "rules", "error_hold"), "7m"),
    "metrics.rules.min_requests_per_second": (("metrics", "rules", "min_requests_per_second"), 0.5),
    "metrics.rules.target_down": (("metrics", "rules", "target_down"), "7m"),
    "metrics.rules.disk_free": (("metrics", "rules", "disk_free"), 0.2),
    "metrics.rules.ingestion_stalled": (("metrics", "rules", "ingestion_stalled"), "7m"),
    "metrics.rules.alerts[].name": (("metrics", "rules", "alerts", 0, "name"), "Renamed"),
    "metrics.rules.alerts[].expr": (("metrics", "rules", "alerts", 0, "expr"), "vector(1)"),
    "metrics.rules.alerts[].hold": (("metrics", "rules", "alerts", 0, "hold"), "2m"),
    "metrics.rules.alerts[].severity": (("metrics", "rules", "alerts", 0, "severity"), "info"),
    "metrics.rules.alerts[].team": (("metrics", "rules", "alerts", 0, "team"), "warehouse"),
    "metrics.rules.alerts[].summary": (("metrics", "rules", "alerts", 0, "summary"), "Other"),
    "metrics.rules.alerts[].description": (("metrics", "rules", "alerts", 0, "description"), "Other"),
    "metrics.rules.alerts[].runbook": (("metrics", "rules", "alerts", 0, "runbook"), "https://x.example/y"),
    "metrics.rules.alerts[].fires.series[].series": (
        ("metrics", "rules", "alerts", 0, "fires", "series", 0, "series"),
        "other_total",
    ),
    "metrics.rules.alerts[].fires.series[].values": (
        ("metrics", "rules", "alerts", 0, "fires", "series", 0, "values"),
        "0+9x20",
    ),
    "metrics.rules.alerts[].fires.after": (("metrics", "rules", "alerts", 0, "fires", "after"), "11m"),
    "metrics.rules.alerts[].silent.series[].series": (
        ("metrics", "rules", "alerts", 0, "silent", "series", 0, "series"),
        "other_total",
    ),
    "metrics.rules.alerts[].silent.series[].values": (
        ("metrics", "rules", "alerts", 0, "silent", "series", 0, "values"),
        "0+2x20",
    ),
    "metrics.rules.alerts[].silent.after": (("metrics", "rules", "alerts", 0, "silent", "after"), "11m"),
    "metrics.rules.recordings[].record": (("metrics", "rules", "recordings", 0, "record"), "other:name"),
    "metrics.rules.recordings[].expr": (("metrics", "rules", "recordings", 0, "expr"), "vector(2)"),
    "metrics.rules.recordings[].labels": (("metrics", "rules", "recordings", 0, "labels"), {"a": "b"}),
    "metrics.exemplars": (("metrics", "exemplars"), 0),
    "alerting.teams[].name": (("alerting", "teams", 4, "name"), "renamed"),
    "alerting.teams[].receiver": (("alerting", "teams", 1, "receiver"), "platform-pagerduty"),
    "alerting.receivers[].name": (("alerting", "receivers", 5, "name"), "renamed"),
    "alerting.receivers[].kind": (("alerting", "receivers", 3, "kind"), "pagerduty"),
    "alerting.receivers[].secret": (("alerting", "receivers", 5, "secret"), "second"),
    "alerting.receivers[].to_sink": (
        ("alerting", "receivers", 5),
        {"name": "far", "kind": "ticket", "to_sink": True},
    ),
    "alerting.receivers[].channel": (("alerting", "receivers", 1, "channel"), "#other"),
    "alerting.receivers[].send_resolved": (("alerting", "receivers", 1, "send_resolved"), False),
    "alerting.routes[].match": (("alerting", "routes", 0, "match"), {"severity": "info"}),
    "alerting.routes[].receiver": (("alerting", "routes", 0, "receiver"), "checkout-teams"),
    "alerting.routes[].also_owner": (("alerting", "routes", 0, "also_owner"), False),
    "alerting.grouping.by": (("alerting", "grouping", "by"), ["alertname"]),
    "alerting.grouping.wait": (("alerting", "grouping", "wait"), "7s"),
    "alerting.grouping.interval": (("alerting", "grouping", "interval"), "7m"),
    "alerting.grouping.repeat": (("alerting", "grouping", "repeat"), "7h"),
    "alerting.inhibitions[].source": (("alerting", "inhibitions", 0, "source"), {"severity": "warning"}),
    "alerting.inhibitions[].target": (("alerting", "inhibitions", 0, "target"), {"severity": "info"}),
    "alerting.inhibitions[].equal": (("alerting", "inhibitions", 0, "equal"), ["service"]),
    "alerting.dead_mans_switch.receiver": (("alerting", "dead_mans_switch", "receiver"), "checkout-teams"),
    "alerting.dead_mans_switch.interval": (("alerting", "dead_mans_switch", "interval"), "7m"),
    "alerting.dead_mans_switch.severity": (("alerting", "dead_mans_switch", "severity"), "critical"),
    "alerting.platform_team": (("alerting", "platform_team"), "warehouse"),
    "alerting.sink": (("alerting", "sink"), False),
    "alerting.runbook_base": (("alerting", "runbook_base"), "https://other.example/"),
    "logging.fields[].name": (("logging", "fields", 0, "name"), "renamed"),
    "logging.fields[].type": (("logging", "fields", 0, "type"), "double"),
    "logging.inputs[].name": (("logging", "inputs", 0, "name"), "renamed"),
    "logging.inputs[].path": (("logging", "inputs", 0, "path"), "/var/log/other"),
    "logging.inputs[].format": (("logging", "inputs", 0, "format"), "json"),
    "logging.inputs[].pattern": (("logging", "inputs", 1, "pattern"), "^(?P<message>.+)$"),
    "logging.otlp": (("logging", "otlp"), False),
    "logging.inputs[].multiline.start_pattern": (
        ("logging", "inputs", 0, "multiline", "start_pattern"),
        "^[0-9]",
    ),
    "logging.inputs[].multiline.max_lines": (("logging", "inputs", 0, "multiline", "max_lines"), 77),
    "logging.inputs[].multiline.max_wait": (("logging", "inputs", 0, "multiline", "max_wait"), "7s"),
    "logging.enrichment": (("logging", "enrichment"), {"datacentre": "there"}),
    "logging.redaction[].name": (("logging", "redaction", 1, "name"), "renamed"),
    "logging.redaction[].pattern": (("logging", "redaction", 1, "pattern"), "secret-[0-9]+"),
    "logging.redaction[].check": (("logging", "redaction", 2, "check"), "luhn"),
    "logging.redaction[].replacement": (("logging", "redaction", 0, "replacement"), "[gone]"),
    "logging.sampling.debug": (("logging", "sampling", "debug"), 0.5),
    "logging.sampling.info": (("logging", "sampling", "info"), 0.5),
    "logging.buffer.size": (("logging", "buffer", "size"), "64MiB"),
    "logging.buffer.flush_interval": (("logging", "buffer", "flush_interval"), "3s"),
    "logging.buffer.batch": (("logging", "buffer", "batch"), 77),
    "logging.index.prefix": (("logging", "index", "prefix"), "lines"),
    "logging.index.shards": (("logging", "index", "shards"), 3),
    "logging.index.replicas": (("logging", "index", "replicas"), 1),
    "logging.index.refresh_interval": (("logging", "index", "refresh_interval"), "7s"),
    "logging.retention": (("logging", "retention"), "9d"),
    "tracing.otlp.grpc": (("tracing", "otlp"), {"grpc": False, "http": True}),
    "tracing.otlp.http": (("tracing", "otlp", "http"), False),
    "tracing.head_sampling": (("tracing", "head_sampling"), 0.5),
    "tracing.tail_sampling.decision_wait": (("tracing", "tail_sampling", "decision_wait"), "7s"),
    "tracing.tail_sampling.root_wait": (("tracing", "tail_sampling", "root_wait"), "77s"),
    "tracing.tail_sampling.traces_in_memory": (("tracing", "tail_sampling", "traces_in_memory"), 777),
    "tracing.tail_sampling.keep_slow": (("tracing", "tail_sampling", "keep_slow"), "7s"),
    "tracing.tail_sampling.keep_errors": (("tracing", "tail_sampling", "keep_errors"), False),
    "tracing.tail_sampling.keep_attributes[].key": (
        ("tracing", "tail_sampling", "keep_attributes", 0, "key"),
        "other.keep",
    ),
    "tracing.tail_sampling.keep_attributes[].value": (
        ("tracing", "tail_sampling", "keep_attributes", 0, "value"),
        "yes",
    ),
    "tracing.tail_sampling.keep_ratio": (("tracing", "tail_sampling", "keep_ratio"), 0.7),
    "tracing.scrubbing.delete": (("tracing", "scrubbing", "delete"), ["other"]),
    "tracing.scrubbing.hash": (("tracing", "scrubbing", "hash"), ["other"]),
    "tracing.batching.size": (("tracing", "batching", "size"), "2MiB"),
    "tracing.batching.timeout": (("tracing", "batching", "timeout"), "7s"),
    "tracing.span_metrics.buckets": (("tracing", "span_metrics", "buckets"), ["500ms", "7s"]),
    "tracing.span_metrics.dimensions": (("tracing", "span_metrics", "dimensions"), ["other"]),
    "tracing.span_metrics.series_per_service": (("tracing", "span_metrics", "series_per_service"), 77),
    "tracing.span_metrics.other_services": (("tracing", "span_metrics", "other_services"), 7),
    "tracing.storage.index_prefix": (("tracing", "storage", "index_prefix"), "other"),
    "tracing.storage.shards": (("tracing", "storage", "shards"), 3),
    "tracing.storage.replicas": (("tracing", "storage", "replicas"), 1),
    "tracing.retention": (("tracing", "retention"), "9d"),
}

REFUSED = {"local": {"environment.target", "logging.index.replicas", "tracing.storage.replicas"}}
"""Target -> cases that it cannot honour and must therefore refuse."""

OPTIONAL: dict[str, Path] = {
    "services[].slo": ("services", 0, "slo"),
    "services[].slo.metrics": ("services", 2, "slo", "metrics"),
    "services[].run": ("services", 4, "run"),
    "services[].metrics[].basic_auth": ("services", 4, "metrics", 0, "basic_auth"),
    "metrics.scrape_jobs[].basic_auth": ("metrics", "scrape_jobs", 1, "basic_auth"),
    "services[].logs[].multiline": ("services", 0, "logs", 0, "multiline"),
    "logging.inputs[].multiline": ("logging", "inputs", 0, "multiline"),
}
"""Parts of the model, not leaves, that may be `null`, and where they stand in the stack below. The service of
`run` is one that has the addresses to do without."""


def _stack(target: str = "local") -> Any:
    stack = specs.stack()
    stack["environment"]["target"] = target
    stack["secrets"] = [
        {"name": "first", "source": "environment", "key": "FIRST"},
        {"name": "second", "source": "environment", "key": "SECOND"},
    ]
    stack["alerting"]["teams"].append({"name": "unused", "receiver": "far"})
    stack["alerting"]["receivers"] += [
        {"name": "far", "kind": "ticket", "secret": "first"},
        {"name": "farther", "kind": "ticket", "secret": "second"},
    ]
    stack["logging"]["inputs"].append(
        {"name": "kernel", "path": "/var/log/kern.log", "format": "regex", "pattern": "^(?P<message>.*)$"}
    )
    stack["services"][0].setdefault("traces", {})
    guarded = {
        "scheme": "https",
        "ca": "/etc/ssl/own.pem",
        "basic_auth": {"username": "prometheus", "secret": "first"},
    }
    stack["services"][4]["metrics"][0] |= guarded
    stack["metrics"]["scrape_jobs"].append({"name": "guarded", "targets": ["[::1]:9443"], **guarded})
    for source in (stack["services"][0]["logs"][0], stack["logging"]["inputs"][0]):
        source["multiline"] = {"start_pattern": "^\\S"}
    return stack


def _spec(stack: Any) -> Spec:
    return Spec.model_validate_json(json.dumps(stack))


def _fields(model: type[BaseModel], here: str = "") -> list[str]:
    found: list[str] = []
    for name, field in model.model_fields.items():
        inner, many = _inner(field.annotation)
        path = f"{here}{name}{'[]' if many else ''}"
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found += _fields(inner, f"{path}.")
        else:
            found.append(f"{here}{name}")
    return found


def _nullable(model: type[BaseModel], here: str = "") -> list[str]:
    """Every field that may be `null`, leaf or not."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        inner, many = _inner(field.annotation)
        if types.NoneType in typing.get_args(field.annotation):
            found.append(f"{here}{name}")
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found += _nullable(inner, f"{here}{name}{'[]' if many else ''}.")
    return found


def _inner(annotation: Any, many: bool = False) -> tuple[Any, bool]:
    """The model inside `tuple[Model, ...]` or `Model | None`, and whether there are many of it."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation, many
    many = many or typing.get_origin(annotation) is tuple
    for argument in typing.get_args(annotation):
        if argument in (Ellipsis, types.NoneType):
            continue
        inner = _inner(argument, many)
        if isinstance(inner[0], type) and issubclass(inner[0], BaseModel):
            return inner
    return annotation, False


def test_every_field_of_the_model_has_a_case() -> None:
    assert sorted(_fields(Spec)) == sorted(CASES)


def _given(field: str, target: str) -> Any:
    """The stack that a field is changed in."""
    given = _stack(target)
    if field == "alerting.sink":  # nobody is to need it
        given["alerting"]["receivers"] = [
            {"name": receiver["name"], "kind": "ticket", "secret": "first"}
            for receiver in given["alerting"]["receivers"]
        ]
    if field == "tracing.otlp.grpc":  # as here
        for service in given["services"]:
            service["traces"] = {"protocol": "otlp-http"}
    return given


def _changed(field: str, target: str) -> Any:
    changed = _given(field, target)
    path, value = CASES[field]
    place = _at(changed, path[:-1])
    if isinstance(place, dict):
        assert place.get(path[-1]) != value, "the case changes nothing"
    place[path[-1]] = value
    return changed


def _at(stack: Any, path: Path) -> Any:
    """What stands at a path of a stack; sections that are not there are added."""
    place = stack
    for part in path:
        place = place.setdefault(part, {}) if isinstance(place, dict) else place[int(part)]
    return place


@functools.cache
def _planned(stack: str) -> str:
    return plan(_spec(json.loads(stack)), "test").model_dump_json()


PAIRS = [(target, field) for target in MODULES for field in sorted(CASES)]


@pytest.mark.parametrize(("target", "field"), [pair for pair in PAIRS if pair[1] not in REFUSED[pair[0]]])
def test_a_field_changes_the_plan(target: str, field: str) -> None:
    given, changed = _given(field, target), _changed(field, target)
    assert _planned(json.dumps(changed)) != _planned(json.dumps(given)), (
        f"{field} = {CASES[field][1]!r} is neither rendered nor refused"
    )


@pytest.mark.parametrize(("target", "field"), [pair for pair in PAIRS if pair[1] in REFUSED[pair[0]]])
def test_what_a_target_cannot_do_is_refused_by_name(target: str, field: str) -> None:
    with pytest.raises(Refused, match="target ") as caught:
        plan(_spec(_changed(field, target)), "test")
    assert [problem.key for problem in caught.value.problems] == [field]


def _told(stack: Any) -> set[str]:
    """What a stack is refused for, as key paths without indices; empty if it is not."""
    try:
        problems = [problem.path for problem in _spec(stack).problems()]
    except ValidationError as error:
        problems = [item["loc"] for item in error.errors()]
    return {".".join(str(part) for part in path if isinstance(part, str)) for path in problems}


@pytest.mark.parametrize("field", _nullable(Spec))
def test_null_changes_the_plan_or_is_refused(field: str) -> None:
    """Null is compared with a value: the case's, or for a part of the model what stands there."""
    path, value = (OPTIONAL[field], None) if field in OPTIONAL else CASES[field]
    given, without = _stack(), _stack()
    for stack in (given, without):
        place = _at(stack, path[:-1])
        if value is not None:
            place[path[-1]] = value
        elif path == OPTIONAL["services[].run"]:
            place["run"] = {"command": ["{python}"], "port_offset": 198}
        else:
            place.setdefault(path[-1], {})
    place[path[-1]] = None
    refused = _told(without)
    if refused:
        whole = ".".join(key for key in path if isinstance(key, str))
        assert all(f"{whole}.".startswith(f"{key}.") for key in refused), refused
    else:
        assert plan(_spec(without), "test") != plan(_spec(given), "test"), f"{field} = null does nothing"


@pytest.mark.parametrize("name", ["trace_id", *RESERVED_LABELS])
def test_a_scrape_jobs_label_is_in_the_plan_as_given_or_is_refused(name: str) -> None:
    stack = _stack()
    stack["metrics"]["scrape_jobs"][0]["labels"] = {name: "given"}
    if name not in JOB_LABELS:
        assert _told(stack) == {f"metrics.scrape_jobs.labels.{name}"}
        return
    assert not _told(stack)
    files = {path: text for part in plan(_spec(stack), "test").parts for path, text in part.files}
    (scrape,) = yaml.safe_load(files["scrape/edge-router.yml"])["scrape_configs"]
    assert scrape["static_configs"][0]["labels"][name] == "given"
