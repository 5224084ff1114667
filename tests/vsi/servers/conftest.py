"""A workspace of the real Pulumi engine."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from pulumi import automation

from tests.engine.project import find_pulumi
from vsi.paths import REPO


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> automation.LocalWorkspaceOptions:
    """A workspace with its own back end, and the plugin of dynamic providers on PATH."""
    cli = find_pulumi()
    if cli is None:
        pytest.skip("no pulumi on PATH or in the cache; `make engines` makes it")
    programs = tmp_path / "bin"
    programs.mkdir()
    plugin = programs / "pulumi-resource-pulumi-python"
    plugin.write_text(f'#!/bin/sh\nexec "{sys.executable}" -u -m pulumi.dynamic "$@"\n')
    plugin.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{cli.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "test")
    monkeypatch.setenv("PULUMI_SKIP_UPDATE_CHECK", "true")
    monkeypatch.setenv("PYTHONPATH", str(REPO))
    assert shutil.which("pulumi")
    backend = tmp_path / "backend"
    backend.mkdir()
    project = automation.ProjectSettings(
        "p", "python", backend=automation.ProjectBackend(f"file://{backend}")
    )
    return automation.LocalWorkspaceOptions(project_settings=project)
