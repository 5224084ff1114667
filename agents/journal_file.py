"""A file to which each entry of a journal is appended once, whenever its writer is killed.

How far the journal is in the file is kept beside it, and only once that much of the file is on the disk. What
was appended after that is known by its bytes: the same entries are read again then, give the same bytes, and
those that are there already are skipped, in the middle of a line too.
"""

import os
from contextlib import suppress
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

UNSAVED_BYTES = 1 << 20
"""What may be appended before it is saved how far we are: so much is compared after a kill."""


class Kept(BaseModel):
    """How far the journal is in a file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    cursor: str
    """Of the last entry."""
    seen: int
    """When the journal got it, in microseconds."""
    inode: int
    size: int
    """How many bytes of the file are of entries up to that one."""
    followed: int = 0
    """Until when the journal had nothing more of it, in microseconds; 0 where that was never asked."""


class JournalFile:
    """One file and what is known of it. OSError where the disk does not take something: made anew, it goes on
    from what was kept."""

    def __init__(self, path: Path, state: Path, most: int, older: int) -> None:
        self.path, self._state = path, state
        self._most, self._older = most, older
        self.kept = self._read_state()
        self._number = self._open()
        found = os.fstat(self._number)
        begun = 0
        if self.kept and self.kept.inode == found.st_ino:
            begun = min(self.kept.size, found.st_size)
        self._size = found.st_size
        self._tail = os.pread(self._number, found.st_size - begun, begun)
        """What is in the file beyond what was kept."""
        self._at = 0
        """How much of that was read from the journal again."""
        self._unsaved = 0
        self._dirty = self._fresh = False

    @property
    def cursor(self) -> str | None:
        """Of the last entry that is in the file."""
        return self.kept.cursor if self.kept else None

    def append(self, data: bytes, cursor: str, seen: int) -> None:
        """What an entry becomes, unless it is there. The file is another one from time to time."""
        rest = self._not_there(data)
        if rest and self._size >= self._most:
            self.save()
            self._next_file()
        while rest:
            written = os.write(self._number, rest)
            rest = rest[written:]
            self._size += written
        self._unsaved += len(data)
        self._dirty = True
        done = self._size - len(self._tail) + self._at
        followed = self.kept.followed if self.kept else 0
        inode = os.fstat(self._number).st_ino
        self.kept = Kept(cursor=cursor, seen=seen, inode=inode, size=done, followed=followed)
        if self._unsaved >= UNSAVED_BYTES:
            self.save()

    def followed(self, at: int) -> None:
        """Nothing came until then."""
        if self.kept is not None:
            self.kept = self.kept.model_copy(update={"followed": at})
            self._dirty = True

    def _not_there(self, data: bytes) -> bytes:
        """What of an entry is not in the file yet."""
        tail, at = self._tail, self._at
        if at == len(tail):
            return data
        if tail.startswith(data, at):
            self._at += len(data)
            return b""
        if data.startswith(tail[at:]):
            self._forget_tail()
            return data[len(tail) - at :]
        found = tail.find(data, at)
        if (
            data and found > 0 and tail[found - 1 : found] == b"\n"
        ):  # what was before is in no journal any more
            self._at = found + len(data)
            return b""
        structlog.get_logger().warning(
            "the journal is another one than before; some lines may be there twice", file=str(self.path)
        )
        self._forget_tail()
        return data if tail.endswith(b"\n") else b"\n" + data

    def _forget_tail(self) -> None:
        self._tail, self._at = b"", 0

    def save(self) -> None:
        """Bring what was appended on the disk, then that it is there."""
        if not self._dirty or self.kept is None:
            return
        os.fsync(self._number)
        if self._fresh:
            _sync_folder(self.path.parent)
        new = self._state.with_name(f"{self._state.name}.new")
        with new.open("w", encoding="utf-8") as file:
            file.write(self.kept.model_dump_json())
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._state)
        _sync_folder(self._state.parent)
        self._dirty = self._fresh = False
        self._unsaved = 0

    def close(self) -> None:
        """Without saving."""
        os.close(self._number)

    def _next_file(self) -> None:
        """All of the file is saved: so what is in the next one is known by not being of this."""
        for number in range(self._older - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._aside(number).replace(self._aside(number + 1))
        self.path.replace(self._aside(1))
        os.close(self._number)
        self._number = self._open()
        self._size, self._fresh = 0, True
        self._forget_tail()

    def _aside(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _open(self) -> int:
        return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _read_state(self) -> Kept | None:
        try:
            return Kept.model_validate_json(self._state.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValidationError, UnicodeDecodeError) as error:
            structlog.get_logger().error(
                "how far the journal was read is not known any more: it is read from its beginning",
                file=str(self._state),
                error=str(error),
            )
            return None


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
