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
