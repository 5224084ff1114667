"""What a stack is excused from, for how long, and what is wrong with a waiver."""

from typing import Any

import pytest
from pydantic import ValidationError

from components.review.described import Described
from components.review.policy.judged import Judged, judge
from components.review.stack import StackReview
from components.review.step import PartStep
from components.spec.policy import Policy, Waiver


def _judged(waivers: list[dict[str, Any]], day: str = "2026-11-29") -> list[Judged]:
    spec = {
        "environment": {"tier": "prod"},
        "logging": {"retention": "1d"},
        "tracing": {"retention": "1d"},
        "policy": {"waivers": waivers},
    }
    return judge(Described(stack="shop", target="x", spec=spec, parts=()), StackReview(), day)


def _waiver(**more: Any) -> dict[str, Any]:
    return {"name": "retention-too-short", "reason": "a rehearsal", "expires": "2026-12-24", **more}


def test_a_waiver_covers_what_its_check_finds_and_says_why() -> None:
    found = _judged([_waiver()])
    assert [judged.waived for judged in found] == ["a rehearsal", "a rehearsal"]
    assert not any(judged.counts for judged in found)


def test_one_for_a_place_covers_that_alone() -> None:
    found = _judged([_waiver(where="logging.*")])
    assert {judged.finding.where: judged.counts for judged in found} == {
        "logging.retention": False,
        "tracing.retention": True,
    }


@pytest.mark.parametrize(("day", "counts"), [("2026-12-24", False), ("2026-12-25", True)])
def test_it_holds_to_the_end_of_its_last_day(day: str, counts: bool) -> None:
    found = _judged([_waiver()], day)
    assert {judged.counts for judged in found} == {counts}
    assert {judged.expires for judged in found} == {"2026-12-24"}


def test_one_that_covers_nothing_is_told() -> None:
    idle = _judged([_waiver(), {**_waiver(), "name": "image-not-pinned"}])[0]
    assert idle.finding.where == "policy.waivers[1]"
    assert idle.finding.level == "warning"


def test_one_of_a_loss_may_stand_there_before_and_after() -> None:
    waiver = _waiver(name="loses-data", where="opensearch@*")
    now = Described(stack="shop", target="x", spec={"policy": {"waivers": [waiver]}}, parts=())
    assert judge(now, StackReview(), "2026-11-29") == []
    gone = StackReview((), (PartStep("opensearch@obs-1", "removed", loses="log records are deleted"),))
    assert [judged.waived for judged in judge(now, gone, "2026-11-29")] == ["a rehearsal"]


@pytest.mark.parametrize("expires", ["2027-02-29", "2027-13-01", "2027-01-32", "2027-1-1", "soon"])
def test_an_end_that_is_no_day_is_refused(expires: str) -> None:
    with pytest.raises(ValidationError, match="expected a da"):
        Waiver.model_validate(_waiver(expires=expires))


def test_a_leap_day_is_one() -> None:
    assert Waiver.model_validate(_waiver(expires="2028-02-29")).expires == "2028-02-29"


def test_two_for_the_same_are_refused() -> None:
    with pytest.raises(ValidationError, match="expected one waiver of 'retention-too-short'"):
        Policy.model_validate_json('{"waivers": [%s, %s]}' % ((Waiver(**_waiver()).model_dump_json(),) * 2))
