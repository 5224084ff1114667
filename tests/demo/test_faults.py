"""Each fault does what it says, names what is wrong with its parameters, and ends by itself."""

import json
import re
import time

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from demo._fault_models import (
    FAULTS,
    CardNumbers,
    Fault,
    LabelExplosion,
    SlowDependency,
    luhn_valid,
)
from demo._faults import Faults
from tests.demo.conftest import Shop
from tests.waiting import until

CLIENT, ERROR = 3, 2
PAYMENT = {"order_id": "o-1", "cents": 100}


def pay(shop: Shop) -> tuple[int, float]:
    started = time.monotonic()
    answer = shop.http.post(f"{shop.url('payments')}/payments", json=PAYMENT)
    return answer.status_code, time.monotonic() - started


def test_latency_delays_requests_but_not_operations(shop: Shop) -> None:
    assert shop.fault("payments", "latency", ms=400, seconds=30).status_code == 200
    status, seconds = pay(shop)
    assert status == 201
    assert seconds >= 0.4
    served = until(
        lambda: [line for line in shop.programs["payments"].lines() if line["message"] == "request served"],
        "the line that is written after the answer",
    )
    assert served[-1]["duration_ms"] >= 400
    shop.http.delete(f"{shop.url('payments')}/faults/latency")
    pay(shop)
    until(
        lambda: [
            line
            for line in shop.programs["payments"].lines()[-1:]
            if line["message"] == "request served" and line["duration_ms"] < 400
        ],
        "a quick one",
    )


def test_errors_fail_the_stated_share_with_a_traceback(shop: Shop) -> None:
    shop.fault("payments", "errors", ratio=1.0)
    direct = shop.http.post(f"{shop.url('payments')}/payments", json=PAYMENT)
    assert direct.status_code == 500
    trace_id = direct.json()["trace_id"]
    (failed,) = [r for r in shop.lines("payments", trace_id) if r["message"] == "request failed"]
    assert failed["log_level"] == "error"
    assert failed["error_type"] == "InjectedError"
    assert failed["exception"].startswith("Traceback (most recent call last):\n")
    assert "InjectedError: injected" in failed["exception"]

    answer = shop.checkout()
    assert answer.status_code == 502
    spans = shop.collector.trace(answer.json()["trace_id"], {"gateway", "orders", "payments"})
    (span,) = [s for s in spans if s.service == "payments" and not s.name.startswith("charge")]
    assert span.status == ERROR
    assert span.attributes["http.response.status_code"] == 500
    assert [(name, event["exception.type"]) for name, event in span.events] == [
        ("exception", "demo._faults.InjectedError")
    ]
    assert 'code="500",method="POST",route="/payments"' in shop.metrics("payments")
    assert 'orders_total{result="failed"}' in shop.metrics("orders")


def test_errors_by_ratio(shop: Shop) -> None:
    shop.fault("payments", "errors", ratio=0.5)
    codes = [pay(shop)[0] for _ in range(40)]
    assert 5 < codes.count(500) < 35  # outside with a chance of less than one in a million
    assert set(codes) == {201, 500}


def test_slow_dependency_slows_only_the_call_to_payments(shop: Shop) -> None:
    started = shop.fault("orders", "slow-dependency", ms=300)
    assert started.json()["active"]["slow-dependency"]["call"] == "payments"
    spans = shop.collector.trace(shop.checkout().json()["trace_id"], {"payments", "inventory"})
    calls = {s.attributes["peer.service"]: s for s in spans if s.service == "orders" and s.kind == CLIENT}
    assert calls["payments"].seconds >= 0.3
    assert calls["inventory"].seconds < calls["payments"].seconds
    (served,) = [s for s in spans if s.service == "payments" and s.name == "POST /payments"]
    assert served.seconds < calls["payments"].seconds - 0.2


def test_slow_redis(shop: Shop) -> None:
    shop.fault("inventory", "slow-dependency", ms=200)
    spans = shop.collector.trace(shop.checkout().json()["trace_id"], {"inventory"})
    assert [s.seconds >= 0.2 for s in spans if s.name == "EVAL stock"] == [True]


def test_label_explosion_adds_series_and_takes_them_away(shop: Shop) -> None:
    def series() -> int:
        return len(
            re.findall(r'^shop_cart_items\{user_id="user-\d+"\}', shop.metrics("gateway"), re.MULTILINE)
        )

    assert series() == 0
    shop.fault("gateway", "label-explosion", count=150, seconds=30)
    assert series() == 150
    shop.fault("gateway", "label-explosion", count=20, seconds=0.3)
    until(lambda: series() == 0, "the series are gone")
    assert shop.http.get(f"{shop.url('gateway')}/faults").json()["active"] == {}


def test_log_flood_writes_lines_of_both_levels_and_ends(shop: Shop) -> None:
    def flood() -> list[str]:
        lines = shop.programs["gateway"].lines()
        return [line["log_level"] for line in lines if line["message"] == "flood of logs"]

    shop.fault("gateway", "log-flood", rate=400, seconds=1)
    until(lambda: not shop.http.get(f"{shop.url('gateway')}/faults").json()["active"], "it ended")
    levels = flood()
    assert 100 <= len(levels) <= 440
    assert abs(levels.count("debug") - levels.count("info")) <= 21


