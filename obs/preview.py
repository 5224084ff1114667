"""From the events of a preview to the changes of each unit."""

from collections.abc import Mapping
from typing import Any

from obs.diff import UnitChange, changes, hidden, unit_name
from obs.progress import DYNAMIC

UNCHANGED = ("same", "refresh", "read")


class Collector:
    """Takes the events of one preview; `found` then has the units that would change."""

    def __init__(self) -> None:
        self._found: dict[str, UnitChange] = {}

    def __call__(self, event: Any) -> None:
        """One event of the Automation API."""
        if not event.resource_pre_event:
            return
        step = event.resource_pre_event.metadata
        op = str(getattr(step.op, "value", step.op))
        if not step.type.startswith(DYNAMIC) or op in UNCHANGED:
            return
        old: Mapping[str, Any] = (step.old and step.old.inputs) or {}
        new: Mapping[str, Any] = (step.new and step.new.inputs) or {}
        name = unit_name(step.urn)
        self._found[name] = UnitChange(name, op, changes(old, new) or hidden(new))

    def found(self) -> list[UnitChange]:
        """The units that would change, by name."""
        return [self._found[name] for name in sorted(self._found)]
