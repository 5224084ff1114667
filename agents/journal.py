"""Brings what units say, from the journal of a host, into files that the log agent reads: a file for each.

    python -m agents.journal --settings settings.json --folder /var/log/...

A `journalctl` for each unit follows the journal, from its beginning at the first start; how far it came
is kept by `agents.journal_file`, so that each entry is in a file once, also after a kill.
"""

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics
from pydantic import BaseModel, ConfigDict, Field

from agents.journal_file import JournalFile
from agents.journal_place import Place, environment, latest, may_be_lost, micros
from agents.records import configure
from agents.web import load
from agents.working import work

SAVE_SECONDS = 1.0
RETRY_SECONDS = 5.0
ASK_SECONDS = 300.0
"""How often it is asked whether all of a silent unit is read."""
LONGEST_ENTRY = 16 << 20
"""Of an entry as journalctl writes it; a longer one is dropped."""
PIECE = 40_000
"""Characters of one record. Written as JSON they stay below what the log agent takes as one line."""
LEVELS = ("critical", "critical", "critical", "error", "warning", "info", "info", "debug")
"""By priority."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIELDS = "MESSAGE,PRIORITY,_SOURCE_REALTIME_TIMESTAMP"
JOURNALCTL = (
    "journalctl", "--quiet", "--no-pager", "--follow", "--no-tail", "--all", "--output=json",
    f"--output-fields={FIELDS}", "--merge",
)  # fmt: skip
"""To follow shows this boot alone, also with `--boot=all`, unless journals are merged."""


class Unit(BaseModel):
    """One unit, and what becomes of what it says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str
    file: Annotated[str, Field(pattern=r"^[^/]+$")]
    form: Literal["record", "json", "line", "lines"]
    """`record`: a JSON object with the journal's time and level. Otherwise the message alone: `lines`, as it
    is; `line`, as one, with `\\n` where it had several; `json`, as one, with blanks there."""


class Settings(BaseModel):
    """What the renderer writes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    state: Path
    file_bytes: Annotated[int, Field(ge=1)]
    older: Annotated[int, Field(ge=1)]
    labels: dict[str, str]
    units: list[Unit]


class Metrics:
    """What is told of the work; label `unit` is that of `Unit`."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        unit = ["unit"]
        self.entries = Counter("obs_journal_entries", "Entries read.", unit, registry=registry)
        self.dropped = Counter("obs_journal_dropped", "Entries that are no use.", unit, registry=registry)
        self.lost = Counter(
            "obs_journal_lost_positions",
            "How often the journal may have dropped entries that were not read.",
            unit,
            registry=registry,
        )
        self.failures = Counter("obs_journal_failures", "Ends of journalctl.", unit, registry=registry)
        self.followed = Gauge("obs_journal_followed", "Whether it is followed.", unit, registry=registry)
        self.last = Gauge(
            "obs_journal_last_entry_timestamp_seconds",
            "When the last entry that was read was said; 0 if none ever was.",
            unit,
            registry=registry,
        )
        self.read = Gauge(
            "obs_journal_read_until_timestamp_seconds",
            "Until when all is read that was said; 0 while that is not known.",
            unit,
            registry=registry,
        )


def text_of(message: Any) -> str:
    """A message as journalctl writes it: nothing, text, its bytes if it is not plain text, or several."""
    if message is None:
        return ""
    if isinstance(message, list):
        if all(isinstance(item, int) for item in message):
            return bytes(message).decode("utf-8", "replace")
        return "\n".join(text_of(item) for item in message)
    return str(message)


def lines_of(entry: dict[str, Any], form: str) -> bytes:
    """What an entry is in a file."""
    message = text_of(entry.get("MESSAGE")).replace("\r\n", "\n").rstrip("\n")
    if form == "record":
        pieces = [message[at : at + PIECE] for at in range(0, len(message), PIECE)] or [""]
        text = "\n".join(json.dumps(_record(entry, piece), ensure_ascii=False) for piece in pieces)
    elif form == "lines" or not message:
        text = message
    else:
        text = message.replace("\n", " " if form == "json" else "\\n")
    return f"{text}\n".encode("utf-8", "replace") if text else b""


