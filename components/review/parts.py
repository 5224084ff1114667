"""Which parts come, change and go, file by file, and what goes with those that keep data."""

import difflib
import json
from functools import partial

from components.review.described import Described, DescribedPart
from components.review.masking import masked, masked_at
from components.review.step import FileStep, Kind, PartStep, Step

CONTEXT_LINES = 2
SETTINGS = "settings"
"""The name of a part's settings among its files."""

KEEPS: dict[str, str] = {
    "opensearch": "log records and traces",
    "prometheus": "samples",
    "alertmanager": "silences",
    "redis": "what services keep in it",
}
"""Programs that keep data of their own, by the name of their part."""
KEEPS_BY_KIND: dict[str, str] = {
    "StackKeys": "the authority and the passwords of the stack",
    "Key": "the key without which nothing that it encrypted can be read",
    "Store": "log records and traces",
    "Archive": "the archive",
    "Workspace": "samples",
}
_OBJECTS = {"PersistentVolumeClaim": "what lies on the volume", "Namespace": "everything in the namespace"}


def keeps(part: DescribedPart) -> str:
    """Which data a part keeps; '' if it keeps none."""
    if part.kind in KEEPS_BY_KIND:
        return KEEPS_BY_KIND[part.kind]
    kind = part.settings.get("kind")
    if isinstance(kind, str) and (found := _OBJECTS.get(kind)):
        return found
    if part.kind in ("HostUnit", "Release"):
        return KEEPS.get(part.name, "") or (
            KEEPS["opensearch"] if part.name.startswith("opensearch-") else ""
        )
    return ""


def parts(before: Described, after: Described) -> list[PartStep]:
    """A step for each part that differs, those that lose data first, then by id."""
    old, new = ({part.id: part for part in described.parts} for described in (before, after))
    found = []
    for identity in sorted(old.keys() | new.keys()):
        one, other = old.get(identity), new.get(identity)
        if one != other:
            found.append(_step(identity, one, other, before, after))
    return sorted(found, key=lambda step: not step.loses)


def _step(
    identity: str, one: DescribedPart | None, other: DescribedPart | None, before: Described, after: Described
) -> PartStep:
    kind: Kind = "new" if one is None else "removed" if other is None else "changed"
    loses = ""
    if one is not None and other is None and (data := keeps(one)):
        loses = _gone(one, data, before, after)
    return PartStep(identity, kind, partial(_files, one, other), loses)


def _gone(part: DescribedPart, data: str, before: Described, after: Described) -> str:
    """What becomes of the data of a part that is taken away."""
    elsewhere = [
        other.id for other in after.parts if other.name == part.name and before.part(other.id) is None
    ]
    new = f" {elsewhere[0]} starts without." if elsewhere else ""
    retain = part.settings.get("retain", before.spec.get("deploy", {}).get("retain"))
    if part.kind == "HostUnit":
        kept = "stay on its host, where nothing reads them" if retain else "are deleted"
        return f"{data} {kept}.{new}"
    return f"{data} {'may stay, but nothing reads them' if retain else 'are deleted'}.{new}"


def _files(one: DescribedPart | None, other: DescribedPart | None) -> tuple[FileStep, ...]:
    old, new = _texts(one), _texts(other)
    found = []
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) == new.get(name):
            continue
        kind: Kind = "new" if name not in old else "removed" if name not in new else "changed"
        left, right = masked(old.get(name, "")), masked(new.get(name, ""))
        lines = tuple(
            difflib.unified_diff(left.splitlines(), right.splitlines(), lineterm="", n=CONTEXT_LINES)
        )
        found.append(FileStep(name, kind, lines[2:] or ("-[secret]", "+[secret]")))
    return tuple(found)


def _texts(part: DescribedPart | None) -> dict[str, str]:
    if part is None:
        return {}
    told = {**part.settings, "kind of part": part.kind, "pillar": part.pillar}
    settings = json.dumps(masked_at("", told), indent=1, sort_keys=True, ensure_ascii=False)
    return {**part.files, SETTINGS: settings}


def versions(before: Described, after: Described) -> list[Step]:
    """Charts and engines with another version, that come and that go."""
    old, new = before.versions, after.versions
    found = []
    for name in sorted(old.keys() | new.keys()):
        one, other = old.get(name, ""), new.get(name, "")
        if one != other:
            kind: Kind = "new" if not one else "removed" if not other else "changed"
            found.append(Step(name, kind, one, other))
    return found
