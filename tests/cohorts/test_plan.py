"""A plan says what a cohort needs, and what stands in its way, before anything is made."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cohorts import template
from cohorts.heads import Seat, Taken
from cohorts.model import WIDTH, Cohort
from cohorts.place import Place
from cohorts.plan import CohortPlan, plan
from cohorts.template import plan_of, template_of
from components.plan import Plan
from components.spec import SecretSource, Spec
from targets import plan as plan_stack
from tests.cohorts.cases import NOW, ROOMY, cohort, person


@pytest.fixture(scope="module")
def spec() -> Spec:
    return template_of(cohort())


def _plan(spec: Spec, made: Cohort, place: Place = ROOMY, **more: object) -> CohortPlan:
    return plan(made, spec, place, NOW, **more)  # type: ignore[arg-type]


def _said(made: CohortPlan) -> list[str]:
    return [str(problem) for problem in made.problems]


def test_what_a_head_needs_is_what_its_stack_would(spec: Spec) -> None:
    alone = plan_stack(spec, "local")
    expected = sum(part.memory_mb for part in alone.parts)  # type: ignore[attr-defined]

    made = _plan(spec, cohort())

    assert made.need.memory_mb == expected
    assert made.problems == ()
    found = made.as_json()
    assert found["needed"] == {"heads": 2, "memory_mb": 2 * expected, "disk_mb": 6144, "ports": 400}
    assert [(head["first_port"], head["last_port"]) for head in found["heads"]] == [
        (23000, 23199),
        (23200, 23399),
    ]


def test_every_port_that_a_head_listens_on_is_one_of_its_own(spec: Spec) -> None:
    need = _plan(spec, cohort()).need

    assert need.offsets
    assert all(0 <= offset < WIDTH for offset in need.offsets)


def test_the_template_is_planned_once_however_many_heads_there_are(
    spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What makes a plan of thirty cost little more than one of one; the times are in benchmarks/."""
    calls = []

    def counted(*given: Any) -> Plan:
        calls.append(given)
        return plan_of(*given)

    monkeypatch.setattr(template, "plan_of", counted)

    made = _plan(spec, cohort(*[person(n) for n in range(30)]))

    assert len(made.heads) == 30
    assert len(calls) == 1


def test_equal_inputs_give_equal_plans(spec: Spec) -> None:
    assert _plan(spec, cohort()) == _plan(spec, cohort())


def test_too_little_memory_is_refused_with_what_would_fit(spec: Spec) -> None:
    each = _plan(spec, cohort()).need.memory_mb
    place = replace(ROOMY, memory_mb=3 * each - 1)

    made = _plan(spec, cohort(*[person(n) for n in range(30)]), place)

    assert made.fits == 2
    first, second = _said(made)
    assert first.startswith("roster = 30 heads: expected at most 2,")
    assert second.startswith(
        f"memory = 30 heads of {each} MB: {30 * each} MB: expected at most the {3 * each - 1} MB"
    )
    assert "2 heads would fit" in second
    assert "(most of it: opensearch " in second


def test_too_little_disk_is_refused(spec: Spec) -> None:
    made = _plan(spec, cohort(), replace(ROOMY, disk_mb=4_000))

    assert made.fits == 1
    assert _said(made)[1].startswith("disk = 2 heads of 3072 MB: 6144 MB: expected at most the 4000 MB")


def test_too_few_ports_are_refused(spec: Spec) -> None:
    made = _plan(spec, cohort(ports={"first": 23000, "last": 23250}))

    assert made.fits == 1
    assert _said(made)[1].startswith("ports = 2 heads of 200 ports: expected at most 1 heads")


def test_300_people_are_refused_in_a_few_lines(spec: Spec) -> None:
    made = _plan(spec, cohort(*[person(n) for n in range(300)]))

    assert made.fits == 48
    assert len(made.problems) == 4, "roster, memory, disk and ports"


