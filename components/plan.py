"""The plan: what a target shall hold, as plain data.

The plan is the seam between the one description and the targets. It is made by pure code from the
spec, holds no secret, no clock, no absolute path and nothing of the machine, and equal specs give equal
plans. What carries it out decides nothing.

Here stands what every target tells the component tree, previews and progress. What only one target needs to
know of its parts stands in a kind of part of its own (`vsi.unit.HostUnit`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, field_validator


class Frozen(BaseModel):
    """Base of all plan types."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Pillar(StrEnum):
    """Where a part stands in the component tree."""

    METRICS = "metrics"
    ALERTING = "alerting"
    LOGGING = "logging"
    TRACING = "tracing"
    SERVICES = "services"


def part_id(name: str, place: str) -> str:
    """The id of a part, which is also the name of its Pulumi resource, and so its identity."""
    return f"{name}@{place}"


def name_of(part: str) -> str:
    """`prometheus` of `prometheus@local`."""
    return part.partition("@")[0]


def place_of(part: str) -> str:
    """`obs-1` of `prometheus@obs-1`."""
    return part.partition("@")[2]


class Part(Frozen):
    """One thing in one place: what becomes one Pulumi resource.

    The base of each target's kinds of parts; the class of a part says how its resource is read."""

    TOKENS: ClassVar[tuple[str, ...]] = ()
    """Pulumi's types of the resources that carry such parts out."""

    name: str
    place: str
    """Where it stands: a host, a namespace, a region. A name is unique there."""
    pillar: Pillar
    files: tuple[tuple[str, str], ...] = ()
    """Sorted pairs of path and text that its resource is made of."""
    secrets: tuple[str, ...] = ()
    """Names of the secrets that it reads."""
    needs: tuple[str, ...] = ()
    """Ids of the parts that must be there before this one."""

    @property
    def readable(self) -> tuple[tuple[str, str], ...]:
        """`files`, or what a kind of part writes for people only: made when somebody reads it."""
        return self.files

    @property
    def id(self) -> str:
        """Unique in the stack: `prometheus@local`."""
        return part_id(self.name, self.place)

    @property
    def url(self) -> str:
        """Where it answers when it serves; '' if it does not, or if only the target knows, later."""
        return ""

    @property
    def folder(self) -> str:
        """Where `obs render` puts its files."""
        return self.name

    @classmethod
    def file_of(cls, key: tuple[str, ...]) -> str | None:  # noqa: ARG003
        """The file that an input of the resource holds, by its key and those of the mappings around it; None
        for any other setting."""
        return None


def labels(ids: Iterable[str]) -> dict[str, str]:
    """What people call each part: its name, or its id where others have the same name."""
    ids = set(ids)
    names = Counter(name_of(part) for part in ids)
    return {part: name_of(part) if names[name_of(part)] == 1 else part for part in sorted(ids)}


def dependency_order(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """The keys, each after those that it needs; otherwise in the order given. ValueError for a cycle."""
    given = list(needs)
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        raise ValueError(f"dependency cycle: {' -> '.join(reversed(error.args[1]))}") from None
    found: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=given.index)
        found += ready
        sorter.done(*ready)
    return found


class Secret(Frozen):
    """A secret by name and where its value comes from; the value is never in a plan."""

    name: str
    source: Literal["generated", "environment", "config"]
    key: str
    """For `environment` the variable, for `config` the key under `obs:`, else ''."""


class Plan(Frozen):
    """All that one stack puts into its target."""

    stack: str
    parts: tuple[Part, ...]
    """Put in an order in which each comes after what it needs."""
    secrets: tuple[Secret, ...] = ()
    retain: bool = True
    """Whether `destroy` keeps the data."""

    @field_validator("parts")
    @classmethod
    def _ordered(cls, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        by_id = {part.id: part for part in parts}
        if len(by_id) < len(parts):
            raise ValueError("each id must be unique")
        if unknown := sorted({need for part in parts for need in part.needs} - set(by_id)):
            raise ValueError(f"needed but not planned: {', '.join(unknown)}")
        order = dependency_order({part.id: part.needs for part in parts})
        return tuple(by_id[found] for found in order)

    @property
    def written(self) -> dict[str, str]:
        """Every file of every part as `obs render` writes it: `<part>/<path>`, of a plan for several places
        `<place>/<part>/<path>`."""
        found = [(part, path, text) for part in self.parts for path, text in part.readable]
        apart = len({part.place for part, _, _ in found}) > 1
        return {
            f"{part.place}/{part.folder}/{path}" if apart else f"{part.folder}/{path}": text
            for part, path, text in found
        }

    def settings_of(self, part: Part) -> dict[str, Any]:
        """What the resource of a part is made of beside its files, as plain data: a change of it is one of
        the part. Not what only orders the parts."""
        return part.model_dump(mode="json", exclude={"name", "place", "pillar", "files", "needs"})

    @property
    def engines(self) -> tuple[str, ...]:
        """Names in the catalogue of what must be in the cache to carry the plan out, sorted."""
        return ()
