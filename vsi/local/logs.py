"""Log files of this machine, which other processes append to and rotate."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO


def tail(path: Path, size: int) -> bytes:
    """The last bytes of a file; empty if it cannot be read."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - size))
            return stream.read()
    except OSError:
        return b""


def lines(
    paths: Mapping[str, str], last: int, *, follow: bool, over: Callable[[], bool]
) -> Iterator[tuple[str, str]]:
    """The last lines of each file; then, with `follow`, what comes, until closed or `over`."""
    tails = [_Tail(name, Path(path)) for name, path in paths.items()]
    begun = [(tail.name, line) for tail in tails for line in tail.last(last)]
    return _lines(begun, tails if follow else [], over)


def _lines(
    begun: list[tuple[str, str]], tails: list["_Tail"], over: Callable[[], bool]
) -> Iterator[tuple[str, str]]:
    yield from begun
    while tails:
        found = [(tail.name, line) for tail in tails for line in tail.more()]
        yield from found
        if not found:
            if over():
                return
            time.sleep(0.2)


class _Tail:
    """The file stays open, so that what was written just before a rotation is read to its end."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        self._stream: BinaryIO | None = None
        self._rest = b""

    def last(self, count: int) -> list[str]:
        """The last lines; from here on `more` goes on."""
        stream = self._open()
        if stream is None:
            return []
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 400 * (count + 1)))
        found = stream.read().decode(errors="replace").splitlines()
        return found[-count:] if count else []

    def more(self) -> list[str]:
        """Whole lines written since, also into the file that took this one's place."""
        stream = self._open()
        if stream is None:
            return []
        data = self._rest + stream.read()
        if self._replaced(stream):
            data += stream.read()
            stream.close()
            self._stream = None
            if new := self._open():
                data += new.read()
        whole, _, self._rest = data.rpartition(b"\n")
        return whole.decode(errors="replace").splitlines() if whole else []

    def _open(self) -> BinaryIO | None:
        if self._stream is None:
            with contextlib.suppress(OSError):
                self._stream = self._path.open("rb")
        return self._stream

    def _replaced(self, stream: BinaryIO) -> bool:
        try:
            return self._path.stat().st_ino != os.fstat(stream.fileno()).st_ino
        except OSError:
            return False
