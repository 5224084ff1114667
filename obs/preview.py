"""From the events of a preview to the changes of each part."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from obs.diff import PartChange, changes, hidden
from obs.parts import Parts

UNCHANGED = ("same", "refresh", "read")


class Collector:
    """Takes the events of one preview; `found` then has the parts that would change."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._found: dict[str, PartChange] = {}

    def __call__(self, event: Any) -> None:
        """One event of the Automation API."""
        if not event.resource_pre_event:
            return
        step = event.resource_pre_event.metadata
        op = str(getattr(step.op, "value", step.op))
        part, kind = self._parts.id_of(step.urn), self._parts.kind_of(step.urn)
        if part is None or kind is None or op in UNCHANGED:
            return
        old: Mapping[str, Any] = (step.old and step.old.inputs) or {}
        new: Mapping[str, Any] = (step.new and step.new.inputs) or {}
        found = changes(old, new, kind.file_of) or hidden(new, kind.file_of)
        self._found[part] = PartChange(part, part, op, found)

    def found(self) -> list[PartChange]:
        """The parts that would change, by name."""
        named = [replace(change, unit=self._parts.label(part)) for part, change in self._found.items()]
        return sorted(named, key=lambda change: change.unit)
