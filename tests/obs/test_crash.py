"""An error that nobody foresaw is one line; its traceback goes to a file, without secrets."""

import stat
from pathlib import Path

import pytest

from obs import crash


def test_the_report_holds_the_traceback_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("SLACK_WEBHOOK", "https://hooks.example/T0/very-secret")
    secrets = tmp_path / "local" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "opensearch-admin").write_text("pa55word-on-host\n")

    def fail() -> None:
        raise RuntimeError("could not post to https://hooks.example/T0/very-secret as pa55word-on-host")

    with pytest.raises(RuntimeError) as caught:
        fail()
    crash.report(caught.value)
    shown = capsys.readouterr().err
    (log,) = (tmp_path / ".crashes").iterdir()
    for text in (shown, log.read_text()):
        assert "very-secret" not in text
        assert "pa55word-on-host" not in text
        assert "could not post to [secret]" in text
    assert "in fail" in log.read_text()
    assert "Traceback" not in shown
    assert str(log) in shown
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_without_a_place_for_the_file_the_line_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").write_text("a file")
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path / "state"))
    crash.report(ValueError("nobody foresaw"))
    shown = capsys.readouterr().err
    assert "unexpected error: ValueError: nobody foresaw\n" in shown
    assert f"cannot be written to {tmp_path}/state" in shown


def test_a_variable_that_a_stack_file_names_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crash, "_named", set())
    monkeypatch.setenv("PAGER_ROUTE", "r0uting-value")
    assert crash.mask("told r0uting-value") == "told r0uting-value"
    crash.hide(["PAGER_ROUTE"])
    assert crash.mask("told r0uting-value") == "told [secret]"
