"""Parts have ids of their own, and a plan puts them in order."""

import pytest
from pydantic import ValidationError

from components.plan import Part, Pillar, Plan, dependency_order, labels


def part(name: str, place: str = "local", needs: tuple[str, ...] = ()) -> Part:
    return Part(name=name, place=place, pillar=Pillar.METRICS, needs=needs)


def order(*parts: Part) -> list[str]:
    return [part.id for part in Plan(stack="local", parts=parts).parts]


def test_each_part_comes_after_what_it_needs_and_otherwise_as_given() -> None:
    parts = part("c", needs=("b@local",)), part("b", needs=("a@local",)), part("d"), part("a")

    assert order(*parts) == ["d@local", "a@local", "b@local", "c@local"]


def test_parts_of_one_name_in_two_places_are_two() -> None:
    assert order(part("a", "one", ("a@two",)), part("a", "two")) == ["a@two", "a@one"]


def test_parts_of_one_id_are_refused() -> None:
    with pytest.raises(ValidationError, match="each id must be unique"):
        order(part("a"), part("a"))


def test_a_need_that_is_not_planned_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="needed but not planned: a@two"):
        order(part("a", "one"), part("b", "one", ("a@two",)))


def test_a_cycle_is_told_from_one_to_what_it_needs() -> None:
    with pytest.raises(
        ValueError, match=r"dependency cycle: (a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c)$"
    ):
        dependency_order({"a": ["b"], "b": ["c"], "c": ["a"], "d": []})


def test_a_part_is_called_by_its_name_unless_another_has_it() -> None:
    called = labels(["prometheus@obs-1", "prometheus@obs-2", "grafana@obs-1"])

    assert called == {
        "grafana@obs-1": "grafana",
        "prometheus@obs-1": "prometheus@obs-1",
        "prometheus@obs-2": "prometheus@obs-2",
    }
