"""Five lines in the stack file: a service that the stack does not run is scraped, logged, traced, watched."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.shop import ROOT, Shop
from tests.ports import free_port
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


@pytest.fixture
def billing(shop: Shop, tmp_path: Path) -> Iterator[tuple["subprocess.Popen[bytes]", int, Path]]:
    """A service of somebody else's: the shop's payments under another name, started by hand."""
    port = free_port()
    settings = {
        "service": "billing", "env": "local", "cluster": "laptop", "region": "local", "team": "platform",
        "owner": "payments", "version": "1", "host": "127.0.0.1", "port": port, "head_sampling": 1.0,
        "correlation_header": "X-Transaction-Id",
        "otlp": {"endpoint": f"http://{shop.at.dial('collector-otlp-grpc')}", "protocol": "grpc"},
    }  # fmt: skip
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    log = tmp_path / "billing.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "demo.payments", "--settings", str(tmp_path / "settings.json")],
            cwd=ROOT,
            stdout=output,
            stderr=output,
        )
        try:
            yield process, port, log
        finally:
            process.kill()
            process.wait()


def test_five_lines(shop: Shop, billing: tuple["subprocess.Popen[bytes]", int, Path]) -> None:
    process, port, log = billing
    until(shop.whole, "everything runs", seconds=120)
    before = shop.pids()
    lines = (
        "      - name: billing\n"
        "        owner: payments\n"
        f"        metrics: [{{address: '127.0.0.1:{port}'}}]\n"
        f"        logs: [{{path: '{log}'}}]\n"
        "        traces: {protocol: otlp-grpc}\n"
    )
    text = shop.stack_file.read_text()
    assert text.count("    services:\n") == 1
    shop.stack_file.write_text(text.replace("    services:\n", f"    services:\n{lines}"))

    units = json.loads(shop.obs("preview", "--json").stdout)["units"]
    files = {unit["unit"]: {change["name"] for change in unit["changes"] if change["file"]} for unit in units}
    assert files == {
        "prometheus": {
            "rules/billing.yml", "scrape/billing.yml", "tests/billing.yml", "tests/billing.400m.yml",
        },
        "collector": {"collector.yaml"},
        "pages": {"settings.json"},
    }  # fmt: skip
    shop.obs("up")
    until(shop.whole, "everything runs", seconds=120)
    after = shop.pids()
    # The pages read their list of services once, and hold nothing that a restart would lose.
    assert after | {"pages": 0} == before | {"pages": 0}, "a process was restarted"

    clients = shop.clients()
    try:
        paid = f"http://127.0.0.1:{port}/payments"
        until(lambda: clients.prometheus.total('up{service="billing"}') == 1, "it is scraped", seconds=120)
        answer = until(
            lambda: httpx.post(paid, json={"order_id": "o-1", "cents": 500}), "it answers", seconds=120
        )
        trace_id = ""

        def logged() -> str:
            httpx.post(paid, headers={"X-Obs-Probe": "1"}, json={"order_id": "o-1", "cents": 500})
            query = {"bool": {"filter": [{"term": {"service": "billing"}}, {"term": {"probe": True}}]}}
            found = [hit["_source"] for hit in clients.opensearch.scan("logs-2*", query)]
            return next((item["trace_id"] for item in found if item.get("trace_id")), "")

        assert answer is not None
        trace_id = until(logged, "its lines are found", seconds=120)
        spans = until(lambda: clients.jaeger.trace(trace_id), "its trace is found", seconds=120)
        assert {span.service for span in spans} == {"billing"}

        os.kill(process.pid, signal.SIGKILL)
        process.wait()

        def delivered() -> bool:
            found = clients.sink.deliveries(alertname="TargetDown")
            return any(item.service == "billing" and item.receiver == "payments-pager" for item in found)

        until(delivered, "its owner is told that it is down", seconds=180)
    finally:
        clients.close()
        shop.stack_file.write_text(text)
    shop.obs("up")
    assert not (shop.state / "units/prometheus/conf/scrape/billing.yml").exists()
