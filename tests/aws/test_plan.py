"""What is decided for an account, without one."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from aws.names import LIMITS, Names, fits
from aws.parts import AwsPlan
from aws.plan import plan
from aws.policies import WILDCARDS
from aws.refusals import refusals
from components.render.text import texts
from components.rules import files as rules
from components.spec import Spec
from tests import specs
from tests.aws.account import part, spec
from tests.render import golden
from vsi.site import local_site


def _planned(**changes: Any) -> AwsPlan:
    return plan(spec(**changes), "prod-aws")


def _with_xray() -> AwsPlan:
    stack = specs.on_aws(tracing={"retention": "30d", "storage": {"replicas": 1}})
    stack["aws"] = specs.account_with_xray()
    return plan(Spec.model_validate_json(json.dumps(stack)), "prod-aws")


def _documents(planned: AwsPlan) -> list[tuple[str, dict[str, Any]]]:
    """Every policy of a plan, by part and field."""
    return [
        (f"{item.name}.{name}", json.loads(value))
        for item in planned.parts
        for name, value in item
        if isinstance(value, str) and value.startswith('{"Statement"')
    ]


def test_the_plan_is_as_reviewed() -> None:
    planned = _planned()
    parts = {item.id: item.model_dump(exclude={"files"}) for item in planned.parts}
    own = {name: text for name, text in part(planned, "metrics").files if name == "alertmanager.yml"}
    whole = json.loads(planned.model_dump_json(exclude={"parts"}))
    told = {"parts.json": json.dumps(parts, indent=1) + "\n", "plan.json": json.dumps(whole, indent=1) + "\n"}
    golden.check("aws-plan", {**told, **own})


def test_rules_of_services_are_those_of_every_target() -> None:
    """Byte for byte; only the stack's own programs are others."""
    given = spec()
    elsewhere = texts(rules.documents(given, local_site(given)))
    here = dict(part(plan(given, "prod-aws"), "metrics").files)
    same = [f"rules/{service.name}.yml" for service in given.services] + ["rules/custom.yml"]
    assert {path: here[path] for path in same} == {path: elsewhere[path] for path in same}


@pytest.mark.parametrize("planned", [_planned(), _with_xray()], ids=["shop", "xray"])
def test_no_policy_allows_more_than_it_says(planned: AwsPlan) -> None:
    """No wildcard in an action or as a resource, but for those listed. A policy of a key is on that key."""
    for name, document in _documents(planned):
        for statement in document["Statement"]:
            if statement["Effect"] == "Deny":
                continue
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            wide = [action for action in actions if "*" in action and action not in WILDCARDS]
            assert not wide, name
            if not name.startswith("key."):
                resources = statement.get("Resource", [])
                whole = "*" in ([resources] if isinstance(resources, str) else resources)
                assert not whole or set(actions) <= WILDCARDS.keys(), name


def test_services_of_aws_act_for_this_account_alone() -> None:
    for name, document in _documents(_planned()):
        for statement in document["Statement"]:
            if statement["Effect"] == "Allow" and "Service" in statement.get("Principal", {}):
                assert statement["Condition"], name


@pytest.mark.parametrize(("region", "partition"), [("eu-central-1", "aws"), ("us-gov-west-1", "aws-us-gov")])
def test_arns_are_of_the_regions_partition(region: str, partition: str) -> None:
    text = _planned(aws={"region": region}).model_dump_json()
    assert set(re.findall(r"\barn:([a-z-]+):", text)) == {partition}


def test_a_network_that_is_there_is_taken() -> None:
    given = ["subnet-0a1b2c3d", "subnet-1a1b2c3d", "subnet-2a1b2c3d"]
    network = part(_planned(aws={"vpc": {"id": "vpc-0a1b2c3d", "subnets": given}}), "network")
    assert (network.vpc, network.given, network.subnets) == ("vpc-0a1b2c3d", tuple(given), ())  # type: ignore[attr-defined]


def test_tags_say_whose_it_is() -> None:
    assert dict(_planned().tags) == {
        "cohort": "first",
        "cost-centre": "shop",
        "environment": "local",
        "expiry": "2027-01-31",
        "obs:stack": "prod-aws",
        "team": "platform",
    }


@pytest.mark.parametrize("kind", LIMITS)
def test_a_name_that_is_too_long_does_not_fit(kind: str) -> None:
    longest = LIMITS[kind].longest
    assert fits(kind, "a" * longest)
    assert not fits(kind, "a" * (longest + 1))


def test_every_name_of_a_stack_fits() -> None:
    given = spec()
    assert all(fits(kind, name) for kind, name, _ in Names.of(given).every())


ALONE = {"exporters": ["opensearch"]}
"""Without Redis, which no service of the case uses."""
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"aws": {"account": None}}, "aws.account"),
    ({"aws": {"region": None}}, "aws.region"),
    ({"aws": {"region": "cn-north-1"}}, "aws.region"),
    ({"aws": {"compute": "eks"}}, "aws.compute"),  # without a cluster
    ({"aws": {"log_retention": "31d"}}, "aws.log_retention"),
    ({"environment": {"name": "production-of-the-whole-shop"}}, "environment.name"),
    ({"metrics": {"exporters": ["node"]}}, "metrics.exporters"),
    ({"metrics": {"exemplars": 7}}, "metrics.exemplars"),
    ({"metrics": {"retention": {"time": "36h"}}}, "metrics.retention.time"),
    ({"metrics": {"retention": {"time": "2000d"}}}, "metrics.retention.time"),
    ({"metrics": {"retention": {"size": "7GiB"}}}, "metrics.retention.size"),
    ({"alerting": {"grouping": {"repeat": "6d"}}}, "alerting.grouping.repeat"),
    ({"alerting": {"runbook_base": None}}, "alerting.runbook_base"),
    ({"kubernetes": {"namespace": "other"}}, "kubernetes"),
    ({"aws": {"images": {"fluent_bit": None}}}, "aws.images.fluent_bit"),
    ({"aws": {"images": {"redis": None}}}, "aws.images.redis"),
    (
        {"services": specs.service("orders", logs=[{"path": "/var/log/orders.log"}])[:4]},
        "services[1].logs[0].path",
    ),
    ({"services": specs.service("orders", logs=[{}, {}])[:4]}, "services[1].logs[1]"),
    ({"metrics": ALONE, "services": specs.service("payments", name="collector")[2:3]}, "services[0].name"),
    (
        {
            "environment": {"name": "production-of-shop"},
            "metrics": ALONE,
            "services": specs.service("payments", name="payments-of-every-country-of-the-world")[2:3],
        },
        "services[0].name",
    ),
]


@pytest.mark.parametrize(("changes", "key"), REFUSED)
def test_what_it_cannot_do_is_refused_by_name(changes: dict[str, Any], key: str) -> None:
    [problem] = refusals(Spec.model_validate_json(json.dumps(specs.on_aws(**changes))))
    assert problem.key == key
    assert "target aws" in str(problem) or "CloudWatch" in str(problem)


def test_the_shop_is_not_refused() -> None:
    assert refusals(spec()) == []


def test_the_plan_reads_no_provider() -> None:
    """`pulumi_aws` takes a second to import, and names every service: resources alone import it."""
    root = Path(__file__).parents[2] / "aws"
    found = [
        file.name
        for file in root.glob("*.py")
        if file.name != "target.py"  # which imports them for types alone, and where they are needed
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and any(
            "pulumi" in name for name in [getattr(node, "module", "") or "", *(a.name for a in node.names)]
        )
    ]
    assert found == []
