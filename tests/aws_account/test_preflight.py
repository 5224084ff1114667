"""Before anything changes, an account is asked what it lacks: by boto3, of moto, and over the wire where moto
has no answer or would not give this one."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from aws.account import health, quotas, region, roles, taken
from aws.account.preflight import preflight
from aws.parts import AwsPlan
from aws.plan import plan
from components.target import Obstacle
from tests.aws.account import REGION, spec, with_cluster, with_pairs, with_pods
from tests.aws_account.wire import Answer, Answering, bounds, refused, said, xml

ACCOUNT = "123456789012"
NODES = [{"InstanceType": "r7g.large.search"}, {"InstanceType": "m7g.medium.search"}]
BEYOND_MOTO: dict[str, Answer] = {
    "opensearch.ListInstanceTypeDetails": said(InstanceTypeDetails=NODES),
    "service-quotas.GetServiceQuota": bounds(),
}
"""An account with room for everything."""
EKS: dict[str, Answer] = {"eks.DescribeClusterVersions": said(clusterVersions=[])}
ROOT = Path(__file__).parents[2]
SESSION = boto3.session.Session()


@pytest.fixture(scope="module")
def stack() -> AwsPlan:
    return plan(spec(), "prod-aws")


@pytest.fixture(autouse=True)
def account() -> Iterator[None]:
    """An account of moto's in which services were used before."""
    with mock_aws():
        for _, role, _, _ in roles.ROLES:
            boto3.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument="{}")
        yield


def asked(plan: AwsPlan, answers: Mapping[str, Answer] | None = None, session: Any = None) -> list[Obstacle]:
    """The whole preflight."""
    return preflight(plan, Answering(plan, {**BEYOND_MOTO, **(answers or {})}, session=session))


def of(source: Any, plan: AwsPlan, answers: Mapping[str, Answer] | None = None) -> list[Obstacle]:
    """What the checks of one module find."""
    asking = Answering(plan, {**BEYOND_MOTO, **(answers or {})}, session=SESSION)
    return [found for check in source.checks(plan, asking) for found in check.ask()]


def told(found: list[Obstacle]) -> list[tuple[str, str, bool]]:
    return [(item.key, str(item.value), item.fatal) for item in found]


def test_an_account_that_has_everything_has_nothing_in_the_way(stack: AwsPlan) -> None:
    assert asked(stack, session=SESSION) == []


def test_another_account_is_named_and_asked_nothing_more(stack: AwsPlan) -> None:
    other = stack.model_copy(update={"account": "210987654321"})
    [found] = asked(other)
    assert str(found) == (
        "account: the credentials are of 123456789012; expected 210987654321, as aws.account says. "
        "use those of the stack's account (AWS_PROFILE), or correct aws.account"
    )
    assert found.fatal


@pytest.mark.parametrize(
    ("code", "words", "do"),
    [
        ("ExpiredToken", "expired (ExpiredToken)", "log in again"),
        ("InvalidClientTokenId", "not known to AWS (InvalidClientTokenId)", "eu-central-1 is not enabled"),
        ("SignatureDoesNotMatch", "their signature is not accepted (SignatureDoesNotMatch)", "clock"),
    ],
)
def test_credentials_that_aws_does_not_take_are_named(stack: AwsPlan, code: str, words: str, do: str) -> None:
    """What AWS writes about them is not shown: of a signature it has the parts."""
    found = asked(stack, {"sts.GetCallerIdentity": (403, xml(code, "AKIASECRETSECRET and more"))})
    assert told(found) == [("credentials", words, True)]
    assert do in found[0].what_to_do
    assert "AKIA" not in str(found[0])


def test_credentials_that_end_meanwhile_are_named_once(stack: AwsPlan) -> None:
    """Though every question fails for it."""
    expired = refused("ExpiredTokenException")
    answers = {"kms.DescribeKey": expired, "logs.DescribeLogGroups": expired, "ecs.DescribeClusters": expired}
    assert told(asked(stack, answers, SESSION)) == [("credentials", "expired (ExpiredTokenException)", True)]


