"""What `obs parity` shows, and its exit code."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from components.parity.compare import Declared, compare
from obs.cli import app
from obs.commands import tools  # noqa: F401 - adds its commands
from obs.parity import draw
from targets.parity import Parity

DECLARED = (Declared("a reason " * 20, ("rules: b",)), Declared("of nothing", ("rules: c",)))
SAME: dict[str, dict[str, str]] = {"rules": {"a": "1", "b": "2"}}
SETTINGS = (("metrics.scrape_interval", "5s", "15s"),)


def _run(monkeypatch: pytest.MonkeyPatch, other: dict[str, dict[str, str]], *options: str) -> tuple[int, str]:
    found = Parity(compare(SAME, other, DECLARED), "dev-vsi", SETTINGS)
    monkeypatch.setattr("targets.parity.parity", lambda *_: found)
    result = CliRunner().invoke(app, ["parity", "dev-vsi", "staging-k8s", *options])
    return result.exit_code, result.output


def test_declared_differences_pass_and_say_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Parity(compare(SAME, {"rules": {"a": "1", "b": "3"}}, DECLARED), "dev-vsi", SETTINGS)
    draw(found, "dev-vsi", "staging-k8s")
    code, told = _run(monkeypatch, {"rules": {"a": "1", "b": "3"}})[0], capsys.readouterr().out
    assert code == 0
    assert all(len(line) <= 80 for line in told.splitlines())
    for words in ("a reason", "of nothing", "metrics.scrape_interval", "no undeclared difference"):
        assert words in told


def test_another_difference_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    code, told = _run(monkeypatch, {"rules": {"a": "other"}}, "--json")
    data: dict[str, Any] = json.loads(told)
    assert code == 1
    assert data["different"] == [{"aspect": "rules", "path": "a", "values": ["1", "other"]}]
    assert data["aspects"]["rules"] == {"equal": 0, "declared": 1, "different": 1}


def test_an_environment_that_there_is_not_is_bad_input() -> None:
    assert CliRunner().invoke(app, ["parity", "dev-vsi", "nowhere"]).exit_code == 2
