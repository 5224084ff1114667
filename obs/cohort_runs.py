"""The runs of `obs cohort` that change something: locked, recorded, shown, and looked over at the end."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cohorts import record, survivors
from cohorts.record import Entry, Record
from cohorts.survivors import Survivor, Where
from cohorts.work import Tally, Work
from obs.cohort_draw import Display, draw_survivors
from obs.cohort_runner import Children
from obs.console import tell
from obs.errors import BadInput, Interrupted, ObsError
from obs.lock import stack_lock
from obs.paths import state_folder
from obs.pulumi import backend_folder
from stacks.loader import STACKS

if TYPE_CHECKING:
    from cohorts.plan import CohortPlan


def where() -> Where:
    """The folders in which something of a head can be."""
    return Where(state_folder(), STACKS, backend_folder())


@contextmanager
def alone(cohort: str, command: str) -> Iterator[None]:
    """One run at a time over a cohort; Locked if there is another."""
    with stack_lock(state_folder() / record.FOLDER, cohort, f"cohort {command} {cohort}"):
        yield


def record_of(name: str, file: Path) -> Record:
    """The record of a cohort; BadInput if nothing of it was ever made."""
    found = record.read(state_folder(), name)
    if found is None:
        known = ", ".join(one.cohort for one in record.read_all(state_folder())) or "none"
        raise BadInput(
            f"cohort {name}: nothing of it was made; cohorts that were: {known}. See: obs cohort plan {file}"
        )
    return found


def chosen(known: Record, only: Sequence[str], team: str | None) -> list[Entry]:
    """The heads that were asked for: all, or those of a team, or of participants by e-mail, slug or stack.
    BadInput for one that is not there."""
    found = list(known.heads.values())
    names = {name for e in found for name in (e.key, e.slug, known.stack(e))}
    _check(only, names, "--only")
    _check([team] if team else [], {e.team for e in found if e.team}, "--team")
    return [
        entry
        for entry in found
        if _is_meant((entry.key, entry.slug, known.stack(entry)), entry.team, only, team)
    ]


def chosen_keys(made: "CohortPlan", only: Sequence[str], team: str | None) -> set[str]:
    """The same of a plan, by `Person.key`."""
    names = {name for head in made.heads for name in (head.person.key, head.slug, head.stack)}
    _check(only, names, "--only")
    _check([team] if team else [], {head.person.team for head in made.heads if head.person.team}, "--team")
    return {
        head.person.key
        for head in made.heads
        if _is_meant((head.person.key, head.slug, head.stack), head.person.team, only, team)
    }


def _check(asked: Sequence[str], there: Collection[str], option: str) -> None:
    for name in asked:
        if name.casefold() not in there:
            offered = ", ".join(sorted(there)) or "none"
            raise BadInput(f"{option} {name}: nobody; expected one of: {offered}")


def _is_meant(names: Collection[str], team: str | None, only: Sequence[str], teams: str | None) -> bool:
    return (not only or any(name.casefold() in names for name in only)) and (teams is None or team == teams)


def noted(made: "CohortPlan", file: Path) -> Record:
    """The record of a cohort with everything that its file says now; heads that have left it stay."""
    cohort = made.cohort
    known = record.read(state_folder(), cohort.name)
    heads = dict(known.heads) if known else {}
    for head in made.heads:
        if head.port_base is None:
            continue
        person = head.person
        entry = heads.get(person.key) or Entry(
            name=person.name, email=person.email, slug=head.slug, port_base=head.port_base
        )
        entry.name, entry.email, entry.team = person.name, person.email, person.team
        heads[person.key] = entry
    return Record(
        cohort=cohort.name,
        target=cohort.target,
        template=cohort.template,
        expires=cohort.expires,
        warn_seconds=cohort.warn_seconds,
        parallel=cohort.parallel,
        access=cohort.access or "",
        memory_mb=made.need.memory_mb,
        disk_mb=made.need.disk_mb,
        file=str(file.absolute()),
        heads=heads,
    )


def create(made: "CohortPlan", file: Path, parts: int, again: bool) -> Tally:
    """Make what the plan has and is not there. `parts` is how many each head has, for the display."""
    from cohorts.template import text_of

    known = noted(made, file)
    texts = [
        (known.heads[head.person.key], text_of(made.cohort, head)) for head in made.heads if head.port_base
    ]
    children = Children(state_folder())
    with Display(len(texts), parts) as display:
        work = Work(state_folder(), STACKS, known, children, display)
        with children.interruptible(work.stop, tell):
            return work.create(texts, again)


def take_down(known: Record, entries: Sequence[Entry]) -> tuple[Tally, list[Survivor]]:
    """Take heads down; what is left of them, and of the cohort where none is left."""
    stacks = {known.stack(entry): entry.port_base for entry in entries}
    all_stacks = [known.stack(entry) for entry in known.heads.values()]
    children = Children(state_folder())

    def survives(entry: Entry) -> bool:
        stack = known.stack(entry)
        return bool(survivors.of_heads(where(), {stack: entry.port_base}))

    with Display(len(entries), 0) as display:
        work = Work(state_folder(), STACKS, known, children, display)
        with children.interruptible(work.stop, tell):
            tally = work.destroy(entries, survives)
    found = survivors.of_heads(where(), stacks)
    if not known.heads:
        found += survivors.of_tag(where(), known.cohort, all_stacks)
    if not known.heads and not found:
        record.forget(state_folder(), known.cohort)
    return tally, found


def ended(tally: Tally, again: str) -> None:
    """Interrupted, or ObsError with each head that failed and what to run again; nothing if all went well."""
    for stack in tally.edited:
        tell(f"{stack}: its stack file was edited by hand and stays as it is", "note")
    if tally.stopped:
        raise Interrupted(
            f"interrupted: {len(tally.stopped)} heads are not done; the next run goes on from here"
        )
    if tally.failed:
        for stack, error in sorted(tally.failed.items()):
            tell(f"{stack}: failed", "bad")
            for line in error.splitlines():
                tell(f"  {line}")
            if folder := record.head_folder(state_folder(), stack):
                tell(f"  all of it: {folder / record.LOG}")
        raise ObsError(
            f"{len(tally.failed)} heads failed. Correct the cause; this goes on with them: {again}"
        )


def destroyed(known: Record, entries: Sequence[Entry], again: str) -> int:
    """Take heads down and tell what is left; the exit code."""
    cohort = known.cohort
    tally, found = take_down(known, entries)
    draw_survivors(found)
    ended(tally, again)
    if not found:
        tell(f"cohort {cohort}: {len(tally.done)} heads are gone, and nothing is left of them", "good")
    return 1 if found else 0
