"""What of a whole plan goes into the resource of each part is a change of the part."""

from dataclasses import replace
from typing import Any

import pytest

from components.review.described import Described
from components.review.stack import review
from obs.previews.describing import as_data
from tests import specs
from vsi.plan import plan
from vsi.unit import HostPlan


def _described(**changes: Any) -> tuple[HostPlan, Described]:
    spec = specs.spec(**changes)
    planned = plan(spec, "local")
    return planned, Described.model_validate(as_data(spec, planned))


def test_whether_data_are_kept_is_told_of_every_unit() -> None:
    _, before = _described(deploy={"retain": True})
    planned, after = _described(deploy={"retain": False})
    found = review(before, after)
    assert {part.id for part in found.parts} == {part.id for part in planned.parts}
    assert {part.kind for part in found.parts} == {"changed"}
    assert found.losing


def test_another_version_of_an_engine_changes_those_that_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from components import catalog

    planned, before = _described()
    known, engine = catalog.engine, catalog.engine("prometheus")
    newer = replace(engine, version="99.0.0")
    monkeypatch.setattr(catalog, "engine", lambda name: newer if name == "prometheus" else known(name))
    found = review(before, _described()[1])
    needing = {unit.id for unit in planned.parts if "prometheus" in unit.engines}
    assert needing
    assert {part.id for part in found.parts} == needing
    assert [step.line for step in found.steps] == [
        f"engine prometheus {engine.version} \N{RIGHTWARDS ARROW} 99.0.0"
    ]


def test_the_company_in_which_a_unit_is_changed_is_none() -> None:
    planned, before = _described()
    units = tuple(unit.model_copy(update={"members": ("a", "b")}) for unit in planned.parts)
    there = planned.model_copy(update={"parts": units})
    assert not review(before, Described.model_validate(as_data(specs.spec(), there))).changes
