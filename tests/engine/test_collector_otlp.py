"""What OpenTelemetry clients send beside spans, through the real collector: the SDK, over both protocols."""

import json
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from tests import specs
from tests.engine.collector_host import CollectorHost, running
from tests.waiting import until

pytestmark = pytest.mark.engine
CARD = "4111111111111111"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HOUR_AGO = int(time.time()) - 3600
Json = dict[str, Any]


@pytest.fixture(scope="module")
def host(
    tmp_path_factory: pytest.TempPathFactory, engine_program: Callable[[str, str], Path]
) -> Iterator[CollectorHost]:
    program = str(engine_program("otelcol", "otelcol"))
    quick = {"inputs": [], "buffer": {"flush_interval": "100ms"}, "sampling": {"debug": 0.0}}
    with running(tmp_path_factory.mktemp("otlp") / "state", program, specs.spec(logging=quick)) as started:
        yield started


def found(host: CollectorHost, service: str, count: int = 1) -> list[Json]:
    """The service's records, as soon as there are so many."""

    def of_service() -> list[Json]:
        return [document for document in host.store.find("logs-2") if document["service"] == service]

    until(lambda: len(of_service()) >= count, f"{count} records of {service} are stored")
    return of_service()


def attributes(values: Json) -> list[Json]:
    kinds = {bool: "boolValue", int: "intValue", str: "stringValue"}
    return [{"key": key, "value": {kinds[type(value)]: value}} for key, value in values.items()]


def send(host: CollectorHost, service: str, *records: Json) -> None:
    """Records as JSON over HTTP, as a client of any language could."""
    resource = {"attributes": attributes({"service.name": service} if service else {})}
    body = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": list(records)}]}]}
    answer = httpx.post(f"http://{host.site.dial('collector-otlp-http')}/v1/logs", json=body, timeout=10)
    assert answer.status_code == 200, answer.text


def record(message: str, level: int = 9, values: Json | None = None) -> Json:
    return {
        "timeUnixNano": str(time.time_ns()),
        "severityNumber": level,
        "body": {"stringValue": message},
        "attributes": attributes(values or {}),
    }


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_records_of_the_sdk_are_in_the_schema(host: CollectorHost, protocol: str) -> None:
    service = f"orders-{protocol}"
    provider = LoggerProvider(Resource({"service.name": service, "service.version": "7"}))
    exporter = (
        GrpcLogs(endpoint=f"http://{host.site.dial('collector-otlp-grpc')}", insecure=True)
        if protocol == "grpc"
        else HttpLogs(endpoint=f"http://{host.site.dial('collector-otlp-http')}/v1/logs")
    )
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    logger = logging.Logger("shop.orders")
    logger.addHandler(LoggingHandler(logger_provider=provider))
    with trace.get_tracer("t", tracer_provider=TracerProvider()).start_as_current_span("pay") as span:
        logger.warning("paid with %s", CARD, extra={"order_id": 17, "card": "4111 1111 1111 1111"})
    provider.shutdown()
    (stored,) = found(host, service)
    context = span.get_span_context()
    want = {
        "message": "paid with [card]",
        "log_level": "warning",
        "logger": "shop.orders",
        "trace_id": format(context.trace_id, "032x"),
        "span_id": format(context.span_id, "016x"),
        "order_id": 17,
        "card": "[card]",
        "env": "local",
        "datacentre": "here",
    }
    assert want.items() <= stored.items()
    assert stored["resource"]["service.version"] == "7"
    assert (
        abs(time.time() - time.mktime(time.strptime(stored["timestamp"][:19], "%Y-%m-%dT%H:%M:%S"))) < 86_400
    )


def test_a_record_with_an_id_is_stored_once_in_its_service(host: CollectorHost) -> None:
    same = record("once", values={"log.record.uid": "chosen"})
    for _ in range(3):
        send(host, "sender", same)
    send(host, "other-sender", same)
    send(host, "sender", record("last"))
    assert sorted(document["message"] for document in found(host, "sender", 2)) == ["last", "once"]
    assert len(found(host, "other-sender")) == 1
    assert "chosen" not in {identity for _, identity in host.store.documents}


