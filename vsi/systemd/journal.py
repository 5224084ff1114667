"""What programs say: the journal of a host, asked again and again, and the files that services write.

A program's own words alone. What systemd says of it is in its state.
"""

import json
import shlex
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from vsi.errors import Unreachable
from vsi.reach import Reach
from vsi.systemd.places import log_file, service

PAUSE = 0.5
"""Seconds between two questions, while nothing comes."""
LOST = "cannot be reached, and is asked again: {why}"
FOUND = "is reached again"
_JOURNAL = "journalctl -q --no-pager"
_ENTRIES = f"{_JOURNAL} -o json --output-fields=MESSAGE,_SYSTEMD_UNIT"
_MOST = 4_000_000
"""Bytes of a file that are read at once."""
_FILE, _CURSOR = "-- file: ", "-- cursor: "


def last_words(reach: Reach, stack: str, name: str, count: int) -> list[str]:
    """The last lines of a unit: of its file, if it writes one, then of the journal."""
    file, unit = shlex.quote(log_file(stack, name)), shlex.quote(service(stack, name))
    said = reach.run(
        _shell(
            f"{_JOURNAL} -o cat -n {count} _SYSTEMD_UNIT={unit}\n"
            f"if [ -f {file} ]; then tail -n {count} {file}; fi"
        )
    )
    return said.output.splitlines()[-count:]


def lines(
    reach: Reach,
    stack: str,
    names: Collection[str],
    last: int,
    *,
    follow: bool,
    over: Callable[[], bool],
) -> Iterator[tuple[str, str]]:
    """Pairs of name and line: the last of each, then what comes, until it is `over`.

    A host that is cut off while it is followed says so once, under no name, and is asked again: where we are
    is known here, so nothing that it kept is missed, and nothing comes twice."""
    tail, lost = _Tail(reach, stack, list(names)), False
    yield from tail.begin(last)
    while follow and names:
        try:
            found = tail.more()
        except Unreachable as error:
            if over():
                return
            if not lost:
                yield "", LOST.format(why=error.message)
            lost = True
            time.sleep(PAUSE)
            continue
        if lost:
            yield "", FOUND
            lost = False
        yield from found
        if not found:
            if over():
                return
            time.sleep(PAUSE)


def _shell(text: str) -> tuple[str, ...]:
    return ("sh", "-c", text)


@dataclass
class _Tail:
    """Where we are in the journal, and in each file."""

    reach: Reach
    stack: str
    names: list[str]
    cursor: str = ""
    begun: bool = False
    """Whether the last of each were asked for: those are not in the order in which they came."""
    seen: set[str] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)
    rests: dict[str, str] = field(default_factory=dict)

    def begin(self, last: int) -> list[tuple[str, str]]:
        """The last lines of each. What is said meanwhile comes twice, and is known by where it stands."""
        asked = [f"{_JOURNAL} -n 0 --show-cursor"]
        for name in self.names:
            unit = service(self.stack, name)
            asked += [f"{_ENTRIES} -n {last} _SYSTEMD_UNIT={unit}", self._file(name, f"tail -n {last}")]
        found = self._hear("\n".join(asked))
        self.begun = True
        return found

    def more(self) -> list[tuple[str, str]]:
        """Whole lines since. Asked from the entry where we are, that one too: with `--after-cursor`, an entry
        that is not of these units would cost the first that is."""
        matches = " ".join(f"_SYSTEMD_UNIT={service(self.stack, name)}" for name in self.names)
        at = f"--cursor={shlex.quote(self.cursor)}" if self.cursor else ""
        asked = [f"{_ENTRIES} {at} {matches}"]
        asked += [self._file(name, "tail -c +$((s + 1))") for name in self.names]
        found = self._hear("\n".join(asked))
        self.seen = {self.cursor}
        return found

    def _file(self, name: str, wanted: str) -> str:
        """What of a service's file is wanted, a blank before each line and an `x` at the end, which may be in
        the middle of a line."""
        return (
            f"f={shlex.quote(log_file(self.stack, name))} s={self.sizes.get(name, 0)}\n"
            'if [ -f "$f" ]; then n=$(wc -c <"$f"); [ "$n" -ge "$s" ] || s=0\n'
            f'[ "$((n - s))" -le {_MOST} ] || [ "$s" = 0 ] || n=$((s + {_MOST}))\n'
            f'echo "{_FILE}{name} $((n))"\n'
            f'{{ head -c "$n" "$f" | {wanted}; echo x; }} | sed \'s/^/ /\'; fi'
        )

    def _hear(self, question: str) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        texts: dict[str, list[str]] = {}
        file = ""
        for line in self.reach.run(_shell(question)).output.split("\n"):
            if line.startswith(_CURSOR):
                self.cursor = line.removeprefix(_CURSOR)
            elif line.startswith(_FILE):
                file, size = line.removeprefix(_FILE).split(" ")
                self.sizes[file] = int(size)
                texts[file] = []
            elif line.startswith(" ") and file:
                texts[file].append(line[1:])
            elif line.startswith("{"):
                found += self._entry(line)
        for name, heard in texts.items():
            *whole, rest = (self.rests.get(name, "") + "\n".join(heard)[:-1]).split("\n")
            self.rests[name] = rest
            found += [(name, text) for text in whole]
        return found

    def _entry(self, text: str) -> list[tuple[str, str]]:
        """An entry of the journal; a message that is no text comes as a list of bytes."""
        entry = json.loads(text)
        at = str(entry["__CURSOR"])
        if self.begun:
            self.cursor = at
        if at in self.seen:
            return []
        self.seen.add(at)
        message = entry.get("MESSAGE") or ""
        words = message if isinstance(message, str) else bytes(message).decode(errors="replace")
        unit = str(entry.get("_SYSTEMD_UNIT", ""))
        name = unit.removeprefix(f"obs-{self.stack}-").removesuffix(".service")
        return [(name, line) for line in words.splitlines() or [""]]
