"""Which cases of alerts share a database in promtool's tests, and which must not see each other's data."""

import re

import pytest

from components.rules import promtool
from components.rules.model import Alert, Case, Firing, Group, Recording, RuleFile
from tests.specs import spec
from vsi.site import local_site

SPEC = spec()
SITE = local_site(SPEC)


def joined(*alerts: Alert, recordings: tuple[Recording, ...] = ()) -> list[list[str]]:
    """Which cases of the alerts have been put on one database."""
    file = RuleFile("a", (Group("a", "15s", (*recordings, *alerts)),))
    tests = promtool.render(SPEC, SITE, file)["tests/a.yml"].data["tests"]
    return [re.findall(r"(\w+) (?:fires|silent)", test["name"]) for test in tests]


def alert_on(name: str, expr: str, *series: str) -> Alert:
    data = tuple((item, "1x5") for item in series)
    return Alert(
        name=name,
        expr=expr,
        severity="info",
        team="platform",
        summary="",
        description="",
        cases=lambda: (Case("a case", data, "5m", (Firing("1"),)),),
    )


def test_cases_that_cannot_see_one_another_share_a_database() -> None:
    assert joined(alert_on("A", "a > 0", "a"), alert_on("B", "b > 0", 'b{x="1"}')) == [["A", "B"]]


@pytest.mark.parametrize("other", ["absent(a)", "b + a > 0", "of_a > 0", "of_of_a > 0"])
def test_a_case_is_alone_where_another_ones_data_could_be_seen(other: str) -> None:
    recordings = (Recording("of_a", "sum(a)"), Recording("of_of_a", "of_a * 2"))
    alerts = alert_on("A", "a > 0", "a"), alert_on("B", other, "b")
    assert joined(*alerts, recordings=recordings) == [["A"], ["B"]]


def test_cases_on_the_same_metric_are_apart() -> None:
    assert joined(alert_on("A", "a > 0", 'a{x="1"}'), alert_on("B", "a > 1", 'a{x="2"}')) == [["A"], ["B"]]
