"""One thing that a check found."""

from dataclasses import dataclass
from typing import Literal

from components.spec.policy import Check as CheckName
from components.spec.problem import KeyPath

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """What is against a policy, and where it is decided."""

    check: CheckName
    where: str
    """The setting as people write it, or the id of the part."""
    message: str
    """What is found, what is expected and what to do, in one line."""
    setting: KeyPath = ()
    """The setting that decides it; () where the code does."""
    level: Level = "error"
    """Whether it fails the run, or is only told."""
