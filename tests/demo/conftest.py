"""One shop for all tests of a run: starting Python with gRPC four times is what costs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.demo.support import Collector, Json, Program, RedisServer, make_settings


@dataclass
class Shop:
    """The running shop."""

    collector: Collector
    redis: RedisServer
    programs: dict[str, Program]
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20))

    def url(self, service: str) -> str:
        return self.programs[service].url

    def checkout(self, body: object = None, **headers: str) -> httpx.Response:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.http.post(f"{self.url('gateway')}/checkout", json=body or {}, headers=named)

    def fault(self, service: str, name: str, **body: object) -> httpx.Response:
        return self.http.put(f"{self.url(service)}/faults/{name}", json=body)

    def lines(self, service: str, trace_id: str) -> list[Json]:
        return [line for line in self.programs[service].lines() if line["trace_id"] == trace_id]

    def metrics(self, service: str, open_metrics: bool = False) -> str:
        accept = "application/openmetrics-text; version=1.0.0" if open_metrics else "text/plain"
        return self.http.get(f"{self.url(service)}/metrics", headers={"accept": accept}).text


def start_shop(folder: Path) -> Shop:
    """Start everything at once and wait for all of it."""
    collector = Collector()
    redis = RedisServer(folder).start()
    programs: dict[str, Program] = {}
    calls = {"gateway": ("orders",), "orders": ("payments", "inventory")}
    for name in ("payments", "inventory", "orders", "gateway"):
        settings = make_settings(
            name,
            otlp=collector.otlp,
            calls={callee: programs[callee].url for callee in calls.get(name, ())},
            redis=redis.url if name == "inventory" else None,
        )
        programs[name] = Program(name, settings, folder).start()
    for program in programs.values():
        program.ready()
    return Shop(collector, redis, programs)


@pytest.fixture(scope="session")
def running_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = start_shop(tmp_path_factory.mktemp("shop"))
    yield shop
    for program in shop.programs.values():
        program.kill()
    shop.redis.stop()
    shop.collector.close()


@pytest.fixture
def shop(running_shop: Shop) -> Iterator[Shop]:
    """The shop, without any fault before or after."""
    yield running_shop
    for program in running_shop.programs.values():
        running_shop.http.delete(f"{program.url}/faults")
