"""What two specs say differently, setting by setting."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from components.review.step import Kind, Step
from components.review.words import Path, subject, value
from components.spec import milliseconds, size_bytes
from components.spec.problem import KeyPath, written

_NAMES = ("name", "record", "key")
"""By which of its settings one item of a list is told from the others."""
_ABSENT: Any = object()

_KEPT_FOR: dict[Path, str] = {
    ("metrics", "retention", "time"): "samples",
    ("logging", "retention"): "log records",
    ("tracing", "retention"): "traces",
    ("aws", "archive", "retention"): "archived records",
    ("aws", "log_retention"): "log lines of the stack's own programs",
}
_LEFT_BEHIND: dict[Path, str] = {
    ("logging", "index", "prefix"): "log records",
    ("tracing", "storage", "index_prefix"): "traces",
}


@dataclass(frozen=True)
class Apart:
    """One setting that differs: its names, where it stands now, and both values."""

    path: Path
    place: KeyPath
    before: Any
    after: Any


def settings(before: dict[str, Any], after: dict[str, Any]) -> list[Step]:
    """A step for each setting that differs, in the order of the model."""
    return [_step(apart) for apart in _apart(before, after, (), ())]


def _step(apart: Apart) -> Step:
    kind: Kind = "changed"
    before, after = apart.before, apart.after
    if before is _ABSENT or after is _ABSENT:
        kind = "new" if before is _ABSENT else "removed"
        before = after = None
    shown = ("", "")
    if kind == "changed":
        shown = _short(value(apart.path, before), value(apart.path, after))
    return Step(
        subject(apart.path),
        kind,
        *shown,
        loses=_loses(apart) if kind == "changed" else "",
        setting=written(apart.place),
        path=apart.place,
    )


def _short(before: str, after: str, limit: int = 160) -> tuple[str, str]:
    """Long values from where they begin to differ."""
    if max(len(before), len(after)) <= limit:
        return before, after
    same = next(
        (i for i, (one, other) in enumerate(zip(before, after, strict=False)) if one != other),
        min(len(before), len(after)),
    )
    start = max(0, same - 20)

    def cut(text: str) -> str:
        end = start + limit
        return f"{'...' if start else ''}{text[start:end]}{'...' if len(text) > end else ''}"

    return cut(before), cut(after)


def _loses(apart: Apart) -> str:
    path, before, after = apart.path, apart.before, apart.after
    if path in _KEPT_FOR and milliseconds(after) < milliseconds(before):
        return f"{_KEPT_FOR[path]} older than {value(path, after)} are deleted"
    if path == ("metrics", "retention", "size") and size_bytes(after) < size_bytes(before):
        return f"the oldest samples beyond {value(path, after)} are deleted"
    if path in _LEFT_BEHIND:
        return f"{_LEFT_BEHIND[path]} under the old name are found no more, and no retention deletes them"
    if path == ("deploy", "retain") and before and not after:
        return "data are deleted when the stack is taken down"
    return ""


def _apart(before: Any, after: Any, path: Path, place: KeyPath) -> Iterator[Apart]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            yield from _apart(before.get(key, _ABSENT), after.get(key, _ABSENT), (*path, key), (*place, key))
    elif (old := _named(before)) is not None and (new := _named(after)) is not None and (old or new):
        for name in {**old, **new}:
            position = list(new).index(name) if name in new else list(old).index(name)
            yield from _apart(
                old.get(name, _ABSENT), new.get(name, _ABSENT), (*path, name), (*place, position)
            )
        kept = [name for name in old if name in new]
        if kept != [name for name in new if name in old] and path == ("alerting", "routes"):
            yield Apart((*path, "order"), place, list(old), list(new))
    else:
        yield Apart(path, place, before, after)


def _named(items: Any) -> dict[str, Any] | None:
    """The items of a list by their names; None if they have none, or share one."""
    if not isinstance(items, list | tuple):
        return None
    found: dict[str, Any] = {}
    for item in items:
        name = next((item[key] for key in _NAMES if key in item), None) if isinstance(item, dict) else None
        if not isinstance(name, str) or name in found:
            return None
        found[name] = item
    return found


def is_rule_setting(step: Step) -> bool:
    """Whether it is a threshold of alerts, or an alert of the stack's own."""
    return re.match(r"metrics\.rules\.(?!recordings)", step.setting) is not None
