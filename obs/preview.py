"""From the events of a preview to the changes of each part."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from pulumi.runtime.rpc import UNKNOWN

from components.errors import SuiteError
from components.plan import Part
from obs.diff import Change, PartChange, changes, hidden
from obs.parts import Parts

UNCHANGED = ("same", "refresh", "read")
ONCE = ("replace", "delete-replaced")
"""Steps that stand beside another one of the same resource."""
WHOLE = ("create", "delete")
"""What happens to a part with everything below it."""
MadeOf = Callable[[type[Part], Mapping[str, Any]], Mapping[str, str]]
"""`components.target.Target.made_of`."""
AT_ONCE = 4
LONG = 300
"""Characters of a line that nobody reads, as of JSON with files in it."""


class Collector:
    """Takes the events of one preview; `found` then has the parts that would change."""

    def __init__(self, parts: Parts, made_of: MadeOf | None = None) -> None:
        self._parts, self._made_of = parts, made_of
        self._found: dict[str, PartChange] = {}
        self._below: dict[str, dict[str, tuple[Change, ...]]] = {}
        """Part -> resource below it that would change -> what of it."""
        self._compared: dict[str, tuple[type[Part], Mapping[str, Any], Mapping[str, Any]]] = {}
        """Part that would change -> its kind, and its inputs before and after."""
        self.notes: list[str] = []
        """What could not be compared, once `found` was asked."""

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
        if found and op not in WHOLE:
            self._compared[part] = kind, old, new

    def found(self) -> list[PartChange]:
        """The parts that would change, by name. What is below one is told where it neither comes nor goes."""
        for part, resources in self._below.items():
            of = self._found.get(part) or PartChange(part, part, "update", ())
            if of.op not in WHOLE:
                more = tuple(change for name in sorted(resources) for change in resources[name])
                self._found[part] = replace(of, changes=of.changes + more)
        for part, made in self._made().items():
            of = self._found[part]
            self._found[part] = replace(of, changes=of.changes + made)
        named = [replace(change, unit=self._parts.label(part)) for part, change in self._found.items()]
        return sorted(named, key=lambda change: change.unit)

    def _made(self) -> dict[str, tuple[Change, ...]]:
        """What the place would make otherwise of the parts that change, several at a time."""
        if self._made_of is None or not self._compared:
            return {}
        made_of = self._made_of
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = pool.map(lambda part: self._made_anew(made_of, part), sorted(self._compared))
            return dict(zip(sorted(self._compared), found, strict=True))

    def _made_anew(self, made_of: MadeOf, part: str) -> tuple[Change, ...]:
        kind, old, new = self._compared[part]
        try:
            return changes(made_of(kind, old), made_of(kind, new), _no_file)
        except SuiteError as error:
            self.notes.append(f"{self._parts.label(part)}: what becomes of its objects is not known: {error}")
            return ()


def _of_resource(name: str, op: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """What of a resource below a part would change, by its name; one that comes or goes is a line."""
    if op == "create":
        return (Change(name, "new", False, ()),)
    if op == "import":
        return (Change(f"{name}: is there, and is taken over", "new", False, ()),)
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
