"""Messages of units from a journal, by a journalctl that is a script on the PATH."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.journal import PIECE, Settings, lines_of, main
from agents.journal_file import Kept
from agents.journal_place import newer
from tests.ports import free_port
from tests.waiting import until

FAKE = f"""#!{sys.executable}
import json, os, sys, time
options = dict(it.removeprefix("--").partition("=")[::2] for it in sys.argv[1:])
if "follow" not in options:
    with open(os.path.join(os.environ["JOURNALS"], options.get("unit", "oldest"))) as file:
        entries = [line for line in file if line.startswith("{{")]
    assert "_UID" in options or options["lines"] == "1" and "merge" in options
    sys.stdout.writelines(entries if "_UID" in options else entries[-1:])
    sys.exit()
assert {{"follow", "no-tail", "all", "quiet"}} <= set(options) and options["output"] == "json", options
assert "merge" in options, "to follow shows what was said since the last boot alone, otherwise"
journal = os.path.join(os.environ["JOURNALS"], options["unit"])
with open(journal + ".asked", "a") as asked:
    asked.write(json.dumps(options) + "\\n")
if "bad" in options.get("cursor", ""):
    sys.exit("Failed to seek to cursor: Invalid argument")
begin = int(options.get("cursor", "c0")[1:]) if "cursor" in options else 0
begin = int(options["since"][1:]) * 1000000 if "since" in options else begin
rest = ""
with open(journal) as file:
    while True:
        for line in iter(file.readline, ""):
            rest += line
            if not rest.endswith("\\n"):
                continue
            whole, rest = rest, ""
            if whole == "end\\n":
                sys.exit("Too many open files")
            if not whole.startswith("{{") or int(json.loads(whole)["__REALTIME_TIMESTAMP"]) >= begin:
                sys.stdout.write(whole)
        sys.stdout.flush()
        time.sleep(0.02)
