"""A file that a journal is written into: each entry is there once, wherever its writer is killed."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from agents.journal_file import JournalFile, Kept

ENTRIES = [f"entry {number} {'x' * (number % 7)}\n".encode() for number in range(16)]


class Killed(BaseException):
    """In place of a kill, which no handler sees."""


def made(folder: Path, most: int = 1_000_000) -> JournalFile:
    return JournalFile(folder / "a.log", folder / "a.state", most, 9)


def feed(file: JournalFile, entries: list[bytes] = ENTRIES) -> None:
    """What follows the last entry, saved now and then."""
    begin = int(file.kept.cursor) + 1 if file.kept else 0
    for number in range(begin, len(entries)):
        file.append(entries[number], str(number), number)
        if number % 4 == 3:
            file.save()
    file.save()
    file.close()


def written(folder: Path) -> bytes:
    """All files, the oldest first."""
    files = sorted(folder.glob("a.log.?"), reverse=True)
    return b"".join(file.read_bytes() for file in (*files, folder / "a.log"))


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ends the writer at the n-th thing that it does to the disk, in the middle of it."""
    left = [10**9]

    def count() -> bool:
        left[0] -= 1
        return left[0] < 0

    write, replace = os.write, Path.replace

    def torn(number: int, data: bytes) -> int:
        if count():
            write(number, data[: len(data) // 2])
            raise Killed
        return write(number, data)

    def synced(_: int) -> None:
        """A kill leaves the host's memory of its disk alone: thousands of real ones would take minutes."""
        if count():
            raise Killed

    def replaced(path: Path, target: Path) -> Path:
        if count():
            raise Killed
        return replace(path, target)

    monkeypatch.setattr(os, "write", torn)
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    return left


@pytest.mark.parametrize("most", [1_000_000, 120])
def test_each_entry_is_there_once_wherever_it_is_killed(
    tmp_path: Path, killed_at: list[int], most: int
) -> None:
    """At each point in turn, and then twice more soon after."""
    for point in range(1000):
        folder = tmp_path / str(point)
        folder.mkdir()
        whole = False
        for left in (point, 3, 0, 10**9):
            killed_at[0] = left
            with suppress(Killed):
                feed(made(folder, most))
                whole = left == point
        assert written(folder) == b"".join(ENTRIES), f"killed at {point}"
        if whole:
            break
    assert point > 25, "there are points at which it could be killed"


def test_files_of_a_size_the_older_ones_aside(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "a.log", tmp_path / "a.state", 30, 2)
    feed(file, [b"ten bytes\n"] * 11)

    assert sorted(path.name for path in tmp_path.glob("a.log*")) == ["a.log", "a.log.1", "a.log.2"]
    assert {len(path.read_bytes()) for path in tmp_path.glob("a.log.*")} == {30}
    assert len((tmp_path / "a.log").read_bytes()) == 20


def test_a_file_that_somebody_removed_is_made_anew(tmp_path: Path) -> None:
    feed(made(tmp_path), ENTRIES[:9])
    (tmp_path / "a.log").unlink()
    feed(made(tmp_path))

    assert written(tmp_path) == b"".join(ENTRIES[9:])


def test_what_the_journal_has_no_more_is_not_looked_for(tmp_path: Path) -> None:
    """Entries went between the kill and the next start; what is left of them is in the file already."""
    file = made(tmp_path)
    file.append(b"one\n", "1", 1)
    file.save()
    for number, word in ((2, b"two\n"), (3, b"three\n")):
        file.append(word, str(number), number)
    again = made(tmp_path)
    again.append(b"three\n", "3", 3)
    again.append(b"four\n", "4", 4)

    assert written(tmp_path) == b"one\ntwo\nthree\nfour\n"


def test_another_journal_begins_a_line_of_its_own(tmp_path: Path) -> None:
    file = made(tmp_path)
    file.append(b"one\n", "1", 1)
    file.save()
    with (tmp_path / "a.log").open("ab") as torn:
        torn.write(b"tw")
    again = made(tmp_path)
    again.append(b"other\n", "9", 9)
    again.append(b"more\n", "10", 10)

    assert written(tmp_path) == b"one\ntw\nother\nmore\n"


def test_a_state_that_cannot_be_read_begins_anew(tmp_path: Path) -> None:
    """What is in the file already is known there too."""
    feed(made(tmp_path))
    (tmp_path / "a.state").write_text("{")
    file = made(tmp_path)
    assert file.kept is None
    feed(file)

    assert written(tmp_path) == b"".join(ENTRIES)
    kept = Kept.model_validate_json((tmp_path / "a.state").read_text())
    assert (kept.cursor, kept.size) == ("15", len(b"".join(ENTRIES)))


def test_much_is_not_left_unsaved(tmp_path: Path) -> None:
    """What is compared after a kill is read into memory."""
    file = made(tmp_path, 50_000_000)
    for number in range(30):
        file.append(b"x" * 99_999 + b"\n", str(number), number)

    assert made(tmp_path, 50_000_000).kept is not None
    assert len(made(tmp_path)._tail) <= 1 << 20
