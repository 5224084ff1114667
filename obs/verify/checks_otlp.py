"""What an OpenTelemetry client sends beside spans arrives: a log record, once, and a metric."""

import secrets

from components.spec import Spec
from obs.verify.check import Check, seconds
from obs.verify.clients import Http, Json
from obs.verify.context import Context
from obs.verify.outcome import CheckFailed, NotYet

SERVICE = "obs-verify"
METRIC = "obs_verify_pushed"


def why_not(spec: Spec) -> str | None:
    """Why the collector takes none of it over the protocol that verify speaks."""
    if not spec.tracing.otlp.http:
        return "tracing.otlp.http is false"
    if not (spec.logging.otlp or spec.metrics.otlp):
        return "logging.otlp and metrics.otlp are false"
    return None


def arrive(ctx: Context) -> str:
    """A record that is sent twice is found once, with its level and service; a point with its service."""
    mark, stamp = secrets.token_hex(8), str(int(ctx.clock.now() * 1e9))
    collector = ctx.clients.service("collector", ctx.site.listeners["collector-otlp-http"])
    found, logs = [], ctx.spec.logging.otlp
    if logs:
        record = {
            "timeUnixNano": stamp,
            "severityNumber": 17,
            "body": {"stringValue": "sent by obs verify over OTLP"},
            "attributes": _attributes({"log.record.uid": mark, "transaction_id": mark}),
        }
        for _ in range(2):  # as a client does that has had no answer in time
            _send(collector, "logs", {"scopeLogs": [{"logRecords": [record]}]})
    if ctx.spec.metrics.otlp:
        point = {"timeUnixNano": stamp, "asInt": "1", "attributes": _attributes({"run": mark})}
        metric = {"name": METRIC, "gauge": {"dataPoints": [point]}}
        _send(collector, "metrics", {"scopeMetrics": [{"metrics": [metric]}]})
    if logs:
        ctx.wait(
            "OTLP records", lambda: _record(ctx, mark), seconds(ctx.spec.logging.index.refresh_interval) + 30
        )
        found.append("a log record, sent twice, is stored once with its level and service")
    if ctx.spec.metrics.otlp:
        ctx.wait(
            "OTLP metrics", lambda: _point(ctx, mark), seconds(ctx.spec.metrics.scrape_interval) * 2 + 30
        )
        found.append("a metric is in Prometheus with its service")
    return "; ".join(found)


def _attributes(values: dict[str, str]) -> list[Json]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


def _send(collector: Http, signal: str, content: Json) -> None:
    resource = {"resource": {"attributes": _attributes({"service.name": SERVICE})}, **content}
    answer = collector.request("POST", f"/v1/{signal}", json={f"resource{signal.capitalize()}": [resource]})
    if answer.status_code != 200:
        raise CheckFailed(
            f"the collector to take {signal} over OTLP",
            f"{answer.status_code}: {answer.text[:200]}",
            "See `obs logs collector`.",
        )


def _record(ctx: Context, mark: str) -> None:
    query = {"term": {"transaction_id": mark}}
    hits = list(ctx.clients.opensearch.scan(f"{ctx.spec.logging.index.prefix}-2*", query))
    expected = f"one log record with transaction_id {mark}"
    if not hits:
        raise NotYet(expected, "none", "See `obs logs collector`.")
    document = hits[0]["_source"]
    said = {key: document.get(key) for key in ("service", "log_level")}
    if len(hits) > 1 or said != {"service": SERVICE, "log_level": "error"}:
        raise CheckFailed(
            f"{expected}, of {SERVICE} with log_level error",
            f"{len(hits)} of them, the first {said}",
            "See the pipeline logs/otlp of the collector (obs render).",
        )


def _point(ctx: Context, mark: str) -> None:
    labels = f'{{run="{mark}",service="{SERVICE}"}}'
    if not ctx.clients.prometheus.vector(f"{METRIC}{labels}"):
        raise NotYet(
            f"the series {METRIC}{labels}",
            "none",
            "See the target collector-pushed in Prometheus, `obs logs collector`.",
        )


ARRIVE = Check("OTLP logs and metrics arrive", "logging", arrive, why_not)
