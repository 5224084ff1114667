"""Text of users is shown as it stands: no markup, no emoji, nothing that steers the terminal."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from typer.testing import CliRunner

from obs.cli import app
from obs.commands import host, stack, tools  # noqa: F401 - they add the commands
from obs.console import PlainConsole, literal, raw, visible

ROOT = Path(__file__).parents[2]
NASTY = [
    ":smile:",
    "stacks/Pulumi.local.yaml:100: services[0]",
    "[bold]loud[/bold]",
    "[/]",
    "[link=http://127.0.0.1/]here[/link]",
    "[red]a[/green]",
    r"\[escaped]",
    "[@click=app.bell]x[/]",
    "None 127.0.0.1 'x' True",
]
STEERING = [
    ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
    ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
    ("\x1b]8;;http://127.0.0.1/\x1b\\here", r"\x1b]8;;http://127.0.0.1/\x1b\here"),
    ("safe\rEVIL", r"safe\rEVIL"),
    ("\x9b2J", r"\x9b2J"),
    ("a\x00b\x08c", r"a\x00b\x08c"),
    ("\u202etxt.exe", r"\u202etxt.exe"),
    ("\ufeffbom", r"\ufeffbom"),
    ("\ud83d", r"\ud83d"),
    ("a\u2028b", r"a\u2028b"),
]


def _console(encoding: str = "utf-8", **options: Any) -> tuple[PlainConsole, io.BytesIO]:
    data = io.BytesIO()
    return PlainConsole(file=io.TextIOWrapper(data, encoding, write_through=True), **options), data


def _printed(what: object, **options: Any) -> str:
    console, data = _console(**options)
    console.print(what, style="bad")
    return data.getvalue().decode()


def _in_a_table(text: str) -> str:
    table = Table(box=None)
    table.add_column(text)
    table.add_row(text)
    table.add_row(literal(text, "good"))
    return _printed(table, width=200)


@pytest.mark.parametrize("text", NASTY)
def test_nothing_is_read_as_markup(text: str) -> None:
    assert _printed(text) == f"{text}\n"
    assert _in_a_table(text).count(text) == 3


@pytest.mark.parametrize("text", NASTY)
def test_colours_come_from_the_style_only(text: str) -> None:
    shown = _printed(text, force_terminal=True, color_system="truecolor")
    assert shown == f"\x1b[1;31m{text}\x1b[0m\n"


@pytest.mark.parametrize(("text", "shown"), STEERING)
def test_what_steers_a_terminal_is_shown_escaped(text: str, shown: str) -> None:
    assert _printed(text) == f"{shown}\n"
    assert _in_a_table(text).count(shown) == 3


@given(st.text())
def test_what_is_shown_can_be_seen_and_printed(text: str) -> None:
    for encoding in ("utf-8", "ascii", "latin-1"):
        shown = visible(text, encoding)
        assert not [c for c in shown if not c.isprintable() and c not in "\n\t" and not c.isspace()]
        assert "\r" not in shown
        shown.encode(encoding)


def test_letters_of_any_language_stay() -> None:
    assert visible("Zürich, 東京, हिन्दी, 😀") == "Zürich, 東京, हिन्दी, 😀"
    console, data = _console("ascii")
    console.print("Zürich")
    assert data.getvalue() == b"Z\\xfcrich\n"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_logs_are_whole_in_a_pipe_and_tame_on_a_terminal() -> None:
    pipe, terminal = io.StringIO(), _Terminal()
    for stream in (pipe, terminal):
        raw("\x1b[2Jgone\n", stream)
    assert pipe.getvalue() == "\x1b[2Jgone\n"
    assert terminal.getvalue() == "\\x1b[2Jgone\n"


@pytest.mark.parametrize("text", [*NASTY, *(text for text, _ in STEERING if "\0" not in text)])
@pytest.mark.parametrize(
    "command", ["up", "preview", "refresh", "destroy", "status", "logs", "verify", "env"]
)
def test_the_name_of_an_environment_is_told_as_it_was_given(command: str, text: str) -> None:
    answer = CliRunner().invoke(app, [command, "--", text])
    told = answer.output
    assert answer.exit_code == 2
    assert "expected a stack that has a file" in told
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", told)
    if text.isprintable() and "\\" not in text and "'" not in text:
        assert text in told


def test_only_the_console_knows_richs_ways_to_print() -> None:
    """A second way out would read markup again."""
    other = re.compile(
        r"rich\.(console|markup|text|prompt|panel)|from_markup|rich\.print|\bmarkup=True|\bemoji=True"
    )
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for folder in ("obs", "stacks", "targets", "vsi", "components", "engines")
        for file in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if other.search(line) and file.name != "console.py"
    ]
    assert found == ["engines/progress.py:7"], "print through obs.console"  # only a type, for mypy
