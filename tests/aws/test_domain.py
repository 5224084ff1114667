"""The OpenSearch domain: what is decided, and what AWS has of it afterwards."""

import json
from typing import Any

import boto3
import pytest

from aws.plan import plan
from aws.store import standby
from tests.aws.account import REGION, SECRET, part, spec

ACCOUNT = "123456789012"


def test_production_has_a_zone_that_stands_by() -> None:
    whole: dict[str, Any] = {
        "environment": {"tier": "prod"},
        "logging": {"index": {"replicas": 2}},
        "tracing": {"storage": {"replicas": 2}},
    }
    assert standby(spec(**whole))
    assert not standby(spec(**whole | {"environment": {"tier": "staging"}}))
    assert not standby(spec(**whole, aws={"domain": {"managers": False}}))
    assert not standby(spec(**whole | {"logging": {"index": {"replicas": 1}}}))


@pytest.mark.parametrize(
    ("nodes", "managers"), [(3, "m7g.medium.search"), (12, "m7g.large.search")], ids=["few", "many"]
)
def test_managers_are_as_large_as_the_number_of_nodes_asks(nodes: int, managers: str) -> None:
    assert part(plan(spec(aws={"domain": {"nodes": nodes}}), "x"), "logs").managers == managers  # type: ignore[attr-defined]


def test_the_domain_is_encrypted_closed_and_spread_over_zones(made: dict[str, Any]) -> None:
    domain = boto3.client("opensearch").describe_domain(DomainName="obs-local")["DomainStatus"]
    assert domain["EngineVersion"] == "OpenSearch_2.19"
    assert domain["ClusterConfig"]["ZoneAwarenessConfig"] == {"AvailabilityZoneCount": 3}
    assert domain["EncryptionAtRestOptions"]["Enabled"]
    assert domain["EncryptionAtRestOptions"]["KmsKeyId"].startswith(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/")
    assert domain["NodeToNodeEncryptionOptions"] == {"Enabled": True}
    assert domain["DomainEndpointOptions"]["EnforceHTTPS"]
    assert domain["AdvancedSecurityOptions"]["InternalUserDatabaseEnabled"]
    assert len(domain["VPCOptions"]["SubnetIds"]) == 3


def test_tasks_alone_reach_the_domain(made: dict[str, Any]) -> None:
    client = boto3.client("ec2")
    groups = {group["GroupName"]: group for group in client.describe_security_groups()["SecurityGroups"]}
    [rule] = groups["The store, for tasks of the stack alone"]["IpPermissions"]
    assert (rule["FromPort"], rule["IpRanges"]) == (443, [])
    [pair] = rule["UserIdGroupPairs"]
    assert pair["GroupId"] == groups["Tasks of the stack"]["GroupId"]


def test_passwords_are_made_by_aws_and_are_secrets_all_the_way(made: dict[str, Any]) -> None:
    client = boto3.client("secretsmanager")
    values = {
        user: client.get_secret_value(SecretId=f"obs/local/opensearch-{user}")["SecretString"]
        for user in ("admin", "collector", "exporter", "housekeeper", "jaeger", "reader")
    }
    assert len(set(values.values())) == len(values)
    assert all(len(value) == 32 for value in values.values())
    assert made["prod-aws-logs-opensearch-jaeger-value"]["secretString"][SECRET]
    security = made["prod-aws-logs"]["advancedSecurityOptions"]
    assert security[SECRET], "marked, so that it is encrypted in the state"
    assert security["value"]["masterUserOptions"]["masterUserPassword"] == values["admin"]


def test_the_domain_writes_who_did_what(made: dict[str, Any]) -> None:
    domain = boto3.client("opensearch").describe_domain(DomainName="obs-local")["DomainStatus"]
    options = domain["LogPublishingOptions"]
    assert options["AUDIT_LOGS"]["CloudWatchLogsLogGroupArn"].endswith(":/obs/local/domain/audit-logs")
    [policy] = boto3.client("logs").describe_resource_policies()["resourcePolicies"]
    [statement] = json.loads(policy["policyDocument"])["Statement"]
    assert statement["Principal"] == {"Service": "es.amazonaws.com"}
    assert len(statement["Resource"]) == len(options)
