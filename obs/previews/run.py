"""Previews all stacks by their descriptions: without credentials, without an engine, without the network."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.review.described import Described
from components.review.stack import StackReview, review
from obs.paths import ROOT
from obs.previews.commits import Then, changed_files, commit_of, then
from obs.previews.deployed import remembered
from obs.previews.describing import described, described_all
from obs.previews.engine import Seen, seen_by_engine
from obs.previews.policy import policy, today
from obs.previews.report import Previewed, Report

SHARED = ("__main__.py", "agents/", "components/stack.py", "demo/", "engines/", "plugins/", "tools/")
"""Code that stands where stacks run, or carries plans out, whatever the target: no plan shows it."""
IN_PLACE = "Whether a changed part is changed in place or replaced"
_LATE = re.compile(r"\{late:([\w.-]+)\}")
_SHOWN = 5


def preview_all(ref: str | None, root: Path = ROOT) -> Report:
    """Every stack that has a file, against what it was at `ref`, else at the last deployment.

    A stack that is broken is told as such, and the others go on. BadInput if there is no such `ref`; `root`
    is the repository that has it."""
    from stacks.loader import names

    stacks = names()
    if ref is None:
        found = described_all(stacks)
        return Report("", tuple(_guarded(_since_deployed, stack, found[stack]) for stack in stacks))
    commit = commit_of(ref, root)
    since = f"{ref} ({commit[:9]})" if not commit.startswith(ref) else commit[:9]
    with ExitStack() as open_:
        before = open_.enter_context(
            then(commit, root)
        )  # works on another core while this one describes today
        now, files = described_all(stacks), changed_files(commit, root)
        told = [_guarded(_since_commit, stack, now[stack], before, since, files) for stack in stacks]
        gone = {stack: found for stack, found in before.stacks().items() if stack not in now}
    told = [_perhaps_renamed(stack, now[stack.stack], gone) for stack in told]
    everything = [*told, *(_gone(stack, found, since) for stack, found in gone.items())]
    touched = tuple(
        stack for stack in everything if stack.broken or stack.gone or stack.review.changes or stack.unknown
    )
    untouched = tuple(stack.stack for stack in everything if stack not in touched)
    return Report(since, touched, untouched)


def with_engine(report: Report) -> Report:
    """The report with what the engine says of each stack in it; what it lacks there is said."""
    from stacks.loader import names

    there = names()
    seen = seen_by_engine(stack.stack for stack in report.stacks if not stack.broken and stack.stack in there)
    stacks = tuple(
        replace(stack, engine=engine, unknown=_answered(stack, engine)) if engine else stack
        for stack in report.stacks
        for engine in (seen.get(stack.stack),)
    )
    return replace(report, stacks=stacks)


def _guarded(preview: Callable[..., Previewed], stack: str, *given: Any) -> Previewed:
    """A preview of one stack, whose faults are not those of the others."""
    try:
        return preview(stack, *given)
    except Exception as error:
        return Previewed(stack, failures=(f"a fault of the code: {type(error).__name__}: {error}",))


def _since_deployed(stack: str, found: Mapping[str, Any]) -> Previewed:
    if broken := _broken(stack, found):
        return broken
    after = Described.model_validate(found)
    before = remembered(stack)
    if before is None and _was_deployed(stack):
        said = (
            "It is deployed, but how it was described then is not known here: `obs up` keeps that in the "
            f"state folder. Compare with a commit (--changed-since), or: obs preview {stack}"
        )
        judged = policy(after, StackReview(), today())
        return Previewed(stack, after.target, "nothing", unknown=(said,), policy=judged)
    against = (
        "what was deployed last" if before else "nothing: no deployment is known here, so all is created"
    )
    return _compared(stack, before, after, against)


def _was_deployed(stack: str) -> bool:
    from obs.pulumi import has_state

    return has_state(stack)


def _since_commit(
    stack: str, found: Mapping[str, Any], then_: Then, since: str, files: list[str]
) -> Previewed:
    if broken := _broken(stack, found):
        return broken
    after = Described.model_validate(found)
    carrying = tuple(_carrying(after.target, files, since))
    data = then_.stacks().get(stack)
    if data is None:
        found_new = _compared(stack, None, after, f"nothing: it is not there at {since}, so all is created")
        return replace(found_new, new=True)
    notes = carrying
    if _broken(stack, data):
        why = _why(data)
        data = described(stack, then_.tree / "stacks")
        if _broken(stack, data):
            said = f"How it was at {since} cannot be described, so what changes is not known: {why}"
            judged = policy(after, StackReview(), today())
            return Previewed(stack, after.target, since, unknown=(said, *notes), policy=judged)
        said = (
            f"The code of {since} cannot describe it ({why}): its stack file of then is read by today's "
            "code, so what the code itself changes is not seen."
        )
        notes = (said, *notes)
    return _compared(stack, Described.model_validate(data), after, since, notes)


def _gone(stack: str, found: Mapping[str, Any], since: str) -> Previewed:
    """A stack whose file is no longer there. Whatever it had stays: nobody takes it down."""
    return Previewed(stack, str(found.get("target", "")), since, gone=True)


def _perhaps_renamed(stack: Previewed, found: Mapping[str, Any], gone: Mapping[str, Any]) -> Previewed:
    """One that came while another with the same services went, where people may think that it is the same."""
    if stack.broken or not stack.new:
        return stack
    alike = [name for name, old in gone.items() if _what_it_watches(old) == _what_it_watches(found)]
    notes = tuple(
        f"Whether it is to be {name} under another name: what {name} has stays where it is, and this becomes "
        "another stack without its data. docs/how-to/rename.md says how to take them along."
        for name in alike
    )
    return replace(stack, unknown=(*notes, *stack.unknown))


def _what_it_watches(found: Mapping[str, Any]) -> tuple[str, list[str]]:
    services = found.get("spec", {}).get("services", ())
    return str(found.get("target", "")), sorted(str(service["name"]) for service in services)


def _compared(
    stack: str, before: Described | None, after: Described, against: str, notes: tuple[str, ...] = ()
) -> Previewed:
    found = review(before, after)
    unknown = (*notes, *_unknown(found, before, after))
    judged = policy(after, found, today())
    return Previewed(stack, after.target, against, found, unknown=unknown, policy=judged)


def _unknown(found: StackReview, before: Described | None, after: Described) -> Iterator[str]:
    if before is not None and found.count("changed"):
        yield (
            f"{IN_PLACE}: only the Pulumi engine knows. `obs preview {after.stack}` asks it, where the "
            "stack's state and credentials are."
        )
    late: set[str] = set()
    for step in found.parts:
        part = after.part(step.id)
        if part:
            late.update(_LATE.findall(part.model_dump_json()))
    if late:
        more = f" and {len(late) - _SHOWN} more" if len(late) > _SHOWN else ""
        names = ", ".join(sorted(late)[:_SHOWN])
        yield f"What the place itself names when it is made: {names}{more}."


def _answered(stack: Previewed, seen: Seen) -> tuple[str, ...]:
    """What is still not known after the engine was asked."""
    return tuple(text for text in stack.unknown if not (seen.answered and text.startswith(IN_PLACE)))


def _carrying(target: str, files: list[str], since: str) -> Iterator[str]:
    """That code changed which no plan shows: what it does to a stack is not known here."""
    from targets import MODULES

    folders = (*SHARED, f"{MODULES[target].split('.')[0]}/")
    changed = [name for name in files if name.startswith(folders)]
    if changed:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        yield (
            f"What it does that code changed since {since} which runs there, or carries plans out: "
            f"{', '.join(changed[:_SHOWN])}{more}."
        )


def _broken(stack: str, found: Mapping[str, Any]) -> Previewed | None:
    if "problems" in found:
        return Previewed(stack, problems=tuple(found["problems"]))
    if "fault" in found:
        return Previewed(stack, failures=(f"a fault of the code: {found['fault']}",))
    return None


def _why(found: Mapping[str, Any]) -> str:
    return "; ".join(found.get("problems", ())) or str(found.get("fault", ""))
