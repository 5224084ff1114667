"""Log groups that were there before the stack are taken over, and never taken away."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

import tests.aws.server  # noqa: F401 - moto with another key for a log group
from aws.account.adopted import adopted, take
from aws.account.ask import Asking
from aws.account.survivors import survivors
from aws.account.taken import ADOPTED, OWN
from aws.parts import AwsPlan
from aws.plan import plan
from components.errors import SuiteError
from tests.aws.account import REGION, deployed, spec, with_cluster, without_account
from tests.aws.making import arn_of_log
from tests.aws_account.wire import Answering

RELAY, JAEGER, METRICS = "/obs/local/relay", "/obs/local/jaeger", "/obs/local/metrics"
AUDIT = "/obs/local/domain/audit-logs"
ELSEWHERE = "/obs/local-too/relay"


@pytest.fixture(scope="module")
def stack() -> AwsPlan:
    return plan(spec(), "prod-aws")


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    without_account(monkeypatch)


@pytest.fixture
def logs() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("logs")


def test_what_has_no_mark_or_that_of_being_taken_over_is_taken_over(stack: AwsPlan, logs: Any) -> None:
    assert adopted(stack, Asking(REGION, {})) == {}
    for name, tags in {
        RELAY: {"team": "another"},
        AUDIT: {},
        JAEGER: {OWN: "prod-aws", ADOPTED: "prod-aws"},
        "/obs/local/collector": {OWN: "prod-aws"},
        METRICS: {OWN: "another"},
        "/obs/local/prometheus": {OWN: "another", ADOPTED: "another"},
        ELSEWHERE: {},
    }.items():
        logs.create_log_group(logGroupName=name, **({"tags": tags} if tags else {}))
    assert adopted(stack, Asking(REGION, {})) == {RELAY: False, AUDIT: False, JAEGER: True}


def test_what_eks_made_for_a_cluster_is_taken_over_too(logs: Any) -> None:
    """Its name begins otherwise than those of the stack."""
    logs.create_log_group(logGroupName="/aws/eks/obs-local/cluster")
    logs.create_log_group(logGroupName="/aws/eks/obs-local-too/cluster")
    logs.create_log_group(logGroupName=RELAY)
    found = adopted(plan(with_cluster(), "prod-aws"), Asking(REGION, {}))
    assert found == {RELAY: False, "/aws/eks/obs-local/cluster": False}


@pytest.mark.parametrize("call", ["logs.DescribeLogGroups", "logs.ListTagsForResource"])
def test_where_aws_does_not_say_nothing_is_taken_for_the_stacks_own(
    stack: AwsPlan, logs: Any, call: str
) -> None:
    logs.create_log_group(logGroupName=RELAY)
    asking = Answering(stack, {call: (403, '{"__type": "AccessDenied"}')})
    with pytest.raises(SuiteError, match=r"is not known: not allowed \(AccessDenied\)"):
        adopted(stack, asking)


def test_a_stand_in_is_not_asked(stack: AwsPlan) -> None:
    assert adopted(stack.model_copy(update={"stand_in": 21090}), Answering(stack, {})) == {}


def test_a_group_keeps_its_lines_and_gets_retention_key_and_marks(stack: AwsPlan) -> None:
    def before() -> None:
        client = boto3.client("logs")
        for name in (RELAY, AUDIT):
            client.create_log_group(logGroupName=name, tags={"team": "another"})
            client.put_retention_policy(logGroupName=name, retentionInDays=3653)
            client.create_log_stream(logGroupName=name, logStreamName="old")

    with deployed(stack, before=before, adopted={RELAY: False, AUDIT: False}) as made:
        client = boto3.client("logs")
        groups = {group["logGroupName"]: group for group in client.describe_log_groups()["logGroups"]}
        kept = {(group["retentionInDays"], group["kmsKeyId"]) for group in groups.values()}
        assert len(kept) == 1, "as those that the stack makes"
        for name in (RELAY, AUDIT):
            tags = client.list_tags_for_resource(resourceArn=arn_of_log(name))["tags"]
            assert (tags[OWN], tags[ADOPTED], tags["team"]) == ("prod-aws", "prod-aws", "platform")
            assert client.describe_log_streams(logGroupName=name)["logStreams"]
        assert made["prod-aws-alerting-log"]["tags"] == {ADOPTED: "prod-aws"}
        assert "tags" not in made["prod-aws-collector-log"]


def test_what_cannot_be_taken_over_is_named(stack: AwsPlan, logs: Any) -> None:
    with pytest.raises(
        SuiteError, match=f"log group {RELAY} was there and could not be taken over: Resource"
    ):
        take(stack, RELAY, 30, "arn:aws:kms:eu-central-1:123456789012:key/none")


def test_what_was_taken_over_is_listed_with_its_key_when_the_stack_is_gone(stack: AwsPlan, logs: Any) -> None:
    marks = {OWN: "prod-aws", ADOPTED: "prod-aws"}
    key = boto3.client("kms").create_key()["KeyMetadata"]
    logs.create_log_group(logGroupName=RELAY, tags=marks, kmsKeyId=key["Arn"])
    found = survivors(stack, Asking(REGION, {}))
    assert found == [("adopted log group", RELAY), ("key", key["KeyId"])]