def test_heads_that_are_there_have_what_they_need(spec: Spec) -> None:
    """Where two run and take what there was, a third alone has to fit."""
    seats = {"p1@example.org": Seat("person1", 23000), "p2@example.org": Seat("person2", 23200)}
    people = [person(1), person(2), person(3)]
    place = replace(ROOMY, memory_mb=_plan(spec, cohort()).need.memory_mb)

    made = _plan(
        spec, cohort(*people), place, seats=seats, standing=["cohort-otel-person1", "cohort-otel-person2"]
    )

    assert made.problems == ()
    assert (made.to_make, made.fits) == (1, 3)
    assert [head["there"] for head in made.as_json()["heads"]] == [True, True, False]


def test_a_listener_on_the_ports_of_a_head_that_is_there_is_its_own(spec: Spec) -> None:
    seats = {"p1@example.org": Seat("person1", 23000)}
    place = replace(ROOMY, taken=(Taken(23010, 23010, "a program that listens there"),))

    made = _plan(spec, cohort(person(1)), place, seats=seats, standing=["cohort-otel-person1"])

    assert made.problems == ()
    assert made.heads[0].port_base == 23000


def test_a_stack_that_claims_the_ports_of_a_head_is_told(spec: Spec) -> None:
    seats = {"p1@example.org": Seat("person1", 23000)}
    place = replace(ROOMY, taken=(Taken(23100, 23299, "stack shop"),))

    (said,) = _said(_plan(spec, cohort(person(1)), place, seats=seats))

    assert said.startswith(
        "ports of cohort-otel-person1 = 23000 to 23199: expected them free; stack shop has 23100"
    )


def test_an_expiry_in_the_past_is_refused(spec: Spec) -> None:
    late = cohort().expires + timedelta(minutes=1)

    (said,) = [str(problem) for problem in plan(cohort(), spec, ROOMY, late).problems]

    assert said.startswith("expires = 2026-12-05T18:00:00+01:00: expected a point in time to come; it is")


def test_the_variable_that_would_give_all_the_same_ports_is_refused(spec: Spec) -> None:
    (said,) = _said(_plan(spec, cohort(), environ={"OBS_PORT_BASE": "30000"}))

    assert said.startswith("OBS_PORT_BASE = 30000: expected it not to be set")


def test_a_quota_is_what_is_set_aside_and_no_less_than_what_is_needed(spec: Spec) -> None:
    more = _plan(spec, cohort(quotas={"memory": "40GiB"}))
    less = _plan(spec, cohort(quotas={"memory": "64MiB", "disk": "512MiB"}))

    assert more.need.memory_mb == 40 * 1024
    memory, disk = _said(less)
    assert memory.startswith("quotas.memory = 64MiB: expected at least ")
    assert disk.startswith("quotas.disk = 512MiB: expected at least 1GiB, which metrics.retention.size")


def test_a_template_of_another_target_is_refused(spec: Spec) -> None:
    environment = spec.environment.model_copy(update={"target": "aws"})

    said = _said(_plan(spec.model_copy(update={"environment": environment}), cohort()))

    assert said == ["template = 'local': expected a stack for local: this one is for aws"]


def test_a_template_with_secrets_of_its_own_is_refused(spec: Spec) -> None:
    own = spec.model_copy(update={"secrets": (SecretSource(name="hook", source="config", key="hook"),)})

    (said,) = _said(_plan(own, cohort()))

    assert "secret hook is encrypted in the template's own configuration" in said


def test_who_left_the_roster_and_ports_that_may_be_taken_are_told(spec: Spec) -> None:
    seats = {"gone@example.org": Seat("gone", 23000)}
    place = replace(ROOMY, ephemeral=(23_250, 60_000))

    made = _plan(spec, cohort(), place, seats=seats)

    assert made.problems == ()
    assert made.notes[0] == "no longer on the roster, and not touched: gone@example.org"
    assert made.notes[1].startswith("2 heads have ports in 23250 to 60000")
