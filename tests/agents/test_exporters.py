"""Exporters answer in Prometheus' time, whatever the program that they ask does: 0, never nothing."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest

from agents.redis_exporter import RedisMetrics
from agents.scraping import InTime, patience
from agents.store import Settings
from agents.store_metrics import StoreMetrics
from tests.ports import free_port
from tests.waiting import until
from vsi import tls

Program = Callable[[], AbstractContextManager[int]]
REPO = Path(__file__).resolve().parents[2]


@contextmanager
def deaf() -> Iterator[int]:
    """The port of a program that is stopped: the kernel takes connections for it, and nobody answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield server.getsockname()[1]


@contextmanager
def trickling() -> Iterator[int]:
    """The port of a program that says a little again and again and never comes to an end."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        over = threading.Event()

        def drip() -> None:
            while not over.is_set():
                with contextlib.suppress(OSError), server.accept()[0] as client:
                    for byte in b"$999999\r\n" + b"a" * 100_000:
                        if over.wait(0.05):
                            return
                        client.sendall(bytes([byte]))

        threading.Thread(target=drip, daemon=True).start()
        yield server.getsockname()[1]
        over.set()


def store(folder: Path, port: int) -> Settings:
    for name, data in tls.renewed({}, ("opensearch",)).items():
        (folder / name).write_bytes(data)
    (folder / "password").write_text("a")
    return Settings.model_validate_json(
        json.dumps(
            {
                "url": f"https://127.0.0.1:{port}",
                "ca": str(folder / "ca.pem"),
                "user": "housekeeper",
                "password_file": str(folder / "password"),
                "host": "127.0.0.1",
                "port": free_port(),
                "interval_seconds": 3600,
                "retry_seconds": 60,
                "store_metrics": True,
                "labels": {"env": "e", "cluster": "c", "region": "r", "team": "t"},
                "indices": [{"kind": "logs", "prefix": "logs", "date_format": "%Y.%m.%d", "days": 14}],
            }
        )
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [("4", 2.4), ("0.5", 0.3), (None, 2.4), ("soon", 2.4), ("-1", 2.4), ("nan", 2.4), ("1e9", 2.4)],
)
def test_prometheus_says_how_long_it_waits(given: str | None, expected: float) -> None:
    assert patience(given) == pytest.approx(expected)


@pytest.mark.parametrize("program", [deaf, trickling])
def test_a_store_that_does_not_answer_is_0_in_time_again_and_again(tmp_path: Path, program: Program) -> None:
    with program() as port:
        metrics = StoreMetrics(store(tmp_path, port))
        begun = time.monotonic()
        for _ in range(3):
            (up,) = metrics(0.2)
            assert [(sample.name, sample.value) for sample in up.samples] == [
                ("elasticsearch_cluster_health_up", 0.0)
            ]
        assert time.monotonic() - begun < 3


@pytest.mark.parametrize("program", [deaf, trickling])
def test_a_redis_that_does_not_answer_is_0_in_time_again_and_again(program: Program) -> None:
    with program() as port:
        metrics = RedisMetrics(f"redis://127.0.0.1:{port}/0")
        begun = time.monotonic()
        for _ in range(3):
            (up,) = metrics(0.2)
            assert [(sample.name, sample.value) for sample in up.samples] == [("redis_up", 0.0)]
        assert time.monotonic() - begun < 3


def test_a_question_that_hangs_is_asked_once_and_its_answer_taken_when_it_comes() -> None:
    free, asked = threading.Event(), []

    def ask(seconds: float) -> str:
        asked.append(seconds)
        free.wait(30)
        return f"answer {len(asked)}"

    question = InTime(ask)
    assert [question(0.01), question(0.01)] == [None, None]
    assert asked == [0.01]
    free.set()
    until(lambda: question(5) == "answer 2", "the next question is asked")


def test_what_the_question_raises_is_raised() -> None:
    def ask(seconds: float) -> str:
        raise OSError(f"{seconds:g}")

    question = InTime(ask)
    for _ in range(2):
        with pytest.raises(OSError, match=r"0\.5"):
            question(0.5)


@contextmanager
def exporter(folder: Path, module: str, settings: str) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "settings.json").write_text(settings)
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--settings", "settings.json"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(REPO)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", ["housekeeper", "redis_exporter"])
def test_a_scrape_is_answered_within_the_time_that_it_names_and_the_exporter_ends(
    tmp_path: Path, name: str
) -> None:
    with deaf() as port:
        made = store(tmp_path, port)
        other = {"redis": f"redis://127.0.0.1:{port}/0", "host": "127.0.0.1", "port": made.port, "labels": {}}
        settings = made.model_dump_json() if name == "housekeeper" else json.dumps(other)
        with exporter(tmp_path, f"agents.{name}", settings) as process:
            url = f"http://127.0.0.1:{made.port}"
            until(lambda: httpx.get(f"{url}/health").status_code == 200, "it listens")
            headers = {"X-Prometheus-Scrape-Timeout-Seconds": "1"}
            begun = time.monotonic()
            text = httpx.get(f"{url}/metrics", headers=headers, timeout=30).text
            assert time.monotonic() - begun < 5  # 0.6 s on an idle machine; a store's own 30 s is far away
            assert "_up 0.0" in text
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def test_a_store_whose_health_answers_is_1_whatever_becomes_of_the_rest(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        metrics = StoreMetrics(store(tmp_path, server.getsockname()[1]))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "opensearch.pem", tmp_path / "opensearch.key")
        health = {
            "status": "green",
            "number_of_nodes": 1,
            "active_shards": 2,
            "unassigned_shards": 0,
            "number_of_pending_tasks": 0,
        }

        def answer() -> None:
            for _ in range(2):
                raw = server.accept()[0]
                with context.wrap_socket(raw, server_side=True) as client:
                    asked = client.recv(65536)
                    body = json.dumps(health if b"/_cluster/health" in asked else {}).encode()
                    status = b"200 OK" if b"/_cluster/health" in asked else b"500 No"
                    head = b"HTTP/1.1 " + status + b"\r\nConnection: close\r\nContent-Length: "
                    client.sendall(head + str(len(body)).encode() + b"\r\n\r\n" + body)

        threading.Thread(target=answer, daemon=True).start()
        found = {sample.name: sample.value for family in metrics(20) for sample in family.samples}
    assert found["elasticsearch_cluster_health_up"] == 1.0
    assert found["elasticsearch_cluster_health_active_shards"] == 2.0
