"""One request through the real programs: one id, one trace, one schema, and metrics that point at it."""

import re
import signal
from pathlib import Path

import httpx
import pytest

from components.spec.logging import CORE_FIELDS
from stacks.loader import load
from tests.demo.conftest import Shop
from tests.demo.support import Collector, Json, Program, make_settings
from tests.waiting import until

SERVER, CLIENT = 2, 3
ERROR = 2
EVERYONE = {"gateway", "orders", "payments", "inventory"}


def test_transaction_id_is_created_returned_and_forwarded(shop: Shop) -> None:
    answer = shop.checkout()

    assert answer.status_code == 200
    ident = answer.headers["X-Transaction-Id"]
    assert re.fullmatch(r"[0-9a-f]{32}", ident)
    assert answer.json()["transaction_id"] == ident
    trace_id = answer.json()["trace_id"]
    for service in EVERYONE:
        lines = until(lambda s=service: shop.lines(s, trace_id), f"lines of {service}")  # type: ignore[misc]
        assert {line["transaction_id"] for line in lines} == {ident}


def test_given_transaction_id_is_kept(shop: Shop) -> None:
    assert shop.checkout(X_Transaction_Id="order-42.a").headers["X-Transaction-Id"] == "order-42.a"


@pytest.mark.parametrize("bad", ["x" * 65, 'a"b', "a b", "\u00e9".encode().decode("latin-1")])
def test_unfit_transaction_id_is_replaced(shop: Shop, bad: str) -> None:
    answer = shop.http.post(
        f"{shop.url('gateway')}/checkout", headers=[(b"X-Transaction-Id", bad.encode("latin-1"))]
    )
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Transaction-Id"])


def test_one_trace_across_all_services(shop: Shop) -> None:
    answer = shop.checkout(X_Transaction_Id="t-1")
    spans = shop.collector.trace(answer.json()["trace_id"], EVERYONE)

    by_id = {span.span_id: span for span in spans}
    (root,) = [span for span in spans if not span.parent_id]
    assert (root.service, root.name, root.kind) == ("gateway", "POST /checkout", SERVER)
    assert all(span.parent_id in by_id for span in spans if span is not root)
    for span in spans:
        if span.kind == SERVER and span is not root:
            caller = by_id[span.parent_id]
            assert caller.kind == CLIENT
            assert caller.attributes["peer.service"] == span.service
    servers = [span for span in spans if span.kind == SERVER]
    assert len(servers) == 4
    for span in servers:
        assert span.attributes["transaction.id"] == "t-1"
        assert span.attributes["http.request.method"] == "POST"
        assert span.attributes["http.response.status_code"] in (200, 201)
        assert span.attributes["url.path"] == span.attributes["http.route"]
        assert span.status != ERROR
    assert (
        root.resource.items()
        >= {
            "service.version": "1.2.3",
            "deployment.environment.name": "test",
            "env": "test",
            "cluster": "c1",
            "region": "r1",
            "team": "shop",
        }.items()
    )
    names = {span.name for span in spans}
    assert {"checkout", "fulfil order", "price cart", "charge at the bank", "reserve stock"} <= names
    (redis,) = [span for span in spans if span.name == "EVAL stock"]
    assert redis.attributes["db.system.name"] == "redis"


def test_a_trace_that_comes_in_is_continued(shop: Shop) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    answer = shop.checkout(traceparent=f"00-{trace_id}-b7ad6b7169203331-01")
    assert answer.headers["X-Trace-Id"] == trace_id


def test_probe_marks_spans_and_log_lines_of_all_services(shop: Shop) -> None:
    answer = shop.checkout(X_Obs_Probe="1")
    trace_id = answer.json()["trace_id"]
    spans = shop.collector.trace(trace_id, EVERYONE)

    servers = [span for span in spans if span.kind == SERVER]
    assert [span.attributes.get("obs.probe") for span in servers] == [True] * 4
    for service in EVERYONE:
        lines = until(lambda s=service: shop.lines(s, trace_id), f"lines of {service}")  # type: ignore[misc]
        assert all(line["probe"] is True for line in lines)


