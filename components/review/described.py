"""A stack as it was described at one time: its settings and the parts that were planned of them."""

from typing import Any

from pydantic import BaseModel, ConfigDict

FORMAT = 2
"""Of a description that is kept; another one is not read."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class DescribedPart(_Data):
    """One part of the plan. Its id is `<name>@<place>`."""

    id: str
    kind: str
    """The class of the part, as in its target."""
    pillar: str
    files: dict[str, str] = {}
    """Path -> text."""
    settings: dict[str, Any] = {}
    """Everything else that is planned of it."""

    @property
    def name(self) -> str:
        """`prometheus` of `prometheus@obs-1`."""
        return self.id.partition("@")[0]


class Described(_Data):
    """One stack. Holds names of secrets, never values, as specs and plans do."""

    format: int = FORMAT
    stack: str
    target: str
    spec: dict[str, Any]
    """As `Spec.model_dump(mode="json")` gives it."""
    parts: tuple[DescribedPart, ...]
    versions: dict[str, str] = {}
    """`engine prometheus` or `chart jaeger` -> version."""

    def part(self, identity: str) -> DescribedPart | None:
        """The part of that id; None if there is none."""
        return next((part for part in self.parts if part.id == identity), None)
