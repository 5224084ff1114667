"""The same description gives the same content in an account of AWS as in a cluster and on servers, judged by
what is written; what may differ is declared."""

import copy
import json
from typing import Any

import pytest
from hypothesis import assume, given

from components.parity.compare import Comparison, compare
from components.parity.content import content
from components.rules import promtool
from components.spec import Spec
from targets import plan, refusals, target
from targets.declared import DECLARED
from targets.parity import said
from tests import specs
from tests.targets.test_parity import A_HUNDRED, described

UNUSED = {"kubernetes": set(), "vsi": {"only servers have labels of their own"}}
"""Hosts with labels have none of what both places have. Several gateways the shop has nowhere."""
OTHERS = tuple(UNUSED)
ASPECTS = ("rules", "routes", "retention", "sampling", "redaction", "store", "pipelines", "scrape jobs")


def _moved(stack: dict[str, Any], place: str) -> Spec:
    """A description of AWS in another place. ValueError if it does not fit together, or is refused."""
    moved = copy.deepcopy(stack)
    if place != "aws":
        del moved["aws"]
        moved["environment"]["target"] = place
    if place == "kubernetes":
        moved["kubernetes"] = specs.on_kubernetes(kubernetes={"opensearch_dashboards": True})["kubernetes"]
    if place == "vsi":
        servers = specs.on_servers()
        moved["servers"] = servers["servers"]
        moved["secrets"] += servers["secrets"]
    spec = Spec.model_validate_json(json.dumps(moved))
    if problems := [*spec.problems(), *refusals(spec)]:
        raise ValueError(problems)
    return spec


def _compared(stack: dict[str, Any], place: str) -> Comparison:
    may = [item for pair, item in DECLARED if pair == frozenset({place, "aws"})]
    return compare(said("one", _moved(stack, place)), said("one", _moved(stack, "aws")), may)


@pytest.mark.parametrize("place", OTHERS)
def test_the_shop_says_the_same_and_all_that_is_declared_occurs_in_it(place: str) -> None:
    found = _compared(specs.on_aws(), place)
    assert found.different == []
    unused = {item.reason for item in found.unused if "with `ha`" not in item.reason}
    assert unused == UNUSED[place]
    assert all(found.equal[aspect] for aspect in ASPECTS), "each aspect was read"


@pytest.mark.parametrize("place", OTHERS)
def test_a_pair_of_the_stacks_own_says_the_same(place: str) -> None:
    """How long samples stay and how many, exemplars and when rules are judged too."""
    stack = specs.on_aws(metrics={"exemplars": 7, "retention": {"time": "36h", "size": "7GiB"}})
    stack["aws"] = specs.account_with_pairs()
    found = _compared(stack, place)
    assert found.different == []
    assert "a workspace judges" in " ".join(item.reason for item in found.unused), "nothing of it differs"
    assert all(found.equal[aspect] for aspect in ASPECTS), "each aspect was read"


def test_the_dead_mans_switch_is_the_same_alert_in_another_file() -> None:
    """Whole files of rules are declared to differ: this one alert is not lost with them."""
    found = [
        {
            (alert["alert"], alert["expr"], alert["labels"]["severity"])
            for groups in target(place).written(spec, "one", plan(spec, "one").written).rules.values()  # type: ignore[misc]
            for group in groups
            for alert in group["rules"]
            if alert.get("alert") == "DeadMansSwitch"
        }
        for place, spec in ((place, _moved(specs.on_aws(), place)) for place in ("aws", "kubernetes"))
    ]
    assert len(found[0]) == 1
    assert found[0] == found[1]


CHANGES = [
    ("metrics/rules/orders.yml", "for: ", "for: 1", "rules"),
    ("metrics/workspace.json", '"retention_days": ', '"retention_days": 1', "retention"),
    ("metrics/alertmanager.yml", "receiver: watchdog", "receiver: other", "routes"),
    ("prometheus/scrape/orders.yml", "sample_limit: 2", "sample_limit: 3", "scrape jobs"),
    ("collector/collector.yaml", "ratio: 0.2", "ratio: 0.3", "sampling"),
    ("housekeeper/settings.json", '"days": 7', '"days": 8', "retention"),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[0])
def test_a_change_of_what_is_written_for_aws_is_found(change: tuple[str, str, str, str]) -> None:
    path, old, new, aspect = change
    spec = _moved(specs.on_aws(), "aws")
    files = dict(plan(spec, "one").written)
    assert old in files[path]
    read = target("aws").written
    assert read
    before = content(read(spec, "one", files))
    after = content(read(spec, "one", files | {path: files[path].replace(old, new, 1)}))
    may = [item for pair, item in DECLARED if pair == frozenset({"kubernetes", "aws"})]
    assert aspect in {item.aspect for item in compare(before, after, may).different}


@A_HUNDRED
@given(stack=described(specs.on_aws))
def test_a_hundred_generated_descriptions_say_the_same_as_in_a_cluster(stack: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patched:  # no part of what is compared, and half of the time
        patched.setattr(promtool, "render", lambda *_: {})
        try:
            _moved(stack, "aws"), _moved(stack, "kubernetes")
        except ValueError:  # pydantic's too
            assume(condition=False)
        assert _compared(stack, "kubernetes").different == []
