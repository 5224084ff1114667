"""Whether a place has enough for a cohort, told before anything is made. Pure, but for what a place elsewhere
is asked by whoever calls: equal inputs and answers, equal plans.

All heads are alike but for name and ports, so the template is planned once, however many there are."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from cohorts import amounts, sharing, template
from cohorts.heads import NOBODY, Head, Seat, allot, room_for_slugs, store_of
from cohorts.model import WIDTH, Cohort
from cohorts.place import Place
from components.heads import AnyHeads, Limit
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
    has_ports: bool = True
    """Whether something of each head runs on this machine."""
    limits: tuple[Limit, ...] = ()
    """What each head takes of a place elsewhere."""
    places: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Stack -> where it goes, as that is remembered."""

    @property
    def store_mb(self) -> int:
        """Memory for a store that is to be made."""
        return self.store_need.memory_mb if self.store_need and not self.store_stands else 0

    @property
    def store_stands(self) -> bool:
        """Whether something of the store is there already."""
        return self.store is not None and self.store.stack in self.standing

    @property
    def unbounded(self) -> bool:
        """Whether nobody says how many heads the place has room for, as no stand-in of an account does."""
        return not (self.has_ports or self.need.memory_mb or any(one.free is not None for one in self.limits))

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
            "head": {
                "memory_mb": need.memory_mb,
                "disk_mb": need.disk_mb,
                "ports": WIDTH if self.has_ports else 0,
            },
            "needed": {
                "heads": self.to_make,
                "memory_mb": self.to_make * need.memory_mb + self.store_mb,
                "disk_mb": self.to_make * need.disk_mb,
                "ports": self.to_make * WIDTH if self.has_ports else 0,
            },
            "limits": [
                {
                    "what": limit.what,
                    "each": limit.each,
                    "free": limit.free,
                    "needed": limit.each if limit.alone else limit.each * self.to_make,
                }
                for limit in self.limits
            ],
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
    ask: Callable[[AnyHeads, Plan], list[Limit]] = lambda *_: [],
) -> CohortPlan:
    """The plan of a cohort whose template has that spec. `seats` is what participants were given before,
    `standing` the stacks of which something is there, `chosen` the `Person.key` of those whose heads are
    asked about; None asks about all. `ask` asks a place elsewhere what a head takes there."""
    seats, kind = seats or {}, template.heads_on(cohort.target)
    problems, ported = template.problems(cohort, spec), template.has_ports(cohort, spec)
    longest = {"room": room_for_slugs(cohort.name, kind.longest)} if kind else {}
    heads = allot(cohort, seats, place.taken, ports=ported, **longest)
    if chosen is not None:
        heads = tuple(head for head in heads if head.person.key in chosen)
    need = Need(0, 0 if kind else cohort.disk_mb, (), ())
    made = CohortPlan(cohort, heads, frozenset(), need, place, 0, (), (), has_ports=ported)
    if not problems:
        made = _elsewhere(made, kind, spec, ask, standing) if kind else _on_this_machine(made, spec, seats)
    every = (*heads, made.store) if made.store else heads
    made = replace(made, standing=frozenset(head.stack for head in every if head.stack in standing))
    made = replace(made, fits=len(heads) - made.to_make + amounts.room(made, seats))
    problems += [] if problems or kind else _quotas(cohort, spec, made.need)
    problems += _when(cohort, now) + (_variables(environ or {}) if ported else [])
    problems += amounts.too_little(made) + _shared(made)
    return replace(made, problems=tuple(problems), notes=tuple(_notes(made, seats)))


def _on_this_machine(made: CohortPlan, spec: Spec, seats: Mapping[str, Seat]) -> CohortPlan:
    """With what its programs need, and those of a store that they share."""
    cohort, need = made.cohort, need_of(made.cohort, spec)
    if not sharing.is_shared(spec):
        return replace(made, need=need)
    store = store_of(cohort, made.heads, seats, made.place.taken)
    return replace(made, need=need, store=store, store_need=store_need_of(cohort, spec))


def _elsewhere(
    made: CohortPlan,
    kind: AnyHeads,
    spec: Spec,
    ask: Callable[[AnyHeads, Plan], list[Limit]],
    standing: Collection[str],
) -> CohortPlan:
    """With what a head takes of its place; the one with the longest name stands for all, since that name is
    what a place could refuse. A place is asked for one that is not there yet: one that is takes no more."""
    if not made.heads:
        return made
    cohort, here = made.cohort, kind.here_mb(spec)
    base = cohort.ports.first if made.has_ports else 0
    specs = {
        head.stack: template.spec_of(spec, head.stack, base, template.who_of(cohort, head))
        for head in made.heads
    }
    longest = max(specs, key=len)
    asked = max((stack for stack in specs if stack not in standing), key=len, default=longest)
    planned = {stack: template.planned(specs[stack], stack) for stack in (longest, asked)}
    need = Need(here, 0, (("stand-in", here),) if here else (), ())
    return replace(
        made,
        need=need,
        limits=tuple(ask(kind, planned[asked])),
        places={stack: kind.place(own) for stack, own in specs.items()},
    )


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
        what_to_do = f"Raise it, or {amounts.most_of(need)}"
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
