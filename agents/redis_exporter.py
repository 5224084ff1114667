"""Serves Redis's own numbers to Prometheus, since no redis_exporter is to be had from a package registry.

    python -m agents.redis_exporter --settings settings.json

Each scrape asks Redis once (INFO). While Redis is away, `redis_up` is 0 and the rest is absent.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import redis
import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.records import configure

TIMEOUT_S = 2.0

GAUGES = {
    "redis_memory_used_bytes": ("used_memory", "Memory that Redis has allocated."),
    "redis_memory_max_bytes": ("maxmemory", "Memory that Redis may allocate; 0 for any."),
    "redis_connected_clients": ("connected_clients", "Client connections."),
    "redis_uptime_in_seconds": ("uptime_in_seconds", "Seconds since Redis started."),
}
COUNTERS = {
    "redis_commands_processed": ("total_commands_processed", "Commands processed."),
    "redis_evicted_keys": ("evicted_keys", "Keys evicted for want of memory."),
    "redis_rejected_connections": ("rejected_connections", "Connections refused at the limit."),
}


class Settings(BaseModel):
    """What the renderer writes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    redis: str
    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    labels: dict[str, str]


class RedisCollector(Collector):
    """One INFO a scrape."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def collect(self) -> Iterable[Metric]:
        """The metric families of one scrape."""
        try:
            info = self._client.info()
        except redis.RedisError:
            info = None
        yield GaugeMetricFamily("redis_up", "Whether Redis answers.", value=float(info is not None))
        if info is None:
            return
        for name, (key, text) in GAUGES.items():
            yield GaugeMetricFamily(name, text, value=float(info[key]))
        for name, (key, text) in COUNTERS.items():
            yield CounterMetricFamily(name, text, value=float(info[key]))


def main(arguments: Iterable[str] | None = None) -> int:
    """Exit code 0 after SIGTERM, or after `--check` of good settings; 2 for bad settings."""
    parser = argparse.ArgumentParser(prog="agents.redis_exporter", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--check", action="store_true", help="judge the settings, do not serve")
    options = parser.parse_args(None if arguments is None else list(arguments))
    try:
        settings = Settings.model_validate_json(options.settings.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        sys.stderr.write(f"{options.settings}: {error}\n")
        return 2
    if options.check:
        return 0
    configure("redis-exporter", settings.labels)
    client = redis.Redis.from_url(settings.redis, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    registry = CollectorRegistry()
    registry.register(RedisCollector(client))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    server, thread = start_http_server(settings.port, settings.host, registry)
    structlog.get_logger().info("serving", port=settings.port)
    stop.wait()
    server.shutdown()
    thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
