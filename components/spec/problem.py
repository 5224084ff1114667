"""What is wrong with what somebody asked for: one type for every kind of refusal, and how it is written."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.errors import SuiteError

KeyPath = tuple[str | int, ...]
"""The keys that lead to a setting, and positions in lists."""

MISSING = object()
"""The value of a key that is not there, or that need not be shown."""


class AsWritten(str):
    """A value, or a part of a path, that is shown as it is, without quotes: as a file has it, or in words."""

    __slots__ = ()


@dataclass(frozen=True)
class Problem:
    """One thing that is refused: a setting, its value, what was expected and, where that does not say it
    already, what to do."""

    path: KeyPath
    value: object
    expected: str
    what_to_do: str = ""

    @property
    def key(self) -> str:
        """The path as people write it; '' for the whole."""
        return written(self.path)

    @property
    def shown(self) -> str:
        """The value for a message; '' where there is none."""
        return show(self.value)

    def __str__(self) -> str:
        told = f"{self.key or 'the file'} = {self.shown}" if self.shown else self.key
        rest = f"{self.expected}. {self.what_to_do}" if self.what_to_do else self.expected
        return f"{told}: {rest}" if told else rest


class Refused(SuiteError):
    """What was asked cannot be done as it was asked; `problems` holds every reason."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def written(path: KeyPath) -> str:
    """A path as people write it: `services[0].owner`."""

    def parts() -> Iterator[str]:
        for index, part in enumerate(path):
            if isinstance(part, int):
                yield f"[{part}]"
            else:
                plain = isinstance(part, AsWritten) or re.fullmatch(r"[\w:-]{1,60}", part, re.ASCII)
                shown = part if plain else show(part)
                yield f".{shown}" if index else shown

    return "".join(parts())


def show(value: object) -> str:
    """A value for a message: printable, one line, at most 80 characters."""
    if value is MISSING:
        return ""
    if isinstance(value, (dict, list, tuple)):
        return {dict: "a mapping", list: "a list", tuple: "a list"}[type(value)]
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    quoted = isinstance(value, str) and not isinstance(value, AsWritten)
    text = repr(value) if quoted else str(value)
    return text if len(text) <= 80 else text[:77] + "..."
