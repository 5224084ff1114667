"""The collector's way of log lines: identified, parsed, enriched, sampled, redacted, stored; how they are
read stands in `collector_files`.

Three rules keep each line from being lost or doubled (docs/adr/0006-log-shipper.md):

- a line's id is made of file, offset and text before anything else is done to it, so that reading it again
  gives the same document;
- nothing between file and queue gathers lines (no `batch` processor), and the queue is on disk;
- the exporter retries without end, and a full queue makes the reading wait.
"""

from typing import Any

from components.render import ottl
from components.render.collector_files import receivers, sources
from components.render.opensearch_store import rejected_prefix
from components.spec import Spec, size_bytes

UID = "log.record.uid"
"""The record attribute that becomes the document's id."""
DROP = "obs.drop"
"""Marks what sampling does not keep."""


def pipeline(spec: Spec) -> dict[str, Any]:
    """Redaction comes after parsing, so that it sees what will be stored, and before anything is on disk."""
    steps = ["memory_limiter", "transform/logs"]
    if _sampled(spec):
        steps.append("filter/sampled")
    return {
        "exporters": ["opensearchlogs"],
        "processors": [*steps, "scrub"],
        "receivers": sorted(receivers(spec)),
    }


def exporters(spec: Spec, store: dict[str, Any]) -> dict[str, Any]:
    """`store`: endpoint, TLS and credentials."""
    buffer = spec.logging.buffer
    return {
        "opensearchlogs": {
            **store,
            "exclude_attributes": ["log.file.*"],
            "id_attribute": UID,
            "index": {"date_layout": "2006.01.02", "prefix": spec.logging.index.prefix},
            "rejected_index": rejected_prefix(spec),
            "retry_on_failure": {"max_elapsed_time": "0s", "max_interval": "10s"},
            "sending_queue": {
                "batch": {
                    "flush_timeout": ottl.duration(buffer.flush_interval),
                    "max_size": buffer.batch,
                    "min_size": buffer.batch,
                    "sizer": "items",
                },
                "block_on_overflow": True,
                "num_consumers": 4,
                "queue_size": size_bytes(buffer.size),
                "sizer": "bytes",
                "storage": "file_storage/logs",
            },
            "timeout": "30s",
        }
    }


def processors(spec: Spec) -> dict[str, Any]:
    """The statements that make a record of a line."""
    statements = [
        *_identify(),
        *_parse(spec),
        *_timestamp(),
        *judged(spec),
        # The line itself has done its work; kept, it would double the queue.
        'set(body, attributes["message"])',
        'delete_key(attributes, "message")',
    ]
    return {
        "transform/logs": {
            # A statement that does not fit a record leaves it as it is; errors could quote the line.
            "error_mode": "silent",
            "log_statements": [{"context": "log", "statements": statements}],
        }
    }


def sampling(spec: Spec) -> dict[str, Any]:
    """The filter that drops what sampling marked."""
    if not _sampled(spec):
        return {}
    return {
        "filter/sampled": {
            "error_mode": "ignore",
            "logs": {"log_record": [f'attributes["{DROP}"] == true']},
        }
    }


def judged(spec: Spec) -> list[str]:
    """The same wherever a record comes from: its level, what the stack adds, whether it is kept."""
    return [*_level(), *_enrich(spec), *_sample(spec)]


def _identify() -> list[str]:
    """The id that the receiver made of file, place and text. Kept aside until parsing is done, so that no
    line can choose its own."""
    return [
        f'set(cache["uid"], attributes["{UID}"])',
        'delete_matching_keys(attributes, "^log[.]file[.]")',
    ]


def _parse(spec: Spec) -> list[str]:
    """Fields from the line. A line that does not fit is kept whole as the message, and says so."""
    every = sources(spec)
    found = []
    if any(source.format == "json" for source in every):
        here = 'resource.attributes["log.format"] == "json"'
        found += [
            f'set(cache["json"], ParseJSON(body)) where {here} and IsMatch(body, "^\\\\s*[{{]")',
            'merge_maps(attributes, cache["json"], "upsert") where IsMap(cache["json"])',
            ottl.put(
                'attributes["parse_error"]', "not a JSON object", f'{here} and not IsMap(cache["json"])'
            ),
        ]
    for source in every:
        if source.pattern is not None:
            here = f'resource.attributes["log.source"] == {ottl.text(source.name)}'
            pattern = ottl.text(source.pattern)
            found += [
                f'merge_maps(attributes, ExtractPatterns(body, {pattern}), "upsert") where {here}',
                ottl.put(
                    'attributes["parse_error"]',
                    "does not match the pattern",
                    f"{here} and not IsMatch(body, {pattern})",
                ),
            ]
    return [
        *found,
        f'set(attributes["{UID}"], cache["uid"])',
        f'delete_key(attributes, "{DROP}")',
        'set(attributes["message"], attributes["msg"]) where attributes["message"] == nil',
        'set(attributes["message"], body) where attributes["message"] == nil',
    ]


