"""What preflight asks is a list of checks; this is what one is, and how its findings are told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from components.spec.problem import AsWritten
from components.target import Obstacle

Tags = dict[str, str]


@dataclass(frozen=True)
class Check:
    """One question: what it is about, what the caller must be allowed to do, and what it finds."""

    what: str
    permissions: tuple[str, ...]
    ask: Callable[[], list[Obstacle]]


def obstacle(what: str, found: str, expected: str, what_to_do: str, *, fatal: bool = True) -> Obstacle:
    """One that the user knows by `what`."""
    return Obstacle((AsWritten(what),), AsWritten(found), f"expected {expected}", what_to_do, fatal)


def tags(pairs: Any, name: str = "Key", value: str = "Value") -> Tags:
    """AWS's list of tags as a mapping; services do not agree on how they spell it."""
    return {pair[name]: pair[value] for pair in pairs or ()}
