"""How Jaeger's documents lie in OpenSearch, where Jaeger itself may not say so: a tenant of a shared store
writes no template, which others' indices would have too. Fields as Jaeger 2 writes and searches them."""

from typing import Any

_WORD = {"type": "keyword", "ignore_above": 256}
_LONG = {"type": "long"}
_TAGGED = [
    {name: {"path_match": path, "mapping": _WORD}}
    for name, path in (("span_tags_map", "tag.*"), ("process_tags_map", "process.tag.*"))
]


def of(kind: str) -> dict[str, Any]:
    """Mappings of an index of spans, or of names of services and operations."""
    words = ("serviceName", "operationName")
    properties = _span() if kind == "span" else dict.fromkeys(words, _WORD)
    return {"dynamic_templates": _TAGGED, "properties": properties}


def _span() -> dict[str, Any]:
    return {
        **dict.fromkeys(("traceID", "spanID", "parentSpanID", "operationName"), _WORD),
        **dict.fromkeys(("startTime", "duration"), _LONG),
        "startTimeMillis": {"type": "date", "format": "epoch_millis"},
        "flags": {"type": "integer"},
        "tag": {"type": "object"},
        "tags": _tags(),
        "process": {"properties": {"serviceName": _WORD, "tag": {"type": "object"}, "tags": _tags()}},
        "references": _nested(dict.fromkeys(("refType", "traceID", "spanID"), _WORD)),
        "logs": _nested({"timestamp": _LONG, "fields": _tags()}),
    }


def _tags() -> dict[str, Any]:
    return _nested(dict.fromkeys(("key", "value", "tagType"), _WORD))


def _nested(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "nested", "dynamic": False, "properties": properties}
