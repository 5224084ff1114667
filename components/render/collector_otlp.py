"""What clients send over OTLP beside spans: log records, into the same index as the lines of files; and
metrics, onto a page that Prometheus scrapes.

Log records go through the same steps as lines, but come parsed: what a client says in OTLP's own fields
(time, severity, trace, scope) is put where a line has it. A record is stored once if the client gives it an
id (`log.record.uid`), however often it sends it; the id counts within its service, so that none takes
another's place.

The page comes in one scrape, which fails as a whole: so points are made to fit it, service by service
(`points`).
"""

from typing import Any

from components.render import collector_logs, ottl, sizes, tls
from components.site import Site
from components.spec import Spec

_LARGEST: dict[str, dict[str, int]] = {
    "grpc": {"max_recv_msg_size_mib": sizes.REQUEST_MIB},
    "http": {"max_request_body_size": sizes.REQUEST_MIB * 2**20},
}


def receiver(spec: Spec, site: Site, program: str) -> dict[str, Any]:
    """Where clients send to a program, by protocol."""
    protocols = {
        protocol: {
            "endpoint": site.bind(f"{program}-otlp-{protocol}"),
            **_LARGEST[protocol],
            **tls.served(site, f"{program}-otlp-{protocol}", program),
        }
        for protocol, on in (("grpc", spec.tracing.otlp.grpc), ("http", spec.tracing.otlp.http))
        if on
    }
    return {"protocols": protocols}


_SEVERITIES = ((1, "debug"), (9, "info"), (13, "warning"), (17, "error"), (21, "critical"))
"""From this number on, and below the next, the level is so."""


def logs(spec: Spec) -> dict[str, Any]:
    """The pipeline of log records, by name; empty where the stack takes none."""
    if not spec.logging.otlp:
        return {}
    return {"logs/otlp": collector_logs.pipeline(["otlp"], "transform/otlp_logs")}


_EXPIRY = "5m"
"""After so long without a new value a series ends."""
_PLACE = "6m"
"""And after so long its place is free."""


def metrics(spec: Spec) -> dict[str, Any]:
    """The pipeline of metrics, by name; empty where the stack takes none."""
    if not spec.metrics.otlp:
        return {}
    return {
        "metrics/otlp": {
            "exporters": ["prometheus/otlp"],
            "processors": ["memory_limiter", "scrub", "points", "deltatocumulative"],
            "receivers": ["otlp"],
        }
    }


def exporters(spec: Spec, site: Site, program: str) -> dict[str, Any]:
    """The page of metrics of a program."""
    if not spec.metrics.otlp:
        return {}
    return {
        "prometheus/otlp": {
            "enable_open_metrics": True,
            "endpoint": site.bind(f"{program}-pushed"),
            **tls.served(site, f"{program}-pushed", program),
            "metric_expiration": _EXPIRY,
            "resource_to_telemetry_conversion": {"enabled": False},
            # Names have their suffixes already.
            "translation_strategy": "UnderscoreEscapingWithoutSuffixes",
        }
    }


def metrics_processors(spec: Spec) -> dict[str, Any]:
    """What makes points fit the page, and sums of differences."""
    if not spec.metrics.otlp:
        return {}
    room = sizes.pushed(spec)
    return {
        "deltatocumulative": {"max_stale": _PLACE},
        "points": {
            "expiry": _PLACE,
            "forbidden": sorted(spec.metrics.forbidden_labels),
            "labels": room.labels,
            "length": room.length,
            "other_services": sizes.PUSHED_OTHER_SERVICES,
            "samples": room.samples,
            "services": list(room.services),
        },
    }


def processors(spec: Spec) -> dict[str, Any]:
    """What makes a record of ours of one in OTLP."""
    if not spec.logging.otlp:
        return {}
    statements = [
        *_identify(),
        *_fields(),
        *_severity(),
        *_trace(),
        *_time(),
        'set(body, attributes["message"])',
        'delete_key(attributes, "message")',
    ]
    return {
        "transform/otlp_logs": {
            # A statement that does not fit a record leaves it as it is; errors could quote the record.
            "error_mode": "silent",
            "log_statements": [{"context": "log", "statements": statements}],
        }
    }


def _identify() -> list[str]:
    uid = f'attributes["{collector_logs.UID}"]'
    service = 'resource.attributes["service"]'
    return [
        'set(attributes["resource"], resource.attributes) where attributes["resource"] == nil',
        f'set({service}, resource.attributes["service.name"])',
        ottl.put(service, "unknown_service", f'{service} == nil or {service} == ""'),
        f'set(cache["given"], String({uid})) where {uid} != nil',
        'set(cache["given"], UUID()) where cache["given"] == nil',
        f'set({uid}, SHA256(Concat(["otlp", {service}, cache["given"]], "\\n")))',
    ]


def _fields() -> list[str]:
    """The body is the message; a body of fields is fields, and its text where it has no message."""
    message, logger, scope = 'attributes["message"]', 'attributes["logger"]', "instrumentation_scope.name"
    return [
        f'set(attributes["message_attribute"], {message}) where {message} != nil and not IsMap(body)',
        f"set({message}, String(body)) where body != nil and not IsMap(body)",
        'merge_maps(attributes, body, "insert") where IsMap(body)',
        f'set({message}, attributes["msg"]) where {message} == nil',
        f"set({message}, String(body)) where {message} == nil and IsMap(body)",
        # Names that the record itself has.
        'set(attributes["timestamp_text"], attributes["timestamp"]) where attributes["timestamp"] != nil',
        'delete_key(attributes, "timestamp")',
        'set(attributes["event_name"], event_name) where event_name != ""',
        f'set({logger}, {scope}) where {logger} == nil and {scope} != ""',
    ]


def _severity() -> list[str]:
    level = 'attributes["log_level"]'
    return [
        *(ottl.put(level, name, f"severity_number >= {number}") for number, name in _SEVERITIES),
        f'set({level}, severity_text) where severity_number == 0 and severity_text != ""',
    ]


def _trace() -> list[str]:
    """The ids of the record itself stand before an attribute of their name."""
    transaction = 'attributes["transaction_id"]'
    return [
        *(
            f'set(attributes["{name}"], {name}.string) where IsMatch({name}.string, "[^0]")'
            for name in ("trace_id", "span_id")
        ),
        f'set({transaction}, attributes["transaction.id"]) where {transaction} == nil',
    ]


def _time() -> list[str]:
    """When it happened; else when it was seen; else now."""
    return [
        "set(observed_time, Now()) where observed_time_unix_nano == 0",
        "set(time, observed_time) where time_unix_nano == 0",
    ]