def test_card_numbers_leak_everywhere(shop: Shop) -> None:
    shop.fault("gateway", "card-numbers")
    answer = shop.checkout()
    assert answer.status_code == 200
    trace_id = answer.json()["trace_id"]
    forms = ("4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111")

    charged, declined = (
        next(line for line in shop.lines("gateway", trace_id) if line["message"].startswith(start))
        for start in ("charging card", "a card was declined")
    )
    assert charged["message"].endswith(forms[1])
    assert charged["card"] == forms[2]
    assert charged["payment"]["number"] == forms[0]
    assert f"CardLeakError: card {forms[2]}" in declined["exception"]

    spans = shop.collector.trace(trace_id, {"gateway"})
    (leak,) = until(lambda: [s for s in spans if s.name == "charge card"], "the span")
    assert leak.attributes["card.number"] == forms[0]
    assert forms[1] in leak.attributes["payment.note"]
    events = dict(leak.events)
    assert events["card read"]["card"] == forms[2]
    assert forms[2] in events["exception"]["exception.message"]
    (root,) = [s for s in spans if not s.parent_id]
    assert forms[2] in root.attributes["customer.note"]


def test_card_number_of_the_caller(shop: Shop) -> None:
    shop.fault("payments", "card-numbers", value="5555 5555-5555 4444")
    trace_id = shop.http.post(f"{shop.url('payments')}/payments", json=PAYMENT).json()["trace_id"]
    assert "5555555555554444" in json.dumps(shop.lines("payments", trace_id))


@pytest.mark.parametrize(
    ("service", "name", "body", "says"),
    [
        ("gateway", "latency", {"ms": "slow"}, "ms: "),
        ("gateway", "latency", {"ms": -1}, "ms: "),
        ("gateway", "latency", {"milliseconds": 1}, "milliseconds: Extra"),
        ("gateway", "latency", {"seconds": 0}, "seconds: "),
        ("gateway", "latency", {"seconds": 1e9}, "seconds: "),
        ("gateway", "errors", {"ratio": 1.5}, "ratio: "),
        ("gateway", "log-flood", {"rate": "a lot"}, "rate: "),
        ("gateway", "label-explosion", {"count": 10**9}, "count: "),
        ("gateway", "card-numbers", {"value": "4111111111111112"}, "value: "),
        ("gateway", "slow-dependency", {"call": "bank"}, "call: this service does not call 'bank'"),
        ("payments", "slow-dependency", {}, "it calls nothing"),
        ("gateway", "errors", [1], "(body): "),
    ],
)
def test_bad_parameters_name_the_key(shop: Shop, service: str, name: str, body: object, says: str) -> None:
    answer = shop.http.put(f"{shop.url(service)}/faults/{name}", json=body)
    assert answer.status_code == 422
    assert says in answer.json()["error"]
    assert shop.http.get(f"{shop.url(service)}/faults").json()["active"] == {}


def test_not_json_and_unknown_faults(shop: Shop) -> None:
    url = f"{shop.url('gateway')}/faults"
    answer = shop.http.put(f"{url}/errors", content=b"{")
    assert (answer.status_code, "is not JSON" in answer.text) == (422, True)
    for answer in (shop.http.put(f"{url}/fire"), shop.http.delete(f"{url}/fire")):
        assert answer.status_code == 404
        assert "log-flood" in answer.json()["error"]


def test_delete_ends_one_or_all(shop: Shop) -> None:
    url = f"{shop.url('gateway')}/faults"
    for name in ("latency", "errors", "label-explosion"):
        shop.fault("gateway", name)
    assert set(shop.http.delete(f"{url}/errors").json()["active"]) == {"latency", "label-explosion"}
    listed = shop.http.get(url).json()
    assert listed["active"]["latency"] | {"seconds_left": 0} == {"ms": 500, "seconds": 30, "seconds_left": 0}
    assert listed["known"] == sorted(FAULTS)
    assert shop.http.delete(url).json()["active"] == {}


@pytest.mark.parametrize("name", sorted(set(FAULTS) - {"log-flood"}))
def test_every_fault_expires(name: str) -> None:
    now = 100.0
    faults = Faults(CollectorRegistry(), ("payments",), clock=lambda: now)
    faults.start(name, FAULTS[name](seconds=5))
    assert faults.get(name, Fault) is not None
    now = 104.9
    assert list(faults.listing()) == [name]
    now = 105.0
    assert faults.listing() == {}
    assert faults.get(name, Fault) is None


def test_expired_series_are_not_collected() -> None:
    now, registry = 0.0, CollectorRegistry()
    faults = Faults(registry, (), clock=lambda: now)
    faults.start("label-explosion", LabelExplosion(seconds=5, count=3))
    assert generate_latest(registry).count(b"shop_cart_items{") == 3
    now = 5.0
    assert b"shop_cart_items" not in generate_latest(registry)


def test_forms_of_a_card() -> None:
    assert CardNumbers(value="3782 822463 10005").forms() == (
        "378282246310005",
        "3782 8224 6310 005",
        "3782-8224-6310-005",
    )
    assert luhn_valid("4111111111111111")
    assert not luhn_valid("4111111111111112")
    assert SlowDependency().call is None
