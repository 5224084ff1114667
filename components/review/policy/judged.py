"""All checks, why they are there, and what a stack is excused from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from components.review.described import Described
from components.review.policy import of_parts, of_settings
from components.review.policy.finding import Finding
from components.review.stack import StackReview
from components.spec.policy import Check as CheckName
from components.spec.problem import KeyPath, written


@dataclass(frozen=True)
class Check:
    """A thing that is judged."""

    name: CheckName
    title: str
    reason: str
    """Why it is judged."""
    find: tuple[Callable[[Described], Iterator[Finding]], ...] = ()
    """Of what they read the description alone; what is lost is found by the difference."""


CHECKS = (
    Check(
        "alert-without-owner",
        "Each alert has an owner and a runbook",
        "An alert that is nobody's is read by nobody, and one that says not what to do costs the night.",
        (of_parts.owners,),
    ),
    Check(
        "image-not-pinned",
        "Images are pinned",
        "With a tag that moves, what was reviewed is not what runs, and no rollback brings it back.",
        (of_parts.images,),
    ),
    Check(
        "limit-missing",
        "Containers have a limit of memory",
        "Without one, a leak in what observes takes down what is observed on the same node.",
        (of_parts.limits,),
    ),
    Check(
        "loses-data",
        "Nothing that keeps data is destroyed unasked",
        "Everything else can be made again from the stack file; records, traces and samples cannot.",
    ),
    Check(
        "public-endpoint",
        "Nothing is open to strangers",
        "Logs and traces hold what customers did; metrics tell an attacker when to come.",
        (of_settings.ingress, of_parts.endpoints),
    ),
    Check(
        "retention-too-short",
        "Signals are kept for as long as the tier needs",
        "An incident is looked into days after it began; what it was compared with must still be there.",
        (of_settings.retention,),
    ),
    Check(
        "secret-in-plain",
        "No secret stands in a stack file",
        "Whoever can read the repository, or its history, has it; it cannot be taken back, only changed.",
        (of_settings.plain_secrets,),
    ),
    Check(
        "tag-missing",
        "Everything says whose it is",
        "What has no tag is paid for by nobody, and is cleaned up never or by mistake.",
        (of_settings.tags, of_parts.labels),
    ),
    Check(
        "wildcard-permission",
        "Permissions name what they are for",
        "Who takes over a program may then do all that the wildcard allows, in the whole account.",
        (of_parts.permissions,),
    ),
)
BY_NAME: Mapping[str, Check] = {check.name: check for check in CHECKS}


@dataclass(frozen=True)
class Judged:
    """A finding, and what the stack says of it."""

    finding: Finding
    waived: str = ""
    """The reason of the waiver that covers it; '' if it counts."""
    expires: str = ""
    """Of that waiver, or of one that is over."""

    @property
    def counts(self) -> bool:
        """Whether it fails the run."""
        return self.finding.level == "error" and not self.waived


def judge(now: Described, difference: StackReview, today: str) -> list[Judged]:
    """Everything that the checks find, errors first, with the waivers that hold on a day (`2027-01-31`).

    A waiver that covers nothing is told, too: it would cover the next one unseen."""
    findings = [
        *(finding for check in CHECKS for find in check.find for finding in find(now)),
        *_losing(difference),
    ]
    waivers = list(now.spec.get("policy", {}).get("waivers", ()))
    used: set[int] = set()
    judged = [_excused(finding, waivers, today, used) for finding in dict.fromkeys(findings)]
    # Of what is lost, a waiver stands there before it happens and after: it may cover nothing for a while.
    judged += [
        Judged(_idle(number, waiver))
        for number, waiver in enumerate(waivers)
        if number not in used and waiver["name"] != "loses-data"
    ]
    return sorted(judged, key=lambda item: (not item.counts, bool(item.waived), item.finding.check))


def _losing(difference: StackReview) -> Iterator[Finding]:
    """A part that keeps data and goes is an error; keeping for less time is told, for a setting says it."""
    for part in difference.parts:
        if part.loses:
            said = f"goes, and {part.loses.removesuffix('.')}"
            yield Finding("loses-data", part.id, f"{said}; expected a waiver that says why it may")
    for step in difference.steps:
        if step.loses:
            where = step.setting or step.about
            yield Finding("loses-data", where, f"{step.line}: {step.loses}", step.path, "warning")


def _excused(finding: Finding, waivers: list[dict[str, Any]], today: str, used: set[int]) -> Judged:
    over = ""
    for number, waiver in enumerate(waivers):
        where = waiver.get("where")
        if waiver["name"] != finding.check or not (where is None or fnmatchcase(finding.where, where)):
            continue
        used.add(number)
        if waiver["expires"] >= today:
            return Judged(finding, waiver["reason"], waiver["expires"])
        over = waiver["expires"]
    return Judged(finding, expires=over)


def _idle(number: int, waiver: Mapping[str, Any]) -> Finding:
    path: KeyPath = ("policy", "waivers", number)
    said = f"the waiver of {waiver['name']} covers nothing; take it out, or it covers what comes next unseen"
    return Finding(waiver["name"], written(path), said, path, "warning")