def test_other_requests_are_no_probes(shop: Shop) -> None:
    answer = shop.checkout(X_Obs_Probe="0")
    spans = shop.collector.trace(answer.json()["trace_id"], EVERYONE)
    assert not any("obs.probe" in span.attributes for span in spans)
    assert not any("probe" in line for line in shop.lines("gateway", answer.json()["trace_id"]))


def test_exemplar_leads_to_the_trace(shop: Shop) -> None:
    trace_id = shop.checkout().json()["trace_id"]
    text = shop.metrics("gateway", open_metrics=True)
    pattern = r'^http_request_duration_seconds_bucket\{.*route="/checkout".* # \{trace_id="(\w+)"\}'
    assert trace_id in re.findall(pattern, text, re.MULTILINE)
    assert text.rstrip().endswith("# EOF")
    assert "trace_id" not in shop.metrics("gateway")


def test_labels_are_route_templates(shop: Shop) -> None:
    for path in ("/wp-login.php", "/orders/123", "/checkout/../etc"):
        assert shop.http.get(shop.url("gateway") + path).status_code == 404
    assert shop.http.request("BREW", f"{shop.url('gateway')}/checkout").status_code == 405
    text = shop.metrics("gateway")
    routes = set(re.findall(r'http_requests_total\{.*?route="(.*?)"', text))
    assert routes <= {"/checkout", "/products", "/", "unmatched"}
    assert 'code="404",method="GET",route="unmatched"' in text
    assert 'code="405",method="OTHER",route="/checkout"' in text
    assert "/metrics" not in text
    assert "/health" not in text


def test_business_metrics(shop: Shop) -> None:
    def total(result: str) -> float:
        found = re.search(rf'^orders_total{{result="{result}"}} (\S+)', shop.metrics("orders"), re.MULTILINE)
        assert found
        return float(found[1])

    before = total("accepted"), total("declined"), total("invalid")
    assert shop.checkout({"items": [{"sku": "mug", "quantity": 2}]}).status_code == 200
    assert shop.checkout({"items": [{"sku": "shirt", "quantity": 200}]}).status_code == 402
    refused = shop.checkout({"items": [{"sku": "boat"}]})
    assert refused.status_code == 422
    assert "boat" in refused.json()["error"]
    assert (total("accepted"), total("declined"), total("invalid")) == tuple(n + 1 for n in before)
    assert re.search(r'payments_amount_euros_bucket\{le="50.0",result="accepted"\}', shop.metrics("payments"))
    assert re.search(r'inventory_stock_items\{sku="mug"\} \d', shop.metrics("inventory"))
    kinds = set(re.findall(r"^# TYPE \S+ (\w+)", shop.metrics("gateway"), re.MULTILINE))
    assert {"counter", "gauge", "histogram", "summary"} <= kinds


def test_bad_cart_names_the_key(shop: Shop) -> None:
    answer = shop.checkout({"items": [{"sku": "mug", "quantity": 0}]})
    assert answer.status_code == 422
    assert "items.0.quantity" in answer.json()["error"]


def test_pages_say_what_they_are(shop: Shop) -> None:
    page = shop.http.get(shop.url("gateway"), headers={"accept": "text/html"}).text
    assert "Check out" in page
    assert "Transaction id" in page
    for service in EVERYONE:
        about = shop.http.get(shop.url(service), headers={"accept": "application/json"}).json()
        assert about["service"] == service
        assert "GET /health" in about["endpoints"]
        assert shop.http.get(f"{shop.url(service)}/health").json()["status"] == "ok"
    products = shop.http.get(f"{shop.url('gateway')}/products").json()["products"]
    assert {"sku", "name", "cents", "in_stock"} <= set(products[0])


