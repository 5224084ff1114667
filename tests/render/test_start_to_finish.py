"""From a counter in a service to a message in its team's channel, through the real engines."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from components.render import alertmanager, prometheus
from components.render.text import texts
from components.site import Site
from tests.ports import free_base
from tests.render.engines import alertmanager_command, program, write
from tests.render.processes import Inbox, inbox, started
from tests.sites import at_base
from tests.specs import spec
from tests.waiting import until

LIMIT = 3000
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Toy:
    """A service under load that fails, leaks user ids into labels, and can be told to behave."""

    def __init__(self, port: int) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("http_requests", "Requests.", ["code"], registry=self.registry)
        self.seconds = Histogram("http_request_duration_seconds", "Time.", registry=self.registry)
        self.carts = Gauge("shop_carts", "Open carts.", ["shop", "user_id"], registry=self.registry)
        self.many = Gauge("shop_many", "A label that explodes.", ["path"], registry=self.registry)
        self.failing = True
        for user in range(5):
            self.carts.labels("north", f"user-{user}").set(user)
        self.carts.labels("south", "").set(7)
        self.server, _ = start_http_server(port, "127.0.0.1", self.registry)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._load, daemon=True)
        self.thread.start()

    def _load(self) -> None:
        while not self.stop.wait(0.01):
            self.requests.labels("500" if self.failing else "200").inc()
            self.seconds.observe(0.02, exemplar={"trace_id": TRACE})

    def behave(self) -> None:
        """No more failures, no more forbidden labels."""
        self.failing = False
        for user in range(5):
            self.carts.remove("north", f"user-{user}")

    def close(self) -> None:
        self.stop.set()
        self.thread.join(5)
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def toy(port: int) -> Iterator[Toy]:
    running = Toy(port)
    try:
        yield running
    finally:
        running.close()


def stack_file(port: int) -> dict[str, Any]:
    return {
        "services": [
            {
                "name": "toy",
                "owner": "storefront",
                "metrics": [{"address": f"127.0.0.1:{port}"}],
                "slo": {"metrics": {}},
            }
        ],
        "metrics": {
            "scrape_interval": "250ms",
            "scrape_timeout": "200ms",
            "evaluation_interval": "250ms",
            "exporters": [],
            "scrape_jobs": [],
            "limits": {"samples_per_scrape": LIMIT},
            "rules": {
                "error_window": "2s",
                "error_hold": "100ms",
                "target_down": "500ms",
                "alerts": [],
                "recordings": [],
            },
        },
        "alerting": {
            "grouping": {"wait": "50ms", "interval": "300ms"},
            "dead_mans_switch": {"receiver": "watchdog", "interval": "500ms"},
            "routes": [],
            "inhibitions": [],
        },
    }


def commands(at: Site) -> tuple[list[str], list[str]]:
    return [
        program("prometheus", "prometheus"),
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=../data",
        "--enable-feature=exemplar-storage",
        f"--web.listen-address={at.dial('prometheus')}",
    ], alertmanager_command(at)


class Prometheus:
    """Questions to the running Prometheus."""

    def __init__(self, address: str) -> None:
        self.http = httpx.Client(base_url=f"http://{address}/api/v1", timeout=10)

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query: labels (`metric`) and value."""
        answer = self.http.get("/query", params={"query": expr}).json()
        assert answer["status"] == "success", answer
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def exemplars(self, expr: str) -> list[str]:
        """Trace ids of exemplars of the series that `expr` selects."""
        found = self.http.get(
            "/query_exemplars", params={"query": expr, "start": "0", "end": "9999999999"}
        ).json()
        return [item["labels"]["trace_id"] for series in found["data"] for item in series["exemplars"]]


def told(kept: Inbox, path: str) -> dict[str, str]:
    """Title -> runbook link of the Slack messages sent to `path`."""
    return {body["attachments"][0]["title"]: body["attachments"][0]["title_link"] for body in kept.of(path)}