def test_records_without_an_id_are_all_stored(host: CollectorHost) -> None:
    same = record("again")
    send(host, "repeater", same, same)
    send(host, "repeater", same)
    assert len(found(host, "repeater", 3)) == 3


SAID: list[tuple[Json, Json]] = [
    ({"severityNumber": 24}, {"log_level": "critical"}),
    ({"severityNumber": 17, "severityText": "SEVERE"}, {"log_level": "error"}),
    ({"severityNumber": 0, "severityText": "Warn"}, {"log_level": "warning"}),
    ({"severityNumber": 0, "attributes": attributes({"level": "ERROR"})}, {"log_level": "error"}),
    ({"severityNumber": 0}, {"log_level": "info", "trace_id": None, "span_id": None}),
    (
        {"timeUnixNano": "0", "observedTimeUnixNano": f"{HOUR_AGO}000000001"},
        {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000000001Z", time.gmtime(HOUR_AGO))},
    ),
    (
        {"timeUnixNano": "5"},
        {"timestamp_text": "1970-01-01T00:00:00.000000005Z", "parse_error": "time outside the window"},
    ),
    ({"traceId": TRACE, "attributes": attributes({"trace_id": "else"})}, {"trace_id": TRACE}),
    ({"attributes": attributes({"transaction.id": "t-1"})}, {"transaction_id": "t-1"}),
    ({"eventName": "cart.paid"}, {"event_name": "cart.paid"}),
    ({"attributes": attributes({"message": "mine"})}, {"message": "m", "message_attribute": "mine"}),
    ({"attributes": attributes({"obs.drop": True})}, {"message": "m"}),
    ({"attributes": attributes({"env": "elsewhere"})}, {"env": "elsewhere"}),
    ({"body": {"intValue": "7"}}, {"message": "7"}),
    ({"body": {"arrayValue": {"values": [{"stringValue": "a"}]}}}, {"message": '["a"]'}),
    (
        {"body": {"kvlistValue": {"values": attributes({"message": "deep", "x": 1})}}},
        {"message": "deep", "x": 1},
    ),
    ({"body": {"kvlistValue": {"values": attributes({"a": 1})}}}, {"message": '{"a":1}', "a": 1}),
    ({"body": {"stringValue": "card 4111%201111%201111%201111"}}, {"message": "card [card]"}),
    ({"attributes": attributes({"transaction_id": CARD})}, {"transaction_id": "[card]"}),
]


@pytest.mark.parametrize(("given", "want"), SAID)
def test_what_a_client_says_stands_where_a_line_has_it(host: CollectorHost, given: Json, want: Json) -> None:
    service = f"says-{secrets.token_hex(4)}"
    send(host, service, {**record("m"), **given})
    (stored,) = found(host, service)
    assert {key: stored.get(key) for key in want} == want


def test_sampling_is_that_of_lines(host: CollectorHost) -> None:
    send(host, "chatty", record("hidden", level=5), record("shown", level=9), record("end", level=17))
    assert {document["message"] for document in found(host, "chatty", 2)} == {"shown", "end"}


def test_a_client_that_does_not_say_who_it_is(host: CollectorHost) -> None:
    send(host, "", record("from nobody"))
    assert found(host, "unknown_service")[0]["message"] == "from nobody"


def test_a_refused_record_is_kept_beside_without_its_card(host: CollectorHost) -> None:
    host.store.refuse = lambda index, _id, doc: (
        400 if index.startswith("logs-2") and doc.get("service") == "refused" else 0
    )
    send(host, "refused", record(f"pay {CARD}", values={"number": int(CARD)}))
    until(lambda: host.store.count("logs-rejected-2") == 1, "it is kept")
    (kept,) = host.store.find("logs-rejected-2")
    assert json.loads(kept["message"])["number"] == "[card]"
    assert CARD not in json.dumps(kept)
