"""Every line of a log file is stored, once, whatever stops in between: real collector, fake store."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import specs
from tests.engine import writer
from tests.engine.collector_host import CollectorHost, running
from tests.engine.node import Node
from tests.engine.writer import Writer, line
from tests.waiting import until

pytestmark = pytest.mark.engine
CARD = "4111111111111111"
QUICK: dict[str, Any] = {"inputs": [], "buffer": {"flush_interval": "100ms"}, "sampling": {"debug": 1.0}}


@pytest.fixture
def program(engine_program: Callable[[str, str], Path]) -> str:
    return str(engine_program("otelcol", "otelcol"))


@pytest.fixture
def host(tmp_path: Path, program: str) -> Iterator[CollectorHost]:
    with running(tmp_path / "state", program, specs.spec(logging=QUICK)) as started:
        yield started


def messages(host: CollectorHost) -> Counter[str]:
    return Counter(document["message"] for document in host.store.find("logs-2"))


def test_nothing_is_lost_or_doubled(host: CollectorHost) -> None:
    """The store is away; lines keep coming and files are rotated; the collector is killed three times, asked
    to end once, and reloaded once; then the store comes back."""
    writer = Writer(host.log_file("gateway"), rate=400, rotate=1500)
    writer.start()
    until(lambda: host.store.count() > 200, "the first lines are stored")
    host.store.close()
    for end in (host.kill, host.kill, host.stop, host.kill):
        writer.wait_for(400)
        end()
        host.start()
    host.reload()
    writer.wait_for(200)
    assert host.store.count() < writer.written
    host.store.open()
    written = writer.end()
    until(lambda: host.store.count() >= written, "every line is stored")
    assert messages(host) == {f"line {number}": 1 for number in range(written)}


def test_a_full_queue_makes_reading_wait_and_a_stop_loses_nothing(host: CollectorHost) -> None:
    """While the pipeline pushes back, upstream's receiver moves its checkpoint past what it could not hand
    over when it is stopped; ours does not."""
    host.store.close()
    path = host.log_file("gateway")
    count = 800
    path.write_text("".join(line(number, filler="~" * 100_000) + "\n" for number in range(count)))

    def full() -> bool:
        metrics = host.metrics()
        size, room = metrics["otelcol_exporter_queue_size"], 64 * 2**20
        return size > room - 100 * 101_000

    buffer = {"flush_interval": "100ms", "size": "64MiB"}
    host.configure(specs.spec(logging={**QUICK, "buffer": buffer, "redaction": []}))
    host.reload()
    until(full, "the queue is full")
    host.stop()
    host.start()
    host.reload()
    host.store.open()
    until(lambda: host.store.count() >= count, "every line is stored")
    assert messages(host) == {f"line {number}": 1 for number in range(count)}


def test_what_the_store_refuses_is_kept_beside(host: CollectorHost) -> None:
    host.store.refuse = lambda index, _id, doc: (
        400 if index.startswith("logs-2") and doc.get("strange") == "odd" else 0
    )
    host.log_file("orders").write_text(line(1) + "\n" + line(2, strange="odd") + "\n" + line(3) + "\n")
    until(lambda: host.store.count() == 3, "all three are stored")
    assert set(messages(host)) == {"line 1", "line 3"}
    (kept,) = host.store.find("logs-rejected-2")
    assert kept["service"] == "orders"
    assert json.loads(kept["message"])["strange"] == "odd"
    rejected = "otelcol_opensearchlogs_rejected_records_total"
    until(lambda: host.metrics()[rejected] == 1, "it is counted")


def test_records_are_in_the_schema_and_hold_no_card_number(host: CollectorHost) -> None:
    lines = [
        line(1, "ERROR", trace_id="a" * 32, deep={"card": int(CARD), "list": [f"card {CARD}"]}),
        f"Traceback (most recent call last): {CARD}",
        '{"broken": ',
        line(4, "warn", exception=f"ValueError: {CARD}\n  at x"),
        line(5, "info", **{"log.record.uid": "chosen", "obs.drop": True}),
    ]
    host.log_file("orders").write_text("\n".join(lines) + "\n")
    until(lambda: host.store.count() == len(lines), "all lines are stored")
    assert CARD not in json.dumps(host.store.find())
    assert "chosen" not in {identity for _, identity in host.store.documents}
    by_message = {document["message"]: document for document in host.store.find()}
    levels = {message: document["log_level"] for message, document in by_message.items()}
    assert levels == {
        "line 1": "error",
        "Traceback (most recent call last): [card]": "info",
        '{"broken":': "info",
        "line 4": "warning",
        "line 5": "info",
    }
    assert by_message['{"broken":']["parse_error"] == "not a JSON object"
    assert by_message["line 1"]["deep"] == {"card": "[card]", "list": ["card [card]"]}
    for document in host.store.find():
        common = {"service": "orders", "env": "local", "cluster": "workstation", "datacentre": "here"}
        assert common.items() <= document.items()


def test_sampling_thins_out_only_the_levels_it_is_told_to(tmp_path: Path, program: str) -> None:
    """And keeps or drops the lines of one trace together."""
    count = 400
    lines = [
        line(number * 10 + position, level, trace_id=f"{number:032x}")
        for number in range(count)
        for position, level in enumerate(("debug", "debug", "info", "warning", "error", "critical"))
    ]
    spec = specs.spec(logging={**QUICK, "sampling": {"debug": 0.25, "info": 0.0}})
    with running(tmp_path / "state", program, spec) as host:
        host.log_file("orders").write_text("\n".join(lines) + "\n" + "no level here\n")
        until(lambda: host.store.count() >= 3 * count, "unsampled levels are stored")
        read = "otelcol_receiver_accepted_log_records_total"
        kept = "otelcol_opensearchlogs_created_records_total"
        dropped = "otelcol_logrecord_sampled_records_total"
        everything = len(lines) + 1

        def done() -> bool:
            metrics = host.metrics()
            return metrics[read] == everything and metrics[kept] + metrics[dropped] == everything

        until(done, "all lines are through")
        found = host.store.find()
    levels = Counter(document["log_level"] for document in found)
    assert {levels[name] for name in ("warning", "error", "critical")} == {count}
    assert levels["info"] == 1  # the line that does not say its level
    assert 0.15 < levels["debug"] / (2 * count) < 0.35
    traces = Counter(document["trace_id"] for document in found if document["log_level"] == "debug")
    assert set(traces.values()) == {2}


ODD = (
    '"timestamp": "1999-12-31T23:59:59Z"',
    '"timestamp": "0001-01-01T00:00:00Z"',
    '"time": "9999-12-31T23:59:59Z"',
    '"ts": 5',
    '"http_status": "odd", "duration_ms": NaN',
    '"http_status": 1e400, "duration_ms": [1, {"x": 2}]',
    '"http_status": 99999999999999999999',
    '"service": {"name": "orders", "version": 7}, "team": {"lead": "x"}',
    '"service.name": "orders", "service.node.name": "n"',
    '"": 1, ".a": 2, "a..b": 3, "a.": 4, " ": 5',
    '"_id": "x", "_source": {"a": 1}, "_ignored": 2, "_field_names": 3, "_doc_count": "many"',
    '"a": 1, "a.b": 2, "a.b.c": {"": 1, "..": 2, "_id": 3}',
    '"x": 1, "x": 2',
    '"deep": ' + "[" * 900 + "]" * 900,
    '"wide": {' + ", ".join(f'"k{n}": {n}' for n in range(3000)) + "}",
    ", ".join(f'"k{n}": {n}' for n in range(3000)),
    '"' + "k" * 60_000 + '": 1',
    '"http_path": "' + "p" * 60_000 + '"',
    '"http_path": {"": null}',
    '"parse_error": {"a": 1}, "unparsed": 5, "timestamp_text": [[]]',
    '"message.raw": 1, "timestamp.x": 2, "log_level.y": 3',
)
"""What people's lines hold and OpenSearch refuses the whole record for, if it gets it as it is."""


