"""When the engine is asked, and what its answer does to the report."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.review.stack import StackReview
from obs.previews import engine, run
from obs.previews.engine import Seen
from obs.previews.markdown import markdown
from obs.previews.report import Previewed, Report
from obs.previews.text import draw


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    return tmp_path


def _answering(monkeypatch: pytest.MonkeyPatch, code: int, out: str = "", err: str = "") -> None:
    def answer(*_: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess([], code, out, err)

    monkeypatch.setattr(engine, "lacks", lambda _: "")
    monkeypatch.setattr(engine, "obs", answer)


def test_without_state_it_is_not_asked(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "deployment" in engine.lacks("local")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://states")
    assert "obs preview local" in engine.lacks("local")
    assert list(state.iterdir()) == []


def test_each_thing_that_is_missing_is_named(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for stack in ("local", "prod-aws"):
        checkpoint = state / ".pulumi" / "stacks" / "observability" / f"{stack}.json"
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.write_text("{}", encoding="utf-8")
    for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("obs.pulumi.find_pulumi", lambda: Path("pulumi"))
    monkeypatch.setenv("OBS_CACHE_DIR", str(state / "cache"))
    assert "PULUMI_CONFIG_PASSPHRASE" in engine.lacks("prod-aws")
    monkeypatch.setattr("engines.store.Store.locate", lambda *_: None)
    assert "prometheus" in engine.lacks("local")


def test_its_answer_is_counted_and_ends_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    units = [{"id": "a@x", "op": "replace"}, {"id": "b@x", "op": "update"}, {"id": "c@x", "op": "update"}]
    _answering(monkeypatch, 0, json.dumps({"units": units}))
    report = run.with_engine(
        Report("", (Previewed("local", "local", unknown=(f"{run.IN_PLACE}: ...", "else")),))
    )
    (stack,) = report.stacks
    assert stack.engine is not None
    assert stack.engine.counts() == {"replace": 1, "update": 2}
    assert stack.unknown == ("else",)
    assert stack.said == "changes"
    assert report.exit_code(expect_no_changes=True) == 1
    assert "replace a&#64;x" in markdown(report)


@pytest.mark.parametrize(("code", "said", "exit_code"), [(2, "no change", 0), (1, "failed", 1)])
def test_what_it_lacks_does_not_fail_and_a_failure_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: int, said: str, exit_code: int
) -> None:
    _answering(monkeypatch, code, err="no credentials\n")
    report = run.with_engine(Report("", (Previewed("local", "local", review=StackReview()),)))
    assert report.stacks[0].said == said
    assert report.exit_code(expect_no_changes=False) == exit_code
    draw(report, full=False)
    assert "no credentials" in capsys.readouterr().out


def test_one_that_does_not_answer_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_: str, stack: str, *__: str) -> Any:
        if stack == "local":
            raise subprocess.TimeoutExpired("obs", 1)
        return subprocess.CompletedProcess([], 0, '{"units": []}', "")

    monkeypatch.setattr(engine, "lacks", lambda _: "")
    monkeypatch.setattr(engine, "obs", answer)
    found = engine.seen_by_engine(["local", "dev-vsi"])
    assert found["dev-vsi"] == Seen()
    assert "no answer" in found["local"].failed


def test_a_broken_stack_is_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    _answering(monkeypatch, 0, '{"units": []}')
    report = run.with_engine(Report("", (Previewed("local", problems=("wrong",)),)))
    assert report.stacks[0].engine is None
