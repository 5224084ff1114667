"""Fluent Bit as the shipper of a node's log files, in its YAML: the same records in the same indices as the
collector's agent makes (docs/adr/0022-fluent-bit.md).

Its own parsers and filters cannot do what a record needs (a number as it was written, a field that does not
fit, a card's check digit), and a script of Lua can; so each line comes whole, and `lua/` makes a record of
it.
"""

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from components.render import collector_files, collector_logs, collector_process
from components.render.collector_files import RUNTIME, Source
from components.render.document import Document, Documents
from components.render.opensearch_store import field_types, rejected_prefix
from components.render.re2_tree import NotCommonError, lua_program, onigmo, tree
from components.site import Site
from components.spec import Spec, milliseconds, size_bytes
from components.spec.logging import Buffer, Multiline
from components.spec.problem import KeyPath, Problem

NAME = "fluent-bit"
CONFIG = "fluent-bit.yaml"
SCRIPT = "logs.lua"
PASSWORD = collector_logs.PROGRAM.password
"""The store knows shippers as one user."""
ID, INDEX = "record_uid", "record_index"
"""Fields with the document's id, and with the index of a record that was rejected."""
METRICS = "/api/v2/metrics/prometheus"
"""The path of its own metrics."""
CHUNK_MIB = 2
"""How much is sent in one request, about."""

_MODULES = (
    "json", "times", "words", "hints", "schema", "regex", "place", "record", "cards", "scrub", "sha256",
    "cri", "pipeline",
)  # fmt: skip
_LUA = {
    name: files("components.render").joinpath("lua", f"{name}.lua").read_text("utf-8") for name in _MODULES
}


@dataclass(frozen=True)
class Reference:
    """What Fluent Bit expands itself; no other text of a configuration has `${`."""

    name: str

    def __str__(self) -> str:
        return f"${{{self.name}}}"


def render(spec: Spec, site: Site) -> Documents:
    """`fluent-bit.yaml` and the script that it calls; nothing where there is no log to read."""
    sources = collector_files.sources(spec, site)
    if not sources:
        return {}
    config = whole(spec, site, sources, [_input(site, source, sources) for source in sources])
    return {CONFIG: Document(config, "yaml"), SCRIPT: Document(script(settings(spec, sources)), "text")}


def whole(
    spec: Spec,
    site: Site,
    sources: tuple[Source, ...],
    inputs: list[dict[str, Any]],
    joined: tuple[dict[str, Any], ...] = (),
) -> dict[str, Any]:
    """A configuration; `joined`: filters that make whole records before the script has them."""
    return {
        "env": [{"name": "STORE_PASSWORD", "uri": f"file://{site.secret(PASSWORD)}"}],
        "service": service(spec, site),
        **({"multiline_parsers": parsers} if (parsers := _parsers(sources)) else {}),
        "pipeline": {
            "inputs": inputs,
            "filters": [*joined, _filter()],
            "outputs": [_output(spec, site)],
        },
    }


def refusals(spec: Spec, instead: str) -> list[Problem]:
    """What of the logging pillar this shipper cannot do; `instead`: what else to do, as words."""
    found, buffer = [], spec.logging.buffer
    if buffer.batch != Buffer.model_fields["batch"].default:
        expected = (
            f"expected none: fluent-bit sends {CHUNK_MIB} MiB at once, however many records; take it out, "
        )
        found.append(Problem(("logging", "buffer", "batch"), buffer.batch, expected + instead))
    for place, path, pattern, multiline in _sources(spec):
        if path and (strange := [sign for sign in ("**", ",", "$") if sign in path]):
            expected = f"expected a path without {strange[0]!r}, read otherwise by fluent-bit, {instead}"
            found.append(Problem((*place, "path"), path, expected))
        if pattern is not None:
            found += _pattern((*place, "pattern"), pattern, instead)
        if multiline is not None:
            found += _pattern((*place, "multiline", "start_pattern"), multiline.start_pattern, instead)
            if multiline.max_lines != Multiline.model_fields["max_lines"].default:
                expected = (
                    f"expected none: fluent-bit bounds a record by its size alone; take it out, {instead}"
                )
                found.append(Problem((*place, "multiline", "max_lines"), multiline.max_lines, expected))
    for index, rule in enumerate(spec.logging.redaction):
        if rule.pattern is not None:
            found += _pattern(("logging", "redaction", index, "pattern"), rule.pattern, instead)
    return found


