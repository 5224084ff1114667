"""Lines from the journal and from files, by what a host answers."""

import json
from collections.abc import Iterator

import pytest

from vsi.errors import Unreachable
from vsi.reach import Said
from vsi.systemd import journal


class Host:
    """Answers one question after the other."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def run(self, command: tuple[str, ...]) -> Said:
        self.asked.append(command[2])
        return Said(0, self.answers.pop(0) if self.answers else "")


def entry(at: str, unit: str, message: object) -> str:
    return json.dumps({"__CURSOR": at, "_SYSTEMD_UNIT": f"obs-dev-{unit}.service", "MESSAGE": message}) + "\n"


def heard(host: Host, *names: str, follow: bool = True) -> list[tuple[str, str]]:
    """Until nothing comes any more."""
    lines: Iterator[tuple[str, str]] = journal.lines(
        host,  # type: ignore[arg-type]
        "dev",
        names,
        5,
        follow=follow,
        over=lambda: True,
    )
    return list(lines)


def test_the_last_lines_then_what_comes_each_once() -> None:
    """An entry that came between the cursor and the last lines is told with them, and not again."""
    host = Host(
        "-- cursor: c1\n" + entry("c0", "alpha", "one") + entry("c2", "alpha", "two"),
        entry("c2", "alpha", "two") + entry("c3", "beta", "three"),
        entry("c3", "beta", "three") + entry("c4", "alpha", "four\nfive"),
        entry("c4", "alpha", "four\nfive"),
    )

    assert heard(host, "alpha", "beta") == [
        ("alpha", "one"),
        ("alpha", "two"),
        ("beta", "three"),
        ("alpha", "four"),
        ("alpha", "five"),
    ]
    assert ["--cursor=c" in question for question in host.asked] == [False, True, True, True]
    assert "--cursor=c4" in host.asked[3]


def test_without_following_it_is_asked_once() -> None:
    host = Host("-- cursor: c1\n" + entry("c0", "alpha", "one"))

    assert heard(host, "alpha", follow=False) == [("alpha", "one")]
    assert len(host.asked) == 1


def test_a_message_that_is_no_text_and_one_that_is_empty() -> None:
    host = Host(entry("c0", "alpha", [104, 255]) + entry("c1", "alpha", "") + entry("c2", "alpha", None))

    assert heard(host, "alpha", follow=False) == [("alpha", "h\ufffd"), ("alpha", ""), ("alpha", "")]


def test_a_file_is_read_on_from_where_it_ended_in_whole_lines() -> None:
    host = Host(
        "-- file: shop 9\n one\n tw\n x\n",
        "-- file: shop 13\n o\n -- file: shop 0\n thx\n",
        "-- file: shop 13\n x\n",
    )

    assert heard(host, "shop") == [
        ("shop", "one"),
        ("shop", "tw"),
        ("shop", "o"),
        ("shop", "-- file: shop 0"),
    ]
    assert "s=9\n" in host.asked[1]
    assert "s=13\n" in host.asked[2]


def test_a_host_that_is_cut_off_says_so_once_and_goes_on_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class CutOff(Host):
        def run(self, command: tuple[str, ...]) -> Said:
            if len(self.asked) in (1, 2):
                self.asked.append("")
                raise Unreachable("h1", "no answer")
            return super().run(command)

    monkeypatch.setattr(journal, "PAUSE", 0)
    host = CutOff("-- cursor: c1\n" + entry("c1", "alpha", "one"), entry("c2", "alpha", "two"))
    told = journal.lines(host, "dev", ["alpha"], 5, follow=True, over=lambda: len(host.asked) > 3)  # type: ignore[arg-type]

    assert list(told) == [
        ("alpha", "one"),
        ("", "cannot be reached, and is asked again: no answer"),
        ("", "is reached again"),
        ("alpha", "two"),
    ]
    assert "--cursor=c1" in host.asked[3]


def test_nobody_is_asked_for_nothing() -> None:
    assert heard(Host(""), follow=True) == []