def test_opensearch_takes_what_fits_and_keeps_the_rest_beside(opensearch: Node, program: str) -> None:
    """The real store: TLS, user and role, mapping, the same line a second time."""
    spec = opensearch.spec
    host = CollectorHost(opensearch.state, program, spec, spec.deploy.port_base, fake=False)
    day = f"{writer.TODAY:%Y.%m.%d}"
    try:
        host.start()
        odd = [f'{{"log_level": "info", "message": "odd {n}", {text}}}' for n, text in enumerate(ODD)]
        path = host.log_file("orders")
        path.write_text(line(1) + "\n")
        until(lambda: opensearch.documents("logs-2*") == 1, "the first is stored")
        host.kill()
        (checkpoint,) = (host.conf.parent / "data/logs").glob("receiver_logfiles_orders")
        earlier = checkpoint.read_bytes()
        host.start()
        with path.open("a") as file:
            file.write("\n".join(odd) + "\n")

        def stored() -> int:
            return opensearch.documents("logs-2*") + opensearch.documents("logs-rejected-2*")

        until(lambda: stored() == 1 + len(odd), "all are stored")
        assert opensearch.documents("logs-rejected-2*") == 0
        with opensearch.admin() as client:
            # Somebody gave the index of the day a field of their own.
            mapping = {"properties": {"strange": {"type": "long"}}}
            client.put(f"/logs-{day}/_mapping", json=mapping).raise_for_status()
        with path.open("a") as file:
            file.write(line(2, strange="odd") + "\n" + line(3, order_id=1178291287366377482) + "\n")
        until(lambda: opensearch.documents("logs-rejected-2*") == 1, "one does not fit")
        until(lambda: opensearch.documents("logs-2*") == 2 + len(odd), "the other does")
        host.kill()
        checkpoint.write_bytes(earlier)
        host.start()
        known = "otelcol_opensearchlogs_duplicates_records_total"
        until(lambda: host.metrics().get(known, 0) >= 2 + len(odd), "they are known")
        assert opensearch.documents("logs-2*") == 2 + len(odd)
        assert opensearch.documents("logs-rejected-2*") == 1
        with opensearch.client("reader") as client:
            (kept,) = client.get("/logs-rejected-2*/_search").json()["hits"]["hits"]
            query = {"query": {"match_phrase": {"message": "line 3"}}}
            (found,) = client.post("/logs-2*/_search", json=query).json()["hits"]["hits"]
        assert json.loads(kept["_source"]["message"])["strange"] == "odd"
        assert kept["_source"]["error.type"] == "mapper_parsing_exception"
        assert found["_source"]["order_id"] == 1178291287366377482
    finally:
        host.kill()
        with opensearch.admin() as client:
            for pattern in ("logs-2*", "logs-rejected-2*"):
                rows = client.get(f"/_cat/indices/{pattern}", params={"format": "json", "h": "index"}).json()
                for row in rows:
                    client.delete(f"/{row['index']}")


def test_wrong_settings_are_refused_before_they_run(host: CollectorHost, program: str) -> None:
    (host.conf / "collector.yaml").write_text("receivers: {logfiles/x: {include: []}}\n")
    result = subprocess.run(
        [program, "validate", "--config", "collector.yaml"], cwd=host.conf, capture_output=True, check=False
    )
    assert result.returncode != 0
