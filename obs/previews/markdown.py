"""The report as one comment on a pull request, in the Markdown that GitHub and GitLab share.

It begins with a hidden marker, so that the next run finds its comment and writes over it. What stands in it
comes from stack files: nothing of that becomes markup, a link or a mention.
"""

import html
import re
from collections.abc import Iterable

from components.review.step import FileStep
from obs.crash import mask
from obs.previews.engine import Seen
from obs.previews.report import Previewed, Report, errors_of, weightiest_first

MARKER = "<!-- obs-previews -->"
LIMIT = 60_000
"""Characters of a comment: GitHub takes 65536."""
_STACK_LINES = 60
"""Of a list; the rest is counted."""
_DIFFERENCE = 200
"""Lines of one file's difference."""
_KINDS = ("changed", "removed", "new")
"""Of files, in the order in which a reviewer reads them: what comes is long, and says least."""
_WARNINGS = 3
"""Of a stack, beyond which they are folded: most stood there before."""
_SPECIAL = re.compile(r"([\\`*_\[\]|~])")


def markdown(report: Report) -> str:
    """The comment, never longer than `LIMIT`: differences of files are left out first, and said to be."""
    ordered = weightiest_first(report.stacks)
    head, stacks = _head(report), [_stack(stack) for stack in ordered]
    text = "\n\n".join([head, *stacks])
    room = LIMIT - len(text) - 500
    if room < 0:
        text = text[: LIMIT - 200].rpartition("\n")[0]
        text += "\n\n</details>" if text.count("<details>") > text.count("</details>") else ""
        return f"{text}\n\n... and more: `obs preview --all --json` has everything.\n"
    left_out = 0
    details = []
    files = [(stack, part, file) for stack in ordered for part in stack.review.parts for file in part.files]
    for stack, part, file in sorted(files, key=lambda found: _KINDS.index(found[2].kind)):
        made = _difference(stack.stack, part.id, file)
        if len(made) > room:
            left_out += 1
        else:
            room -= len(made)
            details.append(made)
    if details:
        text += "\n\n<details><summary>Differences of what is rendered</summary>\n\n" + "".join(details)
        text += "\n</details>"
    if left_out:
        text += (
            f"\n\n{left_out} differences of files are not shown here: `obs preview --all --json` has them."
        )
    return f"{text}\n"


def plain(text: str) -> str:
    """Text that Markdown shows as it is, in one line, without secrets."""
    text = html.escape(" ".join(mask(text).split()), quote=False)
    text = _SPECIAL.sub(r"\\\1", text).replace("#", "&#35;")
    return text.replace("@", "&#64;").replace("://", ":&#47;&#47;")


def _head(report: Report) -> str:
    lines = [MARKER, "## Preview of the stacks", ""]
    lines.append(f"What changes since {plain(report.since or 'the last deployment')}.")
    lines += ["", *(f"- **{plain(told)}**" for told in report.verdict)] if report.verdict else []
    if report.stacks:
        lines += ["", "| stack | target | | new | changed | removed | policy |"]
        lines.append("|---|---|---|--:|--:|--:|---|")
    for stack in weightiest_first(report.stacks):
        counts = [str(stack.review.count(kind) or "") for kind in ("new", "changed", "removed")]
        said = f"**{stack.said}**" if stack.broken or stack.review.losing else stack.said
        errors = f"**{errors_of(stack)}**" if stack.errors else ""
        row = [plain(stack.stack), plain(stack.target), said, *counts, errors]
        lines.append(f"| {' | '.join(row)} |")
    if report.untouched:
        names = ", ".join(map(plain, report.untouched))
        lines += ["", f"Nothing since then touches: {names}."]
    return "\n".join(lines)


def _stack(stack: Previewed) -> str:
    lines = [f"### {plain(stack.stack)}"]
    if stack.against:
        lines += ["", f"Compared with {plain(stack.against)}."]
    lines += ["", plain(stack.what_is_gone)] if stack.gone else []
    lines += _list("Its stack file is refused", stack.problems)
    lines += _list("Failed", stack.failures)
    lines += _list("**Loses data**", stack.losing)
    lines += _list("**Against policy**", stack.judged("error"))
    lines += _folded("warnings", _list("Warnings", stack.judged("warning")))
    lines += _list("Waived", stack.judged("waived"))
    lines += _list("Changes", (step.line for step in stack.review.steps if not step.loses))
    for kind, words in (("new", "Created"), ("changed", "Changed"), ("removed", "Deleted")):
        named = [part.id for part in stack.review.parts if part.kind == kind]
        if named:
            more = f" and {len(named) - _STACK_LINES} more" if len(named) > _STACK_LINES else ""
            lines += ["", f"{words}: {', '.join(map(plain, named[:_STACK_LINES]))}{more}"]
    lines += _list("Not known before it happens", stack.unknown)
    if stack.engine:
        lines += _engine(stack.engine)
    return "\n".join(lines)


def _engine(seen: Seen) -> list[str]:
    if seen.lacks:
        return ["", f"The engine was not asked, for it lacks {plain(seen.lacks)}"]
    if seen.failed:
        return ["", f"**The engine's preview failed**: {plain(seen.failed)}"]
    title = ", ".join(f"{count} {op}" for op, count in seen.counts().items()) or "no change"
    return _list(f"By the engine: {title}", (f"{op} {part}" for part, op in seen.parts)) or [
        "",
        "By the engine: no change",
    ]


def _list(title: str, items: Iterable[str]) -> list[str]:
    items = list(items)
    if not items:
        return []
    shown = [f"- {plain(item)}" for item in items[:_STACK_LINES]]
    more = [f"- and {len(items) - _STACK_LINES} more"] if len(items) > _STACK_LINES else []
    return ["", f"{title}:", "", *shown, *more]


def _folded(what: str, listed: list[str]) -> list[str]:
    """A list as `_list` makes it, folded if it is long."""
    items = listed[3:]
    if len(items) <= _WARNINGS:
        return listed
    return ["", f"<details><summary>{len(items)} {what}</summary>", "", *items, "", "</details>"]


def _difference(stack: str, part: str, file: FileStep) -> str:
    lines = [mask(line) for line in file.lines[:_DIFFERENCE]]
    if more := len(file.lines) - len(lines):
        lines.append(f"... {more} more lines")
    ticks = max([2, *(len(run) for line in lines for run in re.findall(r"`+", line))]) + 1
    fence = "`" * ticks
    title = f"{plain(stack)}: {plain(part)}: {plain(file.name)} ({file.kind})"
    return f"{title}\n\n{fence}diff\n" + "\n".join(lines) + f"\n{fence}\n\n"
