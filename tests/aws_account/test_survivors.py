"""What has the mark of a stack after it was taken down is named; what is another's is not."""

import boto3
import pytest
from moto import mock_aws

from aws.account.ask import Asking
from aws.account.survivors import survivors
from aws.parts import AwsPlan
from aws.plan import plan
from tests.aws.account import REGION, spec, without_account
from tests.aws_account.wire import Answering

RELAY, METRICS = "/obs/local/relay", "/obs/local/metrics"


@pytest.fixture(scope="module")
def stack() -> AwsPlan:
    return plan(spec(), "prod-aws")


def test_what_has_the_mark_is_named_and_what_is_anothers_is_not(
    stack: AwsPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_account(monkeypatch)
    with mock_aws():
        logs, ec2, amp = (boto3.client(name) for name in ("logs", "ec2", "amp"))
        logs.create_log_group(logGroupName=RELAY, tags={"obs:stack": "prod-aws"})
        logs.create_log_group(logGroupName=METRICS, tags={"obs:stack": "another"})
        tag = [{"Key": "obs:stack", "Value": "prod-aws"}]
        vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        ec2.create_tags(Resources=[vpc], Tags=tag)
        ec2.create_vpc(CidrBlock="10.21.0.0/16")
        kept = amp.create_workspace(alias="obs-local", tags={"obs:stack": "prod-aws"})["workspaceId"]
        amp.create_workspace(alias="obs-local", tags={"obs:stack": "another"})

        assert survivors(stack, Asking(REGION, {})) == [
            ("log group", RELAY),
            ("vpc", vpc),
            ("workspace", kept),
        ]

        asking = Answering(stack, {"logs.DescribeLogGroups": (403, '{"__type": "AccessDenied"}')})
        rest = [name for what, name in survivors(stack, asking) if what == "not asked"]
        assert f"log group {RELAY}: not allowed (AccessDenied)" in rest
        assert all(name.startswith("log group") for name in rest)


def test_a_stand_in_leaves_nothing(stack: AwsPlan) -> None:
    assert survivors(stack.model_copy(update={"stand_in": 21090})) == []
