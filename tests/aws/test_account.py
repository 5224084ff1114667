"""What an account has after a deployment, as AWS tells it: made by the components, in moto."""

import json
from typing import Any

import boto3
import pytest

from aws.parts import AwsPlan
from tests.aws.account import REGION, SECRET, part

ACCOUNT = "123456789012"


@pytest.fixture
def key(made: dict[str, Any]) -> str:
    """The ARN of the stack's key."""
    [alias] = [
        item
        for item in boto3.client("kms").list_aliases()["Aliases"]
        if item["AliasName"] == "alias/obs-local"
    ]
    arn: str = boto3.client("kms").describe_key(KeyId=alias["TargetKeyId"])["KeyMetadata"]["Arn"]
    return arn


def test_the_key_is_rotated(key: str) -> None:
    assert boto3.client("kms").get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]


def test_log_groups_have_the_retention_and_the_key(key: str) -> None:
    groups = boto3.client("logs").describe_log_groups()["logGroups"]
    found = {group["logGroupName"]: (group["retentionInDays"], group["kmsKeyId"]) for group in groups}
    engines = ("collector", "housekeeper", "jaeger", "prometheus")
    shop = ("gateway", "inventory", "orders", "payments", "redis", "redis-exporter")
    kinds = ("audit", "es-application", "index-slow", "search-slow")
    names = ("metrics", "relay", *engines, *shop, *(f"domain/{kind}-logs" for kind in kinds))
    assert found == {f"/obs/local/{name}": (30, key) for name in names}


