"""What the tests of the cluster lean on is there: it is built beside the tests of all else, and waited for
here. Its name puts it before the others."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.cluster import beside
from tests.hosts import tools


@pytest.mark.engine
@pytest.mark.timeout(beside.BUILD_S + 60)
def test_a_cluster_can_be_booted(built: None) -> None:
    """Waits."""


def test_a_build_that_failed_or_lasts_is_said_with_its_last_words(tmp_path: Path) -> None:
    assert "(make cluster) is not done:" in beside.failure(tmp_path, "is not done")
    (tmp_path / "log").write_text("".join(f"line {number}\n" for number in range(100)))
    (tmp_path / "code").write_text("2\n")
    said = beside.failure(tmp_path, "")
    assert "ended with 2:" in said
    assert "line 99" in said
    assert "line 42" not in said
    (tmp_path / "code").write_text("0\n")
    assert beside.failure(tmp_path, "") == ""


def run(tmp_path: Path, program: str) -> int:
    """The command's exit code; the program finds `beside` and the folder `here`."""
    found = f"from pathlib import Path\nfrom tests.cluster import beside\nhere = Path({str(tmp_path)!r})\n"
    before = signal.getsignal(signal.SIGTERM)
    try:
        return beside.main([sys.executable, "-c", found + program])
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.fixture
def root() -> None:
    if reason := tools.obstacle():
        pytest.skip(reason)


def test_the_exit_code_is_the_commands_and_a_failed_build_is_known_to_it(
    root: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "_BUILD", ': "$1"; echo gone wrong > "$2/log"; echo 3 > "$2/code"')
    assert run(tmp_path, "(here / 'said').write_text(beside.awaited()); raise SystemExit(7)") == 7
    assert "ended with 3:\ngone wrong" in (tmp_path / "said").read_text()


def test_a_build_that_lasts_ends_with_the_command(
    root: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "_BUILD", f': "$1"; echo $$ > {tmp_path}/pid; exec sleep 600')
    waiting = "while not ((here / 'pid').exists() and (here / 'pid').read_text()): pass"
    assert run(tmp_path, waiting) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
