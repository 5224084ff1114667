"""What Fluent Bit's script makes of lines: the collector's own cases, in LuaJIT."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from components.render import fluent_bit
from tests.render import fluent_bit_script, go_cases
from tests.render.fluent_bit_script import Script

NOW, READ = 1_795_608_000, (1_795_607_999, 0)
"""2026-11-25T12:00:00Z, and a second before."""
UID = "log.record.uid"
AT = "2026-11-25T11:27:15.696Z"
PATTERN = r"^(?P<time>\S+) (?P<severity>\w+)(?: (?P<user>u\w+))? (?P<message>.*)$"
FIELDS = {
    **dict.fromkeys(
        ("log_level", "service", "trace_id", "span_id", "transaction_id", "env", "team", "datacentre"),
        "keyword",
    ),
    "timestamp": "date", "message": "text", "parse_error": "keyword", "order_id": "keyword", "ok": "boolean",
    "duration_ms": "double", "due": "date", "peer": "ip", "note": "text", "http.status": "long",
    "http_status": "long", "http.peer.name": "keyword",
}  # fmt: skip
FIELD_CASES = list(go_cases.table("logrecord/record_test.go", "fieldCases"))
SHAPE_CASES = list(go_cases.table("logrecord/shapes_test.go", "shapeCases"))
OF_THE_STACK = {"env": "local", "team": "shop", "service": "orders"}


def _whole(raw: str) -> int | str:
    """Beyond 53 bits a number is its text, of which the store makes the number again."""
    return raw if len(raw) > 15 else int(raw)


@cache
def _script() -> Script:
    sources = [
        fluent_bit_script.source("json", "json"),
        fluent_bit_script.source("text", "text"),
        fluent_bit_script.source("regex", "regex", PATTERN),
    ]
    settings = {
        "id_key": UID, "index_key": fluent_bit.INDEX, "rejected": "logs-rejected", "fields": FIELDS,
        "labels": {"env": "local", "team": "shop"}, "enrichment": {"datacentre": "here"}, "sampling": {},
        "window": {"past": 15 * 86_400, "future": 86_400}, "whole_ids": [], "rules": [],
        "sources": {f"logs.{source.name}": fluent_bit.described(source) for source in sources},
    }  # fmt: skip
    return fluent_bit_script.with_settings(settings, NOW)


def _made(form: str, line: str) -> tuple[str, dict[str, Any]]:
    """The record's time, and its fields without what the stack puts on every one."""
    made = _script().call(f"logs.{form}", READ, {"log": line, "path": "/var/log/a.log", "offset": 100})
    assert made.code == 1
    assert made.record.pop("datacentre") == "here"
    assert len(made.record.pop(UID)) == 64
    assert fluent_bit.INDEX not in made.record, made.record
    found = {key: value for key, value in made.record.items() if OF_THE_STACK.get(key) != value}
    return _written(made.at), found


def _written(at: tuple[int, int]) -> str:
    whole = datetime.fromtimestamp(at[0], UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return whole + (f".{at[1]:09d}".rstrip("0") if at[1] else "") + "Z"


def _without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if item is not None}


@pytest.mark.parametrize("case", FIELD_CASES, ids=lambda case: case[0])
def test_a_field_is_stored_as_the_collector_stores_it(case: tuple[str, str, str]) -> None:
    """But for whole numbers beyond 53 bits, which Lua has not: those are text, which the store reads."""
    _, line, wanted = case
    at, got = _made("json", f'{{"timestamp":"{AT}","log_level":"info","message":"m",{line}}}')
    assert (at, got.pop("message"), got.pop("log_level")) == (AT, "m", "info")
    want = json.loads(wanted, parse_int=_whole)
    assert _without_nulls(got) == _without_nulls(want)


@pytest.mark.parametrize("case", SHAPE_CASES, ids=lambda case: case[0])
def test_a_line_of_any_shape_is_understood_as_the_collector_does(case: tuple[str, ...]) -> None:
    _, line, at, level, message, mark = case
    time, got = _made("json", line)
    assert (time, got["log_level"], got["message"], got.get("parse_error", "")) == (at, level, message, mark)
    assert not mark.startswith("time") or got["timestamp_text"]
    assert "timestamp" not in got


LOGGERS = json.loads(
    (go_cases.FOLDER / "logrecord" / "testdata" / "loggers.json").read_text(encoding="utf-8"),
    parse_int=_whole,
)


@pytest.mark.parametrize("logger", LOGGERS, ids=lambda logger: logger["name"])
def test_lines_of_the_usual_loggers(logger: dict[str, Any]) -> None:
    time, got = _made(logger["format"], logger["line"])
    assert time == (logger["time"] or _written(READ))
    assert got["log_level"] == logger["level"]
    assert got["message"] == (logger["line"] if logger["message"] is None else logger["message"])
    assert "parse_error" not in got
    assert "unparsed" not in got
    for key, wanted in logger.get("fields", {}).items():
        assert got.get(key) == wanted


def test_a_pattern_names_fields() -> None:
    at, got = _made("regex", f"{AT} WARN went well")
    assert (at, got) == (AT, {"severity": "WARN", "log_level": "warning", "message": "went well"})
    _, got = _made("regex", "no")
    assert got == {"log_level": "info", "message": "no", "parse_error": "does not match the pattern"}


def test_there_are_cases() -> None:
    assert (len(FIELD_CASES), len(SHAPE_CASES), len(LOGGERS)) >= (43, 44, 50)