def _sources(spec: Spec) -> list[tuple[KeyPath, str | None, str | None, Multiline | None]]:
    services = [
        (("services", index, "logs", position), log.path, log.pattern, log.multiline)
        for index, service in enumerate(spec.services)
        for position, log in enumerate(service.logs)
    ]
    inputs = [
        (("logging", "inputs", index), item.path, item.pattern, item.multiline)
        for index, item in enumerate(spec.logging.inputs)
    ]
    return [*services, *inputs]


def _pattern(path: KeyPath, pattern: str, instead: str) -> list[Problem]:
    try:
        lua_program(pattern)
    except NotCommonError as error:
        return [Problem(path, pattern, f"expected no {error}, which fluent-bit cannot be told, {instead}")]
    return []


def service(spec: Spec, site: Site) -> dict[str, Any]:
    """Reading waits when there are as many chunks as the buffer takes, and goes on as they are stored."""
    return {
        "flush": milliseconds(spec.logging.buffer.flush_interval) / 1000,
        "grace": 20,
        "log_level": "info",
        "http_server": True,
        "health_check": True,
        "scheduler.base": 1,
        "scheduler.cap": 10,
        "storage.path": f"{site.data(NAME)}/queue",
        "storage.sync": "full",
        "storage.checksum": True,
        "storage.max_chunks_up": size_bytes(spec.logging.buffer.size) // (CHUNK_MIB * 2**20),
        "storage.backlog.mem_limit": "16M",
        "storage.metrics": True,
        "multiline_buffer_limit": "2MB",
    }


def parser(source: Source) -> str:
    """The name of what joins the lines of a record."""
    return f"start-{source.name}"


def _parsers(sources: tuple[Source, ...]) -> list[dict[str, Any]]:
    """A record of several lines ends where the next begins, or when no line came for so long."""
    found = []
    for source in sources:
        if source.multiline is None:
            continue
        start = _start(source, source.multiline)
        found.append(
            {
                "name": parser(source),
                "type": "regex",
                "flush_timeout": milliseconds(source.multiline.max_wait),
                "rules": [
                    {"state": "start_state", "regex": f"/{start}/", "next_state": "more"},
                    {"state": "more", "regex": f"/^(?!{start})/", "next_state": "more"},
                ],
            }
        )
    return found


def _start(source: Source, multiline: Multiline) -> str:
    """From the beginning of a line on; behind the runtime's words where there are any."""
    words = onigmo(tree(RUNTIME.removeprefix("^"))) if source.wrapped else ""
    return f"^{words}(?:{_behind(multiline.start_pattern)})"


def _behind(pattern: str) -> str:
    """A start pattern that stands at the beginning, or anywhere in the line."""
    anchored = pattern.startswith("^") and "|" not in pattern
    return onigmo(tree(pattern[1:])) if anchored else f".*(?:{onigmo(tree(pattern))})"


def _input(site: Site, source: Source, sources: tuple[Source, ...]) -> dict[str, Any]:
    """From the beginning of each file on; the place in each is kept on the node."""
    own = f"{site.folders.log}/{site.folders.log_file}".format(program=NAME)
    excluded = collector_files.excluded(source, sources)
    if collector_files.may_meet(source.path, own):
        excluded = sorted({*excluded, own})
    multiline = parser(source) if source.multiline else "cri" if source.wrapped else None
    return {
        "name": "tail",
        "tag": f"logs.{source.name}",
        "path": source.path,
        **({"exclude_path": ",".join(excluded)} if excluded else {}),
        "path_key": "path",
        "offset_key": "offset",
        "key": "log",
        **({"multiline.parser": multiline} if multiline else {}),
        "read_from_head": True,
        "refresh_interval": 5,
        "rotate_wait": 30,
        "buffer_chunk_size": "64k",
        "buffer_max_size": "256k",
        # What is longer is cut, and its file read on.
        "skip_long_lines": True,
        "truncate_long_lines": True,
        "db": f"{site.data(NAME)}/{source.name}.db",
        "db.sync": "full",
        "db.locking": True,
        "storage.type": "filesystem",
        "storage.pause_on_chunks_overlimit": True,
    }


