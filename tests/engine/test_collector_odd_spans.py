"""Spans that the store or a limit would have swallowed: all of them reach Jaeger, mended and marked."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine import test_collector_traces as traces
from tests.engine.collector_host import CollectorHost
from tests.waiting import until

pytestmark = pytest.mark.engine
DAY = 86_400 * 10**9


@pytest.fixture
def host(tmp_path: Path, engine_program: Callable[[str, str], Path]) -> Iterator[CollectorHost]:
    yield from traces.started(tmp_path, str(engine_program("otelcol", "otelcol")))


def odd(name: str, **changes: Any) -> dict[str, Any]:
    """A failed span, so that it is kept, changed."""
    return {**traces.span(name, error="no"), **changes}


def found(host: CollectorHost) -> dict[str, dict[str, Any]]:
    return {span["name"]: span for span in traces.kept(host)}


def marks(span: dict[str, Any]) -> dict[str, Any]:
    values = {item["key"]: next(iter(item["value"].values())) for item in span.get("attributes", [])}
    return {key: value for key, value in values.items() if key.startswith("obs.")}


def test_a_failed_trace_of_five_megabytes_is_kept_whole(host: CollectorHost) -> None:
    trace = "5" * 32
    spans = [
        {**traces.span(f"n{number}", values={"text": "x" * 6000}), "traceId": trace} for number in range(900)
    ]
    spans[450]["status"] = {"code": 2}
    spans[451]["attributes"] = traces.attributes({"db.statement": "y" * 3_000_000, "kept": "whole"})
    for start in range(0, 900, 300):
        traces.send(host, spans[start : start + 300])
    traces.send(host, [traces.span("wide", error="no", values={f"key{n}": n for n in range(9000)})])
    until(lambda: len(found(host)) == 901, "every span is there", seconds=60)
    kept = found(host)
    assert marks(kept["n451"]) == {"obs.truncated": True}
    assert {"key": "kept", "value": {"stringValue": "whole"}} in kept["n451"]["attributes"]
    assert marks(kept["wide"])["obs.truncated"] is True
    assert not marks(kept["n450"])
    assert "Dropping data" not in host.output.read_text()


def test_odd_times_and_ids_are_mended_and_marked(host: CollectorHost) -> None:
    now = time.time_ns()
    times = {
        "backwards": (now, now - 10**9),
        "no end": (now, 0),
        "no start": (0, now),
        "no time": (0, 0),
        "board": (5 * 10**9, 6 * 10**9),
        "seconds": (now // 10**9, now // 10**9 + 1),
        "last century": (now - 27 * 365 * DAY, now - 27 * 365 * DAY + 5),
        "older than kept": (now - 9 * DAY, now - 9 * DAY + 5),
        "tomorrow": (now + DAY, now + DAY + 5),
        "never": (2**64 - 2, 2**64 - 1),
    }
    for name, (start, end) in times.items():
        traces.send(host, [odd(name, startTimeUnixNano=str(start), endTimeUnixNano=str(end))])
    traces.send(host, [odd("sane"), odd("no trace", traceId="0" * 32), odd("no span", spanId="")])
    until(lambda: len(found(host)) == len(times) + 3, "every span is there", seconds=60)
    kept = found(host)
    for name, (start, end) in times.items():
        got = marks(kept[name])
        assert got.pop("obs.time_mended") is True, name
        assert got == {
            "obs.original.start_time_unix_nano": str(start),
            "obs.original.end_time_unix_nano": str(end),
        }, name
        at = int(kept[name]["startTimeUnixNano"]), int(kept[name]["endTimeUnixNano"])
        assert now - 7 * DAY < at[0] <= at[1] < now + DAY // 24, name
    assert marks(kept["sane"]) == {}
    assert marks(kept["no trace"]) == {"obs.ids_mended": "trace_id"}
    assert marks(kept["no span"]) == {"obs.ids_mended": "span_id"}
    assert len({span["traceId"] for span in kept.values()}) == len(kept)
    counted = traces.calls(host, "board")
    assert counted or until(lambda: traces.calls(host, "board"), "it is counted too")
    assert host.metrics()["otelcol_mend_spans_total"] == len(times) + 2
    assert json.dumps(kept).count("unknown_service") == 0
