"""The shared stack is whole, and the builder changes only what it is told to."""

import pytest

from tests import specs


def test_the_shop_fits_together() -> None:
    assert {service.name for service in specs.spec().services} >= {
        "gateway",
        "orders",
        "payments",
        "inventory",
    }


def test_changes_are_merged_and_do_not_stay() -> None:
    changed = specs.spec(
        metrics={"rules": {"error_ratio": 0.5}}, services=specs.service("orders", version="2")
    )
    assert changed.metrics.rules.error_ratio == 0.5
    assert changed.metrics.rules.alerts == specs.spec().metrics.rules.alerts
    assert [item.version for item in changed.services if item.name == "orders"] == ["2"]
    assert specs.spec().metrics.rules.error_ratio == 0.05


def test_a_stack_that_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the name of a team"):
        specs.spec(services=specs.service("orders", owner="nobody"))
