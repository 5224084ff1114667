"""The target: its kind of part, its plan, and the resource that writes the note."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult

from components.plan import Part, Pillar, Plan
from components.site import Folders, Site
from components.spec import Spec
from components.spec.problem import Problem
from components.target import Access, Deploy, Lacks, Outputs, Target

NOTES = Path(__file__).parent / "notes"
FILE = "note.txt"
WALLS = ("laptop", "shelf")


class Note(Part):
    """What the one part of a stack says."""

    TOKENS: ClassVar[tuple[str, ...]] = ("pulumi-python:dynamic/toy:Note",)

    @classmethod
    def file_of(cls, key: tuple[str, ...]) -> str | None:
        """The note itself."""
        return key[0] if key == (FILE,) else None


class NotePlan(Plan):
    """One note."""

    parts: tuple[Note, ...]


class NoteProvider(ResourceProvider):
    """Writes, reads and removes the file."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        NOTES.mkdir(exist_ok=True)
        (NOTES / props["name"]).write_text(props[FILE])
        return CreateResult(props["name"], props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=any(olds.get(key) != news[key] for key in ("name", FILE)))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(self.create(news).outs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        file = NOTES / id_
        if not file.exists():
            return ReadResult("", {})
        found = {"name": id_, FILE: file.read_text()}
        return ReadResult(id_, {**props, **found}, found)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        (NOTES / props["name"]).unlink(missing_ok=True)


class NoteResource(Resource, module="toy", name="Note"):
    """The note as a Pulumi resource."""

    def __init__(self, note: Note, opts: pulumi.ResourceOptions) -> None:
        super().__init__(NoteProvider(), note.id, {"name": note.name, **dict(note.files)}, opts)


def refusals(spec: Spec) -> list[Problem]:
    """It knows its walls."""
    cluster = spec.environment.cluster
    if cluster in WALLS:
        return []
    return [Problem(("environment", "cluster"), cluster, f"expected one of {', '.join(WALLS)}")]


def plan(spec: Spec, stack: str) -> NotePlan:
    """A note on the cluster."""
    text = f"cluster: {spec.environment.cluster}\n"
    return NotePlan(
        stack=stack, parts=(Note(name="note", place="wall", pillar=Pillar.METRICS, files=((FILE, text),)),)
    )


def resources(_plan: NotePlan, _secrets: Mapping[str, pulumi.Output[str]]) -> Deploy:
    """A resource for the note."""
    return NoteResource


def access(_spec: Spec, _plan: NotePlan, _outputs: Outputs) -> Access:
    """Nothing runs."""

    def lacks(*_of: str) -> Any:
        raise Lacks("nothing runs in target toy")

    site = Site("wall", {}, {}, Folders(secrets="", certificates="", data="", log=""))
    return Access(site=site, secret=lacks, authority=lacks, identity=None, units={}, log=lacks, sockets=lacks)


TARGET = Target(
    name="toy",
    kinds=(Note,),
    refusals=refusals,
    plan=plan,
    resources=resources,
    access=access,
)
