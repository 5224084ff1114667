"""A cohort in an account: what its heads' stack files say, what is refused, what the account has room for."""

import json
from pathlib import Path
from typing import Any

import pytest

import obs.cohort_handout
from cohorts import files
from cohorts.exercises import able
from cohorts.exercises_aws import EXERCISES
from cohorts.grounds import AWS
from cohorts.handout import Sheet, page
from cohorts.heads import Seat
from cohorts.model import Cohort
from cohorts.plan import CohortPlan, plan
from cohorts.record import OURS, Entry, Record
from cohorts.status import status
from cohorts.survivors import Where
from cohorts.template import heads_on, plan_of, spec_of, template_of, text_of, who_of
from components.heads import Limit
from components.plan import Pillar, Plan
from components.spec import Spec
from components.target import UnitStatus
from obs.cohort_handout import handout
from obs.errors import ObsError
from stacks.loader import KEY, STACKS, load
from stacks.source import parse
from targets import refusals
from tests.cohorts.cases import NOW, ROOMY, cohort, person

TEMPLATE = "staging-aws"


def _cohort(*people: dict[str, Any], **more: Any) -> Cohort:
    return cohort(*people, **{"name": "aw", "template": TEMPLATE, "target": "aws", **more})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples, with secrets from the environment, as a template needs them."""
    made = tmp_path_factory.mktemp("stacks")
    for name in ("base.yaml", f"Pulumi.{TEMPLATE}.yaml", "Pulumi.training-aws.yaml"):
        text = (STACKS / name).read_text(encoding="utf-8")
        if TEMPLATE in name:
            text = text.replace("source: config", "source: environment")
            for key in ("platform-ticket", "web-slack", "payments-pager", "warehouse-teams", "watchdog"):
                text = text.replace(f"key: {key}}}", f"key: {key.upper().replace('-', '_')}}}")
        (made / name).write_text(text, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def spec(folder: Path) -> Spec:
    return template_of(_cohort(), folder)


def _plan(spec: Spec, made: Cohort, *limits: Limit, **more: Any) -> CohortPlan:
    return plan(made, spec, ROOMY, NOW, ask=lambda *_: list(limits), **more)


def _said(made: CohortPlan) -> list[str]:
    return [str(problem) for problem in made.problems]


def _changed(spec: Spec, **sections: Any) -> Spec:
    found = spec.model_dump(mode="json", exclude_unset=True)
    for section, more in sections.items():
        found[section] = {**found.get(section, {}), **more}
    return Spec.model_validate_json(json.dumps(found))


def test_heads_take_nothing_of_this_machine(spec: Spec) -> None:
    made = _plan(spec, _cohort())

    assert made.problems == ()
    assert [(head.stack, head.port_base) for head in made.heads] == [
        ("cohort-aw-person1", 0),
        ("cohort-aw-person2", 0),
    ]
    found = made.as_json()
    assert found["needed"] == {"heads": 2, "memory_mb": 0, "disk_mb": 0, "ports": 0}
    assert made.unbounded
    assert made.places["cohort-aw-person1"]["account"] == "123456789012"


def test_a_head_has_tags_and_loses_its_data(folder: Path, spec: Spec) -> None:
    made = _plan(spec, _cohort())
    head = made.heads[0]
    file = folder / f"Pulumi.{head.stack}.yaml"
    text = text_of(_cohort(), head, folder)
    file.write_text(text, encoding="utf-8")
    content = parse(file, "it").plain()["config"][KEY]

    assert content["deploy"] == {"retain": False}
    assert content["aws"]["tags"] == {"cost_centre": "shop", "cohort": "aw", "expiry": "2026-12-05"}
    read = load(head.stack, folder, refusals)
    assert read == spec_of(spec, head.stack, 0, who_of(_cohort(), head))
    planned = plan_of(spec, head.stack, 0, who=who_of(_cohort(), head))
    assert {"cohort": "aw", "expiry": "2026-12-05", "obs:stack": head.stack}.items() <= dict(
        planned.tags  # type: ignore[attr-defined]
    ).items()


def test_nothing_of_a_head_has_the_name_of_anothers(spec: Spec) -> None:
    one, other = (
        plan_of(spec, head.stack, 0, who=who_of(_cohort(), head)).model_dump_json()
        for head in _plan(spec, _cohort(person(1), person(12))).heads
    )

    assert "cohort-aw-person12" in other
    assert "cohort-aw-person12" not in one
    assert "cohort-aw-person1" not in other.replace("cohort-aw-person12", "")


def test_moving_the_expiry_moves_the_tag_even_where_a_file_was_edited(folder: Path, spec: Spec) -> None:
    made = _plan(spec, _cohort())
    file = folder / "edited.yaml"
    file.write_text(text_of(_cohort(), made.heads[0], folder) + "# my own\n", encoding="utf-8")

    files.set_expiry(file, "2026-12-09T18:00:00+01:00")

    text = file.read_text(encoding="utf-8")
    assert "# expires: 2026-12-09T18:00:00+01:00\n" in text
    assert "        expiry: '2026-12-09'\n" in text
    assert text.endswith("# my own\n")


def test_names_have_room_in_the_account(spec: Spec) -> None:
    twins = [{"name": "Maximiliane Musterfrau", "email": f"m{number}@example.org"} for number in range(3)]

    made = _plan(spec, _cohort(*twins, name="training-dec"))

    assert [head.stack for head in made.heads] == [
        "cohort-training-dec-maxi",
        "cohort-training-dec-max2",
        "cohort-training-dec-max3",
    ]
    assert made.problems == ()
    (said,) = _said(_plan(spec, _cohort(name="training-decm")))
    assert said.startswith("name = 'training-decm': expected at most 12 letters")


def test_what_an_account_has_too_little_of_is_refused_with_what_would_fit(spec: Spec) -> None:
    people = [person(number) for number in range(6)]
    limits = (
        Limit("VPCs", 1, 4, "aws service-quotas ..."),
        Limit("IAM roles", 12, 900, "aws service-quotas ..."),
        Limit("EKS clusters", 0, None, "not allowed"),
    )

    made = _plan(spec, _cohort(*people), *limits)

    assert made.fits == 4
    first, second = _said(made)
    assert first.startswith("roster = 6 heads: expected at most 4, for which there is enough")
    assert second.startswith(
        "VPCs = 6 heads of 1: 6: expected at most the 4 that are free: 4 heads would fit by it. Shorten"
    )
    assert made.as_json()["limits"][1] == {"what": "IAM roles", "each": 12, "free": 900, "needed": 72}


def test_a_place_is_asked_for_a_head_that_is_not_there(spec: Spec) -> None:
    """One that is there takes nothing more, of anything."""
    people, asked = [person(1), person(2)], list[str]()

    def ask(_: object, made: Plan) -> list[Limit]:
        asked.append(made.stack)
        return []

    for standing in ([], ["cohort-aw-person1"], ["cohort-aw-person1", "cohort-aw-person2"]):
        plan(_cohort(*people), spec, ROOMY, NOW, standing=standing, ask=ask)
    assert asked == ["cohort-aw-person1", "cohort-aw-person2", "cohort-aw-person1"]
    assert _plan(spec, _cohort(*people), chosen=()).heads == ()


def test_heads_that_are_there_are_counted_among_what_is_used(spec: Spec) -> None:
    people = [person(1), person(2)]
    seats = {"p1@example.org": Seat("person1", 0)}
    limit = Limit("VPCs", 1, 1, "...")

    made = _plan(spec, _cohort(*people), limit, seats=seats, standing=["cohort-aw-person1"])

    assert made.problems == ()
    assert (made.to_make, made.fits) == (1, 2)


def test_what_bounds_each_head_alone_is_not_multiplied(spec: Spec) -> None:
    people = [person(number) for number in range(6)]

    assert _plan(spec, _cohort(*people), Limit("nodes of a domain", 5, 10, "...", alone=True)).problems == ()
    made = _plan(spec, _cohort(*people), Limit("nodes of a domain", 11, 10, "...", alone=True))
    assert made.fits == 0
    assert _said(made)[1].startswith(
        "nodes of a domain = 11 for each head: expected at most 10, however many"
    )


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        (
            {
                "aws": {
                    "vpc": {
                        "id": "vpc-0123456789abcdef0",
                        "zones": 2,
                        "subnets": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
                    }
                }
            },
            "aws.vpc.id = 'vpc-0123456789abcdef0': expected none in the template of a cohort",
        ),
        (
            {"aws": {"archive": {"lock": "compliance"}}},
            "aws.archive.lock = 'compliance': expected none in the template",
        ),
        (
            {"aws": {"endpoints": {"s3": "http://127.0.0.1:5000"}}},
            "aws.endpoints = s3: expected 'resourcegroupstaggingapi' among them",
        ),
        ({"logging": {"store": {"shared": True}}}, "logging.store.shared = true: expected false: heads on"),
    ],
)
def test_what_heads_cannot_have_beside_each_other_is_refused(
    spec: Spec, sections: dict[str, Any], says: str
) -> None:
    (said,) = _said(_plan(_changed(spec, **sections), _cohort()))

    assert said.startswith(says)


@pytest.mark.parametrize("key", ["quotas", "ports"])
def test_what_means_nothing_there_is_refused(spec: Spec, key: str) -> None:
    (said,) = _said(_plan(spec, _cohort(**{key: {}})))

    assert said.startswith(f"{key} = ...: expected none: heads on target aws take none of this machine")


def test_with_a_stand_in_each_head_has_one_on_this_machine(folder: Path) -> None:
    made = _cohort(template="training-aws", ports={"first": 24000, "last": 24999})

    found = _plan(template_of(made, folder), made)

    assert found.problems == (), "nobody is told anything there, so no secret needs a value"
    assert [(head.port_base, head.last_port) for head in found.heads] == [(24000, 24199), (24200, 24399)]
    assert found.as_json()["needed"]["memory_mb"] == 800
    assert "port_base: 24000" in text_of(made, found.heads[0], folder)
    kind = heads_on("aws")
    assert kind
    assert kind.marked(found.places[found.heads[0].stack], None) == [], "which ends with its stack"
    assert kind.limits(plan_of(template_of(made, folder), "cohort-aw-x", 24000)) == []


def test_a_handout_has_the_names_of_the_account_and_no_address(spec: Spec) -> None:
    head = _plan(spec, _cohort()).heads[0]
    kind = heads_on("aws")
    assert kind
    names = kind.names(plan_of(spec, head.stack, 0, who=who_of(_cohort(), head)))

    assert [one.title for one in able(names, EXERCISES)] == [one.title for one in EXERCISES]
    text = page(Sheet("Ana", "aw", head.stack, "later", "", list(names.items()), names, AWS))
    assert f"/obs/{head.stack}/" in text
    assert f"obs/{head.stack}/" in text
    assert "aws --region eu-central-1 logs describe-log-groups" in text
    assert "127.0.0.1" not in text
    assert "Not in this account" in text
    assert "<h3>5. Observability as code" in text


def _begun(head: Any, state: str = "up") -> Record:
    entry = Entry(name="Ana", email="ana@example.org", slug=head.slug, port_base=0, state=state)
    return Record(
        cohort="aw",
        target="aws",
        template=TEMPLATE,
        expires=_cohort().expires,
        warn_seconds=0,
        parallel=1,
        heads={entry.key: entry},
    )


def test_a_handout_is_written_for_whom_it_is_and_has_nothing_beside_it(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = _plan(spec, _cohort()).heads[0]
    own = spec_of(spec, head.stack, 0, who_of(_cohort(), head))
    planned = plan_of(spec, head.stack, 0, who=who_of(_cohort(), head))
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(obs.cohort_handout, "describe", lambda _: (own, planned))
    folder = tmp_path / ".cohorts" / "aw" / "heads" / head.slug
    folder.mkdir(parents=True)
    known = _begun(head)

    file = handout(known, known.heads["ana@example.org"])

    assert f"/obs/{head.stack}" in file.read_text(encoding="utf-8")
    assert {path.name for path in folder.iterdir()} == {"handout.html"} <= set(OURS)


def test_how_a_head_is_its_place_tells(spec: Spec, tmp_path: Path) -> None:
    head = _plan(spec, _cohort()).heads[0]
    where = Where(tmp_path, tmp_path, None)

    def ask(stack: str) -> list[UnitStatus]:
        assert stack == head.stack
        return [
            UnitStatus(f"{name}@r", Pillar.LOGGING, state, "", False, 0, 0, 0, (), "", managed=True)
            for name, state in (("logs", "running"), ("collector", "unwell"))
        ]

    (row,) = status(_begun(head), where, ask)
    assert (row.serving, row.units) == (1, 2)
    assert row.trouble == (f"1 of 2 units are not well: obs status {head.stack}",)

    (row,) = status(_begun(head, "failed"), where, ask)
    assert (row.serving, row.units) == (0, 0), "nobody is asked of what is not up"

    def away(_: str) -> list[UnitStatus]:
        raise ObsError("credentials: none found\nand more")

    (row,) = status(_begun(head), where, away)
    assert row.trouble == (f"1 of 1 units are not well: obs status {head.stack}",)
