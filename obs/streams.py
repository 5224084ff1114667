"""Standard streams that may go away: a reader that has read enough, a terminal that was closed, a full disk.

What is told about a run goes to standard error, and a run does not depend on it being read: once it cannot
be written it is dropped, and the run goes on. Results go to standard output: once they cannot be written,
there is no use in making more, so the command ends. In both cases the stack's lock is given back as ever.
"""

import errno
import io
import os
import select
import sys
from typing import TextIO

from obs.errors import ObsError

_GONE = (errno.EPIPE, errno.EIO, errno.ECONNRESET)


class _Stream(io.FileIO):
    """A descriptor of which the rest is thrown away once it cannot be written."""

    def __init__(self, descriptor: int, results: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._results = results

    def write(self, data: "io.ReadableBuffer") -> int:  # type: ignore[name-defined]
        try:
            while (written := super().write(data)) is None:  # not blocking, and full
                select.select([], [self.fileno()], [])
        except OSError as error:
            _discard(self.fileno())
            if self._results and error.errno in _GONE:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from None
            if self._results:
                raise ObsError(f"standard output cannot be written: {error.strerror}") from None
            return len(data)
        return written


def _discard(descriptor: int) -> None:
    """Let what is written to a descriptor vanish."""
    null = os.open(os.devnull, os.O_RDWR)
    if null != descriptor:
        os.dup2(null, descriptor)
        os.close(null)


def secure() -> None:
    """Put streams as above in the place of Python's.

    A descriptor that the caller closed is opened on nothing, or the next file would get its number, and what
    is meant for a terminal would be written into it."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            _discard(descriptor)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - for as long as the process lives
    sys.stdout = _text(sys.stdout, 1, results=True)
    sys.stderr = _text(sys.stderr, 2, results=False)


def unread(descriptor: int = 1) -> bool:
    """Whether what is written would reach nobody: the other end of the pipe or the terminal is closed. A
    command that waits for something to write asks, as it would not notice before it writes."""
    poller = select.poll()
    poller.register(descriptor, 0)
    return bool(poller.poll(0))


def _text(before: TextIO | None, descriptor: int, results: bool) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(_Stream(descriptor, results)),
        encoding=before.encoding if before else "utf-8",
        errors=before.errors if before else "backslashreplace",
        line_buffering=not results or os.isatty(descriptor),
    )
