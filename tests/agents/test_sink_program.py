"""The alert sink as a program: its settings, what it still knows after a restart, its end."""

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

from agents import sink_deliveries
from agents.sink import main
from agents.sink_deliveries import Deliveries
from agents.sink_payloads import read_payload
from components.render.sink import render
from components.render.text import text
from tests import specs
from tests.agents.sink_client import SLACK, client, deliveries
from tests.ports import free_port
from tests.waiting import until
from vsi.site import local_site


def write(folder: Path, **changes: object) -> Path:
    """A settings file of a sink that keeps its deliveries in `data`."""
    path = folder / "settings.json"
    settings = {"host": "127.0.0.1", "port": free_port(), "data": "data", "labels": {"env": "test"}}
    path.write_text(json.dumps(settings | changes))
    return path


@contextmanager
def program(path: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A running sink, in the folder of its settings: (its URL, the process)."""
    url = f"http://127.0.0.1:{json.loads(path.read_text())['port']}"
    with (path.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "agents.sink", "--settings", path.name],
            cwd=path.parent,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=log,
        )

    def answers() -> bool:
        assert process.poll() is None
        try:
            return httpx.get(f"{url}/health", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    try:
        until(answers, "the sink answers")
        yield url, process
    finally:
        process.kill()
        process.wait()


def test_deliveries_survive_kill_and_a_torn_line(tmp_path: Path) -> None:
    with program(write(tmp_path)) as (url, process):
        for team in ("a", "a", "b"):
            assert httpx.post(f"{url}/slack/{team}", json=SLACK).status_code == 200
        process.kill()
    with (tmp_path / "data" / "deliveries.jsonl").open("a") as file:
        file.write('{"received_at": "2026')
    again = client(tmp_path / "data")
    assert len(deliveries(again)) == 3
    total = 'deliveries_total{kind="slack",receiver="a",status="firing"} 2.0'
    assert total in again.get("/metrics").text
    again.post("/slack/c", json=SLACK)
    assert [item.team for item in Deliveries(tmp_path / "data").all()] == ["a", "a", "b", "c"]
    again.delete("/deliveries")
    again.post("/slack/d", json=SLACK)
    assert [item.team for item in Deliveries(tmp_path / "data").all()] == ["d"]


def test_it_logs_each_notification_and_ends_well_at_a_signal(tmp_path: Path) -> None:
    with program(write(tmp_path)) as (url, process):
        httpx.post(f"{url}/slack/a", json=SLACK)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    (line,) = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert line.items() >= {"message": "notification received", "service": "sink", "env": "test"}.items()


def test_rendered_settings_are_taken(tmp_path: Path) -> None:
    spec = specs.spec()
    (tmp_path / "settings.json").write_text(text(render(spec, local_site(spec))["settings.json"]))
    main(["--settings", str(tmp_path / "settings.json"), "--check"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"data": 5}, "data: "), ({"port": 0}, "port: "), ({"prot": 1}, "prot: ")],
)
@pytest.mark.parametrize("how", [[], ["--check"]])
def test_wrong_settings_are_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, object],
    says: str,
    how: list[str],
) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(SystemExit) as caught:
        main(["--settings", str(path), *how])
    assert caught.value.code == 2
    assert f"{path}: not valid: {says}" in capsys.readouterr().err


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--settings", str(write(tmp_path, data="/proc/none"))])
    assert caught.value.code == 2
    assert "data: cannot be used (value '/proc/none')" in capsys.readouterr().err


def test_a_check_touches_nothing(tmp_path: Path) -> None:
    """It runs beside the sink that it is about."""
    data = tmp_path / "data"
    main(["--settings", str(write(tmp_path, data=str(data))), "--check"])
    assert not data.exists()


def test_the_file_stays_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_deliveries, "LIMIT", 3)
    store = Deliveries(tmp_path)
    for number in range(20):
        store.add(read_payload("slack", f"t{number}", SLACK))
        assert len((tmp_path / "deliveries.jsonl").read_text().splitlines()) <= 6
    assert [item.team for item in Deliveries(tmp_path).all()] == ["t17", "t18", "t19"]
