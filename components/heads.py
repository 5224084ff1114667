"""What a target does for the heads of a cohort: many stacks of one template beside each other.

This machine has none: `cohorts` knows it itself, its memory, disk, ports and processes.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from components.plan import Plan
from components.spec import Spec
from components.spec.problem import Problem

P = TypeVar("P", bound=Plan)


PREFIX = "cohort-"
"""How the stack of every head of every cohort begins, and no other."""


class Who(NamedTuple):
    """Whose a head is, until when it is, and what the roster gives it."""

    cohort: str
    slug: str
    email: str
    expires: str
    """The last day of it, as in `2026-12-09`."""
    hosts: Mapping[str, Mapping[str, Any]] = {}
    """Host of the template -> what is said of the participant's own."""


class Limit(NamedTuple):
    """How much a place has of something that each head takes from."""

    what: str
    """As in '2 VPCs'."""
    each: float
    """What a head takes that is not there yet."""
    free: float | None
    """What nobody has taken; None if the place does not say."""
    what_to_do: str
    """To have more of it, or why nobody says."""
    alone: bool = False
    """Whether it bounds each head by itself, however many there are."""


class Marked(NamedTuple):
    """A thing in a place that bears the mark of a stack."""

    stack: str
    what: str


Settings = Mapping[str, Mapping[str, Any]]
"""Section of a stack file -> what it says, over what the template says there; None takes a key out."""


@dataclass(frozen=True)
class Heads(Generic[P]):
    """How a target has many stacks of one template. All but `limits` and `marked` are pure."""

    longest: int
    """Letters that the name of a stack may have."""
    refusals: Callable[[Spec], list[Problem]]
    """What of a template many stacks cannot have beside each other."""
    settings: Callable[[Spec, Who], Settings]
    """What the stack file of a head says whatever the template does."""
    here_mb: Callable[[Spec], int]
    """Memory that a stack takes on this machine, in MiB; then it has ports here too. 0 where nothing of it
    runs here."""
    hosts: Callable[[Spec], tuple[str, ...]]
    """Hosts of the template of which each participant has an own one, which the roster names."""
    place: Callable[[Spec], Mapping[str, Any]]
    """Where a head goes, as it is remembered with the cohort."""
    names: Callable[[P], Mapping[str, str]]
    """By what a participant asks for what is a stack's where nothing of it is reached: for the handout. Empty
    where `access` has addresses."""
    limits: Callable[[P], list[Limit]]
    """What a stack, which is not there yet, takes from the place. SuiteError if the place cannot be asked."""
    marked: Callable[[Mapping[str, Any], Collection[str] | None], list[Marked]]
    """Everything in a `place` that bears the mark of one of these stacks, or of any head, whatever any record
    says. SuiteError if the place cannot be asked."""


AnyHeads = Heads[Any]
