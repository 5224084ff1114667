"""Log files of a host, by one `tail` there."""

import re
import secrets
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

from vsi.ssh import shell, words
from vsi.ssh.master import Master

_LAST = "/dev/null"
"""The last file that tail is given: when it names that one, it has read the others so far."""
_BEGIN_SECONDS = 30


def lines(
    master: Master, paths: Mapping[str, str], last: int, *, follow: bool, over: Callable[[], bool]
) -> Iterator[tuple[str, str]]:
    """See `Reach.lines`."""
    spelled = _Spelled(paths)
    tail = f"exec tail -v -n {last} -s 0.2 {{}} -- {spelled.words} 2>/dev/null"
    if not follow:
        found = spelled.take(shell.ask(master, tail.format("")).output)
        return iter([*found, *spelled.rest()])
    stack = ExitStack()
    try:
        root = stack.enter_context(shell.shell(master))
        root.start(tail.format("-F"))
        begun, deadline = [], time.monotonic() + _BEGIN_SECONDS
        while spelled.current != _LAST:
            begun += spelled.take(root.more(1))
            if time.monotonic() > deadline:
                raise words.unreachable(master.connection, "its `tail` does not read the log files")
    except BaseException:
        stack.close()
        raise
    return _follow(begun, spelled, root, over, stack)


def _follow(
    begun: list[tuple[str, str]],
    spelled: "_Spelled",
    root: shell.Shell,
    over: Callable[[], bool],
    stack: ExitStack,
) -> Iterator[tuple[str, str]]:
    with stack:
        yield from begun
        while True:
            found = spelled.take(root.more(0.2))
            yield from found
            if not found and over():
                return


class _Spelled:
    """Files whose paths are spelled as no line of theirs can foresee, by `/` and `/.` in front, so that what
    tail writes between them is known for that."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        start = "".join("/" if bit == "0" else "/." for bit in f"{secrets.randbits(64):064b}")
        spelled = {f"{start}{path}": name for name, path in paths.items()} | {f"{start}{_LAST}": _LAST}
        self.words = shlex.join(spelled)
        self.current = ""
        self._names = {path.encode("utf-8", "surrogateescape"): name for path, name in spelled.items()}
        self._start = b"==> " + start.encode()
        self._header = re.compile(
            b"\n?" + re.escape(b"==> ") + b"(" + re.escape(start.encode()) + b".*?) <==\n", re.S
        )
        self._rests: dict[str, bytes] = {}
        self._seen = b""

    def take(self, data: bytes) -> list[tuple[str, str]]:
        """Whole lines in what tail wrote."""
        self._seen += data
        found: list[tuple[str, str]] = []
        while header := self._header.search(self._seen):
            found += self._add(self._seen[: header.start()])
            self.current = self._names.get(header[1], "")
            self._seen = self._seen[header.end() :]
        cut = self._cut() if data else len(self._seen)
        found += self._add(self._seen[:cut])
        self._seen = self._seen[cut:]
        return found

    def rest(self) -> list[tuple[str, str]]:
        """Lines that have no end yet."""
        self.take(b"")
        rests, self._rests = self._rests, {}
        return [(name, data.decode(errors="replace")) for name, data in rests.items() if data]

    def _cut(self) -> int:
        """Where what may become a header begins."""
        for size in range(min(len(self._seen), len(self._start)), 0, -1):
            if self._seen.endswith(self._start[:size]):
                break
        else:
            size = 0
        begun = self._seen.find(self._start)
        cut = begun if begun >= 0 else len(self._seen) - size
        return cut - 1 if cut < len(self._seen) and self._seen[cut - 1 : cut] == b"\n" else cut

    def _add(self, data: bytes) -> list[tuple[str, str]]:
        if not data or self.current in ("", _LAST):
            return []
        whole, end, rest = (self._rests.pop(self.current, b"") + data).rpartition(b"\n")
        self._rests[self.current] = rest
        if not end:
            return []
        return [(self.current, line) for line in whole.decode(errors="replace").split("\n")]
