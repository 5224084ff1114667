"""What is against a policy in a stack, and in which line of which file it is decided."""

from dataclasses import dataclass
from datetime import UTC, datetime

from components.review.described import Described
from components.review.policy.judged import Judged, judge
from components.review.stack import StackReview
from components.spec.problem import KeyPath


@dataclass(frozen=True)
class Placed:
    """A judgement and its place."""

    judged: Judged
    place: str
    """`stacks/Pulumi.prod.yaml:24`; of what the code decides, the file of the stack that gets it."""

    @property
    def line(self) -> str:
        """For a report."""
        finding = self.judged.finding
        told = f"{self.place}: {finding.check}: {finding.where}: {finding.message}"
        if self.judged.waived:
            return f"{told} (waived until {self.judged.expires}: {self.judged.waived})"
        return f"{told} (its waiver is over since {self.judged.expires})" if self.judged.expires else told

    @property
    def level(self) -> str:
        """`error`, `warning` or `waived`."""
        return "waived" if self.judged.waived else self.judged.finding.level


def today() -> str:
    """The day on which waivers are judged, in UTC."""
    return datetime.now(UTC).date().isoformat()


def policy(now: Described, difference: StackReview, day: str) -> tuple[Placed, ...]:
    """Everything that is found, errors first."""
    return tuple(
        Placed(judged, place(now.stack, judged.finding.setting)) for judged in judge(now, difference, day)
    )


def place(stack: str, setting: KeyPath) -> str:
    """Where a setting stands: of one that is a default, the nearest above that is written; of () the file."""
    from stacks.loader import load_node

    if not setting:
        return f"stacks/Pulumi.{stack}.yaml:1"
    return load_node(stack).at(setting)[1]