def _record(entry: dict[str, Any], message: str) -> dict[str, str]:
    sent: Any = entry.get("_SOURCE_REALTIME_TIMESTAMP")
    known_sent = isinstance(sent, str) and sent.isdecimal()
    micros = int(sent if known_sent else entry["__REALTIME_TIMESTAMP"])
    priority: Any = entry.get("PRIORITY")
    known = isinstance(priority, str) and priority in "01234567" and len(priority) == 1
    return {
        "timestamp": (EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds"),
        "log_level": LEVELS[int(priority)] if known else "info",
        "message": message,
    }


class Follower:
    """Follows one unit."""

    def __init__(self, settings: Settings, unit: Unit, folder: Path, metrics: Metrics) -> None:
        self._settings, self._unit, self._folder = settings, unit, folder
        self._log = structlog.get_logger().bind(unit=unit.unit)
        name = unit.unit
        self._entries, self._dropped = metrics.entries.labels(name), metrics.dropped.labels(name)
        self._lost, self._failures = metrics.lost.labels(name), metrics.failures.labels(name)
        self._followed = metrics.followed.labels(name)
        self._last, self._read_until = metrics.last.labels(name), metrics.read.labels(name)
        self._by_time = False

    def run(self, stop: threading.Event) -> None:
        """Until `stop`; what fails is begun again from what was kept."""
        while not stop.is_set():
            try:
                with closing(self._file()) as file:
                    self._show(file)
                    self._follow(file, stop)
            except OSError as error:
                self._failures.inc()
                self._log.error("the journal is not read", error=str(error), retry_seconds=RETRY_SECONDS)
            self._followed.set(0)
            stop.wait(RETRY_SECONDS)

    def _file(self) -> JournalFile:
        state, name = self._settings.state, self._unit.file
        return JournalFile(
            self._folder / name, state / f"{name}.state", self._settings.file_bytes, self._settings.older
        )

    def _follow(self, file: JournalFile, stop: threading.Event) -> None:
        """OSError when journalctl ends, or the disk takes no more."""
        with tempfile.TemporaryFile() as said:
            command = self._command(file)
            reading, writing = os.pipe()
            with os.fdopen(reading, "rb", 0):
                try:
                    child = subprocess.Popen(
                        command, stdin=subprocess.DEVNULL, stdout=writing, stderr=said, env=environment()
                    )
                finally:
                    os.close(writing)
                try:
                    self._followed.set(1)
                    self._read(reading, file, stop)
                finally:
                    child.kill()
                    code = child.wait()
            if stop.is_set():
                return
            said.seek(0)
            words = said.read(2000).decode("utf-8", "replace").strip()
            # Not one of its own, such as of a state that somebody edited.
            self._by_time = file.kept is not None and "cursor" in words
            raise OSError(f"journalctl ended by itself (exit code {code}): {words}")

    def _command(self, file: JournalFile) -> list[str]:
        command = [*JOURNALCTL, f"--unit={self._unit.unit}"]
        if file.kept is None:
            return command
        if self._by_time:
            return [*command, f"--since=@{file.kept.seen // 1_000_000}"]
        return [*command, f"--cursor={file.kept.cursor}"]

    def _read(self, pipe: int, file: JournalFile, stop: threading.Event) -> None:
        place = Place(file.kept)
        saved = ask = time.monotonic()
        for line in _lines(pipe, stop):
            if line is not None:
                self._take(line, place, file)
            elif time.monotonic() >= ask:
                ask = time.monotonic() + (ASK_SECONDS if self._ask(place, file) else RETRY_SECONDS)
            if time.monotonic() - saved >= SAVE_SECONDS:
                file.save()
                self._show(file)
                saved = time.monotonic()
        if stop.is_set():
            self._ask(place, file)
        file.save()

    def _take(self, line: bytes, place: Place, file: JournalFile) -> None:
        try:
            entry = json.loads(line)
            cursor, seen = str(entry["__CURSOR"]), int(entry["__REALTIME_TIMESTAMP"])
            data = lines_of(entry, self._unit.form)
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            self._dropped.inc()
            self._log.error("an entry is dropped, which cannot be read", bytes=len(line), error=repr(error))
            return
        known = place.known
        new = place.is_new(cursor, seen)
        if place.gone and not known:
            self._tell_gone(file)
        if new:
            file.append(data, cursor, seen)
            self._entries.inc()

    def _ask(self, place: Place, file: JournalFile) -> bool:
        """Keep that all is read by now, if the journal says so. Of a unit that is silent for long, the last
        entry is dropped some time, and nothing is lost with it."""
        if file.kept is None:
            return False
        known, now = place.known, micros()
        found = latest(self._unit.unit)
        if found is None or not place.all_read(file.kept, found):
            return False
        if place.gone and not known:
            self._tell_gone(file)
        file.followed(now)
        return True

    def _tell_gone(self, file: JournalFile) -> None:
        """Of the last entry that was read; before anything else is kept."""
        if file.kept is not None and not may_be_lost(file.kept):
            self._log.info(
                "the journal has the last entry no more that was read, and dropped nothing after it"
            )
            return
        self._lost.inc()
        self._log.warning(
            "the journal has the last entry no more that was read, and may have dropped others since: "
            "it goes on with the oldest after that"
        )

    def _show(self, file: JournalFile) -> None:
        if file.kept is not None:
            self._last.set(file.kept.seen / 1e6)
            self._read_until.set(file.kept.followed / 1e6)


def _lines(pipe: int, stop: threading.Event) -> Iterator[bytes | None]:
    """Lines as they come, and None while none does. Of one that is too long, the beginning."""
    rest = b""
    while not stop.is_set():
        if not select.select([pipe], [], [], SAVE_SECONDS / 2)[0]:
            yield None
            continue
        block = os.read(pipe, 1 << 16)
        if not block:
            return
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
        rest = rest[:LONGEST_ENTRY]


def main(arguments: Iterable[str] | None = None) -> int:
    """Exit code 0 after SIGTERM or SIGINT, or after `--check` of good settings; 1 if the port is taken, 2 for
    bad settings."""
    parser = argparse.ArgumentParser(prog="agents.journal", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--folder", type=Path, default=Path(), help="of the files")
    parser.add_argument("--check", action="store_true", help="judge the settings, do not run")
    options = parser.parse_args(None if arguments is None else list(arguments))
    settings = load(options.settings, Settings)
    if options.check:
        return 0
    configure("journal", settings.labels)
    disable_created_metrics()  # type: ignore[no-untyped-call]
    metrics = Metrics()
    followers = [Follower(settings, unit, options.folder, metrics) for unit in settings.units]
    works = [one.run for one in followers]
    return work((settings.host, settings.port), metrics.registry, works=works, patience=10)


if __name__ == "__main__":
    sys.exit(main())
