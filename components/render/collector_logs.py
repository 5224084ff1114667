"""The collector's way of log records: identified, parsed, enriched, sampled, redacted, stored; how lines of
files are read stands in `collector_files`, how records come over OTLP in `collector_otlp`.

Three rules keep each line from being lost or doubled (docs/adr/0006-log-shipper.md):

- a line's id is made where it is read, or of file, offset and text, before anything else is done to it, so
  that reading it again gives the same document;
- nothing between file and queue gathers lines (no `batch` processor), and the queue is on disk;
- the exporter retries without end, and a full queue makes the reading wait.
"""

from collections.abc import Iterable
from typing import Any

from components.inventory import BY_NAME
from components.render import ottl
from components.render.collector_files import Source
from components.render.opensearch_store import field_types, rejected_prefix, user_of
from components.site import Site
from components.spec import Spec, milliseconds, size_bytes

UID = "log.record.uid"
"""The record attribute that becomes the document's id."""
PROGRAM = BY_NAME["collector"]
"""Agent and gateway are the same user of the store; its password is read at start and reload."""


def pipeline(receivers: Iterable[str], *first: str) -> dict[str, Any]:
    """Redaction comes after parsing, so that it sees what will be stored, and before anything is on disk.
    `first`: processors before ours, for what does not come as a line of a file does."""
    return {
        "exporters": ["opensearchlogs"],
        "processors": ["memory_limiter", *first, "logrecord", "scrub"],
        "receivers": sorted(receivers),
    }


def exporters(spec: Spec, site: Site) -> dict[str, Any]:
    """The store, with a queue on disk."""
    buffer = spec.logging.buffer
    first, *further = site.urls("opensearch")
    return {
        "opensearchlogs": {
            "endpoint": first,
            **({"further_endpoints": further} if further else {}),
            "tls": {"ca_file": site.store_ca},
            "user": user_of(spec, PROGRAM.user),
            "password": ottl.Reference(f"${{file:{site.secret(PROGRAM.password)}}}"),
            "exclude_attributes": [],
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


def processors(spec: Spec, sources: Iterable[Source] = ()) -> dict[str, Any]:
    """What makes a record of a line of `sources`: plain data for our own processor
    (docs/adr/0008-log-records.md). What comes from none of them is taken as parsed already."""
    sampling = spec.logging.sampling
    return {
        "logrecord": {
            "enrichment": dict(spec.logging.enrichment),
            "fields": field_types(spec),
            "id_attribute": UID,
            "labels": dict(spec.environment.labels),
            "sampling": {
                level: share
                for level, share in (("debug", sampling.debug), ("info", sampling.info))
                if share < 1
            },
            "sources": {
                source.name: {
                    "format": source.format,
                    **({"pattern": source.pattern} if source.pattern is not None else {}),
                }
                for source in sources
            },
            # Nothing goes into an index that retention would take at once, or that is far ahead.
            "window": {"future": "24h", "past": f"{milliseconds(spec.logging.retention) // 3_600_000 + 24}h"},
        }
    }
