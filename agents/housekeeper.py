"""Delete daily indices that are older than the stack wants them kept, and report on the store.

The stack's OpenSearch may have no Index State Management, so this is the one way, on every target. It
deletes an index only if its name is exactly a prefix and a date, and the date is past by more than the days
to keep. `python -m agents.housekeeper --settings settings.json` runs until SIGTERM; the store may come
and go. Numbers of the store itself: `agents.store_metrics`.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics
from pydantic import ValidationError

from agents.archive import Archivist
from agents.records import configure
from agents.store import Kept, Settings, connect, indices
from agents.store_metrics import StoreMetrics
from agents.working import work

TIMEOUT_S = 30.0


class Metrics:
    """What the housekeeper tells of its own work; label `kind` is that of `Kept`."""

    def __init__(self, settings: Settings) -> None:
        self.registry = registry = CollectorRegistry()
        kind = ["kind"]
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
        days = Gauge("obs_retention_days", "Days that a record is kept.", kind, registry=registry)
        for kept in settings.indices:
            days.labels(kept.kind).set(kept.days)
            self.deleted.labels(kept.kind)


def s3_of(region: str) -> Any:
    """boto3's client, with what the task may do."""
    import boto3

    return boto3.client("s3", region_name=region)


class Housekeeper:
    """Deletes what has expired; one `round` at a time."""

    def __init__(self, settings: Settings, metrics: Metrics, s3: Callable[[str], Any] = s3_of) -> None:
        self.settings = settings
        self._s3 = s3
        self.metrics = metrics
        self.log = structlog.get_logger()

    def round(self, today: date) -> list[str]:
        """Archive what is over, and delete what has expired by `today`; the names of that. Any error of the
        store, or of the archive, after all that could be deleted is."""
        deleted: list[str] = []
        failed: list[Exception] = []
        with connect(self.settings, TIMEOUT_S) as client:
            for kept in self.settings.indices:
                gone, errors = self._sequence(client, kept, today)
                deleted += gone
                failed += errors
                if not errors:
                    self.metrics.success.labels(kept.kind).set(time.time())
        if failed:
            raise failed[0]
        return deleted

    def _archived(
        self, kept: Kept, rows: list[dict[str, Any]], today: date, errors: list[Exception]
    ) -> set[str]:
        """Bring days that are over into the archive, if there is one; those that could not be, which nobody
        deletes then."""
        archive = self.settings.archive
        if archive is None or kept.kind != archive.kind:
            return set()
        failed = set()
        with connect(self.settings, TIMEOUT_S, archive) as store:
            archivist = Archivist(store, self._s3(archive.region), archive.bucket)
            for row in rows:
                name, day = str(row["index"]), kept.day(str(row["index"]))
                if day is None or day >= today:
                    continue
                try:
                    final = (today - day).days > 1
                    if archivist.keep(name, day, int(row["docs.count"] or 0), final=final):
                        self.log.info("archived an index", index=name)
                except Exception as error:  # of S3 as well
                    failed.add(name)
                    errors.append(error)
                    self.log.error("an index could not be archived, and stays", index=name, error=str(error))
        return failed

    def _sequence(self, client: httpx.Client, kept: Kept, today: date) -> tuple[list[str], list[Exception]]:
        gone: list[str] = []
        errors: list[Exception] = []
        rows = indices(client, kept)
        kept_back = self._archived(kept, rows, today, errors)
        names = [str(row["index"]) for row in rows]
        for name in names:
            if name in kept_back or not kept.expired(name, today):
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
        return gone, errors

    def run(self, stop: threading.Event) -> None:
        """Rounds until `stop`; a failure is logged and tried again sooner."""
        while not stop.is_set():
            pause = self.settings.interval_seconds
            try:
                self.round(datetime.now(UTC).date())
            except Exception as error:  # of the store, or of the archive: the next round may do better
                pause = min(pause, self.settings.retry_seconds)
                self.metrics.failures.inc()
                self.log.warning("the store was not tidied", error=str(error), retry_seconds=pause)
            stop.wait(pause)


def main(arguments: Iterable[str] | None = None) -> int:
    """Exit code 0 after SIGTERM or SIGINT, or after `--check` of good settings; 1 if the port is taken, 2 for
    bad settings."""
    parser = argparse.ArgumentParser(prog="agents.housekeeper", description=__doc__)
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
    configure("housekeeper", settings.labels)
    disable_created_metrics()  # type: ignore[no-untyped-call]
    metrics = Metrics(settings)
    keeper, store = Housekeeper(settings, metrics), StoreMetrics(settings)
    address = (settings.host, settings.port)
    logins = (*((settings.login,) if settings.login else ()), *settings.readers)
    return work(address, metrics.registry, store, [keeper.run], logins=logins)


if __name__ == "__main__":
    sys.exit(main())