def test_the_archive_is_private_versioned_and_encrypted(key: str) -> None:
    client, name = boto3.client("s3"), f"obs-local-archive-{ACCOUNT}-{REGION}"
    config = f"obs-local-config-{ACCOUNT}-{REGION}"
    assert {bucket["Name"] for bucket in client.list_buckets()["Buckets"]} == {name, config}
    assert all(client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    assert client.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    encryption = client.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]
    [rule] = encryption["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key
    [denied] = json.loads(client.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_archive_moves_to_glacier_and_ends(key: str) -> None:
    name = f"obs-local-archive-{ACCOUNT}-{REGION}"
    rules = boto3.client("s3").get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    away, glacier = rules
    assert away["Expiration"]["Days"] == 365
    assert "Transitions" not in away, "manifests are read without waiting for them"
    assert glacier["Transitions"] == [{"Days": 30, "StorageClass": "GLACIER"}]
    assert glacier["Filter"]["Prefix"] == "logs/"


def test_nobody_deletes_from_the_archive_before_its_time(key: str) -> None:
    name = f"obs-local-archive-{ACCOUNT}-{REGION}"
    lock = boto3.client("s3").get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]
    default = lock["Rule"]["DefaultRetention"]
    assert (default["Mode"], default["Days"]) == ("COMPLIANCE", 365)


def test_the_workspace_is_under_the_key(key: str, made: dict[str, Any]) -> None:
    """moto takes the key of a workspace and does not tell it."""
    assert made["prod-aws-metrics"]["kmsKeyArn"] == key


def test_rules_are_in_the_workspace_byte_for_byte(made: dict[str, Any], planned: AwsPlan) -> None:
    client = boto3.client("amp")
    [workspace] = client.list_workspaces()["workspaces"]
    assert workspace["alias"] == "obs-local"
    of = workspace["workspaceId"]
    names = [
        item["name"] for item in client.list_rule_groups_namespaces(workspaceId=of)["ruleGroupsNamespaces"]
    ]
    found = {
        f"rules/{name}.yml": client.describe_rule_groups_namespace(workspaceId=of, name=name)[
            "ruleGroupsNamespace"
        ]["data"].decode()
        for name in names
    }
    files = {path: text for path, text in part(planned, "metrics").files if path.startswith("rules/")}
    assert found == files
    assert "rules/platform-dead-mans-switch.yml" in files


def test_the_workspace_logs_into_its_group(key: str) -> None:
    client = boto3.client("amp")
    [workspace] = client.list_workspaces()["workspaces"]
    logging = client.describe_logging_configuration(workspaceId=workspace["workspaceId"])
    assert logging["loggingConfiguration"]["logGroupArn"].endswith(":log-group:/obs/local/metrics:*")


def test_what_the_relay_cannot_deliver_is_kept_and_an_alarm_tells_people(key: str) -> None:
    client = boto3.client("sqs")
    [url] = client.list_queues()["QueueUrls"]
    queue = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (queue["MessageRetentionPeriod"], queue["KmsMasterKeyId"]) == (str(14 * 86_400), key)
    failed = boto3.client("lambda").get_function_event_invoke_config(FunctionName="obs-local-relay")
    assert failed["DestinationConfig"]["OnFailure"]["Destination"] == queue["QueueArn"]
    alarms = boto3.client("cloudwatch").describe_alarms(AlarmNames=["obs-local-undelivered"])
    [alarm] = alarms["MetricAlarms"]
    [topic] = alarm["AlarmActions"]
    told = boto3.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [(item["Protocol"], item["Endpoint"]) for item in told] == [("email", "costs@shop.example")]


def test_alerts_reach_the_relay(key: str) -> None:
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:obs-local-alerts"
    [subscribed] = boto3.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (subscribed["Protocol"], subscribed["Endpoint"].split(":")[-1]) == ("lambda", "obs-local-relay")
    policy = json.loads(boto3.client("lambda").get_policy(FunctionName="obs-local-relay")["Policy"])
    [statement] = policy["Statement"]
    assert statement["Condition"]["ArnLike"]["AWS:SourceArn"] == topic


def test_the_relays_role_names_every_resource(key: str) -> None:
    policy = boto3.client("iam").get_role_policy(RoleName="obs-local-relay", PolicyName="own")
    resources = [
        item for statement in policy["PolicyDocument"]["Statement"] for item in statement["Resource"]
    ]
    assert key in resources, "known later, and filled in"
    assert "{late:" not in json.dumps(resources)


def test_addresses_of_receivers_are_secrets_all_the_way(made: dict[str, Any]) -> None:
    given = made["prod-aws-alerting-storefront-slack-value"]["secretString"]
    assert given[SECRET], "marked, so that it is encrypted in the state"
    stored = boto3.client("secretsmanager").get_secret_value(SecretId="obs/local/storefront-slack")
    assert stored["SecretString"] == "value-of-storefront-slack"
    function = boto3.client("lambda").get_function_configuration(FunctionName="obs-local-relay")
    assert "value-of" not in json.dumps(function["Environment"])


def test_a_network_of_its_own_has_no_way_to_the_internet(made: dict[str, Any]) -> None:
    client = boto3.client("ec2")
    [vpc] = [item for item in client.describe_vpcs()["Vpcs"] if not item["IsDefault"]]
    assert vpc["CidrBlock"] == "10.20.0.0/16"
    of = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    zones = {item["AvailabilityZone"] for item in client.describe_subnets(Filters=of)["Subnets"]}
    assert zones == {f"{REGION}a", f"{REGION}b", f"{REGION}c"}
    assert client.describe_internet_gateways()["InternetGateways"] == []
    services = {item["ServiceName"] for item in client.describe_vpc_endpoints(Filters=of)["VpcEndpoints"]}
    assert {f"com.amazonaws.{REGION}.{name}" for name in ("s3", "aps-workspaces", "sns")} <= services


def test_no_group_is_open_to_the_world(made: dict[str, Any]) -> None:
    client = boto3.client("ec2")
    [vpc] = [item for item in client.describe_vpcs()["Vpcs"] if not item["IsDefault"]]
    of = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    groups = client.describe_security_groups(Filters=of)["SecurityGroups"]
    sources = [
        (group["GroupName"], source["CidrIp"])
        for group in groups
        for rule in group["IpPermissions"]
        for source in rule["IpRanges"]
    ]
    assert {source for _, source in sources} == {"10.20.0.0/16"}
    [default] = [group for group in groups if group["GroupName"] == "default"]
    assert default["IpPermissions"] == [] == default["IpPermissionsEgress"]
