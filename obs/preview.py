"""From the events of a preview to the changes of each part."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pulumi.runtime.rpc import UNKNOWN

from obs.diff import Change, PartChange, changes, hidden
from obs.parts import Parts

UNCHANGED = ("same", "refresh", "read")
ONCE = ("replace", "delete-replaced")
"""Steps that stand beside another one of the same resource."""
WHOLE = ("create", "delete")
"""What happens to a part with everything below it."""
LONG = 300
"""Characters of a line that nobody reads, as of JSON with files in it."""


class Collector:
    """Takes the events of one preview; `found` then has the parts that would change."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._found: dict[str, PartChange] = {}
        self._below: dict[str, dict[str, tuple[Change, ...]]] = {}
        """Part -> resource below it that would change -> what of it."""

    def __call__(self, event: Any) -> None:
        """One event of the Automation API."""
        if not event.resource_pre_event:
            return
        step = event.resource_pre_event.metadata
        op = str(getattr(step.op, "value", step.op))
        if op in UNCHANGED:
            return
        part, kind = self._parts.carrying(step), self._parts.kind_of(step.urn)
        if part is None:
            return
        old: Mapping[str, Any] = (step.old and step.old.inputs) or {}
        new: Mapping[str, Any] = (step.new and step.new.inputs) or {}
        if kind is None:
            if op not in ONCE:
                name = step.urn.rpartition("::")[2]
                self._below.setdefault(part, {})[name] = _of_resource(name, op, old, new)
            return
        found = changes(old, new, kind.file_of) or hidden(new, kind.file_of)
        self._found[part] = PartChange(part, part, op, found)

    def found(self) -> list[PartChange]:
        """The parts that would change, by name. What is below one is told where it neither comes nor goes."""
        for part, resources in self._below.items():
            of = self._found.get(part) or PartChange(part, part, "update", ())
            if of.op not in WHOLE:
                more = tuple(change for name in sorted(resources) for change in resources[name])
                self._found[part] = replace(of, changes=of.changes + more)
        named = [replace(change, unit=self._parts.label(part)) for part, change in self._found.items()]
        return sorted(named, key=lambda change: change.unit)


def _of_resource(name: str, op: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """What of a resource below a part would change, by its name; one that comes or goes is a line."""
    if op == "create":
        return (Change(name, "new", False, ()),)
    if op == "delete":
        return (Change(name, "removed", False, ()),)
    found = changes(_known(old), _known(new), _no_file) or hidden(new, _no_file)
    named = tuple(
        replace(change, name=f"{name}: {change.name}", lines=_readable(change.lines)) for change in found
    )
    return named or (Change(name, "changed", False, ()),)


def _readable(lines: tuple[str, ...]) -> tuple[str, ...]:
    return () if any(len(line) > LONG for line in lines) else lines


def _no_file(_key: tuple[str, ...]) -> None:
    """Resources below parts hold settings."""


def _known(value: Any) -> Any:
    """The same in words for what is not known before it is made."""
    if isinstance(value, Mapping):
        return {key: _known(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_known(item) for item in value]
    return "[known when it is made]" if value == UNKNOWN else value
