"""One difference, as people read it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from components.spec.problem import KeyPath

Kind = Literal["new", "changed", "removed"]
VERSIONED = ("chart ", "engine ")
"""How a step begins whose values are versions."""
ARROW = "\N{RIGHTWARDS ARROW}"


@dataclass(frozen=True)
class Step:
    """Something that is set, or follows, differently: "retention of logs: 30 days -> 7 days"."""

    about: str
    """What it is, in words."""
    kind: Kind
    before: str = ""
    """In words; of what is new ''."""
    after: str = ""
    loses: str = ""
    """Which data go with it, and when; '' if none do."""
    setting: str = ""
    """Its key in the stack file, as people write it; '' where the code decides."""
    path: KeyPath = ()
    """The same as keys and positions, for who looks for its line."""

    @property
    def line(self) -> str:
        """In one line, without what is lost."""
        if self.kind == "changed":
            colon = "" if ": " in self.about or self.about.startswith(VERSIONED) else ":"
            return f"{self.about}{colon} {self.before} {ARROW} {self.after}"
        value = self.after if self.kind == "new" else self.before
        return f"{self.about}: {self.kind}{f' ({value})' if value else ''}"


@dataclass(frozen=True)
class FileStep:
    """A file of a part, or with the name `settings` all else that is planned of it."""

    name: str
    kind: Kind
    lines: tuple[str, ...]
    """Unified difference without the two lines that name files; secrets masked."""

    @property
    def added(self) -> int:
        """Lines that come."""
        return sum(line.startswith("+") for line in self.lines)

    @property
    def removed(self) -> int:
        """Lines that go."""
        return sum(line.startswith("-") for line in self.lines)


@dataclass(frozen=True)
class PartStep:
    """What becomes of a part as far as the description tells. Whether a changed one is replaced, only an
    engine knows."""

    id: str
    kind: Kind
    compare: Callable[[], tuple[FileStep, ...]] = field(default=tuple, repr=False)
    loses: str = ""

    @cached_property
    def files(self) -> tuple[FileStep, ...]:
        """What of it differs, compared when somebody reads it: of parts that come or go few do."""
        return self.compare()
