"""Fluent Bit beside a service's container, as FireLens of ECS has it: what the container writes comes over a
socket, and becomes the very records that a file's lines become.

The container runtime says when it read each line, to the nanosecond, and in which container: that is what a
record's id is made of in place of a file and an offset.
"""

import posixpath
from typing import Any

from components.render import fluent_bit
from components.render.collector_files import Source
from components.render.document import Document, Documents
from components.site import Site
from components.spec import Service, Spec
from components.spec.services import LogSource

SOCKET = "/var/run/fluent.sock"
"""Where FireLens has the runtime write to."""
MODULES = "record.lua"
"""The part of the script that is the same for all, which lies once for all."""
CUT_MS = 2000
"""How long the pieces of a line that the runtime cut are waited for."""


def log_of(service: Service) -> LogSource | None:
    """How what a service writes to its standard output is understood; None where nobody reads it."""
    return next((log for log in service.logs if log.captured), None) if service.run else None


def render(spec: Spec, site: Site, service: Service, conf: str) -> Documents:
    """What the shipper of one service reads in the folder `conf`, beside `shared`."""
    log = log_of(service)
    if log is None:
        return {}
    source = _source(service, log)
    config = fluent_bit.whole(spec, site, (source,), [_input(source)], _joined(source))
    told = fluent_bit.call(fluent_bit.settings(spec, (source,)))
    script = f"dofile({fluent_bit.lua_text(posixpath.join(conf, MODULES))})\n{told}"
    return {fluent_bit.CONFIG: Document(config, "yaml"), fluent_bit.SCRIPT: Document(script, "text")}


def shared() -> Documents:
    """What every shipper reads."""
    return {MODULES: Document(fluent_bit.modules(), "text")}


def _source(service: Service, log: LogSource) -> Source:
    pattern = log.pattern
    if pattern is not None and log.multiline is not None:
        pattern = f"(?s){pattern}"
    return Source(
        service.name, service.name, "", log.format, pattern, multiline=log.multiline, forwarded=True
    )


def _input(source: Source) -> dict[str, Any]:
    """While nothing more is taken the runtime waits, and the container with it once that one's buffer is
    full."""
    return {
        "name": "forward",
        "unix_path": SOCKET,
        "tag": f"logs.{source.name}",
        "buffer_chunk_size": "1M",
        "buffer_max_size": "6M",
        "storage.type": "filesystem",
        "storage.pause_on_chunks_overlimit": True,
    }


def _joined(source: Source) -> tuple[dict[str, Any], ...]:
    """Lines above 16 KiB come in pieces; or a record has several lines. Both at once Fluent Bit cannot join:
    two such filters would hand each other the same records for ever."""
    how = (
        {"mode": "partial_message", "flush_ms": CUT_MS}
        if source.multiline is None
        else {"mode": "parser", "multiline.parser": fluent_bit.parser(source)}
    )
    return (
        {
            "name": "multiline",
            "match": "logs.*",
            "multiline.key_content": "log",
            "buffer": True,
            "emitter_storage.type": "filesystem",
            **how,
        },
    )


__all__ = ["MODULES", "SOCKET", "log_of", "render", "shared"]
