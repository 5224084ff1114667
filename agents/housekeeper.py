"""Delete daily indices that are older than the stack wants them kept, and say so in metrics.

The stack's OpenSearch may have no Index State Management, so this is the one way, on every target. It
deletes an index only if its name is exactly a prefix and a date, and the date is past by more than the days
to keep. `python -m agents.housekeeper --settings settings.json` runs until SIGTERM; the store may come
and go.
"""

import argparse
import json
import signal
import ssl
import sys
import threading
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.records import configure


class Kept(BaseModel):
    """One sequence of daily indices."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    prefix: str
    date_format: str
    """How the day is written behind `<prefix>-`, for strptime."""
    days: int = Field(ge=1)
    """How many whole days a record stays at least."""

    def day(self, index: str) -> date | None:
        """The day of an index of this sequence, None for any other name."""
        head = f"{self.prefix}-"
        if not index.startswith(head):
            return None
        try:
            day = datetime.strptime(index[len(head) :], self.date_format).replace(tzinfo=UTC).date()
        except ValueError:
            return None
        # strptime is lenient ('2026.1.1'); a name must be written as we would write it.
        return day if day.strftime(f"{head}{self.date_format}") == index else None

    def expired(self, index: str, today: date) -> bool:
        """Whether `index` is of this sequence and only holds what is older than `days`."""
        day = self.day(index)
        return day is not None and (today - day).days > self.days


class Settings(BaseModel):
    """`settings.json`; paths are relative to the working directory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    ca: str
    user: str
    password_file: str
    host: str
    port: int
    interval_seconds: float = Field(gt=0)
    retry_seconds: float = Field(gt=0)
    """How soon it tries again after a failure."""
    labels: dict[str, str]
    """Of the environment, on every log record."""
    indices: tuple[Kept, ...]


class Metrics:
    """What the housekeeper tells of itself; label `kind` is that of `Kept`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        kind, registry = ["kind"], self.registry
        self.success = Gauge(
            "obs_retention_last_success_timestamp_seconds",
            "When expired indices were last deleted without an error.",
            kind,
            registry=registry,
        )
        self.deleted = Counter(
            "obs_retention_deleted_indices",
            "Indices deleted because they had expired.",
            kind,
            registry=registry,
        )
        self.failures = Counter("obs_retention_failures", "Rounds that failed.", registry=registry)
        self.days = Gauge("obs_retention_days", "Days that a record is kept.", kind, registry=registry)
        self.indices = Gauge("obs_store_indices", "Daily indices.", kind, registry=registry)
        self.documents = Gauge("obs_store_documents", "Documents stored.", kind, registry=registry)
        self.size = Gauge("obs_store_size_bytes", "Size of the primary shards.", kind, registry=registry)


class Housekeeper:
    """Deletes and counts; one `round` at a time."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self.log = structlog.get_logger()
        for kept in settings.indices:
            metrics.days.labels(kept.kind).set(kept.days)
            metrics.deleted.labels(kept.kind)

    def round(self, today: date) -> list[str]:
        """Delete what has expired by `today`; the names. httpx.HTTPError, OSError, ValueError on failure,
        after all that could be deleted is."""
        deleted: list[str] = []
        failed: list[httpx.HTTPError] = []
        with self._client() as client:
            for kept in self.settings.indices:
                gone, errors = self._sequence(client, kept, today)
                deleted += gone
                failed += errors
                if not errors:
                    self.metrics.success.labels(kept.kind).set(time.time())
        if failed:
            raise failed[0]
        return deleted

    def _sequence(
        self, client: httpx.Client, kept: Kept, today: date
    ) -> tuple[list[str], list[httpx.HTTPError]]:
        rows = self._indices(client, kept)
        gone: list[str] = []
        errors: list[httpx.HTTPError] = []
        for row in rows:
            name = str(row["index"])
            if not kept.expired(name, today):
                continue
            try:
                answer = client.delete(f"/{name}")
                if answer.status_code != 404:
                    answer.raise_for_status()
            except httpx.HTTPError as error:
                errors.append(error)
                self.log.error("an expired index could not be deleted", index=name, error=str(error))
                continue
            gone.append(name)
            self.metrics.deleted.labels(kept.kind).inc()
            self.log.info("deleted an expired index", index=name, kept_days=kept.days)
        left = [row for row in rows if row["index"] not in gone]
        self.metrics.indices.labels(kept.kind).set(len(left))
        self.metrics.documents.labels(kept.kind).set(sum(int(row["docs.count"] or 0) for row in left))
        self.metrics.size.labels(kept.kind).set(sum(int(row["pri.store.size"] or 0) for row in left))
        return gone, errors

    def _indices(self, client: httpx.Client, kept: Kept) -> list[dict[str, Any]]:
        """The store's indices of one sequence, by name."""
        answer = client.get(
            f"/_cat/indices/{kept.prefix}-2*",
            params={
                "format": "json",
                "bytes": "b",
                "h": "index,docs.count,pri.store.size",
                "expand_wildcards": "all",
            },
        )
        answer.raise_for_status()
        rows: list[dict[str, Any]] = answer.json()
        return sorted((row for row in rows if kept.day(str(row["index"]))), key=lambda row: str(row["index"]))

    def _client(self) -> httpx.Client:
        password = Path(self.settings.password_file).read_text().rstrip("\r\n")
        context = ssl.create_default_context(cafile=self.settings.ca)
        auth = httpx.BasicAuth(self.settings.user, password)
        return httpx.Client(base_url=self.settings.url, verify=context, auth=auth, timeout=30)

    def run(self, stop: threading.Event) -> None:
        """Rounds until `stop`; a failure is logged and tried again sooner."""
        while not stop.is_set():
            pause = self.settings.interval_seconds
            try:
                self.round(datetime.now(UTC).date())
            except (httpx.HTTPError, OSError, ValueError) as error:
                pause = min(pause, self.settings.retry_seconds)
                self.metrics.failures.inc()
                self.log.warning("the store was not tidied", error=str(error), retry_seconds=pause)
            stop.wait(pause)


def serve(settings: Settings, metrics: Metrics) -> ThreadingHTTPServer:
    """A server for /metrics and /health, in a thread of its own. OSError if the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(metrics.registry))
            elif self.path == "/health":
                self._answer(200, "application/json", json.dumps({"status": "ok"}).encode())
            else:
                self._answer(404, "text/plain", b"only /metrics and /health are here\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Scrapes are not worth a line each."""

    server = ThreadingHTTPServer((settings.host, settings.port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server


def main(arguments: Iterable[str] | None = None) -> int:
    """Exit code 0 after SIGTERM or SIGINT, 1 if the port is taken, 2 for bad settings."""
    parser = argparse.ArgumentParser(prog="agents.housekeeper", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True)
    options = parser.parse_args(None if arguments is None else list(arguments))
    try:
        settings = Settings.model_validate_json(options.settings.read_text())
    except (OSError, ValidationError) as error:
        sys.stderr.write(f"{options.settings}: {error}\n")
        return 2
    configure("housekeeper", settings.labels)
    metrics = Metrics()
    try:
        server = serve(settings, metrics)
    except OSError as error:
        sys.stderr.write(f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}\n")
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # In a thread of its own: a signal then ends a request that hangs, too.
    keeper = threading.Thread(target=Housekeeper(settings, metrics).run, args=(stop,), daemon=True)
    keeper.start()
    stop.wait()
    server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