def _timestamp() -> list[str]:
    """The record's own time, which also chooses its index; where it has none, the time of reading."""
    value, none = 'attributes["timestamp"]', "time_unix_nano == 0"
    day = "^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    found = []
    for separator in ("T", " "):
        for clock, digits in (("%H:%M:%S", "[0-9:]{8}"), ("%H:%M:%S.%s", "[0-9:]{8}[.][0-9]+")):
            for zone, tail in (("%j", "[+-][0-9]{2}:[0-9]{2}"), ("%z", "(Z|[+-][0-9]{4})"), ("", "")):
                layout = f"%Y-%m-%d{separator}{clock}{zone}"
                arguments = ottl.text(layout) + ("" if zone else ', "UTC"')
                found.append((f"{day}{separator}{digits}{tail}$", arguments))
    return [
        *(
            f"set(time, Time({value}, {arguments})) where {none} and IsMatch({value}, {ottl.text(match)})"
            for match, arguments in found
        ),
        f'set(attributes["timestamp_text"], {value}) where {none} and {value} != nil',
        f"set(time, observed_time) where {none}",
        'delete_key(attributes, "timestamp")',
    ]


_LEVELS = (
    ("debug", "^(debug|trace|verbose|fine|finer|finest)$"),
    ("info", "^(info|information|notice)$"),
    ("warning", "^(warn|warning)$"),
    ("error", "^(err|error|severe)$"),
    ("critical", "^(critical|crit|fatal|panic|alert|emerg|emergency)$"),
)


def _level() -> list[str]:
    """One set of names, lower case. A record that does not say is `info`, but is never thinned out."""
    return [
        *(
            f'set(attributes["log_level"], attributes["{other}"]) where attributes["log_level"] == nil'
            for other in ("level", "severity")
        ),
        'set(cache["level"], String(attributes["log_level"])) where attributes["log_level"] != nil',
        'set(cache["level"], ToLowerCase(cache["level"])) where cache["level"] != nil',
        *(
            ottl.put('attributes["log_level"]', name, f'IsMatch(cache["level"], {ottl.text(match)})')
            for name, match in _LEVELS
        ),
        'set(attributes["log_level"], "info") where attributes["log_level"] == nil',
    ]


def _enrich(spec: Spec) -> list[str]:
    """What a record lacks of service and environment, and what the stack puts on every one."""
    labels = spec.environment.labels
    service = 'attributes["service"]'
    return [
        f'set({service}, resource.attributes["service"]) where {service} == nil or {service} == ""',
        *(
            ottl.put(
                f'attributes["{key}"]',
                labels[key],
                f'attributes["{key}"] == nil or attributes["{key}"] == ""',
            )
            for key in sorted(labels)
        ),
        *(
            ottl.put(f"attributes[{ottl.text(key)}]", value)
            for key, value in sorted(spec.logging.enrichment.items())
        ),
    ]


def _sampled(spec: Spec) -> dict[str, float]:
    """Level -> share that is kept, where it is not all."""
    sampling = spec.logging.sampling
    return {
        level: share for level, share in (("debug", sampling.debug), ("info", sampling.info)) if share < 1
    }


def _sample(spec: Spec) -> list[str]:
    """Marks what is not kept. The choice falls by trace where there is one, so that the lines of one request
    stay or go together. Only records whose level was read from the line are thinned out."""
    shares = _sampled(spec)
    if not shares:
        return []
    found = [
        f'set(cache["key"], attributes["{UID}"])',
        'set(cache["trace"], attributes["trace_id"])',
        'set(cache["key"], SHA256(cache["trace"])) where IsMatch(cache["trace"], "^[0-9a-f]{32}$")',
    ]
    for level, share in shares.items():
        condition = f'cache["level"] != nil and attributes["log_level"] == "{level}"'
        if share > 0:
            limit = min(round(share * 2**32), 2**32 - 1)
            condition += f' and Substring(cache["key"], 0, 8) >= "{limit:08x}"'
        found.append(f'set(attributes["{DROP}"], true) where {condition}')
    return found
