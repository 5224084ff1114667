"""Each participant has a stack and ports of its own, and keeps them whatever becomes of the roster."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohorts.heads import Head, Seat, Taken, allot, slug_of, stack_of
from cohorts.model import WIDTH, Person
from components.spec import Environment
from tests.cohorts.cases import cohort, person


def _seats(heads: tuple[Head, ...]) -> dict[str, Seat]:
    return {head.person.key: Seat(head.slug, head.port_base) for head in heads if head.port_base}


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Ana Müller", "anamueller"),
        ("Jürgen Groß", "juergengross"),
        ("Mu\u0308ller", "mueller"),
        ("Zoë Brontë", "zoebronte"),
        ("Łukasz Żółć", "lukaszzolc"),
        ("Søren Ærø", "sorenaero"),
        ("O'Neil-Smith, Pat", "oneilsmithpat"),
        ("王小明", "w"),
        ("7of9", "7of9"),
        ("A name that goes on for ever", "anamethatgoesonf"),
    ],
)
def test_a_slug_is_made_of_the_name_else_of_the_e_mail(name: str, slug: str) -> None:
    assert slug_of(Person(name=name, email="w@example.org")) == slug


def test_there_is_a_slug_where_neither_has_a_latin_letter() -> None:
    assert slug_of(Person(name="王", email="王@example.org")) == "head"


def test_the_same_name_twice_gives_two_stacks() -> None:
    people = [person(n, name="Ana Müller") for n in range(12)]

    slugs = [head.slug for head in allot(cohort(*people), {}, ())]

    assert slugs[:3] == ["anamueller", "anamueller2", "anamueller3"]
    assert len(set(slugs)) == 12


def test_a_name_that_looks_numbered_meets_no_other() -> None:
    people = [person(1, name="Ana"), person(2, name="Ana"), person(3, name="Ana2")]

    assert [head.slug for head in allot(cohort(*people), {}, ())] == ["ana", "ana2", "ana22"]


def test_the_longest_names_make_a_stack_that_the_model_takes() -> None:
    people = [person(n, name="x" * 100) for n in range(20)]
    heads = allot(cohort(*people, name="c" * 16), {}, ())

    for head in heads:
        Environment.model_validate(
            {
                "name": head.stack,
                "tier": "dev",
                "target": "local",
                "cluster": "c",
                "region": "r",
                "team": "platform",
            }
        )
    assert len({head.stack for head in heads}) == 20


def test_no_two_cohorts_mean_the_same_stack() -> None:
    """A hyphen in the cohort's name, or in the participant's, does not move the border between them."""
    one = allot(cohort(person(1, name="b-c"), name="a"), {}, ())[0]
    other = allot(cohort(person(1, name="c"), name="a-b"), {}, ())[0]

    assert one.stack == "cohort-a-bc" != other.stack == "cohort-a-b-c"
    assert stack_of("a", "b") != stack_of("a-b", "")


def test_ports_go_around_what_others_have() -> None:
    taken = [Taken(23000, 23199, "stack one"), Taken(23450, 23450, "a program")]

    heads = allot(cohort(), {}, taken)

    assert [head.port_base for head in heads] == [23200, 23600]


def test_those_for_whom_no_ports_are_left_have_none() -> None:
    heads = allot(cohort(ports={"first": 23000, "last": 23250}), {}, ())

    assert [head.port_base for head in heads] == [23000, None]
    assert heads[1].last_port is None


def test_a_seat_stays_when_the_roster_is_turned_and_someone_leaves() -> None:
    first = allot(cohort(person(1), person(2), person(3)), {}, ())
    seats = _seats(first)

    later = allot(cohort(person(4), person(3), person(1)), seats, ())

    assert [(head.slug, head.port_base) for head in later[1:]] == [("person3", 23400), ("person1", 23000)]
    assert later[0].port_base == 23600, "not the ports of person 2, whose stack may still be there"


def test_a_seat_stays_when_the_name_is_corrected() -> None:
    seats = _seats(allot(cohort(person(1, name="Ann")), {}, ()))

    (head,) = allot(cohort(person(1, name="Anna", email="P1@Example.org")), seats, ())

    assert (head.slug, head.port_base, head.person.name) == ("ann", 23000, "Anna")


_PRINTABLE = st.characters(exclude_categories=("C", "Z")) | st.just(" ")
NAMES = st.text(_PRINTABLE, min_size=1, max_size=30).filter(lambda text: text == text.strip())


@settings(deadline=None, max_examples=50)
@given(
    names=st.lists(NAMES, min_size=1, max_size=40),
    taken=st.lists(st.integers(22_000, 33_000), max_size=12),
    kept=st.integers(0, 40),
)
def test_whatever_the_roster_nobody_shares_a_port_or_a_stack(
    names: list[str], taken: list[int], kept: int
) -> None:
    people = [person(n, name=name) for n, name in enumerate(names)]
    others = [Taken(port, port + 30, "another") for port in taken]
    seats = _seats(allot(cohort(*people[: kept or 1]), {}, ()))

    heads = allot(cohort(*people), seats, others)

    assert len({head.stack for head in heads}) == len(names)
    seen: set[int] = set()
    for head in heads:
        if head.port_base is None:
            continue
        ports = set(range(head.port_base, head.port_base + WIDTH))
        assert not ports & seen
        seen |= ports
        if head.person.key not in seats:
            assert not any(other.touches(head.port_base) for other in others)
