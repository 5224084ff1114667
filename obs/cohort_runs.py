"""The runs of `obs cohort` that change something: locked, recorded, shown, and looked over at the end."""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cohorts import files, record, survivors
from cohorts.heads import NOBODY
from cohorts.record import Entry, Record
from cohorts.survivors import Away, Survivor, Where
from cohorts.template import with_tenants
from cohorts.work import Tally, Work
from components.inventory import password_of
from components.render.opensearch_store import AUTHORITY, LENT, TENANT_USERS
from obs.cohort_draw import Display, draw_survivors
from obs.cohort_runner import Children
from obs.console import tell
from obs.describe import describe
from obs.errors import BadInput, Interrupted, ObsError
from obs.lock import stack_lock
from obs.outputs import outputs_of
from obs.paths import state_folder
from obs.pulumi import backend_folder
from stacks.loader import STACKS
from targets import target_of

if TYPE_CHECKING:
    from cohorts.plan import CohortPlan


def where(*known: Record, only: Entry | None = None, more: Collection[Away] = ()) -> Where:
    """Where something of a head can be: here, where heads of cohorts have gone, or `only` one, and `more`."""
    places = [
        Away(one.target, entry.place)
        for one in known
        for entry in one.heads.values()
        if entry.place and only in (None, entry)
    ]
    places += more
    away = {json.dumps(place, sort_keys=True): place for place in places}
    return Where(state_folder(), STACKS, backend_folder(), tuple(away.values()))


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
    """The heads that were asked for: all, with the store that they share, or those of a team, or of
    participants by e-mail, slug or stack. BadInput for one that is not there."""
    if not only and team is None:
        return list(known.heads.values())
    found = known.participants
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
        if place := made.places.get(head.stack):  # none where the cohort cannot be planned any more
            entry.place = dict(place)
        heads[person.key] = entry
    if made.store and made.store.port_base:
        shared = made.store
        heads.setdefault(
            NOBODY.key, Entry(name=NOBODY.name, email="", slug=shared.slug, port_base=made.store.port_base)
        )
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
        store_mb=made.store_need.memory_mb if made.store_need else 0,
        file=str(file.absolute()),
        heads=heads,
    )


def create(made: "CohortPlan", file: Path, parts: int, again: bool) -> Tally:
    """Make what the plan has and is not there. `parts` is how many each head has, for the display."""
    from cohorts.template import store_text_of, text_of

    known = noted(made, file)
    texts = [
        (known.heads[head.person.key], text_of(made.cohort, head, store=made.store))
        for head in made.heads
        if head.port_base is not None
    ]
    children = Children(state_folder())
    with Display(len(texts) + (known.store is not None), parts) as display:
        work = Work(state_folder(), STACKS, known, children, display)
        with children.interruptible(work.stop, tell):
            if made.store and known.store:
                tenants = [entry.slug for entry in known.participants]
                work.create([(known.store, store_text_of(made.cohort, made.store, tenants))], again)
                if known.store.state != "up":
                    return work.tally
                _lend(known, [entry for entry, _ in texts])
            return work.create(texts, again)


def _lend(known: Record, entries: Sequence[Entry]) -> None:
    """Give heads what they log in to the store with; one for whom that is news is brought in line."""
    if known.store is None:
        return
    store = known.stack(known.store)
    spec, plan = describe(store)
    access = target_of(spec).access(spec, plan, outputs_of(store))
    for entry in entries:
        values = {LENT[AUTHORITY]: access.authority()}
        for user in TENANT_USERS:
            values[LENT[password_of(user)]] = access.secret(password_of(f"{entry.slug}-{user}"))
        if record.lend(state_folder(), known.stack(entry), values) and entry.state == "up":
            entry.state = "seated"


def take_down(known: Record, entries: Sequence[Entry]) -> tuple[Tally, list[Survivor]]:
    """Take heads down; what is left of them, and of the cohort where none is left."""
    stacks = {known.stack(entry): entry.port_base for entry in entries}
    all_stacks = [known.stack(entry) for entry in known.heads.values()]
    children, everywhere = Children(state_folder()), where(known)

    def survives(entry: Entry) -> bool:
        stack = known.stack(entry)
        return bool(survivors.of_heads(where(known, only=entry), {stack: entry.port_base}))

    heads = [entry for entry in entries if not entry.is_store]
    with Display(len(entries), 0) as display:
        work = Work(state_folder(), STACKS, known, children, display)
        with children.interruptible(work.stop, tell):
            tally = work.destroy(heads, survives)
            if known.store and not tally.failed and not tally.stopped:
                tally = _let_go(work, known, known.store, survives)
    found = survivors.of_heads(everywhere, stacks)
    if not known.heads:
        found += survivors.of_tag(everywhere, known.cohort, all_stacks)
    if not known.heads and not found:
        record.forget(state_folder(), known.cohort)
    return tally, found


def _let_go(work: Work, known: Record, store: Entry, survives: Callable[[Entry], bool]) -> Tally:
    """Take the store down with the last head; before that, who is gone is no tenant of it any more."""
    stack = known.stack(store)
    tenants = [entry.slug for entry in known.participants if entry.state != "leaving"]
    if not tenants:
        return work.destroy([store], survives)
    file = work.stack_file(stack)
    text = with_tenants(file.read_text(encoding="utf-8"), tenants) if file.is_file() else ""
    if store.state != "up" or not text or files.digest(text) == store.written:
        return work.tally  # not there yet, or edited by hand: the next `create` sees to it
    return work.create([(store, text)])


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
    cohort, heads = known.cohort, sum(not entry.is_store for entry in entries)
    tally, found = take_down(known, entries)
    draw_survivors(found)
    ended(tally, again)
    if not found:
        tell(f"cohort {cohort}: {heads} heads are gone, and nothing is left of them", "good")
    return 1 if found else 0
