"""The log file of a service that runs is cut, and every line that it writes is in one of the files, once."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.waiting import until
from vsi.systemd import rotation

MOST = 200_000


def start(folder: Path, command: str, most: int = MOST, backups: int = 50) -> subprocess.Popen[bytes]:
    """As systemd starts it: the script becomes the service, in a group of processes of its own."""
    conf = folder / "conf"
    conf.mkdir(exist_ok=True)
    script = f"set -e\n{rotation.before(str(folder / 'app it.log'), most, backups)}\n"
    script += f"exec sh -c '{command}'{rotation.INTO}\n"
    return subprocess.Popen(["sh", "-c", script], cwd=conf, start_new_session=True)


def written(folder: Path) -> list[str]:
    """All lines, in order; each file but the last ends with a whole one."""
    files = sorted(
        folder.glob("app it.log*"), key=lambda file: int(file.suffix[1:]) if file.suffix[1:].isdigit() else 0
    )
    texts = [file.read_text() for file in reversed(files)]
    assert all(text.endswith("\n") for text in texts if text)
    return "".join(texts).splitlines()


def test_a_flood_is_cut_at_whole_lines_and_none_is_lost(tmp_path: Path) -> None:
    """Of 1.2 MB in long lines, which no block of a pipe ends with."""
    line = "x" * 1180
    process = start(tmp_path, f"n=0; while [ $n -lt 1000 ]; do echo $n {line}; n=$((n + 1)); done")
    assert process.wait(60) == 0
    until(lambda: len(written(tmp_path)) == 1000, "the last is written")
    assert [text.partition(" ")[0] for text in written(tmp_path)] == [str(n) for n in range(1000)]
    sizes = [file.stat().st_size for file in tmp_path.glob("app it.log.*")]
    assert len(sizes) >= 3
    assert all(MOST <= size < MOST + 2 * 65536 for size in sizes)


def test_each_line_is_there_at_once_and_last_words_are_kept(tmp_path: Path) -> None:
    words = 'trap "echo bye >&2; exit 0" TERM; echo begun; while :; do sleep 0.1; done'
    process = start(tmp_path, words)
    until(lambda: (tmp_path / "app it.log").exists() and written(tmp_path) == ["begun"], "it is written")
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(20) == 0
    until(lambda: written(tmp_path)[-1] == "bye", "what it says at its end")


def test_no_more_than_so_many_are_kept_and_what_is_there_goes_on(tmp_path: Path) -> None:
    (tmp_path / "app it.log").write_text("from before\n")
    first = tmp_path / "app it.log.1"
    for number in range(4):
        process = start(tmp_path, f"echo {number} {'y' * 90}", most=80, backups=2)
        assert process.wait(20) == 0
        until(lambda n=number: first.exists() and f"{n} y" in first.read_text(), "it is written")  # type: ignore[misc]
        if number == 0:
            assert first.read_text().startswith("from before\n0 y")
    until((tmp_path / "app it.log").exists, "the next is begun")
    assert {file.name for file in tmp_path.glob("app*")} == {"app it.log", "app it.log.1", "app it.log.2"}
    assert [text[:1] for text in written(tmp_path)] == ["2", "3"]


@pytest.mark.parametrize("words", ["printf no-end", "printf 'a\\\\0b\\n'"])
def test_odd_words_do_not_stop_it(tmp_path: Path, words: str) -> None:
    process = start(tmp_path, words)
    assert process.wait(20) == 0
    file = tmp_path / "app it.log"
    until(lambda: file.exists() and file.stat().st_size > 0, "it is written")
