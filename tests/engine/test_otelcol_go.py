"""The Go tests of what we added to the collector."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools" / "otelcol"


@pytest.mark.engine
@pytest.mark.timeout(1500)
def test_go_tests_pass() -> None:
    if shutil.which("go") is None:
        pytest.skip("no Go on PATH")
    done = subprocess.run(
        ["go", "test", "-trimpath", "-mod=readonly", "./..."],
        cwd=TOOLS,
        env={**os.environ, "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    assert done.stdout.count("ok ") >= 3, done.stdout
