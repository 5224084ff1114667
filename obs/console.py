"""Where output goes: results to standard output, everything about the run to standard error."""

import sys

from rich.console import Console
from rich.theme import Theme

_THEME = Theme({"good": "green", "bad": "bold red", "note": "cyan", "quiet": "dim"})

WIDTH = 120
"""Columns where no terminal says how many it has: a pipe, CI."""

out = Console(theme=_THEME, highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH)
err = Console(theme=_THEME, highlight=False, soft_wrap=True, stderr=True)


def tell(text: str, style: str = "quiet") -> None:
    """One line about what is going on. The text is shown as it is: no markup in it."""
    err.print(text, style=style, markup=False)
