"""What takes spans before they are kept, and who keeps them: the load balancer; X-Ray in Jaeger's place."""

import json
from typing import Any

import boto3
import pytest
import yaml

from aws.parts import AwsPlan
from aws.plan import plan
from aws.refusals import refusals
from components.render import sizes
from components.spec import Spec
from tests import specs
from tests.aws.account import deployed, part, spec
from tests.field_cases import CERTIFICATE

BALANCED = {"balancer": {"certificate": CERTIFICATE}}
IN_XRAY: dict[str, Any] = {"retention": "30d", "storage": {"replicas": 1}}


def _in_xray(**aws: Any) -> dict[str, Any]:
    """The shop, where X-Ray keeps traces."""
    stack = specs.on_aws(tracing=IN_XRAY)
    stack["aws"] = {**specs.account_with_xray(), **aws}
    return stack


def _spec(stack: dict[str, Any]) -> Spec:
    return Spec.model_validate_json(json.dumps(stack))


@pytest.fixture(scope="module")
def in_xray() -> AwsPlan:
    return plan(_spec(_in_xray(**BALANCED)), "prod-aws")


def test_gateways_stand_behind_one_name_and_tls_which_the_network_alone_reaches(in_xray: AwsPlan) -> None:
    with deployed(in_xray) as made:
        client = boto3.client("elbv2")
        [found] = client.describe_load_balancers(Names=["obs-local"])["LoadBalancers"]
        groups = client.describe_target_groups(LoadBalancerArn=found["LoadBalancerArn"])["TargetGroups"]
        firewalls = boto3.client("ec2").describe_security_groups()["SecurityGroups"]
    assert (found["Type"], found["Scheme"]) == ("network", "internal")
    assert {group["Port"] for group in groups} == {21020, 21021}
    opened = made["prod-aws-collector-collector-service"]["loadBalancers"]
    assert {item["containerPort"] for item in opened} == {21020, 21021}
    for protocol, alpn in (("grpc", "HTTP2Only"), ("http", "HTTP2Optional")):
        listener = made[f"prod-aws-balancer-{protocol}"]
        assert (listener["protocol"], listener["alpnPolicy"]) == ("TLS", alpn)
        assert listener["certificateArn"] == CERTIFICATE
    [own] = [group for group in firewalls if group["Description"].startswith("The load balancer")]
    assert {item["CidrIp"] for rule in own["IpPermissions"] for item in rule["IpRanges"]} == {"10.20.0.0/16"}
    assert not [rule for rule in own["IpPermissionsEgress"] if rule["IpRanges"]]
    assert made["prod-aws-traces-group"]["filterExpression"] == 'annotation[otel.resource.env] = "local"'


def test_behind_it_gateways_are_reached_by_nobody_else(in_xray: AwsPlan) -> None:
    assert part(in_xray, "network").opened == ()  # type: ignore[attr-defined]


def test_without_a_certificate_there_is_no_load_balancer() -> None:
    planned = plan(spec(), "x")
    assert "balancer" not in {item.name for item in planned.parts}
    containers = json.loads(part(planned, "collector").containers)  # type: ignore[attr-defined]
    assert not any(container.get("portMappings") for container in containers)


def test_xray_takes_jaegers_place(in_xray: AwsPlan) -> None:
    names = {item.name for item in in_xray.parts}
    assert "xray" in names
    assert "jaeger" not in names
    gateway = yaml.safe_load(dict(part(in_xray, "collector").files)["collector.yaml"])
    assert gateway["exporters"]["otlp/xray"]["endpoint"] == "xray.local.obs.internal:21032"
    assert gateway["service"]["pipelines"]["traces/kept"]["exporters"] == ["otlp/xray"]
    assert "xray" in part(in_xray, "network").endpoints  # type: ignore[attr-defined]
    assert not [path for path, text in part(in_xray, "metrics").files if "JaegerDown" in text]


def test_the_collector_of_aws_answers_when_spans_are_stored(in_xray: AwsPlan) -> None:
    own = yaml.safe_load(dict(part(in_xray, "xray").files)["xray.yaml"])
    assert own["service"]["pipelines"]["traces"] == {"receivers": ["otlp"], "exporters": ["awsxray"]}
    assert own["exporters"]["awsxray"]["region"] == "eu-central-1"
    assert "otel.resource.env" in own["exporters"]["awsxray"]["indexed_attributes"]
    size = own["receivers"]["otlp"]["protocols"]["grpc"]["max_recv_msg_size_mib"]
    assert size == sizes.messages(_spec(_in_xray())).receive_mib


def test_it_may_write_spans_and_nothing_else(in_xray: AwsPlan) -> None:
    policy = json.loads(part(in_xray, "xray").task_policy)  # type: ignore[attr-defined]
    actions = {action for item in policy["Statement"] for action in item["Action"]}
    assert actions == {"s3:GetObject", "s3:GetObjectVersion", "kms:Decrypt", "xray:PutTraceSegments"}


REFUSED: list[tuple[dict[str, Any], dict[str, Any], set[str]]] = [
    ({}, {"retention": "7d"}, {"tracing.retention"}),
    ({}, {"storage": {"replicas": 1, "shards": 3}}, {"tracing.storage.shards"}),
    ({"balancer": {"certificate": CERTIFICATE.replace("eu-central-1", "eu-west-1")}}, {},
     {"aws.balancer.certificate"}),
    ({"traces": "jaeger"}, {}, {"aws.images.jaeger", "aws.images.xray"}),
]  # fmt: skip


@pytest.mark.parametrize(("aws", "tracing", "keys"), REFUSED)
def test_what_it_cannot_do_is_refused_by_name(
    aws: dict[str, Any], tracing: dict[str, Any], keys: set[str]
) -> None:
    stack = _in_xray(**aws)
    stack["tracing"] |= tracing
    assert {problem.key for problem in refusals(_spec(stack))} == keys


def test_a_name_that_is_too_long_for_a_load_balancer_is_refused() -> None:
    stack = specs.on_aws(environment={"name": "production-of-every-shop"}, aws=BALANCED)
    stack["services"] = [service for service in stack["services"] if service["name"] == "legacy-billing"]
    stack["metrics"]["exporters"] = ["opensearch"]
    assert {problem.key for problem in refusals(_spec(stack))} == {"environment.name"}
