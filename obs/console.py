"""Where output goes: results to standard output, everything about the run to standard error.

The only place that knows rich's consoles. Whatever is printed is shown as it stands: nothing in it is read as
markup or as an emoji, since most of it comes from stack files, engines and services. What would steer the
terminal is shown escaped. Only `literal` and the argument `style` give colour.
"""

import json
import sys
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text
from rich.theme import Theme

_THEME = Theme({"good": "green", "bad": "bold red", "note": "cyan", "quiet": "dim"})

WIDTH = 120
"""Columns where no terminal says how many it has: a pipe, CI."""

_KEPT = "\n\t"
"""Control characters that only lay text out."""


def encoding(stream: Any) -> str:
    """What a stream encodes text with."""
    return getattr(stream, "encoding", None) or "utf-8"


def visible(text: str, into: str = "utf-8") -> str:
    """The text with everything escaped that would not be seen, or would steer the terminal: control and
    format characters (escapes, carriage returns, direction marks), and what the output cannot encode."""
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(_seen(character) for character in text)
    return shown.encode(into, "backslashreplace").decode(into)


def _seen(character: str) -> str:
    if character in _KEPT or character.isprintable() or (character.isspace() and character > "\xa0"):
        return character if character not in "\u2028\u2029" else ascii(character)[1:-1]
    return ascii(character)[1:-1]


class PlainConsole(Console):
    """A console for which text is only text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            theme=_THEME, markup=False, emoji=False, highlight=False, **{"soft_wrap": True, **options}
        )

    def render_str(self, text: str, **options: Any) -> Text:
        """A string on its way out; rich asks for it for each one, in tables too."""
        options |= {"markup": False, "emoji": False, "highlight": False}
        return super().render_str(visible(text, encoding(self.file)), **options)


def literal(text: str, style: str = "") -> Text:
    """Text with a style, for the cell of a table; the text itself is shown as it is."""
    return Text(visible(text, encoding(out.file)), style=style)


def print_json(data: Any) -> None:
    """Data for programs, on standard output."""
    sys.stdout.write(json.dumps(data, indent=2) + "\n")


out = PlainConsole(width=None if sys.stdout.isatty() else WIDTH)
err = PlainConsole(stderr=True)


def tell(text: str, style: str = "quiet") -> None:
    """One line about what is going on."""
    err.print(text, style=style)


def raw(text: str, stream: TextIO | None = None) -> None:
    """What a program wrote, on standard output: byte for byte into a pipe or a file, which other programs
    read; on a terminal without what would steer it."""
    stream = stream or sys.stdout
    stream.write(visible(text, encoding(stream)) if stream.isatty() else text)
