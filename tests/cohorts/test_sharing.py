"""Heads of a template that says so share one OpenSearch: a stack of the cohort, first made, last gone."""

from pathlib import Path

import pytest

from cohorts import record
from cohorts.heads import NOBODY, STORE, Seat, allot
from cohorts.plan import CohortPlan, plan
from cohorts.template import plan_of, store_plan_of, store_text_of, template_of, text_of, with_tenants
from components.spec import Spec
from obs.cohort_runs import chosen, noted
from stacks.loader import STACKS, load
from targets import plan as plan_stack
from targets import refusals
from tests.cohorts.cases import NOW, ROOMY, cohort, person


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of stack files whose template shares its store."""
    (tmp_path / "base.yaml").write_bytes((STACKS / "base.yaml").read_bytes())
    text = (STACKS / "Pulumi.local.yaml").read_text(encoding="utf-8")
    shared = text.replace("    logging:\n", "    logging:\n      store: {shared: true}\n")
    (tmp_path / "Pulumi.local.yaml").write_text(shared, encoding="utf-8")
    return tmp_path


@pytest.fixture
def spec(folder: Path) -> Spec:
    return template_of(cohort(), folder)


def _planned(spec: Spec, people: int = 2, **more: object) -> CohortPlan:
    return plan(cohort(*map(person, range(people))), spec, ROOMY, NOW, **more)  # type: ignore[arg-type]


def test_a_template_that_does_not_say_so_shares_nothing() -> None:
    made = _planned(template_of(cohort()))

    assert made.store is None
    assert made.as_json()["store"] is None


def test_the_store_has_a_name_and_ports_that_no_head_has(spec: Spec) -> None:
    made = _planned(spec, 3)

    assert made.store
    assert made.store.stack == "cohort-otel-store"
    assert [head.port_base for head in (*made.heads, made.store)] == [23000, 23200, 23400, 23600]
    kept = _planned(spec, 3, seats={NOBODY.key: Seat(STORE, 23000)})
    assert kept.store
    assert [head.port_base for head in (*kept.heads, kept.store)] == [23200, 23400, 23600, 23000]


def test_a_participant_called_store_is_not_taken_for_it() -> None:
    (head,) = allot(cohort(person(1, name="Store")), {}, ())

    assert head.slug == "store2"


def test_the_files_of_a_head_and_of_the_store_are_stacks(folder: Path, spec: Spec) -> None:
    made = _planned(spec)
    assert made.store
    texts = {head.stack: text_of(made.cohort, head, folder, made.store) for head in made.heads}
    texts[made.store.stack] = store_text_of(
        made.cohort, made.store, [head.slug for head in made.heads], folder
    )
    for stack, text in texts.items():
        (folder / f"Pulumi.{stack}.yaml").write_text(text, encoding="utf-8")

    found = {stack: load(stack, folder, refusals) for stack in texts}

    head = found["cohort-otel-person0"]
    assert head.logging.store.address == "127.0.0.1:23410"
    assert head.logging.store.housekeeper == "127.0.0.1:23406"
    assert head.logging.index.prefix == "person0-logs"
    assert found["cohort-otel-store"].logging.store.tenants == ("person0", "person1")
    assert found["cohort-otel-store"].logging.retention == "3d"
    parts = {part.name for part in plan_stack(found["cohort-otel-store"], "cohort-otel-store").parts}
    assert parts == {"opensearch", "housekeeper"}
    assert plan_stack(head, "x") == plan_of(spec, "x", 23000, 23400).model_copy(
        update={"parts": plan_stack(head, "x").parts}
    )


def test_the_plan_reckons_with_the_parts_that_files_lead_to(folder: Path, spec: Spec) -> None:
    head = {part.name for part in plan_of(spec, "x", 23000, 23400).parts}

    assert head == {part.name for part in plan_of(spec, "x", 23000).parts} - {"opensearch", "housekeeper"}
    assert {part.name for part in store_plan_of(spec, "x", 23000).parts} == {"opensearch", "housekeeper"}


def test_six_that_share_are_reckoned_with_much_less_than_six_that_do_not(spec: Spec) -> None:
    """By what is expected of programs, which is more than they take; what was measured: docs/cohorts.md."""
    shared, alone = _planned(spec, 6).as_json(), _planned(template_of(cohort()), 6).as_json()

    assert shared["needed"]["memory_mb"] <= alone["needed"]["memory_mb"] * 0.65


def test_what_does_not_fit_is_told_with_the_store_reckoned_in(spec: Spec) -> None:
    need = _planned(spec, 1).as_json()
    each, store = need["head"]["memory_mb"], need["store"]["memory_mb"]
    place = ROOMY.__class__(memory_mb=store + 2 * each, disk_mb=500_000, disk_at="/state")

    made = plan(cohort(*map(person, range(3))), spec, place, NOW)

    assert made.fits == 2
    assert any(f"beside the {store} MB of the shared store: 2 heads" in str(one) for one in made.problems)


def test_who_leaves_is_no_tenant_any_more(folder: Path, spec: Spec) -> None:
    made = _planned(spec)
    assert made.store
    text = store_text_of(made.cohort, made.store, ["person0", "person1"], folder)

    changed = with_tenants(f"{text}encryptionsalt: v1:abc\n", ["person1"])

    assert changed.splitlines()[:4] == text.splitlines()[:4]
    (folder / "Pulumi.x.yaml").write_text(changed.replace("cohort-otel-store", "x"), encoding="utf-8")
    assert load("x", folder).logging.store.tenants == ("person1",)
    assert "encryptionsalt" not in changed, "what is written keeps the salt that is there"


def test_all_means_the_store_too_and_some_do_not(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path))
    known = noted(_planned(spec), Path("otel.yaml"))

    assert known.store
    assert [entry.slug for entry in chosen(known, (), None)] == ["person0", "person1", STORE]
    assert [entry.slug for entry in chosen(known, ("person1",), None)] == ["person1"]
    assert known.ports[-1].first == 23400


def test_what_a_head_logs_in_with_is_for_the_owner_alone(tmp_path: Path) -> None:
    values = {"OBS_STORE_READER": "hidden"}

    assert record.lend(tmp_path, "cohort-otel-ana", values), "news"
    assert not record.lend(tmp_path, "cohort-otel-ana", values), "no news"

    assert record.lent(tmp_path, "cohort-otel-ana") == values
    assert record.lent(tmp_path, "local") == {}
    file = tmp_path / ".cohorts" / "otel" / "heads" / "ana" / record.LENT
    assert file.stat().st_mode & 0o077 == 0
