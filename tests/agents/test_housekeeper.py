"""The housekeeper's judgement and its life as a process; what it does to a real store: tests/engine."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import housekeeper
from agents.housekeeper import Housekeeper, Metrics
from agents.store import AnyNode, Kept, Settings
from tests.ports import free_port
from tests.waiting import until

REPO = Path(__file__).resolve().parents[2]
LOGS = Kept(kind="logs", prefix="logs", date_format="%Y.%m.%d", days=14)
TODAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    "name",
    [
        "logs-2020.1.1", "logs-2020.01.01 ", "logs-2020.13.01", "logs-2020-01-01", "logs-rejected-2020.01.01",
        "logs-2020.01.01-kept", "xlogs-2020.01.01", "logs-", "logs", ".opendistro_security",
        "logs-2020.02.30", "logs-+2020.01.01", "logs-\u0662020.01.01",
    ],
)  # fmt: skip
def test_any_other_name_is_never_expired(name: str) -> None:
    assert LOGS.day(name) is None
    assert not LOGS.expired(name, date(2100, 1, 1))


@pytest.mark.parametrize(
    ("age", "expired"),
    [(-400, False), (-1, False), (0, False), (13, False), (14, False), (15, True), (900, True)],
)
def test_an_index_expires_when_its_youngest_record_may(age: int, expired: bool) -> None:
    assert LOGS.expired(f"logs-{TODAY - timedelta(days=age):%Y.%m.%d}", TODAY) is expired


@given(st.text(max_size=30), st.dates(date(2000, 1, 1), date(2999, 12, 31)), st.integers(1, 400))
@settings(deadline=None)
def test_todays_and_foreign_indices_stay(text: str, today: date, days: int) -> None:
    kept = LOGS.model_copy(update={"days": days})
    assert not kept.expired(f"logs-{today:%Y.%m.%d}", today)
    if kept.expired(text, today):
        day = datetime.strptime(text, "logs-%Y.%m.%d").replace(tzinfo=UTC).date()
        assert (today - day).days > days


@given(st.dates(date(2000, 1, 1), date(2999, 12, 31)), st.integers(0, 2000), st.integers(1, 400))
@settings(deadline=None)
def test_what_is_written_by_day_is_read_back(today: date, age: int, days: int) -> None:
    day = date.fromordinal(max(1, today.toordinal() - age))
    if day.year < 1000:
        return
    for form in ("%Y.%m.%d", "%Y-%m-%d"):
        kept = Kept(kind="k", prefix="a-b", date_format=form, days=days)
        assert kept.day(f"a-b-{day.strftime(form)}") == day


def make(port: int = 1, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "url": "https://127.0.0.1:9",
        "ca": "missing.pem",
        "user": "housekeeper",
        "password_file": "missing",
        "host": "127.0.0.1",
        "port": port,
        "interval_seconds": 3600,
        "retry_seconds": 60,
        "store_metrics": True,
        "labels": {"env": "test", "cluster": "c", "region": "r", "team": "t"},
        "indices": [LOGS.model_dump(), LOGS.model_copy(update={"kind": "spans", "prefix": "s"}).model_dump()],
        **changes,
    }
    return Settings.model_validate_json(json.dumps(values))


def test_one_index_that_cannot_be_deleted_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = {"logs": ["logs-2025.01.01", "logs-2025.01.02", "logs-2026.03.01"], "s": ["s-2025.01.01"]}
    deleted: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "GET":
            prefix = path.removeprefix("/_cat/indices/").removesuffix("-2*")
            rows = [{"index": name, "docs.count": None, "pri.store.size": "1"} for name in stored[prefix]]
            return httpx.Response(200, json=rows)
        if path == "/logs-2025.01.01":
            return httpx.Response(403, json={})
        deleted.append(path)
        return httpx.Response(404 if path == "/s-2025.01.01" else 200, json={})

    @contextmanager
    def connect(settings: Settings, timeout: float) -> Iterator[httpx.Client]:
        with httpx.Client(transport=httpx.MockTransport(answer), base_url=settings.url) as client:
            yield client

    monkeypatch.setattr(housekeeper, "connect", connect)
    metrics = Metrics(make())
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        Housekeeper(make(), metrics).round(TODAY)
    assert deleted == ["/logs-2025.01.02", "/s-2025.01.01"]
    value = metrics.registry.get_sample_value
    assert value("obs_retention_deleted_indices_total", {"kind": "logs"}) == 1
    assert value("obs_retention_last_success_timestamp_seconds", {"kind": "logs"}) is None
    assert value("obs_retention_last_success_timestamp_seconds", {"kind": "spans"}) is not None


@contextmanager
def started(folder: Path, text: str) -> Iterator[subprocess.Popen[str]]:
    (folder / "settings.json").write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-m", "agents.housekeeper", "--settings", "settings.json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPO)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def scrape(port: int) -> str:
    return until(lambda: httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text, "it listens")


def test_it_lives_without_its_store_says_so_and_ends_at_once(tmp_path: Path) -> None:
    port = free_port()
    with started(tmp_path, make(port).model_dump_json()) as process:
        text = scrape(port)
        assert "elasticsearch_cluster_health_up 0.0" in text
        assert "obs_store_documents" not in text
        assert 'obs_retention_days{kind="logs"} 14.0' in text
        assert httpx.get(f"http://127.0.0.1:{port}/health").json() == {"status": "ok"}
        assert httpx.get(f"http://127.0.0.1:{port}/other").status_code == 404
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        before = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - before < 5
    assert (line["service"], line["log_level"], line["env"]) == ("housekeeper", "warning", "test")
    assert {"timestamp", "message", "trace_id", "span_id", "transaction_id", "cluster"} <= line.keys()


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with started(tmp_path, make(taken.getsockname()[1]).model_dump_json()) as process:
            _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "cannot be listened on" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("text", ["{", "{}", '{"port": 0}'])
def test_bad_settings_are_told_without_a_traceback(tmp_path: Path, text: str) -> None:
    with started(tmp_path, text) as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "settings.json" in error
    assert "Traceback" not in error


def test_a_node_that_cannot_answer_is_passed_over() -> None:
    def node(request: httpx.Request) -> httpx.Response:
        assert request.headers["Host"] == f"{request.url.host}:{request.url.port}"
        if request.url.host == "away":
            raise httpx.ConnectError("away")
        return httpx.Response(503 if request.url.host == "lost" else 200, text=str(request.url))

    def ask(*nodes: str) -> httpx.Response:
        transport = AnyNode([f"https://{name}:9200" for name in nodes], httpx.MockTransport(node))
        return httpx.Client(transport=transport, base_url="https://away:9200").get("/x?y=1")

    assert ask("away", "lost", "there").text == "https://there:9200/x?y=1"
    assert ask("away", "lost").status_code == 503
    with pytest.raises(httpx.ConnectError):
        ask("lost", "away")
