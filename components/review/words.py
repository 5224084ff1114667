"""Settings and their values in the words of those who run a stack."""

import json
import re
from typing import Any

from components.review.masking import masked_at

Path = tuple[str, ...]
"""The keys that lead to a setting; an item of a list by its name."""

_DURATION = re.compile(r"^(\d+)(ms|s|m|h|d|w)$")
_UNITS = {"ms": "ms", "s": "s", "m": "minute", "h": "hour", "d": "day", "w": "week"}
_SIZE = re.compile(r"^(\d+)(KiB|MiB|GiB|TiB)$")

RULES = ("metrics", "rules")
SUBJECTS: dict[Path, str] = {
    ("environment", "target"): "where the stack goes",
    ("environment", "tier"): "tier",
    ("deploy", "retain"): "data are kept when the stack is taken down",
    ("metrics", "retention", "time"): "retention of metrics",
    ("metrics", "retention", "size"): "room for metrics",
    ("logging", "retention"): "retention of logs",
    ("tracing", "retention"): "retention of traces",
    ("aws", "archive", "retention"): "retention of the archive",
    ("aws", "log_retention"): "retention of what the stack's own programs log",
    (*RULES, "error_ratio"): "alert ServiceErrorRatioHigh: limit",
    (*RULES, "error_window"): "alert ServiceErrorRatioHigh: measured over",
    (*RULES, "error_hold"): "alert ServiceErrorRatioHigh: fires after",
    (*RULES, "min_requests_per_second"): "alerts on ratios: requests per second from which they judge",
    (*RULES, "target_down"): "alert TargetDown: fires after",
    (*RULES, "disk_free"): "alert DiskSpaceLow: limit",
    (*RULES, "ingestion_stalled"): "alert LogIngestionStalled: fires after",
    (*RULES, "alerts", "*"): "alert {}",
    (*RULES, "recordings", "*"): "recording rule {}",
    ("services", "*"): "service {}",
    ("services", "*", "slo"): "service {}: promise",
    ("services", "*", "slo", "availability"): "service {}: availability promised (%)",
    ("services", "*", "slo", "latency", "target"): "service {}: requests promised in time (%)",
    ("services", "*", "slo", "latency", "threshold"): "service {}: time promised",
    ("services", "*", "run"): "service {}: started by the stack",
    ("servers", "hosts", "*"): "host {}",
    ("alerting", "receivers", "*"): "receiver {}",
    ("alerting", "teams", "*"): "team {}",
    ("metrics", "scrape_jobs", "*"): "scrape job {}",
    ("logging", "fields", "*"): "field {} of log records",
    ("logging", "redaction", "*"): "redaction {}",
    ("logging", "inputs", "*"): "log files {}",
    ("secrets", "*"): "secret {}",
}
"""The longest that leads to a setting names it; the keys that are left follow as they are."""

_RATIOS = {
    (*RULES, "error_ratio"),
    (*RULES, "disk_free"),
    ("logging", "sampling", "debug"),
    ("logging", "sampling", "info"),
    ("tracing", "head_sampling"),
    ("tracing", "tail_sampling", "keep_ratio"),
}


def subject(path: Path) -> str:
    """What a setting is called: `service payments: owner`."""
    for length in range(len(path), 0, -1):
        for keys, words in SUBJECTS.items():
            if len(keys) == length and all(
                key in ("*", own) for key, own in zip(keys, path[:length], strict=True)
            ):
                named = [own for key, own in zip(keys, path, strict=False) if key == "*"]
                return ": ".join([words.format(*named), *map(_plain, path[length:])])
    return ": ".join(map(_plain, path))


def value(path: Path, given: Any) -> str:
    """A value in words: `30 days`, `5 %`, `8 GiB`; what looks like a secret masked."""
    given = masked_at(path[-1] if path else "", given)
    if given is None:
        return "none"
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, int | float):
        return percent(given) if path in _RATIOS else number(given)
    if isinstance(given, str):
        return _span(given)
    if isinstance(given, list | tuple):
        return ", ".join(value((), item) for item in given) or "none"
    return json.dumps(given, ensure_ascii=False, sort_keys=True) if given else "none"


def percent(ratio: float) -> str:
    """`0.05` as `5 %`."""
    return f"{number(round(ratio * 100, 6))} %"


def number(given: float) -> str:
    """Without the `.0` of whole ones."""
    return f"{given:.12g}"


def _span(text: str) -> str:
    if found := _DURATION.match(text):
        count, unit = int(found[1]), _UNITS[found[2]]
        return f"{count} {unit}{'s' if len(unit) > 2 and count != 1 else ''}"
    if found := _SIZE.match(text):
        return f"{found[1]} {found[2]}"
    return " ".join(text.split()) or "''"


def _plain(key: str) -> str:
    return key.replace("_", " ")
