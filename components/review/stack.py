"""Two descriptions of one stack, held against each other."""

import re
from dataclasses import dataclass

from components.review.alerts import alerts
from components.review.described import Described
from components.review.parts import parts, versions
from components.review.settings import is_rule_setting, settings
from components.review.step import PartStep, Step

_THRESHOLD = re.compile(r"^alert (\w+)")


@dataclass(frozen=True)
class StackReview:
    """What differs. Everything of a stack that is not deployed is new."""

    steps: tuple[Step, ...] = ()
    """What is set differently and follows for alerts and versions; what loses data first."""
    parts: tuple[PartStep, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything does."""
        return bool(self.steps or self.parts)

    @property
    def losing(self) -> tuple[str, ...]:
        """A line for each step that loses data, the certain first."""
        told = [f"{step.line}: {step.loses}" for step in self.steps if step.loses]
        return (*told, *(f"{part.id}: {part.kind}: {part.loses}" for part in self.parts if part.loses))

    def count(self, kind: str) -> int:
        """How many parts are new, changed or removed."""
        return sum(part.kind == kind for part in self.parts)


def review(before: Described | None, after: Described) -> StackReview:
    """What differs; before is None for a stack that is not deployed. Of equal descriptions nothing does."""
    if before is None:
        empty = Described(stack=after.stack, target=after.target, spec={}, parts=())
        return StackReview((), tuple(parts(empty, after)))
    rendered = alerts(before, after)
    told = {found[1] for step in rendered if (found := _THRESHOLD.match(step.about))}
    set_apart = [
        step for step in settings(before.spec, after.spec) if not (_told(step, told) and not step.loses)
    ]
    steps = [*set_apart, *rendered, *versions(before, after)]
    return StackReview(tuple(sorted(steps, key=lambda step: not step.loses)), tuple(parts(before, after)))


def _told(step: Step, alerts_told: set[str]) -> bool:
    """Whether an alert's own line says already, service by service, what a setting of it does."""
    if not is_rule_setting(step):
        return False
    found = _THRESHOLD.match(step.about)
    whole = step.about.partition(":")[2].strip() in (
        "",
        "limit",
        "fires after",
        "expr",
        "hold",
        "severity",
        "team",
    )
    return found is not None and found[1] in alerts_told and whole
