"""A secret reaches the program's environment and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
SHOW = "import os, sys; print(os.environ['PASSWORD'], sys.argv[1:], os.getpid())"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agents.with_secret", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPO)},
    )


def test_the_program_gets_the_secret_without_its_newline_and_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("it's $HOME\n")
    done = run(f"PASSWORD={tmp_path}/secret", "--", sys.executable, "-c", SHOW, "one", "--two")
    assert done.stdout.startswith("it's $HOME ['one', '--two'] ")
    assert done.returncode == 0


def test_it_becomes_the_program(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    command = [sys.executable, "-m", "agents.with_secret", f"PASSWORD={tmp_path}/secret"]
    process = subprocess.Popen(
        [*command, "--", sys.executable, "-c", SHOW],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPO)},
    )
    printed, _ = process.communicate(timeout=60)
    assert printed.split()[-1] == str(process.pid)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--",),
        ("PASSWORD=x",),
        ("PASSWORD=x", "--"),
        ("x", "--", "true"),
        ("PASSWORD=/missing", "--", "true"),
    ],
)
def test_what_cannot_be_done_is_told_without_a_traceback(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_program_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("topsecret")
    done = run(f"PASSWORD={tmp_path}/secret", "--", "/no/such/program")
    assert (done.returncode, "topsecret" in done.stderr) == (2, False)
    assert "/no/such/program cannot be started" in done.stderr
