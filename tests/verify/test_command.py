"""The command: what goes where, with which exit code."""

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from obs.errors import Locked
from obs.lock import stack_lock
from obs.verify import Report, Result, Row, command
from targets import plan
from tests.verify.fakes import shop_spec
from vsi.site import local_site

FAILED = Report(
    "local", (Row("targets up", "metrics", Result.FAILED, "expected a; found b. Do c.", 1.0),), 2.0
)
PASSED = Report("local", (Row("targets up", "metrics", Result.PASSED, "12 targets up", 1.0),), 2.0)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """The arguments of the run, which returns what stands under `report`."""
    found: dict[str, Any] = {"report": PASSED}

    def run(*arguments: Any, **options: Any) -> Report:
        found.update(options, spec=arguments[0], access=arguments[1])
        options["progress"]("targets up ...")
        report: Report = found["report"]
        return report

    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(command, "run", run)
    spec = shop_spec()
    monkeypatch.setattr("obs.describe.describe", lambda env: (spec, plan(spec, env)))
    monkeypatch.setattr(command, "pages", lambda *_given: [("sink", "http://127.0.0.1:21040/")])
    return found


def test_the_table_and_the_pages_that_show_something(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.verify("local") == 0
    assert asked["stack"] == "local"
    assert asked["access"].site.url("sink") == "http://127.0.0.1:21040"
    shown = capsys.readouterr()
    assert "12 targets up" in shown.out
    assert "obs verify local: 1 passed, 0 not applied, 0 failed in 2 s\n" in shown.out
    assert "http://127.0.0.1:21040/" in shown.out
    assert "targets up ..." in shown.err


def test_json_stands_alone_on_standard_output(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    asked["report"] = FAILED
    assert command.verify("local", as_json=True) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["rows"][0]["result"] == "failed"


def test_one_run_at_a_time(asked: dict[str, Any], tmp_path: Path) -> None:
    with stack_lock(tmp_path / ".locks", "local", "up local"), pytest.raises(Locked, match="obs up local"):
        command.verify("local")
    assert "spec" not in asked


def test_a_termination_is_an_interruption(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_arguments: Any, **_options: Any) -> Report:
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(10)
        return PASSED

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(command, "run", run)
    with pytest.raises(KeyboardInterrupt):
        command.verify("local")
    assert signal.getsignal(signal.SIGTERM) is before


def test_only_pages_that_show_something_are_offered() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        html = {"content-type": "text/html; charset=utf-8"}
        if request.url.port == 21000:
            return httpx.Response(500, text="no index.html")
        if request.url.port == 21030:
            return httpx.Response(200, headers=html, text="<p>Built without UI assets</p>")
        if request.url.port == 21102:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, headers=html, text="<h1>Demo shop</h1>")

    spec = shop_spec()
    found = dict(command.pages(spec, local_site(spec), httpx.MockTransport(answer)))
    assert set(found) == {"alertmanager", "sink", "gateway", "orders", "inventory"}
    assert found["gateway"] == "http://127.0.0.1:21100/"