def _filter() -> dict[str, Any]:
    return {
        "name": "lua",
        "match": "logs.*",
        "script": SCRIPT,
        "call": "make_record",
        "time_as_table": True,
        "enable_flb_null": True,
        "protected_mode": True,
    }


def _output(spec: Spec, site: Site) -> dict[str, Any]:
    """Documents are only ever created, under the line's own id: what was taken before is answered 409, which
    counts as taken."""
    host, _, port = site.dial("opensearch").rpartition(":")
    return {
        "name": "opensearch",
        "match": "logs.*",
        "host": host,
        "port": int(port),
        "http_user": collector_logs.PROGRAM.user,
        "http_passwd": str(Reference("STORE_PASSWORD")),
        "tls": True,
        "tls.verify": True,
        "tls.verify_hostname": True,
        "tls.ca_file": site.store_ca,
        "logstash_format": True,
        "logstash_prefix": spec.logging.index.prefix,
        "logstash_prefix_key": f"${INDEX}",
        "logstash_dateformat": "%Y.%m.%d",
        "time_key": "timestamp",
        "time_key_nanos": True,
        "suppress_type_name": True,
        "write_operation": "create",
        "id_key": ID,
        "buffer_size": False,
        "retry_limit": "no_limits",
    }


def script(told: dict[str, Any]) -> str:
    """Each module as its file has it, then what a stack tells them."""
    return f"{modules()}\n{call(told)}"


def modules() -> str:
    """Those that make a record, the same for every stack."""
    return "\n".join(
        f"package.preload[{lua_text(name)}] = function(...)\n{text}end\n" for name, text in _LUA.items()
    )


def call(told: dict[str, Any]) -> str:
    """What Fluent Bit calls, with what a stack tells it."""
    return f"make_record = require('pipeline').new({lua_text(told)})\n"


def settings(spec: Spec, sources: tuple[Source, ...]) -> dict[str, Any]:
    """What a stack tells the script."""
    sampling = (("debug", spec.logging.sampling.debug), ("info", spec.logging.sampling.info))
    return {
        "id_key": ID,
        "index_key": INDEX,
        "rejected": rejected_prefix(spec),
        "fields": field_types(spec),
        "labels": dict(spec.environment.labels),
        "enrichment": dict(spec.logging.enrichment),
        # Of the first 32 bits of a hash, those below are kept.
        "sampling": {level: round(share * 2**32) for level, share in sampling if share < 1},
        "window": {"past": milliseconds(spec.logging.retention) // 1000 + 86_400, "future": 86_400},
        "whole_ids": [ID, *collector_process.whole_ids(spec)],
        "rules": [
            {
                "replacement": rule.replacement,
                **({"check": rule.check} if rule.check else {}),
                **({"program": lua_program(rule.pattern)} if rule.pattern else {}),
            }
            for rule in spec.logging.redaction
        ],
        "sources": {f"logs.{source.name}": described(source) for source in sources},
    }


def described(source: Source) -> dict[str, Any]:
    """What the script is told of a source."""
    return {
        "service": source.service,
        "format": source.format,
        "wrapped": source.wrapped,
        **({"forwarded": True} if source.forwarded else {}),
        **({"program": lua_program(source.pattern)} if source.pattern is not None else {}),
    }


def lua_text(value: Any, depth: int = 0) -> str:
    """A value as Lua writes it: a line for each entry of what is nested at most twice."""
    if isinstance(value, dict):
        items = [f"[{lua_text(key)}] = {lua_text(value[key], depth + 1)}" for key in sorted(value)]
    elif isinstance(value, (list, tuple)):
        items = [lua_text(item, depth + 1) for item in value]
    elif isinstance(value, bool):
        return "true" if value else "false"
    elif isinstance(value, (int, float)):
        return repr(value)
    else:
        return _quoted(value)
    if depth > 2 or not items:
        return "{" + ", ".join(items) + "}"
    margin = "  " * depth
    return "{\n" + "".join(f"{margin}  {item},\n" for item in items) + margin + "}"


def _quoted(text: str) -> str:
    """Whatever it holds, it stays one string."""
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else _bytes(c) for c in text) + '"'


def _bytes(character: str) -> str:
    return "".join(f"\\{byte:03d}" for byte in character.encode())
