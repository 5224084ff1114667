"""What of all stacks is not as it was deployed: a refresh by the engine that remembers nothing."""

import json
import os
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from components.review.masking import masked
from components.review.step import ARROW
from obs.crash import mask
from obs.diff import PartChange, changes
from obs.parts import Parts
from obs.previews.engine import SECONDS, lacks, last_lines, obs
from obs.previews.markdown import plain

VERSION = 1
MARKER = "<!-- obs-drift -->"
SHOWN = 20
"""Parts of a stack that the Markdown lists."""
GONE, DIFFERENT = "gone", "different"


@dataclass(frozen=True)
class Drift:
    """One stack."""

    stack: str
    parts: tuple[dict[str, Any], ...] = ()
    """As `obs.diff.PartChange.as_json`: `op` is `gone` or `different`, changes go from what was deployed to
    what is there."""
    lacks: str = ""
    """What it would have needed to be asked; '' if it was."""
    failed: str = ""
    """Why there is no answer."""

    @property
    def said(self) -> str:
        """In a few words."""
        if self.lacks:
            return "not asked"
        if self.failed:
            return "failed"
        return f"{len(self.parts)} drifted" if self.parts else "as deployed"


class Collector:
    """Takes the events of a refresh; `found` then has what is not as it was deployed.

    Parts are judged, and resources below them, as those of a cloud are, under the engine's own names."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._found: dict[str, PartChange] = {}

    def __call__(self, event: Any) -> None:
        """One event of the Automation API."""
        if not event.res_outputs_event:
            return
        step = event.res_outputs_event.metadata
        if step.old is None:
            return
        kind = self._parts.kind_of(step.urn)
        name = self._parts.id_of(step.urn) or "::".join(step.urn.split("::")[2:]).rpartition("$")[2]
        if step.new is None:
            self._found[name] = PartChange(name, name, GONE, ())
        elif step.old.inputs != step.new.inputs:
            different = changes(
                step.old.inputs or {}, step.new.inputs or {}, kind.file_of if kind else _no_file
            )
            self._found[name] = PartChange(name, name, DIFFERENT, different)

    def found(self) -> list[PartChange]:
        """By name, without what looks like a secret: what is there now anybody may have written."""
        return sorted(map(_masked, self._found.values()), key=lambda change: change.id)


def _masked(part: PartChange) -> PartChange:
    told = (
        replace(change, lines=tuple(masked(mask(line)) for line in change.lines)) for change in part.changes
    )
    return replace(part, changes=tuple(told))


def _no_file(_: tuple[str, ...]) -> None:
    return None


def drift_of(stack: str) -> list[PartChange]:
    """What of one stack is not as it was deployed. Neither the state nor anything that runs is changed.

    ObsError, after telling why, if the engine fails."""
    from obs.console import tell
    from obs.errors import ObsError
    from obs.progress import Watcher
    from obs.pulumi import Driver, PulumiFailed
    from obs.session import check_passphrase, explain, parts_of
    from obs.stand_in import standing
    from obs.untouched import untouched
    from stacks.loader import STACKS

    check_passphrase(stack)
    driver = Driver(stack)
    parts = parts_of(driver, None)
    watcher, collector = Watcher(parts, quiet=True), Collector(parts)

    def both(event: Any) -> None:
        watcher(event)
        collector(event)

    with standing(stack), untouched(STACKS / f"Pulumi.{stack}.yaml"), driver.command.interruptible(tell):
        driver.select()
        try:
            with watcher:
                driver.refresh(both, preview_only=True)
        except PulumiFailed as failure:
            explain(stack, f"drift {stack}", watcher, failure)
            raise ObsError(f"obs drift {stack} failed") from None
    return collector.found()


def drift_of_all(stacks: Iterable[str]) -> list[Drift]:
    """Every stack, at most two at once; one that fails keeps nobody from the others."""
    with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        return list(pool.map(_ask, stacks))


def _ask(stack: str) -> Drift:
    if missing := lacks(stack):
        return Drift(stack, lacks=missing)
    try:
        done = obs("drift", stack, "--json")
    except subprocess.TimeoutExpired:
        return Drift(stack, failed=f"no answer within {SECONDS} s")
    try:
        (found,) = json.loads(done.stdout)["stacks"]
    except (ValueError, KeyError):
        return Drift(stack, failed=last_lines(done.stderr) or f"exit code {done.returncode}")
    return Drift(stack, tuple(found["parts"]))


def as_json(found: Iterable[Drift]) -> dict[str, Any]:
    """Plain data for programs."""
    return {
        "version": VERSION,
        "stacks": [
            {
                "stack": drift.stack,
                "said": drift.said,
                "parts": list(drift.parts),
                "lacks": drift.lacks or None,
                "failed": drift.failed or None,
            }
            for drift in found
        ],
    }


def markdown(found: Iterable[Drift]) -> str:
    """One comment or issue, which the next run writes over by its hidden marker."""
    lines = [MARKER, "## What is not as it was deployed", "", "| stack | |", "|---|---|"]
    found = list(found)
    lines += [f"| {plain(drift.stack)} | {drift.said} |" for drift in found]
    for drift in found:
        if told := list(told_of(drift)):
            more = f"- and {len(told) - SHOWN} more"
            lines += ["", f"### {plain(drift.stack)}", "", *(f"- {plain(line)}" for line in told[:SHOWN])]
            lines += [more] if len(told) > SHOWN else []
    return "\n".join(lines) + "\n"


def told_of(drift: Drift) -> Iterable[str]:
    """A line for each thing to know of a stack."""
    if drift.lacks:
        yield f"not asked, for it lacks {drift.lacks}"
    if drift.failed:
        yield drift.failed
    for part in drift.parts:
        named = ", ".join(map(_named, part["changes"]))
        yield f"{part['unit']}: {part['op']}{f': {named}' if named else ''}"


def _named(change: dict[str, Any]) -> str:
    """What differs; of a setting of one line also how, as `process_state (running -> stopped)`."""
    before, after = ([line[1:] for line in change["lines"] if line[:1] == sign] for sign in "-+")
    if change["file"] or len(before) != 1 or len(after) != 1:
        return str(change["name"])
    return f"{change['name']} ({before[0]} {ARROW} {after[0]})"
