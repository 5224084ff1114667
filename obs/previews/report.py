"""What comes out for all stacks, as data: what text, Markdown and JSON are made of."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from components.review.stack import StackReview
from components.review.step import PartStep
from obs.previews.engine import Seen
from obs.previews.policy import Placed

VERSION = 1
"""Of the JSON. It rises when a key changes its meaning or goes; keys that come do not raise it."""


@dataclass(frozen=True)
class Previewed:
    """One stack."""

    stack: str
    target: str = ""
    """Where it goes; '' if its file cannot be read."""
    against: str = ""
    """What it was compared with, in words."""
    review: StackReview = field(default_factory=StackReview)
    problems: tuple[str, ...] = ()
    """Why its file is refused."""
    failures: tuple[str, ...] = ()
    """What went wrong that is no fault of the file."""
    unknown: tuple[str, ...] = ()
    """What cannot be known before it happens, or from here."""
    policy: tuple[Placed, ...] = ()
    """What is against a policy, errors first."""
    engine: Seen | None = None
    """What the engine says; None if nobody asked it."""
    new: bool = False
    """Whether the commit that it is compared with has no such stack."""
    gone: bool = False
    """Whether its stack file is no longer there, which changes nothing that runs."""

    @property
    def changes(self) -> bool:
        """Whether it would change, by its description or by the engine."""
        return self.review.changes or bool(self.engine and self.engine.parts)

    @property
    def errors(self) -> int:
        """How much of what is against a policy counts."""
        return sum(placed.judged.counts for placed in self.policy)

    @property
    def broken(self) -> bool:
        """Whether nothing can be said of it."""
        return bool(self.problems or self.failures)

    @property
    def said(self) -> str:
        """In a few words."""
        if self.problems:
            return "refused"
        if self.failures:
            return "failed"
        if self.engine and self.engine.failed:
            return "failed"
        if not self.changes:
            return "file gone" if self.gone else "no change"
        return "loses data" if self.review.losing else "changes"

    @property
    def what_is_gone(self) -> str:
        """What that its file is gone means; '' if it is there."""
        if not self.gone:
            return ""
        return (
            "Its stack file is gone. That takes nothing down: what runs goes on, and "
            f"`obs destroy {self.stack}` takes it down, with the file or without."
        )

    @property
    def losing(self) -> list[str]:
        """A line for each step that loses data, with the place of the setting that does it."""
        of_settings = {
            placed.judged.finding.message: placed.place for placed in self.policy if _told_as_lost(placed)
        }
        lines = self.review.losing
        return [f"{line} ({of_settings[line]})" if line in of_settings else line for line in lines]

    def judged(self, level: str) -> list[str]:
        """A line for each thing against a policy on that level that is not told by `losing` already."""
        return [
            placed.line
            for placed in self.policy
            if placed.level == level and not (level == "warning" and _told_as_lost(placed))
        ]


def _told_as_lost(placed: Placed) -> bool:
    finding = placed.judged.finding
    return finding.check == "loses-data" and finding.level == "warning"


def errors_of(stack: Previewed) -> str:
    """How much of a stack is against a policy, in words; '' if nothing is."""
    return f"{stack.errors} error{'' if stack.errors == 1 else 's'}" if stack.errors else ""


_WEIGHT = ("loses data", "refused", "failed", "changes", "file gone", "no change")


def weightiest_first(stacks: Iterable[Previewed]) -> list[Previewed]:
    """As a reviewer should read them: what loses data or is broken before what only changes."""
    return sorted(stacks, key=lambda stack: (_WEIGHT.index(stack.said), not stack.errors))


@dataclass(frozen=True)
class Report:
    """All stacks that were asked for."""

    since: str
    """The commit that they were compared with, in words; '' for what was deployed last."""
    stacks: tuple[Previewed, ...]
    untouched: tuple[str, ...] = ()
    """Stacks that nothing since then can touch."""

    @property
    def changes(self) -> bool:
        """Whether any stack would change."""
        return any(stack.changes for stack in self.stacks)

    def exit_code(self, expect_no_changes: bool) -> int:
        """2 if a stack file is refused, 1 if something failed, is against a policy or changes unexpectedly,
        else 0."""
        if any(stack.problems for stack in self.stacks):
            return 2
        failed = any(stack.said == "failed" or stack.errors for stack in self.stacks)
        return 1 if failed or (expect_no_changes and self.changes) else 0

    @property
    def verdict(self) -> list[str]:
        """What a reviewer must know before all else: a sentence each; none if nothing is wrong."""
        told = []
        if losing := [stack.stack for stack in self.stacks if stack.review.losing]:
            told.append(f"Data are lost: {', '.join(losing)}.")
        if refused := [stack.stack for stack in self.stacks if stack.problems]:
            told.append(f"The check fails, for stack files are refused: {', '.join(refused)}.")
        if failed := [stack.stack for stack in self.stacks if stack.said == "failed"]:
            told.append(f"The check fails, for previews failed: {', '.join(failed)}.")
        if against := [stack.stack for stack in self.stacks if stack.errors]:
            told.append(
                f"The check fails, for something is against policy: {', '.join(against)}. Mend what is named "
                "below, or waive it in the stack file with a reason and a last day (docs/previews.md)."
            )
        return told

    def as_json(self) -> dict[str, Any]:
        """Plain data for programs; docs/previews.md says what the keys mean."""
        return {
            "version": VERSION,
            "since": self.since or None,
            "changes": self.changes,
            "untouched": list(self.untouched),
            "stacks": [_stack(stack) for stack in self.stacks],
        }


def _stack(stack: Previewed) -> dict[str, Any]:
    return {
        "stack": stack.stack,
        "target": stack.target or None,
        "against": stack.against,
        "said": stack.said,
        "loses": list(stack.review.losing),
        "steps": [{"line": step.line, **asdict(step)} for step in stack.review.steps],
        "parts": [_part(part) for part in stack.review.parts],
        "unknown": list(stack.unknown),
        "problems": list(stack.problems),
        "failures": list(stack.failures),
        "policy": [_placed(placed) for placed in stack.policy],
        "engine": _engine(stack.engine) if stack.engine else None,
    }


def _part(part: PartStep) -> dict[str, Any]:
    files = [asdict(file) for file in part.files]
    return {"id": part.id, "kind": part.kind, "files": files, "loses": part.loses}


def _placed(placed: Placed) -> dict[str, Any]:
    finding = placed.judged.finding
    return {
        "check": finding.check,
        "level": placed.level,
        "place": placed.place,
        "where": finding.where,
        "message": finding.message,
        "waived": placed.judged.waived or None,
        "expires": placed.judged.expires or None,
    }


def _engine(seen: Seen) -> dict[str, Any]:
    return {
        "parts": [{"id": part, "op": op} for part, op in seen.parts],
        "lacks": seen.lacks or None,
        "failed": seen.failed or None,
    }