"""
"""Cursors tell the time of their entry, as those of journalctl do among much else."""

BEGIN = 1_700_000_000_000_000


def entry(number: int, message: Any, **more: Any) -> dict[str, Any]:
    at = BEGIN + number
    return {"__CURSOR": f"c{at}", "__REALTIME_TIMESTAMP": str(at), "MESSAGE": message, **more}


class Agent:
    """The program, its journals and its files."""

    def __init__(self, folder: Path, units: dict[str, str], **more: Any) -> None:
        self.folder, self.port = folder, free_port()
        for name in ("bin", "journals", "files", "state"):
            (folder / name).mkdir()
        fake = folder / "bin/journalctl"
        fake.write_text(FAKE)
        fake.chmod(0o755)
        settings = {
            "host": "127.0.0.1",
            "port": self.port,
            "state": str(folder / "state"),
            "file_bytes": 1_000_000,
            "older": 2,
            "labels": {"env": "test"},
            "units": [
                {"unit": unit, "file": f"{unit.replace(chr(92), '+')}.log", "form": form}
                for unit, form in units.items()
            ],
            **more,
        }
        (folder / "settings.json").write_text(json.dumps(settings))
        for unit in (*units, "oldest"):
            self.says(unit)
        self.process: subprocess.Popen[bytes] | None = None

    def says(self, unit: str, *entries: dict[str, Any] | str) -> None:
        with (self.folder / "journals" / unit).open("a") as journal:
            for one in entries:
                journal.write(f"{one if isinstance(one, str) else json.dumps(one)}\n")

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agents.journal", "--settings", self.folder / "settings.json",
             "--folder", self.folder / "files"],
            env={**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                 "JOURNALS": str(self.folder / "journals")},
            stdout=(self.folder / "said").open("ab"),
            start_new_session=True,
        )  # fmt: skip

    def end(self, number: int = signal.SIGKILL) -> int:
        """With its journalctls, as systemd ends a unit."""
        assert self.process is not None
        if number == signal.SIGKILL:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        code = self.process.wait(20)
        self.process = None
        return code

    def lines(self, unit: str) -> list[str]:
        path = self.folder / "files" / f"{unit}.log"
        return path.read_text().splitlines() if path.exists() else []

    def said(self) -> str:
        return (self.folder / "said").read_text()

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Callable[..., Agent]]:
    made: list[Agent] = []

    def make(*units: str, form: str = "line", **more: Any) -> Agent:
        made.append(Agent(tmp_path, dict.fromkeys(units, form), **more))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None:
            one.end()


@pytest.mark.parametrize(
    ("message", "form", "expected"),
    [
        ("plain", "line", "plain\n"),
        (None, "line", ""),
        ("", "json", ""),
        ("two\nlines\n", "line", "two\\nlines\n"),
        ("two\nlines\n\n", "lines", "two\nlines\n"),
        ('{\r\n "a": 1\n}', "json", '{  "a": 1 }\n'),
        ([104, 195, 169, 27, 255], "line", "h\u00e9\x1b\ufffd\n"),
        (["first", [115, 101, 99]], "lines", "first\nsec\n"),
        ("\ud800", "line", "?\n"),
    ],
)
def test_what_a_message_is_in_a_file(message: Any, form: str, expected: str) -> None:
    assert lines_of(entry(1, message), form).decode() == expected


@pytest.mark.parametrize(
    ("priority", "level"),
    [("0", "critical"), ("2", "critical"), ("3", "error"), ("4", "warning"), ("5", "info"), ("7", "debug"),
     (None, "info"), ("12", "info"), ("", "info"), (["3", "4"], "info")],
)  # fmt: skip
def test_a_record_has_the_level_of_the_journal(priority: Any, level: str) -> None:
    record = json.loads(lines_of(entry(1, "two\nlines", PRIORITY=priority), "record"))
    expected = {"timestamp": "2023-11-14T22:13:20.000001+00:00", "log_level": level, "message": "two\nlines"}
    assert record == expected


def test_a_record_has_the_time_at_which_it_was_sent() -> None:
    sent = str(BEGIN + 2_000_000)
    record = json.loads(lines_of(entry(1, None, _SOURCE_REALTIME_TIMESTAMP=sent), "record"))
    assert (record["timestamp"], record["message"]) == ("2023-11-14T22:13:22.000000+00:00", "")


def test_a_long_message_is_several_records_none_of_which_is_cut() -> None:
    lines = lines_of(entry(1, "\x01" * (2 * PIECE + 1)), "record").splitlines()
    assert max(map(len, lines)) < 256 * 1024
    assert "".join(json.loads(line)["message"] for line in lines) == "\x01" * (2 * PIECE + 1)


def test_each_unit_is_followed_into_a_file_of_its_own(agent: Callable[..., Agent]) -> None:
    units = ("web.service", "worker@2.service", "mnt-a\\x2db.mount")
    one = agent(*units)
    for unit in units:
        one.says(unit, entry(1, f"old of {unit}"))
    one.start()
    for unit in units:
        until(lambda u=unit: one.lines(u.replace("\\", "+")), f"{unit} is read")  # type: ignore[misc]
        one.says(unit, entry(2, "new"))
        want = [f"old of {unit}", "new"]
        until(lambda u=unit, w=want: one.lines(u.replace("\\", "+")) == w, "its news")  # type: ignore[misc]

    assert 'obs_journal_entries_total{unit="web.service"} 2.0' in one.metrics()
    assert 'obs_journal_followed{unit="worker@2.service"} 1.0' in one.metrics()
    assert one.end(signal.SIGTERM) == 0


def test_nothing_is_lost_or_doubled_by_kills(agent: Callable[..., Agent]) -> None:
    """Whenever it is killed, with files that fill."""
    one = agent("web.service", file_bytes=20_000, older=99)
    one.start()
    wanted: list[str] = []
    for number in range(8):
        words = [f"{n} {'x' * (n % 50)}" for n in range(len(wanted), len(wanted) + 400)]
        one.says("web.service", *(entry(len(wanted) + n, word) for n, word in enumerate(words)))
        wanted += words
        until(lambda: one.lines("web.service"), "something is written")
        time.sleep(0.15 * number)
        one.end()
        one.start()

    def found() -> list[str]:
        files = list((one.folder / "files").glob("web.service.log.*"))
        files.sort(key=lambda path: -int(path.suffix[1:]))
        text = "".join(path.read_text() for path in files)
        return text.splitlines() + one.lines("web.service")

    until(lambda: len(found()) >= len(wanted), "all are there", 30)
    assert found() == wanted


LOST = 'obs_journal_lost_positions_total{unit="web.service"}'


def gone(one: Agent) -> None:
    """Five entries are read, the reader is stopped, and the journal drops them."""
    one.says("web.service", *(entry(number, str(number)) for number in range(5)))
    one.start()
    until(lambda: len(one.lines("web.service")) == 5, "they are read")
    assert one.end(signal.SIGTERM) == 0
    (one.folder / "journals/web.service").write_text("")


def kept(one: Agent) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((one.folder / "state/web.service.log.state").read_text())
    return found


def test_a_place_that_is_gone_goes_on_with_what_is_left(agent: Callable[..., Agent]) -> None:
    one = agent("web.service")
    gone(one)
    one.says("web.service", entry(7, "7"), entry(8, "8"))
    one.start()
    until(lambda: one.lines("web.service")[5:] == ["7", "8"], "the others are read")

    assert "it goes on with the oldest after that" in one.said()
    assert f"{LOST} 1.0" in one.metrics()
    one.end()
    one.start()
    time.sleep(1)
    assert one.lines("web.service") == ["0", "1", "2", "3", "4", "7", "8"]


@pytest.mark.parametrize("more", [(), ("7",)], ids=["silent", "speaks"])
@pytest.mark.parametrize(("behind", "count"), [(-1, "0.0"), (1, "1.0"), (None, "1.0")])
def test_what_was_read_already_may_be_dropped(
    agent: Callable[..., Agent], behind: int | None, count: str, more: tuple[str, ...]
) -> None:
    """Nothing is lost unless the journal begins after the time up to which all was read, whether or not
    anything came since."""
    one = agent("web.service")
    gone(one)
    until_then = kept(one)["followed"]
    assert until_then > BEGIN, "asked at its end"
    if behind is not None:
        oldest = {"__CURSOR": "c1", "__REALTIME_TIMESTAMP": str(until_then + behind)}
        one.says("oldest", oldest, entry(10**9, "later"))
    one.says("web.service", *(entry(int(word), word) for word in more))
    one.start()
    until(lambda: "the last entry no more" in one.said(), "its place is found to be gone")
    until(lambda: one.lines("web.service")[5:] == [*more], "the others are read")

    assert f"{LOST} {count}" in one.metrics()
    until(lambda: kept(one)["followed"] > until_then, "it is kept that nothing else is to come")
    one.end()
    one.start()
    until(lambda: "obs_journal_followed" in one.metrics(), "it runs again")
    one.says("web.service", entry(9, "9"))
    until(lambda: one.lines("web.service")[5:] == [*more, "9"], "it goes on")
    if behind is not None:
        assert f"{LOST} 0.0" in one.metrics(), "told once"


def test_a_time_to_come_up_to_which_was_read_says_nothing(agent: Callable[..., Agent]) -> None:
    """The clock was set back since."""
    one = agent("web.service")
    gone(one)
    ahead = {**kept(one), "followed": BEGIN * 2}
    (one.folder / "state/web.service.log.state").write_text(json.dumps(ahead))
    one.says("oldest", entry(0, "x"))
    one.start()
    until(lambda: f"{LOST} 1.0" in one.metrics(), "it is told")


def test_what_comes_while_the_reader_is_not_there_is_not_taken_for_read(agent: Callable[..., Agent]) -> None:
    one = agent("web.service")
    one.says("web.service", entry(1, "1"))
    one.start()
    until(lambda: one.lines("web.service") == ["1"], "it is read")
    one.end(signal.SIGTERM)
    before = kept(one)["followed"]
    one.says("web.service", entry(2, "2"), "end")
    one.start()
    until(lambda: "Too many open files" in one.said(), "journalctl ended at once")
    one.end()
    assert kept(one)["followed"] == before


def test_when_a_unit_said_its_last_is_shown(agent: Callable[..., Agent]) -> None:
    """0 for one that never said anything, such as one whose name is written wrong."""
    one = agent("web.service", "wbe.service")
    one.says("web.service", entry(1, "1"))
    one.start()
    name = "obs_journal_last_entry_timestamp_seconds"
    until(lambda: f'{name}{{unit="web.service"}} 1.700000000000001e+09' in one.metrics(), "it is shown")
    assert f'{name}{{unit="wbe.service"}} 0.0' in one.metrics()
    one.end()
    one.start()
    until(lambda: f'{name}{{unit="web.service"}} 1.7' in one.metrics(), "it is known from before")


ONE, OTHER = "s=ab;i={:x};b=0;m=1;t=2;x=3", "s=cd;i={:x};b=0;m=1;t=2;x=3"


@pytest.mark.parametrize(
    ("cursor", "seen", "expected"),
    [
        (ONE.format(0x11), 9, True),  # the clock was set back
        (ONE.format(0x10), 9, False),
        (ONE.format(0x10), 11, False),
        (ONE.format(0xF), 9, False),
        (OTHER.format(0x11), 9, False),
        (OTHER.format(0x1), 11, True),
        ("", 11, True),
        ("", 10, False),
    ],
)
def test_which_entry_is_newer(cursor: str, seen: int, expected: bool) -> None:
    last = Kept(cursor=ONE.format(0x10), seen=10, inode=1, size=1)
    assert newer(cursor, seen, last) is expected


def test_a_cursor_that_journalctl_refuses_is_replaced_by_the_time(
    agent: Callable[..., Agent], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = agent("web.service")
    known = {"cursor": "bad", "seen": BEGIN + 1, "inode": 0, "size": 0}
    (one.folder / "state/web.service.log.state").write_text(json.dumps(known))
    one.says("web.service", *(entry(number, str(number)) for number in range(4)))
    one.start()

    until(lambda: one.lines("web.service") == ["2", "3"], "what is newer is read", 20)
    asked = (one.folder / "journals/web.service.asked").read_text().splitlines()
    assert [json.loads(line).get("since") for line in asked] == [None, "@1700000000"]


def test_what_is_no_entry_is_dropped_and_told(agent: Callable[..., Agent]) -> None:
    one = agent("web.service")
    one.says("web.service", entry(1, "one"), "no JSON", entry(2, [999]), entry(3, "three"))
    one.start()

    until(lambda: one.lines("web.service") == ["one", "three"], "the others are read")
    assert 'obs_journal_dropped_total{unit="web.service"} 2.0' in one.metrics()


def test_journalctl_is_started_again_when_it_ends(agent: Callable[..., Agent]) -> None:
    one = agent("web.service")
    one.says("web.service", entry(1, "one"), "end")
    one.start()
    until(lambda: "journalctl ended by itself (exit code 1): Too many open files" in one.said(), "it is told")
    assert 'obs_journal_followed{unit="web.service"} 0.0' in one.metrics()
    (one.folder / "journals/web.service").write_text("")
    one.says("web.service", entry(1, "one"), entry(2, "two"))

    until(lambda: one.lines("web.service") == ["one", "two"], "it is followed again", 20)


def test_settings_are_judged_before_they_are_used(
    agent: Callable[..., Agent], capsys: pytest.CaptureFixture[str]
) -> None:
    path = agent("web.service").folder / "settings.json"
    assert main(["--settings", str(path), "--check"]) == 0
    Settings.model_validate_json(path.read_text())
    path.write_text(path.read_text().replace("web.service.log", "../web.log"))
    with pytest.raises(SystemExit, match="2"):
        main(["--settings", str(path), "--check"])
    assert "units.0.file" in capsys.readouterr().err
