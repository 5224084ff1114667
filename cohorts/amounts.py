"""How much a cohort takes of what there is, and what there is too little of. Pure."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cohorts.heads import NOBODY, Seat, Taken, free_bases
from cohorts.model import WIDTH
from components.heads import Limit
from components.spec.problem import AsWritten, Problem

if TYPE_CHECKING:
    from cohorts.plan import CohortPlan, Need


def room(made: "CohortPlan", seats: Mapping[str, Seat]) -> int:
    """How many more heads there is enough of everything for."""
    found = [_heads_by(limit, len(made.heads)) for limit in made.limits]
    found += [_heads_by(limit, len(made.heads)) for limit in of_machine(made)]
    if made.has_ports:
        own = [Taken(seat.port_base, seat.port_base + WIDTH - 1, "") for seat in seats.values()]
        seated = sum(head.person.key in seats and head.stack not in made.standing for head in made.heads)
        bases = len(free_bases(made.cohort, [*own, *made.place.taken]))
        new_store = made.store is not None and NOBODY.key not in seats
        found.append(seated + max(bases - new_store, 0))
    return min(found, default=made.to_make)


def _heads_by(limit: Limit, heads: int) -> int:
    """How many heads one limit has room for; `heads`, if it says nothing of that."""
    if limit.free is None or limit.each <= 0:
        return heads
    if limit.alone:
        return heads if limit.each <= limit.free else 0
    return int(max(limit.free, 0) // limit.each)


def of_machine(made: "CohortPlan") -> list[Limit]:
    """Memory and disk of this machine, in MiB, as far as heads take any."""
    need, place = made.need, made.place
    memory = max(place.memory_mb - made.store_mb, 0)
    disk = f"lower quotas.disk, or free some at {place.disk_at}"
    found = (
        Limit("memory", need.memory_mb, memory, most_of(need)),
        Limit("disk", need.disk_mb, place.disk_mb, disk),
    )
    return [limit for limit in found if limit.each]


def too_little(made: "CohortPlan") -> list[Problem]:
    """What there is too little of."""
    found = [*_of_machine(made), *_of_place(made)]
    every = (*made.heads, made.store) if made.store else made.heads
    if without := sum(head.port_base is None for head in every):
        first, last = made.cohort.ports.first, made.cohort.ports.last
        found.append(
            Problem(
                (AsWritten("ports"),),
                AsWritten(f"{len(made.heads)} heads of {WIDTH} ports"),
                f"expected at most {len(made.heads) - without} heads, for which {first} to {last} has room "
                "beside what others have",
                "Shorten the roster, or widen ports.first to ports.last",
            )
        )
    if found:
        words = f"expected at most {made.fits}, for which there is enough of everything"
        found.insert(0, Problem(("roster",), AsWritten(f"{len(made.heads)} heads"), words))
    return found


def _of_machine(made: "CohortPlan") -> Iterator[Problem]:
    more, up = made.to_make, len(made.heads) - made.to_make
    for what, each, has, change, _ in of_machine(made):
        beside = (
            f" beside the {made.store_mb} MB of the shared store"
            if what == "memory" and made.store_mb
            else ""
        )
        if has is not None and each * more > has:
            yield Problem(
                (AsWritten(what),),
                AsWritten(f"{more} heads of {each} MB: {more * each} MB"),
                f"expected at most the {has} MB that are free{beside}: {up + int(has // each)} heads "
                "would fit by it",
                f"Shorten the roster, or {change}",
            )


def _of_place(made: "CohortPlan") -> Iterator[Problem]:
    more, up = made.to_make, len(made.heads) - made.to_make
    for limit in made.limits:
        if limit.free is None or not more:
            continue
        if limit.alone and limit.each > limit.free:
            yield Problem(
                (AsWritten(limit.what),),
                AsWritten(f"{limit.each:g} for each head"),
                f"expected at most {limit.free:g}, however many heads there are",
                f"Make the template smaller, or raise it: {limit.what_to_do}",
            )
        elif not limit.alone and limit.each * more > limit.free:
            fits = up + _heads_by(limit, more)
            yield Problem(
                (AsWritten(limit.what),),
                AsWritten(f"{more} heads of {limit.each:g}: {more * limit.each:g}"),
                f"expected at most the {limit.free:g} that are free: {fits} heads would fit by it",
                f"Shorten the roster, or raise it: {limit.what_to_do}",
            )


def most_of(need: "Need") -> str:
    """What to make smaller."""
    largest = ", ".join(f"{name} {memory_mb} MB" for name, memory_mb in need.programs[:3])
    return f"make the template smaller (most of it: {largest})"
