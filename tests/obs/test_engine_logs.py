"""The Pulumi engine writes no log of its own where `obs` has its folder, and goes on."""

import os
import subprocess
from pathlib import Path

import pytest

from obs.providers import without_logs
from tests.engine.project import find_pulumi


def test_logs_of_earlier_runs_go_and_none_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULUMI_HOME", raising=False)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "pulumi-preview.log").write_text("inputs")

    without_logs(tmp_path)
    without_logs(tmp_path)

    assert "no log of every run" in (tmp_path / "logs").read_text()


def test_a_folder_that_was_given_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    (tmp_path / "logs").mkdir()

    without_logs(tmp_path)

    assert (tmp_path / "logs").is_dir()


@pytest.mark.engine
def test_the_engine_goes_on_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = find_pulumi()
    if pulumi is None:
        pytest.skip("no Pulumi CLI on PATH or in the cache of engines: obs engines build pulumi")
    monkeypatch.delenv("PULUMI_HOME", raising=False)
    without_logs(tmp_path)
    given = os.environ | {
        "PULUMI_HOME": str(tmp_path),
        "PULUMI_BACKEND_URL": tmp_path.as_uri(),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    done = subprocess.run(
        [pulumi, "stack", "ls", "--all"], env=given, cwd=tmp_path, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "logs").is_file()
