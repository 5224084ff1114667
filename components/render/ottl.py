"""Pieces of the collector's own languages: OTTL literals and statements, Go's durations, what it expands."""

import json
from typing import Any

from components.spec import milliseconds


def text(value: str) -> str:
    """A string literal: whatever `value` holds, it stays one."""
    return json.dumps(value, ensure_ascii=False)


def put(path: str, value: str, where: str = "") -> str:
    """`set(path, "value") [where ...]`."""
    return f"set({path}, {text(value)})" + (f" where {where}" if where else "")


def duration(value: str) -> str:
    """A duration of the spec as Go reads it, which knows no days and weeks."""
    return f"{milliseconds(value) // 3_600_000}h" if value[-1] in "dw" else value


class Reference(str):
    """Text that the collector expands (`${file:...}`); all other text means itself."""

    __slots__ = ()


def literal(value: Any) -> Any:
    """The same with sorted keys; every `$` means itself, as a stack file must not name files to read."""
    if isinstance(value, dict):
        return {key: literal(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [literal(item) for item in value]
    if isinstance(value, Reference):
        return str(value)
    return value.replace("$", "$$") if isinstance(value, str) else value
