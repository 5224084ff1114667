"""The errors of the VSI target, and how secrets are kept out of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from components.errors import SuiteError


class DeployError(SuiteError):
    """Something about one unit that its user can act on; the text is shown as it is, without a traceback."""

    def __init__(self, unit: str, message: str) -> None:
        super().__init__(f"{unit}: {message}")
        self.unit = unit
        self.message = message


class Rejected(DeployError):
    """An engine does not take a new configuration; nothing that runs was touched."""


class Unreachable(DeployError):
    """A host cannot be reached, or not be worked on, and why; `unit` is the host."""


@dataclass(frozen=True)
class Mask:
    """Replaces secret values in text, because an engine's own words may repeat what it was given."""

    values: tuple[str, ...] = ()

    @staticmethod
    def of(values: Iterable[str]) -> "Mask":
        """Longest first, so that a value that contains another leaves no rest; very short ones would hit
        ordinary words and are left alone."""
        return Mask(tuple(sorted({v for v in values if len(v) >= 4}, key=lambda v: (-len(v), v))))

    def __call__(self, text: str) -> str:
        for value in self.values:
            text = text.replace(value, "***")
        return text
