"""Five lines in the stack file: a service that the stack does not run is scraped, logged, traced, watched."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from obs.verify.clients import Clients
from tests.e2e.shop import ROOT, WAIT_S, Shop
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


@contextmanager
def _declared(shop: Shop, port: int, log: Path) -> Iterator[None]:
    """The five lines in the stack file, which is put back afterwards."""
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
    try:
        yield
    finally:
        shop.stack_file.write_text(text)


def _changed_files(shop: Shop) -> dict[str, set[str]]:
    """Unit -> the files that a preview says would change."""
    units = json.loads(shop.obs("preview", "--json").stdout)["units"]
    return {unit["unit"]: {change["name"] for change in unit["changes"] if change["file"]} for unit in units}


def _seen_in_all_pillars(clients: Clients, port: int) -> None:
    paid = f"http://127.0.0.1:{port}/payments"
    order = {"order_id": "o-1", "cents": 500}
    until(lambda: clients.prometheus.total('up{service="billing"}') == 1, "it is scraped", seconds=WAIT_S)
    until(lambda: httpx.post(paid, json=order), "it answers", seconds=WAIT_S)

    def logged() -> str:
        httpx.post(paid, headers={"X-Obs-Probe": "1"}, json=order)
        query = {"bool": {"filter": [{"term": {"service": "billing"}}, {"term": {"probe": True}}]}}
        found = [hit["_source"] for hit in clients.opensearch.scan("logs-2*", query)]
        return next((item["trace_id"] for item in found if item.get("trace_id")), "")

    trace_id = until(logged, "its lines are found", seconds=WAIT_S)
    spans = until(lambda: clients.jaeger.trace(trace_id), "its trace is found", seconds=WAIT_S)
    assert {span.service for span in spans} == {"billing"}


def test_five_lines(shop: Shop, billing: tuple["subprocess.Popen[bytes]", int, Path]) -> None:
    process, port, log = billing
    until(shop.whole, "everything runs", seconds=WAIT_S)
    before = shop.pids()
    with _declared(shop, port, log):
        assert _changed_files(shop) == {
            "prometheus": {
                "rules/billing.yml", "scrape/billing.yml",
                "tests/billing.yml", "tests/billing.75h.yml", "tests/billing.400m.yml",
            },
            "collector": {"collector.yaml"},
            "pages": {"settings.json"},
        }  # fmt: skip
        shop.obs("up")
        until(shop.whole, "everything runs", seconds=WAIT_S)
        # The pages read their list of services once, and hold nothing that a restart would lose.
        assert shop.pids() | {"pages": 0} == before | {"pages": 0}, "a process was restarted"

        clients = shop.clients()
        try:
            _seen_in_all_pillars(clients, port)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()

            def delivered() -> bool:
                found = clients.sink.deliveries(alertname="TargetDown")
                return any(item.service == "billing" and item.receiver == "payments-pager" for item in found)

            until(delivered, "its owner is told that it is down", seconds=WAIT_S)
        finally:
            clients.close()
    shop.obs("up")
    assert not (shop.state / "units/prometheus/conf/scrape/billing.yml").exists()