def test_without_credentials_it_is_said_what_works_all_the_same(
    stack: AwsPlan, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    [found] = asked(stack)
    assert told([found]) == [("credentials", "none found", True)]
    assert "`obs render` and `obs parity` need none" in found.what_to_do
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    assert "AWS_PROFILE" in str(asked(stack)[0].value)


def test_a_login_that_is_over_is_named(
    stack: AwsPlan, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Of a profile of IAM Identity Center, without a token in the cache."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "config"
    file.write_text(
        "[profile shop]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = deploy\n"
        "[sso-session s]\nsso_region = eu-central-1\nsso_start_url = https://shop.example/start\n"
    )
    for name, value in (("AWS_CONFIG_FILE", file), ("HOME", tmp_path), ("AWS_PROFILE", "shop")):
        monkeypatch.setenv(name, str(value))
    assert told(asked(stack)) == [("credentials", "the login is over, or there was none", True)]


def test_a_region_without_a_service_is_named(stack: AwsPlan) -> None:
    """moto has AWS's own list: this one has no managed Prometheus. Its zones are others too."""
    elsewhere = stack.model_copy(update={"region": "eusc-de-east-1"})
    found = told(of(region, elsewhere))
    assert ("service aps", "not offered in eusc-de-east-1", True) in found
    assert {key for key, _, _ in found} <= {"service aps", "zones"}


def test_a_region_that_aws_does_not_list_is_named(stack: AwsPlan) -> None:
    nowhere = stack.model_copy(update={"region": "eu-central-9"})
    check = next(region.checks(nowhere, Answering(nowhere, {})))
    assert told(check.ask()) == [("region", "AWS lists no service for eu-central-9", True)]


def test_a_type_of_node_that_the_region_lacks_is_named(stack: AwsPlan) -> None:
    answers = {
        "opensearch.ListInstanceTypeDetails": said(InstanceTypeDetails=NODES[:1]),
    }
    [found] = of(region, stack, answers)
    assert found.key == "node m7g.medium.search"
    [refusal, _] = of(region, stack, {"opensearch.ListInstanceTypeDetails": refused("ValidationException")})
    assert refusal.key == "node r7g.large.search"


def test_a_quota_without_room_is_named_with_how_to_raise_it(stack: AwsPlan) -> None:
    """Two vCPUs run already, of others; a new account has six."""
    points = [{"Timestamp": datetime(2026, 1, 1, tzinfo=UTC), "Maximum": 5.5}]
    answers: dict[str, Answer] = {
        "service-quotas.GetServiceQuota": bounds(fargate=6),
        "cloudwatch.GetMetricStatistics": {"Datapoints": points},
    }
    [found] = of(quotas, stack, answers)
    assert (found.key, found.value) == ("quota vCPUs of Fargate", "5.5 of 6 are used")
    assert found.fatal
    assert "--service-code fargate --quota-code L-3032A538 --desired-value" in found.what_to_do


def test_the_quota_of_networks_counts_those_that_are_there(stack: AwsPlan) -> None:
    """With moto's own bound of five. One of the stack's own needs no more room."""
    client = boto3.client("ec2")
    made = [client.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"] for _ in range(4)]
    [found] = of(quotas, stack)
    assert (found.key, found.value, found.expected) == (
        "quota VPCs",
        "5 of 5 are used",
        "expected room for 1 more",
    )
    client.create_tags(Resources=made[:1], Tags=[{"Key": "obs:stack", "Value": "prod-aws"}])
    assert of(quotas, stack) == []


def test_resource_policies_of_logs_have_a_bound_that_nobody_raises(stack: AwsPlan) -> None:
    for number in range(10):
        boto3.client("logs").put_resource_policy(policyName=f"p{number}", policyDocument="{}")
    assert told(of(quotas, stack)) == [
        ("quota resource policies of logs", "10 of 10 are used, which nobody can raise", True)
    ]


def test_roles_of_services_are_asked_for(stack: AwsPlan) -> None:
    """Without ECS' own its first cluster makes it."""
    client = boto3.client("iam")
    for role in ("AWSServiceRoleForAmazonOpenSearchService", "AWSServiceRoleForECS"):
        client.delete_role(RoleName=role)
    found = of(roles, stack)
    assert told(found) == [
        ("role AWSServiceRoleForAmazonOpenSearchService", "does not exist", True),
        ("role AWSServiceRoleForECS", "does not exist", False),
    ]
    assert "--aws-service-name opensearchservice.amazonaws.com" in found[0].what_to_do


def test_what_the_caller_may_not_ask_is_told_once_and_stops_nothing(stack: AwsPlan) -> None:
    denied = refused("AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized")
    [found] = asked(stack, {"service-quotas.GetServiceQuota": denied, "kms.DescribeKey": denied}, SESSION)
    assert (found.key, found.fatal) == ("not checked", False)
    assert "servicequotas:GetServiceQuota" in found.expected
    assert "kms:DescribeKey" in found.expected
    assert "s3:GetBucketTagging" not in found.expected


def test_a_service_that_fails_keeps_nobody_from_the_others(stack: AwsPlan) -> None:
    """What others find is told."""
    boto3.client("sqs").create_queue(QueueName="obs-local-undelivered")
    found = asked(stack, {"kms.DescribeKey": (500, "no JSON at all")}, SESSION)
    assert [(item.key, item.fatal) for item in found] == [
        ("queue obs-local-undelivered", True),
        ("not checked", False),
    ]
    assert "key alias/obs-local" in str(found[1].value)


def test_a_stand_in_is_asked_only_what_it_stands_in_for(stack: AwsPlan) -> None:
    """Nothing goes to the real AWS; quotas and regions are not its own."""
    here = tuple((name, f"https://{name}.{REGION}.amazonaws.com") for name in ("sqs", "sts"))
    stand_in = stack.model_copy(update={"endpoints": here})
    boto3.client("sqs").create_queue(QueueName="obs-local-undelivered")
    others = (
        "cloudwatch",
        "ec2",
        "ecs",
        "iam",
        "kms",
        "lambda",
        "logs",
        "s3",
        "service-quotas",
        "sns",
        "ssm",
    )
    asking = Answering(stand_in, dict.fromkeys(others, (500, "")))
    assert [item.key for item in preflight(stand_in, asking)] == ["queue obs-local-undelivered"]
    assert asking.asked == []


def test_the_documents_name_the_permissions_that_it_needs(stack: AwsPlan) -> None:
    text = (ROOT / "docs" / "targets" / "aws.md").read_text(encoding="utf-8")
    deployer, policy = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL))
    assert {item["Effect"] for item in deployer["Statement"]} == {"Allow"}
    [statement] = policy["Statement"]
    sources, whole = (region, roles, quotas, taken), plan(with_cluster(), "prod-aws")
    asking = Answering(stack, {}, session=SESSION)
    asked = {
        name for source in sources for check in source.checks(whole, asking) for name in check.permissions
    }
    assert set(statement["Action"]) == asked | set(health.PERMISSIONS)
    assert statement["Action"] == sorted(statement["Action"])


def test_services_are_called_as_aws_lists_them(stack: AwsPlan) -> None:
    """A name that the list does not have would look like a service that no region offers."""
    own, nodes = plan(with_pairs(), "prod-aws"), plan(with_cluster(), "prod-aws")
    pods = plan(with_pods(), "prod-aws")
    planned = {type(part).__name__ for it in (stack, own, nodes, pods) for part in it.parts}
    assert set(region.BY_KIND) <= planned
    assert of(region, stack) == []
    assert not {"service autoscaling", "service eks"} & {key for key, _, _ in told(of(region, nodes, EKS))}
    assert of(region, own) == []
