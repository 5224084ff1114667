"""Readers that go away, closed descriptors, full disks: the command ends or goes on, and says nothing odd."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from obs.streams import unread

ROOT = Path(__file__).parents[2]
QUIET = {"PYTHONUNBUFFERED": "", "PYTHONPATH": str(ROOT)}

PROGRAM = """
import sys
from obs.streams import secure
secure()
from obs import cli
from obs.console import err, out, tell

@cli.command
def many() -> int:
    for number in range(5_000):
        out.print(f"result {number}")
    tell("made all")
    return 0

@cli.command
def told() -> int:
    for number in range(5_000):
        tell(f"news {number}")
    open(sys.argv[2], "w").write("done")
    return 0

@cli.command
def few() -> int:
    sys.stdout.write("one result")
    return 0

cli.app(sys.argv[1:2])
"""


def shell(tmp_path: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which `$run` is a program with our commands `many`, `told` and `few`."""
    (tmp_path / "program.py").write_text(PROGRAM)
    return subprocess.run(
        ["bash", "-c", line],
        cwd=tmp_path,
        env={**os.environ, **QUIET, "run": f"{sys.executable} {tmp_path}/program.py"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_closed_end_is_seen_without_writing() -> None:
    reads, writes = os.pipe()
    try:
        assert not unread(writes)
        os.close(reads)
        assert unread(writes)
    finally:
        os.close(writes)


def test_results_that_nobody_reads_any_more_end_the_command_quietly(tmp_path: Path) -> None:
    done = shell(tmp_path, "$run many | head -1; echo ${PIPESTATUS[0]}")
    assert done.stdout == "result 0\n1\n"
    assert done.stderr == ""


@pytest.mark.parametrize("line", ["$run told {} 2>&1 | head -1", "$run told {} 2>&1 >/dev/null | head -c1"])
def test_news_that_nobody_reads_do_not_end_it(tmp_path: Path, line: str) -> None:
    done = shell(tmp_path, line.format("finished") + "; echo ${PIPESTATUS[0]}")
    assert done.stdout.endswith("0\n")
    assert (tmp_path / "finished").read_text() == "done"


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", ["told", "many", "few"])
def test_closed_descriptors(tmp_path: Path, closed: str, command: str) -> None:
    done = shell(tmp_path, f"$run {command} finished {closed}; echo code $?")
    assert done.stdout.endswith("code 0\n")
    assert "Traceback" not in done.stderr
    if command == "told":
        assert (tmp_path / "finished").read_text() == "done", "what was told went into a file"


@pytest.mark.parametrize("command", ["many", "few"])
def test_a_full_disk_is_told(tmp_path: Path, command: str) -> None:
    done = shell(tmp_path, f"$run {command} x >/dev/full; echo code $?")
    assert done.stdout == "code 1\n"
    assert done.stderr == "standard output cannot be written: No space left on device\n"


def test_a_full_disk_for_news_ends_nothing(tmp_path: Path) -> None:
    done = shell(tmp_path, "$run told finished 2>/dev/full; echo code $?")
    assert done.stdout == "code 0\n"
    assert (tmp_path / "finished").exists()


def test_a_pipe_that_does_not_block_loses_nothing(tmp_path: Path) -> None:
    unblock = "import os, sys; os.set_blocking(1, False); os.execvp(sys.argv[1], sys.argv[1:])"
    done = shell(tmp_path, f"{sys.executable} -c '{unblock}' $run many | (read; sleep 0.2; wc -l)")
    assert done.stdout.strip() == "4999"


@pytest.mark.parametrize("arguments", ["--help", "env --help", "nonsense"])
def test_help_into_a_closed_pipe(arguments: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m obs {arguments} 2>&1 | true"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == ""
