"""What a preview would change, part by part and file by file, as unified differences. Pure.

The engine knows the difference of two inputs only as "changed"; here the texts are compared. Secrets never
get into the result: neither marked ones nor the engine's placeholders.
"""

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import yaml

Kind = Literal["new", "changed", "removed"]
FileOf = Callable[[tuple[str, ...]], str | None]
"""`components.plan.Part.file_of` of the kind of part whose inputs are compared."""
MASK = "[secret]"
SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d"  # noqa: S105 - the key that marks a secret in state
INTERNAL = "__"
CONTEXT_LINES = 3


@dataclass(frozen=True)
class Change:
    """One input of a part that differs: a file, or a setting."""

    name: str
    kind: Kind
    file: bool
    """Whether it is a file; otherwise a setting of the part."""
    lines: tuple[str, ...]
    """Unified difference without the two lines that name files."""


@dataclass(frozen=True)
class PartChange:
    """What happens to one part. `op` is the engine's word: create, update, delete, replace, refresh."""

    id: str
    unit: str
    """What people call it: its name, or its id where another part has the same name."""
    op: str
    changes: tuple[Change, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain data: {id, unit, op, changes: [{name, kind, file, lines}]}."""
        return asdict(self)


def changes(old: Mapping[str, Any], new: Mapping[str, Any], file_of: FileOf) -> tuple[Change, ...]:
    """The inputs that differ, by name. Values are text, or anything that JSON can hold."""
    before, after = dict(_flat(old, file_of)), dict(_flat(new, file_of))
    found = []
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) == after.get(key):
            continue
        kind: Kind = "new" if key not in before else "removed" if key not in after else "changed"
        lines = _difference(before.get(key, ""), after.get(key, ""))
        found.append(Change(key.name, kind, key.file, lines))
    return tuple(found)


def hidden(new: Mapping[str, Any], file_of: FileOf) -> tuple[Change, ...]:
    """The secrets among inputs of which the engine says that they differ, where nothing that is shown does.

    Both sides are hidden, so of several secrets any may be the one.
    """
    return tuple(
        Change(key.name, "changed", key.file, (f"-{MASK}", f"+{MASK}"))
        for key, text in _flat(new, file_of)
        if text == MASK
    )


class _Key(NamedTuple):
    """What an input is called, and whether it is a file: a setting may have the same name."""

    name: str
    file: bool


def _flat(
    inputs: Mapping[str, Any], file_of: FileOf, above: tuple[str, ...] = ()
) -> Iterator[tuple[_Key, str]]:
    """Name and text of each input; the entries of a mapping that is no file stand for themselves, as
    `outer: inner`."""
    for key, value in inputs.items():
        if key.startswith(INTERNAL):
            continue
        path = (*above, key)
        file = file_of(path)
        name = _Key(": ".join(path) if file is None else file, file is not None)
        if is_secret(value):
            yield name, MASK
        elif isinstance(value, Mapping) and file is None:
            yield from _flat(value, file_of, path)
        elif isinstance(value, Mapping):
            yield name, yaml.safe_dump(masked(value))
        else:
            yield name, _text(value)


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
