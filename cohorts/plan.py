"""Whether a place has enough for a cohort, told before anything is made. Pure: equal inputs, equal plans.

All heads are alike but for name and ports, so the template is planned once, however many there are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from cohorts import sharing, template
from cohorts.heads import NOBODY, Head, Seat, Taken, allot, free_bases, store_of
from cohorts.model import WIDTH, Cohort
from cohorts.place import Place
from components.plan import Plan
from components.spec import Spec, size_bytes
from components.spec.problem import AsWritten, Problem


@runtime_checkable
class _Program(Protocol):
    """A part of a plan that is a program on a host."""

    name: str
    memory_mb: int
    ports: tuple[int, ...]


@dataclass(frozen=True)
class Need:
    """What one head needs. Sizes in MiB."""

    memory_mb: int
    disk_mb: int
    programs: tuple[tuple[str, int], ...]
    """Each with its expected memory, the largest first."""
    offsets: tuple[int, ...]
    """Of the ports that it listens on, from its first."""


@dataclass(frozen=True)
class CohortPlan:
    """What a cohort will be, and why it cannot be."""

    cohort: Cohort
    heads: tuple[Head, ...]
    standing: frozenset[str]
    """Stacks of which something is there already: the place has given it what it needs."""
    need: Need
    place: Place
    fits: int
    """How many heads the place could have in all, those that are up among them."""
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    store: Head | None = None
    """The stack whose OpenSearch the heads share; None where each has its own."""
    store_need: Need | None = None

    @property
    def store_mb(self) -> int:
        """Memory for a store that is to be made."""
        return self.store_need.memory_mb if self.store_need and not self.store_stands else 0

    @property
    def store_stands(self) -> bool:
        """Whether something of the store is there already."""
        return self.store is not None and self.store.stack in self.standing

    @property
    def to_make(self) -> int:
        """Heads of which nothing is there yet."""
        return sum(head.stack not in self.standing for head in self.heads)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        need, place = self.need, self.place
        return {
            "cohort": self.cohort.name,
            "template": self.cohort.template,
            "target": self.cohort.target,
            "expires": self.cohort.expires.isoformat(),
            "ok": not self.problems,
            "fits": self.fits,
            "problems": [str(problem) for problem in self.problems],
            "notes": list(self.notes),
            "head": {"memory_mb": need.memory_mb, "disk_mb": need.disk_mb, "ports": WIDTH},
            "needed": {
                "heads": self.to_make,
                "memory_mb": self.to_make * need.memory_mb + self.store_mb,
                "disk_mb": self.to_make * need.disk_mb,
                "ports": self.to_make * WIDTH,
            },
            "place": {"memory_mb": place.memory_mb, "disk_mb": place.disk_mb, "disk_at": place.disk_at},
            "store": self._store_as_json(),
            "heads": [
                {
                    "name": head.person.name,
                    "email": head.person.email,
                    "team": head.person.team,
                    "stack": head.stack,
                    "first_port": head.port_base,
                    "last_port": head.last_port,
                    "there": head.stack in self.standing,
                }
                for head in self.heads
            ],
        }

    def _store_as_json(self) -> dict[str, Any] | None:
        if self.store is None or self.store_need is None:
            return None
        return {
            "stack": self.store.stack,
            "first_port": self.store.port_base,
            "last_port": self.store.last_port,
            "memory_mb": self.store_need.memory_mb,
            "there": self.store_stands,
        }


def plan(
    cohort: Cohort,
    spec: Spec,
    place: Place,
    now: datetime,
    seats: Mapping[str, Seat] | None = None,
    standing: Collection[str] = (),
    environ: Mapping[str, str] | None = None,
    chosen: Collection[str] | None = None,
) -> CohortPlan:
    """The plan of a cohort whose template has that spec. `seats` is what participants were given before,
    `standing` the stacks of which something is there, `chosen` the `Person.key` of those whose heads are
    asked about; None asks about all."""
    seats = seats or {}
    heads = allot(cohort, seats, place.taken)
    if chosen is not None:
        heads = tuple(head for head in heads if head.person.key in chosen)
    problems = template.problems(cohort, spec)
    need = Need(0, cohort.disk_mb, (), ()) if problems else need_of(cohort, spec)
    store = store_of(cohort, heads, seats, place.taken) if sharing.is_shared(spec) and not problems else None
    store_need = store_need_of(cohort, spec) if store else None
    every = (*heads, store) if store else heads
    up = frozenset(head.stack for head in every if head.stack in standing)
    made = CohortPlan(cohort, heads, up, need, place, 0, (), (), store, store_need)
    made = replace(made, fits=sum(head.stack in up for head in heads) + _room(made, seats))
    problems += [] if problems else _quotas(cohort, spec, need)
    problems += _when(cohort, now) + _variables(environ or {})
    problems += _amounts(made) + _shared(made)
    return replace(made, problems=tuple(problems), notes=tuple(_notes(made, seats)))


def need_of(cohort: Cohort, spec: Spec) -> Need:
    """What each head needs: what is set aside for it, or what the template's programs are expected to use."""
    base = cohort.ports.first
    store_base = base + WIDTH if sharing.is_shared(spec) else None
    found = _need(template.plan_of(spec, "cohort", base, store_base), base, cohort.disk_mb)
    quota = cohort.quotas.memory
    return replace(found, memory_mb=max(found.memory_mb, size_bytes(quota) // 2**20)) if quota else found


def store_need_of(cohort: Cohort, spec: Spec) -> Need:
    """What the store that heads share needs; its disk is reckoned with theirs."""
    base = cohort.ports.first
    return _need(template.store_plan_of(spec, "cohort", base), base, 0)


def _need(plan: Plan, base: int, disk_mb: int) -> Need:
    programs = [part for part in plan.parts if isinstance(part, _Program)]
    return Need(
        memory_mb=sum(program.memory_mb for program in programs),
        disk_mb=disk_mb,
        programs=tuple(
            sorted(((program.name, program.memory_mb) for program in programs), key=lambda row: -row[1])
        ),
        offsets=tuple(sorted(port - base for program in programs for port in program.ports)),
    )


def _room(made: CohortPlan, seats: Mapping[str, Seat]) -> int:
    """How many more heads there is enough of everything for."""
    need, place, heads = made.need, made.place, made.heads
    own = [Taken(seat.port_base, seat.port_base + WIDTH - 1, "") for seat in seats.values()]
    seated = sum(head.person.key in seats and head.stack not in made.standing for head in heads)
    bases = len(free_bases(made.cohort, [*own, *place.taken]))
    new_store = made.store is not None and NOBODY.key not in seats
    return min(
        max(place.memory_mb - made.store_mb, 0) // need.memory_mb if need.memory_mb else len(heads),
        place.disk_mb // need.disk_mb,
        seated + max(bases - new_store, 0),
    )


def _amounts(made: CohortPlan) -> list[Problem]:
    """What there is too little of."""
    more, need, place, cohort = made.to_make, made.need, made.place, made.cohort
    found = []
    memory_mb = max(place.memory_mb - made.store_mb, 0)
    up = sum(head.stack in made.standing for head in made.heads)
    for what, each, has, change in (
        ("memory", need.memory_mb, memory_mb, _most(need)),
        ("disk", need.disk_mb, place.disk_mb, f"lower quotas.disk, or free some at {place.disk_at}"),
    ):
        beside = (
            f" beside the {made.store_mb} MB of the shared store"
            if what == "memory" and made.store_mb
            else ""
        )
        if each * more > has:
            found.append(
                Problem(
                    (AsWritten(what),),
                    AsWritten(f"{more} heads of {each} MB: {more * each} MB"),
                    f"expected at most the {has} MB that are free{beside}: {up + has // each} heads "
                    "would fit by it",
                    f"Shorten the roster, or {change}",
                )
            )
    every = (*made.heads, made.store) if made.store else made.heads
    if without := sum(head.port_base is None for head in every):
        first, last = cohort.ports.first, cohort.ports.last
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


def _most(need: Need) -> str:
    largest = ", ".join(f"{name} {memory_mb} MB" for name, memory_mb in need.programs[:3])
    return f"make the template smaller (most of it: {largest})"


def _when(cohort: Cohort, now: datetime) -> list[Problem]:
    if cohort.expires > now:
        return []
    words = f"expected a point in time to come; it is {now.isoformat(timespec='seconds')} now"
    return [Problem(("expires",), AsWritten(cohort.expires.isoformat()), words)]


def _variables(environ: Mapping[str, str]) -> list[Problem]:
    """What would give all heads the same ports."""
    if "OBS_PORT_BASE" not in environ:
        return []
    words = "expected it not to be set: it would give each head the same ports. Unset it"
    return [Problem(("OBS_PORT_BASE",), AsWritten(environ["OBS_PORT_BASE"]), words)]


def _quotas(cohort: Cohort, spec: Spec, need: Need) -> list[Problem]:
    found = []
    expected = sum(memory_mb for _, memory_mb in need.programs)
    if cohort.quotas.memory and size_bytes(cohort.quotas.memory) // 2**20 < expected:
        words = f"expected at least {expected}MiB, which the programs of a head are expected to use"
        what_to_do = f"Raise it, or {_most(need)}"
        found.append(Problem(("quotas", "memory"), AsWritten(cohort.quotas.memory), words, what_to_do))
    metrics = spec.metrics.retention.size
    if metrics and size_bytes(metrics) > size_bytes(cohort.quotas.disk):
        words = f"expected at least {metrics}, which metrics.retention.size of the template allows by itself"
        found.append(Problem(("quotas", "disk"), AsWritten(cohort.quotas.disk), words))
    return found


def _shared(made: CohortPlan) -> list[Problem]:
    """Heads whose ports, given before, another stack claims by now. Who listens there is asked by the head's
    own preflight, which tells its own processes from others'."""
    found = []
    for head in (*made.heads, made.store) if made.store else made.heads:
        if head.port_base is None:
            continue
        for other in made.place.taken:
            if other.first < other.last and other.touches(head.port_base):
                found.append(
                    Problem(
                        (AsWritten(f"ports of {head.stack}"),),
                        AsWritten(f"{head.port_base} to {head.last_port}"),
                        f"expected them free; {other.who} has {other.first} to {other.last}",
                        "Give that other ports, or take this head down and make it again",
                    )
                )
                break
    return found


def _notes(made: CohortPlan, seats: Mapping[str, Seat]) -> list[str]:
    found = []
    left = sorted(set(seats) - {NOBODY.key, *(person.key for person in made.cohort.roster)})
    if left:
        found.append(f"no longer on the roster, and not touched: {', '.join(left)}")
    ephemeral = made.place.ephemeral
    inside = [
        head.stack
        for head in made.heads
        if ephemeral
        and head.port_base
        and head.port_base + WIDTH > ephemeral[0]
        and head.port_base <= ephemeral[1]
    ]
    if ephemeral and inside:
        found.append(
            f"{len(inside)} heads have ports in {ephemeral[0]} to {ephemeral[1]}, where any outgoing "
            "connection may take one; ports.last below that avoids it"
        )
    return found
