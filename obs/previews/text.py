"""The report for a terminal of 80 columns: a table of all stacks, then what changes in each."""

import textwrap
from collections.abc import Iterable

from rich.table import Table

from components.review.parts import SETTINGS
from components.review.step import PartStep
from obs.console import literal, out
from obs.crash import mask
from obs.previews.engine import Seen
from obs.previews.report import Previewed, Report, errors_of, weightiest_first

WIDTH = 80
SHOWN = 12
"""Parts of a stack that are listed; `--full` lists all, with every line."""
STYLES = {"refused": "bad", "failed": "bad", "loses data": "bad", "no change": "good"}
COLOURS = {"+": "green", "-": "red", "@": "note"}


def draw(report: Report, full: bool) -> None:
    """Print it."""
    for told in report.verdict:
        line(told, "bad")
    if report.stacks:
        out.print(_table(report), width=WIDTH, soft_wrap=False)
    for stack in weightiest_first(report.stacks):
        _stack(stack, full)
    if report.untouched:
        out.print()
        line(f"nothing since {report.since} touches: {', '.join(report.untouched)}", "good")


def _table(report: Report) -> Table:
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("stack", "target", ""):
        made.add_column(name, overflow="fold")
    for name in ("new", "changed", "removed", "policy"):
        made.add_column(name, justify="right")
    for stack in weightiest_first(report.stacks):
        counts = [str(stack.review.count(kind) or "") for kind in ("new", "changed", "removed")]
        said = literal(stack.said, STYLES.get(stack.said, "note"))
        errors = literal(errors_of(stack), "bad")
        made.add_row(stack.stack, stack.target, said, *counts, errors)
    return made


def _stack(stack: Previewed, full: bool) -> None:
    out.print()
    line(stack.stack, "bold")
    if stack.against:
        line(f"compared with {stack.against}", "quiet", 2)
    if stack.gone:
        line(stack.what_is_gone, "note", 2)
    _list("its stack file is refused", stack.problems, "bad")
    _list("failed", stack.failures, "bad")
    _list("loses data", stack.losing, "bad")
    _policy(stack, full)
    _list("changes", (step.line for step in stack.review.steps if not step.loses))
    _parts(stack, full)
    _list("not known", stack.unknown, "note")
    if stack.engine:
        _engine(stack.engine, full)


def _engine(seen: Seen, full: bool) -> None:
    if seen.lacks:
        _list("not asked: the engine, for it lacks", [seen.lacks], "note")
    elif seen.failed:
        _list("the engine's preview failed", [seen.failed], "bad")
    else:
        told = ", ".join(f"{count} {op}" for op, count in seen.counts().items()) or "no change"
        line(f"by the engine: {told}", "bold", 2)
        shown = seen.parts if full else seen.parts[:SHOWN]
        for part, op in shown:
            line(f"{op} {part}", "", 4)
        if len(seen.parts) > len(shown):
            line(f"and {len(seen.parts) - len(shown)} more: --full", "quiet", 4)


def _policy(stack: Previewed, full: bool) -> None:
    for level, title in (("error", "against policy"), ("warning", "warnings"), ("waived", "waived")):
        lines = stack.judged(level)
        shown = lines if full or level == "error" else lines[:SHOWN]
        _list(title, shown, "bad" if level == "error" else "")
        if len(lines) > len(shown):
            line(f"and {len(lines) - len(shown)} more: --full", "quiet", 4)


def _parts(stack: Previewed, full: bool) -> None:
    found = stack.review.parts
    shown = found if full else found[:SHOWN]
    _list("parts", (_part(part) for part in shown))
    if len(found) > len(shown):
        line(f"and {len(found) - len(shown)} more: --full", "quiet", 4)
    if full:
        for part in found:
            for file in part.files:
                line(f"{part.id}: {file.name}: {file.kind}", "note", 2)
                for row in file.lines:
                    out.print(literal(f"    {mask(row)}", COLOURS.get(row[:1], "")))


def _part(part: PartStep) -> str:
    if part.kind != "changed":
        return f"{part.kind} {part.id}"
    told = [file for file in part.files if not file.name.startswith("tests/")]  # these follow from rules
    told = sorted(told or part.files, key=lambda file: file.name == SETTINGS)
    files = ", ".join(f"{file.name} (+{file.added} -{file.removed})" for file in told[:3])
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return f"{part.kind} {part.id}: {files}{more}"


def _list(title: str, lines: Iterable[str], style: str = "") -> None:
    lines = list(lines)
    if lines:
        line(f"{title}:", style or "bold", 2)
        for one in lines:
            line(one, style if style == "bad" else "", 4)


def line(text: str, style: str, indent: int = 0) -> None:
    """Print text within the width, wrapped below itself, without secrets."""
    for number, whole in enumerate(mask(text).splitlines()):
        first = " " * (indent + 2 * bool(number))
        wrapped = textwrap.wrap(
            whole, WIDTH, initial_indent=first, subsequent_indent=f"{first}  ", break_on_hyphens=False
        )
        for row in wrapped:
            out.print(literal(row, style))
