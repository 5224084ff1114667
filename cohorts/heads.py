"""Who gets which stack: a name of its own and ports of its own, the same ones each time. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cohorts.model import WIDTH, Cohort, Person
from components.heads import PREFIX

STORE = "store"
"""The slug of the stack whose OpenSearch the heads share, where they do. No participant is given it."""
NOBODY = Person.model_construct(name="(shared store)", email="", team=None)
"""Whose that stack is; nobody else has no e-mail."""
_LONGEST = 16
_SPELLED = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "o", "å": "a", "ł": "l"}
)


class Taken(NamedTuple):
    """Ports, both ends included, that somebody else has or may have."""

    first: int
    last: int
    who: str

    def touches(self, base: int) -> bool:
        """Whether the ports of a head that begin there are among them."""
        return self.first < base + WIDTH and base <= self.last


@dataclass(frozen=True)
class Seat:
    """What is kept of a participant once it is given."""

    slug: str
    port_base: int
    """0 where nothing of it runs on this machine."""


@dataclass(frozen=True)
class Head:
    """One participant's stack."""

    person: Person
    slug: str
    stack: str
    port_base: int | None
    """The first of its ports; None if there are none left for it, 0 if it needs none."""

    @property
    def last_port(self) -> int | None:
        return self.port_base + WIDTH - 1 if self.port_base else None


def stack_of(cohort: str, slug: str) -> str:
    """The name of a head's stack. A slug has no hyphen, so no two cohorts can mean the same stack."""
    return f"{PREFIX}{cohort}-{slug}"


def slug_of(person: Person) -> str:
    """A short word for a participant, of small Latin letters and digits: of the name, else of the e-mail."""
    for text in (person.name, person.email.partition("@")[0]):
        if found := _plain(text):
            return found
    return "head"


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFC", text).lower().translate(_SPELLED)
    letters = unicodedata.normalize("NFKD", folded)
    return re.sub(r"[^a-z0-9]", "", letters)[:_LONGEST]


def room_for_slugs(cohort: str, longest: int) -> int:
    """Letters that are left for a participant in the name of a stack."""
    return min(_LONGEST, longest - len(stack_of(cohort, "")))


def allot(
    cohort: Cohort,
    seats: Mapping[str, Seat],
    taken: Sequence[Taken],
    *,
    ports: bool = True,
    room: int = _LONGEST,
) -> tuple[Head, ...]:
    """A head for each participant, in the order of the roster; with `ports` or without, and with at most
    `room` letters for each.

    `seats` is what was given before, by `Person.key`, to those who have left the roster too: nobody's stack
    moves because the roster changed. New ones get what nobody has, the lowest ports first."""
    names = {STORE} | {seat.slug for seat in seats.values()}
    own = [Taken(seat.port_base, seat.port_base + WIDTH - 1, "") for seat in seats.values()]
    free = iter(free_bases(cohort, [*own, *taken]))
    heads = []
    for person in cohort.roster:
        base: int | None
        if seat := seats.get(person.key):
            slug, base = seat.slug, seat.port_base
        else:
            slug, base = _unused(slug_of(person), names, max(room, 1)), 0
            names.add(slug)
        base = (base or next(free, None)) if ports else 0
        heads.append(Head(person, slug, stack_of(cohort.name, slug), base))
    return tuple(heads)


def store_of(
    cohort: Cohort, heads: Sequence[Head], seats: Mapping[str, Seat], taken: Iterable[Taken]
) -> Head:
    """The stack of the store that the heads share, on the ports that it has, or the lowest that are left."""
    base: int | None
    if seat := seats.get(NOBODY.key):
        base = seat.port_base
    else:
        bases = [head.port_base for head in heads if head.port_base]
        bases += [seat.port_base for seat in seats.values()]
        own = [Taken(base, base + WIDTH - 1, "") for base in bases]
        base = next(iter(free_bases(cohort, [*own, *taken])), None)
    return Head(NOBODY, STORE, stack_of(cohort.name, STORE), base)


def free_bases(cohort: Cohort, taken: Iterable[Taken]) -> list[int]:
    """Where in the cohort's ports a head can begin without touching what is taken."""
    taken = list(taken)
    bases = range(cohort.ports.first, cohort.ports.last - WIDTH + 2, WIDTH)
    return [base for base in bases if not any(one.touches(base) for one in taken)]


def _unused(slug: str, names: set[str], room: int) -> str:
    """The slug, cut to the room for it, with the lowest number behind it that makes it new if it is not."""
    number = 2
    found = slug[:room]
    while found in names:
        found = f"{slug[: room - len(str(number))]}{number}"
        number += 1
    return found
