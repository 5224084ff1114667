"""Serves Redis's own numbers to Prometheus, since no redis_exporter is to be had from a package registry.

    python -m agents.redis_exporter --settings settings.json

Each scrape asks Redis once (INFO). While Redis is away, or does not answer in time, `redis_up` is 0 and the
rest is absent.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import redis
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from redis.backoff import NoBackoff
from redis.retry import Retry

from agents.login import Login
from agents.records import configure
from agents.scraping import InTime
from agents.working import work

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
    redis_password_file: str | None = None
    """For a Redis that asks, relative to the working directory."""
    login: Login | None = None
    """Who may scrape; everybody who can dial it if there is none."""


class RedisMetrics:
    """One INFO a scrape."""

    def __init__(self, url: str, password_file: str | None = None) -> None:
        self._url = url
        self._password_file = Path(password_file) if password_file else None
        self._info = InTime(self._ask)

    def __call__(self, seconds: float) -> Iterator[Metric]:
        """The metric families of one scrape, after at most `seconds`."""
        try:
            info = self._info(seconds)
        except (redis.RedisError, OSError):
            info = None
        yield GaugeMetricFamily("redis_up", "Whether Redis answers in time.", value=float(info is not None))
        if info is None:
            return
        for name, (key, text) in GAUGES.items():
            yield GaugeMetricFamily(name, text, value=float(info[key]))
        for name, (key, text) in COUNTERS.items():
            yield CounterMetricFamily(name, text, value=float(info[key]))

    def _ask(self, seconds: float) -> dict[str, Any]:
        """A connection for each question, and one attempt: the next scrape is the second."""
        file = self._password_file
        client: Any = redis.Redis.from_url(
            self._url,
            password=file.read_text(encoding="utf-8").strip() if file else None,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 0),
            single_connection_client=True,
        )
        with client:
            info: dict[str, Any] = client.info()
            return info


def main(arguments: Iterable[str] | None = None) -> int:
    """Exit code 0 after SIGTERM or SIGINT, or after `--check` of good settings; 1 if the port is taken, 2 for
    bad settings."""
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
    asked = RedisMetrics(settings.redis, settings.redis_password_file)
    address = (settings.host, settings.port)
    return work(address, CollectorRegistry(), asked, logins=(settings.login,) if settings.login else ())


if __name__ == "__main__":
    sys.exit(main())