def test_inventory_lives_without_redis_and_returns_to_it(shop: Shop) -> None:
    def health() -> str:
        return str(shop.http.get(f"{shop.url('inventory')}/health").json()["status"])

    def said(text: str) -> int:
        return sum(text in line["message"] for line in shop.programs["inventory"].lines())

    def mugs() -> int:
        products = shop.http.get(f"{shop.url('gateway')}/products").json()["products"]
        return int(next(p["in_stock"] for p in products if p["sku"] == "mug"))

    before, absent, present = mugs(), said("does not answer"), said("Redis answers")
    shop.redis.stop()
    try:
        for _ in range(3):
            assert shop.checkout({"items": [{"sku": "mug"}]}).status_code == 200
        until(lambda: health() == "degraded", "degraded")
        assert mugs() == before - 3
        assert "inventory_redis_up 0.0" in shop.metrics("inventory")
    finally:
        shop.redis.start()
    until(lambda: health() == "ok", "ok again")
    assert "inventory_redis_up 1.0" in shop.metrics("inventory")
    assert mugs() == before - 3
    assert (said("does not answer"), said("Redis answers")) == (absent + 1, present + 1)


def test_a_dead_service_is_a_502_in_one_erroneous_trace(tmp_path: Path) -> None:
    collector = Collector()
    gateway = Program(
        "gateway",
        make_settings("gateway", otlp=collector.otlp, calls={"orders": "http://127.0.0.1:9"}),
        tmp_path,
    )
    try:
        gateway.start().ready()
        answer = httpx.post(f"{gateway.url}/checkout")
        assert answer.status_code == 502
        # A stop right after the request: the spans must still arrive.
        assert gateway.stop() == 0
        spans = collector.trace(answer.json()["trace_id"], {"gateway"})
        assert [s.status for s in spans if s.kind in (SERVER, CLIENT)] == [ERROR, ERROR]
        (call,) = [s for s in spans if s.kind == CLIENT]
        assert [name for name, _ in call.events] == ["exception"]
    finally:
        gateway.kill()
        collector.close()


def test_without_a_collector_it_serves_says_so_once_and_stops(tmp_path: Path) -> None:
    body = {"order_id": "o", "cents": 5}
    programs = []
    try:
        for protocol in ("grpc", "http"):
            otlp = {"endpoint": "http://127.0.0.1:9", "protocol": protocol}
            settings = make_settings(f"payments-{protocol}", otlp=otlp)
            programs.append(Program("payments", settings, tmp_path).start())
        for program, stop in zip(programs, (signal.SIGTERM, signal.SIGINT), strict=True):
            program.ready()
            assert httpx.post(f"{program.url}/payments", json=body).status_code == 201
            until(lambda p=program: _said(p, "spans cannot be exported"), "it is said")  # type: ignore[misc]
            for _ in range(20):
                assert httpx.post(f"{program.url}/payments", json=body).status_code == 201
            assert program.stop(stop) == 0
            assert _said(program, "spans cannot be exported") == 1
            assert program.lines()[-1]["message"] == "service stopped"
            assert program.errors.read_text() == ""
    finally:
        for program in programs:
            program.kill()


def _said(program: Program, text: str) -> int:
    return sum(text in line["message"] for line in program.lines())


def test_every_line_ever_written_is_in_the_schema(shop: Shop) -> None:
    for name, program in shop.programs.items():
        lines = program.lines()  # checks each
        messages = [line["message"] for line in lines]
        assert any(m.startswith("Uvicorn running on") for m in messages), name
        assert any(m == "request served" for m in messages), name
        assert program.errors.read_text() == "", name


def _served(program: Program) -> list[Json]:
    return [line for line in program.lines() if line["message"] == "request served"]


def test_every_key_of_an_access_line_can_be_searched(shop: Shop) -> None:
    """The store indexes the core fields and what the stack names; all else it only keeps."""
    named = {field.name for field in load("local").logging.fields}
    wanted = {"http_method", "http_route", "http_status", "http_response_bytes", "duration_ms"}
    shop.checkout()
    for name, program in shop.programs.items():
        for line in until(lambda p=program: _served(p), f"an access line of {name}"):  # type: ignore[misc]
            assert wanted <= line.keys() <= named | set(CORE_FIELDS), name
            assert (type(line["http_status"]), type(line["http_response_bytes"])) == (int, int), name
