"""Pieces of the collector's own languages: OTTL literals and statements, and Go's durations."""

import json

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