def _labels_are_the_environments(asked: Prometheus, labels: Mapping[str, str], alertmanager_at: str) -> None:
    """Of series and of alerts; and no label that is forbidden."""
    # Dropped whole, not merged: the series that remains has its own value.
    assert asked.query('{user_id!=""}') == []
    # A scrape that comes late on a busy machine leaves a gap.
    until(lambda: [item["value"][1] for item in asked.query("shop_carts")] == ["7"], "its own value")
    for expr in ('up{service="toy"}', "shop_carts", "service:error_ratio:rate5m", "obs:service_info"):
        for item in asked.query(expr):
            assert labels.items() <= item["metric"].items(), expr
            assert not [name for name in item["metric"] if name.startswith("exported_")]
    assert TRACE in asked.exemplars("http_request_duration_seconds_bucket")

    active = httpx.get(f"http://{alertmanager_at}/api/v2/alerts").json()
    for alert in active:
        owner = "storefront" if alert["labels"].get("service") == "toy" else "platform"
        assert alert["labels"].items() >= {**labels, "team": owner}.items()


def _limits_are_told(service: Toy, titles: Callable[[], Collection[str]], prometheus_at: str) -> None:
    """A scrape that brings too much, or a label that is too long, is told to the owner, and its end too."""
    for path in range(LIMIT):
        service.many.labels(f"/{path}").set(1)
    flood = "[FIRING:1] ScrapeLimitExceeded (critical) toy"
    until(lambda: flood in titles(), "a message that all of it was thrown away")
    service.many.clear()
    until(lambda: flood.replace("FIRING:1", "RESOLVED") in titles(), "it is kept again")

    service.many.labels("x" * 600).set(1)
    long = "[FIRING:1] ScrapeAborted (critical) toy"
    until(lambda: long in titles(), "a message that a label is too long")
    reason = httpx.get(f"http://{prometheus_at}/api/v1/targets").json()["data"]["activeTargets"]
    assert [item for item in reason if "shop_many" in item["lastError"] and "path" in item["lastError"]]
    service.many.clear()
    until(lambda: long.replace("FIRING:1", "RESOLVED") in titles(), "it is taken again")


@pytest.mark.engine
def test_failures_and_forbidden_labels_reach_the_owner_and_end(tmp_path: Path) -> None:
    base = free_base(60)
    whole = spec(**stack_file(base + 50))
    at = at_base(base, whole)
    ours = write(tmp_path / "units" / "prometheus" / "conf", texts(prometheus.render(whole, at)))
    theirs = write(tmp_path / "units" / "alertmanager" / "conf", texts(alertmanager.render(whole, at)))
    command_prometheus, command_alertmanager = commands(at)
    channel = "/slack/storefront-slack"
    pages = "https://git.example/observability/blob/main/docs/runbooks"
    with (
        inbox(at.port("sink")) as kept,
        toy(base + 50) as service,
        started(command_alertmanager, theirs, f"http://{at.dial('alertmanager')}/-/ready"),
        started(command_prometheus, ours, f"http://{at.dial('prometheus')}/-/ready"),
    ):
        asked = Prometheus(at.dial("prometheus"))
        expected = {
            "[FIRING:1] ServiceErrorRatioHigh (warning) toy": f"{pages}/ServiceErrorRatioHigh.md",
            "[FIRING:1] ForbiddenLabelsDropped (warning) toy": f"{pages}/ForbiddenLabelsDropped.md",
        }
        until(lambda: expected.items() <= told(kept, channel).items(), f"messages to {channel}")
        until(lambda: len(kept.of("/ticket/watchdog")) >= 3, "signs of life")
        until(lambda: kept.of("/pagerduty/platform-pagerduty"), "the platform hears of its own programs")

        _labels_are_the_environments(asked, whole.environment.labels, at.dial("alertmanager"))

        service.behave()
        over = {
            "[RESOLVED] ServiceErrorRatioHigh (warning) toy",
            "[RESOLVED] ForbiddenLabelsDropped (warning) toy",
        }
        until(lambda: over <= told(kept, channel).keys(), "messages that it is over")

        _limits_are_told(service, lambda: told(kept, channel), at.dial("prometheus"))
        # It answered all the time, and dropped nothing for its labels since it behaves.
        titles = [body["attachments"][0]["title"] for body in kept.of(channel)]
        assert "[FIRING:1] TargetDown (critical) toy" not in titles
        assert titles.count("[FIRING:1] ForbiddenLabelsDropped (warning) toy") == 1
