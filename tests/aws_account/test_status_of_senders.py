"""`obs status` of the load balancer, and of X-Ray's group."""

import boto3
import pytest
from moto import mock_aws

from aws.account.ask import Asking
from aws.account.health import LOOKS
from aws.account.senders import balancer, traces
from aws.parts import AwsPlan, Balancer, Target, Traces
from aws.plan import plan
from aws.target import TARGET
from components.plan import Pillar
from tests.aws.account import REGION, spec

GRPC = Target(name="grpc", called="obs-local-grpc", opened=21020, port=21020, alpn="HTTP2Only", health=21022)
PART = Balancer(
    place=REGION, pillar=Pillar.TRACING, called="obs-local", certificate="", cidr="", targets=(GRPC,)
)


@pytest.fixture(scope="module")
def stack() -> AwsPlan:
    return plan(spec(), "prod-aws")


def _told(stack: AwsPlan) -> list[tuple[str, str]]:
    return [(found.state, found.words) for found in balancer(stack, Asking.of(stack), PART)]


def test_every_kind_of_part_is_looked_at() -> None:
    """A workspace is read back by a look of its own."""
    assert {kind.__name__ for kind in TARGET.kinds} - {kind.__name__ for kind in LOOKS} == {"Workspace"}


@mock_aws
def test_a_load_balancer_that_is_not_there_or_has_no_gateway_is_told(stack: AwsPlan) -> None:
    assert _told(stack) == [("missing", "load balancer obs-local")]
    ec2, client = boto3.client("ec2"), boto3.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    client.create_load_balancer(Name="obs-local", Type="network", Scheme="internal", Subnets=[subnet])
    assert ("missing", "targets obs-local-grpc") in _told(stack)
    client.create_target_group(Name="obs-local-grpc", Port=21020, Protocol="TCP", TargetType="ip", VpcId=vpc)
    assert ("unwell", "nobody is well behind port 21020") in _told(stack)


@mock_aws
def test_a_stand_in_has_no_group_of_traces(stack: AwsPlan) -> None:
    part = Traces(place=REGION, pillar=Pillar.TRACING, group="obs-local", filter="")
    there = stack.model_copy(update={"endpoints": (("sts", "http://127.0.0.1:1"),)})
    assert list(traces(there, Asking.of(there), part)) == []
