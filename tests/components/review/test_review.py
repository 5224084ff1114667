"""What two descriptions of a stack differ in, in users' words."""

import copy
import json
from typing import Any

import pytest

from components.review.described import Described
from components.review.settings import settings
from components.review.stack import review
from components.spec import Spec
from tests import specs
from tests.described import described
from tests.field_cases import CASES


def _lines(before: Described, after: Described) -> list[str]:
    return [step.line for step in review(before, after).steps]


@pytest.fixture(scope="module")
def shop() -> Described:
    return described(specs.spec())


def test_equal_descriptions_have_no_difference(shop: Described) -> None:
    found = review(shop, described(specs.spec()))
    assert not found.changes
    assert found.losing == ()


def test_a_limit_names_its_alert_and_the_services(shop: Described) -> None:
    lines = _lines(shop, described(specs.spec(metrics={"rules": {"error_ratio": 0.03}})))
    of = "gateway, inventory, orders, payments"
    assert lines == [f"alert ServiceErrorRatioHigh of {of}: limit 5 % \N{RIGHTWARDS ARROW} 3 %"]


def test_a_shorter_retention_comes_first_and_says_what_is_lost(shop: Described) -> None:
    after = described(
        specs.spec(metrics={"scrape_interval": "30s", "scrape_timeout": "20s"}, logging={"retention": "3d"})
    )
    found = review(shop, after)
    assert found.steps[0].about == "retention of logs"
    assert found.steps[0].path == ("logging", "retention")
    assert found.losing[0].endswith("3 days: log records older than 3 days are deleted")
    assert "metrics: scrape interval 15 s \N{RIGHTWARDS ARROW} 30 s" in _lines(shop, after)


def test_a_longer_retention_loses_nothing(shop: Described) -> None:
    assert review(shop, described(specs.spec(logging={"retention": "90d"}))).losing == ()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"metrics": {"retention": {"time": "1d"}}}, "samples older than 1 day are deleted"),
        ({"metrics": {"retention": {"size": "1GiB"}}}, "samples beyond 1 GiB are deleted"),
        ({"tracing": {"retention": "1d"}}, "traces older than 1 day are deleted"),
        ({"logging": {"index": {"prefix": "other"}}}, "under the old name are found no more"),
        ({"deploy": {"retain": False}}, "data are deleted when the stack is taken down"),
    ],
)
def test_what_loses_data_says_so(shop: Described, changes: dict[str, Any], what: str) -> None:
    given = shop if "deploy" not in changes else described(specs.spec(deploy={"retain": True}))
    assert any(what in line for line in review(given, described(specs.spec(**changes))).losing)


def test_a_store_that_moves_leaves_its_data_behind() -> None:
    stack = specs.on_servers()
    for host in stack["servers"]["hosts"]:
        if "logs" in host["roles"]:
            host["name"] = "other"
    found = review(described(specs.spec_on_servers()), described(Spec.model_validate_json(json.dumps(stack))))
    (told,) = [line for line in found.losing if line.startswith("opensearch@")]
    assert "log records and traces" in told
    assert "opensearch@other starts without" in told
    assert found.parts[0].loses, "first of all parts"


def test_a_part_without_data_goes_without_a_word(shop: Described) -> None:
    found = review(shop, described(specs.spec(metrics={"exporters": ["opensearch", "redis"]})))
    assert [(part.id, part.kind) for part in found.parts if part.kind == "removed"] == [
        ("node-exporter@local", "removed")
    ]
    assert found.losing == ()


def test_versions_of_charts_and_engines_are_told(shop: Described) -> None:
    old = {"chart jaeger": "4.10.0", "engine caddy": "2.9.0"}
    new = {"chart jaeger": "4.11.1", "engine redis": "7.4"}
    before, after = (shop.model_copy(update={"versions": versions}) for versions in (old, new))
    assert _lines(before, after) == [
        "chart jaeger 4.10.0 \N{RIGHTWARDS ARROW} 4.11.1",
        "engine caddy: removed (2.9.0)",
        "engine redis: new (7.4)",
    ]


def test_what_is_not_deployed_is_all_new(shop: Described) -> None:
    found = review(None, shop)
    assert found.count("new") == len(shop.parts)
    assert found.steps == ()


def test_an_alert_of_the_stacks_own_that_comes_and_changes() -> None:
    rule = {
        "name": "CartIsSlow",
        "expr": "cart_seconds > 0.5",
        "severity": "warning",
        "team": "checkout",
        "summary": "Slow",
        "description": "It is slow.",
        "runbook": "https://runbooks.example/slow",
        "fires": {"series": [{"series": "cart_seconds", "values": "1+0x10"}], "after": "5m"},
        "silent": {"series": [{"series": "cart_seconds", "values": "0+0x10"}], "after": "5m"},
    }
    without, with_it = specs.spec(), specs.spec(metrics={"rules": {"alerts": [rule]}})
    changed = specs.spec(metrics={"rules": {"alerts": [{**rule, "expr": "cart_seconds > 0.3"}]}})
    assert _lines(described(without), described(with_it)) == [
        "alert CartIsSlow: new",
        "alert PaymentsDeclinedOften: removed",  # in whose place it stands
    ]
    assert _lines(described(with_it), described(changed)) == [
        "alert CartIsSlow: limit 0.5 \N{RIGHTWARDS ARROW} 0.3"
    ]


def test_secrets_in_plain_are_masked_in_settings_and_files(shop: Described) -> None:
    services = specs.service("payments", run={"options": {"password": "hunter2-hunter2"}})
    found = review(shop, described(specs.spec(services=services)))
    told = repr((found, [part.files for part in found.parts]))
    assert "hunter2" not in told
    assert "[secret]" in told


SHOP = specs.stack(servers=specs.on_servers()["servers"], aws=specs.account(), kubernetes={})


def _changed(field: str) -> Any:
    """The shop with another value of a field; None where it has no such item."""
    path, value = CASES[field]
    changed = copy.deepcopy(SHOP)
    place: Any = changed
    for key in path[:-1]:
        if isinstance(place, dict):
            place = place.setdefault(key, {})
        elif isinstance(key, int) and key < len(place):
            place = place[key]
        else:
            return None
    last = path[-1]
    if isinstance(place, list) and isinstance(last, int) and last >= len(place):
        return None
    place[last] = value
    return changed


@pytest.mark.parametrize("field", sorted(field for field in CASES if _changed(field)))
def test_every_setting_that_differs_is_told_with_its_key(field: str) -> None:
    found = settings(SHOP, _changed(field))
    section = str(CASES[field][0][0])
    assert found
    assert all(step.setting.split("[")[0].split(".")[0] == section for step in found)
    assert all(step.line == " ".join(step.line.split()) for step in found), "each in one line"
