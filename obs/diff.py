"""What a preview would change, unit by unit and file by file, as unified differences. Pure.

The engine knows the difference of two inputs only as "changed"; here the texts are compared. Secrets never
get into the result: neither marked ones nor the engine's placeholders.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["new", "changed", "removed"]
MASK = "[secret]"
SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d"  # noqa: S105 - the key that marks a secret in state
INTERNAL = "__"
CONTEXT_LINES = 3


@dataclass(frozen=True)
class Change:
    """One input of a unit that differs: a file, or a setting of its process."""

    name: str
    kind: Kind
    file: bool
    """Whether it is a file; otherwise a setting of the unit."""
    lines: tuple[str, ...]
    """Unified difference without the two lines that name files."""


@dataclass(frozen=True)
class UnitChange:
    """What happens to one unit. `op` is the engine's word: create, update, delete, replace, refresh."""

    unit: str
    op: str
    changes: tuple[Change, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain data: {unit, op, changes: [{name, kind, lines}]}."""
        return asdict(self)


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """The inputs that differ, by name. Values are text, or anything that JSON can hold."""
    before, after = dict(_flat(old)), dict(_flat(new))
    found = []
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) == after.get(name):
            continue
        kind: Kind = "new" if name not in before else "removed" if name not in after else "changed"
        lines = _difference(before.get(name, ""), after.get(name, ""))
        found.append(Change(name, kind, "." in name or "/" in name, lines))
    return tuple(found)


def hidden(new: Mapping[str, Any]) -> tuple[Change, ...]:
    """The secrets among inputs of which the engine says that they differ, where nothing that is shown does.

    Both sides are hidden, so of several secrets any may be the one.
    """
    return tuple(
        Change(name, "changed", False, (f"-{MASK}", f"+{MASK}")) for name, text in _flat(new) if text == MASK
    )


def _flat(inputs: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(name, text) of each input; the entries of a mapping stand for themselves, as `outer: inner`.

    Keys of files hold a `.` or a `/`, which no other key does."""
    for key, value in inputs.items():
        if key.startswith(INTERNAL):
            continue
        if is_secret(value):
            yield prefix + key, MASK
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}: ")
        else:
            yield prefix + key, _text(value)


def is_secret(value: Any) -> bool:
    """Whether a value is a secret as the engine writes it, in state or in an event."""
    return value == MASK or (isinstance(value, Mapping) and SECRET_SIGNATURE in value)


def masked(value: Any) -> Any:
    """The value with every secret inside it replaced."""
    if is_secret(value):
        return MASK
    if isinstance(value, Mapping):
        return {key: masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    return value


def _text(value: Any) -> str:
    """Text as it is; canonical JSON one entry a line, so that the difference shows the entry."""
    value = masked(value)
    if isinstance(value, str):
        try:
            parsed = json.loads(value) if value[:1] in "[{" and value else value
        except json.JSONDecodeError:
            return value
        if isinstance(parsed, str):
            return value
        value = masked(parsed)
    return json.dumps(value, indent=2, sort_keys=True)


def _difference(old: str, new: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), lineterm="", n=CONTEXT_LINES, fromfile="", tofile=""
    )
    return tuple(lines)[2:]


def unit_name(urn: str) -> str:
    """`prometheus` of `urn:pulumi:local::observability::…::prometheus@host`."""
    return urn.rsplit("::", 1)[-1].split("@", 1)[0]
