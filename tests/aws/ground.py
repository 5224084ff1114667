"""Ground and archive, made by boto3 in moto from what Pulumi gives a resource."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import boto3
import botocore.session
from botocore.validate import validate_parameters

REGION = "eu-central-1"
Inputs = dict[str, Any]
Made = tuple[str, Inputs]
"""Its id, and what else AWS names."""

ONE_AT_A_TIME = threading.RLock()
"""Resources are made side by side; moto looks through its tables while another thread adds to them, and
`tasks.over_tls` takes a bucket's policy away for a moment."""
_BEGUN: ContextVar[list[Made] | None] = ContextVar("begun", default=None)


def begun(id_: str, **more: Any) -> None:
    """It is there from now on, though more calls follow: one that fails leaves a part of it."""
    if (noted := _BEGUN.get()) is not None:
        noted.append((id_, more))


def asked(service: str, operation: str, **parameters: Any) -> None:
    """Judge a request by botocore's model of the service."""
    model = botocore.session.get_session().get_service_model(service)
    report = validate_parameters(parameters, model.operation_model(operation).input_shape)
    assert report is None, report


@contextmanager
def noting() -> Iterator[list[Made]]:
    """What is begun inside."""
    noted: list[Made] = []
    token = _BEGUN.set(noted)
    try:
        yield noted
    finally:
        _BEGUN.reset(token)


def key(given: Inputs) -> Made:
    client = boto3.client("kms")
    key = client.create_key(Policy=given["policy"], Description=given["description"])["KeyMetadata"]
    begun(key["KeyId"], arn=key["Arn"], keyId=key["KeyId"])
    if given["enableKeyRotation"]:
        client.enable_key_rotation(KeyId=key["KeyId"])
    return key["KeyId"], {"arn": key["Arn"], "keyId": key["KeyId"]}


def alias(given: Inputs) -> Made:
    boto3.client("kms").create_alias(AliasName=given["name"], TargetKeyId=given["targetKeyId"])
    return given["name"], {}


def vpc(given: Inputs) -> Made:
    made = boto3.client("ec2").create_vpc(CidrBlock=given["cidrBlock"])["Vpc"]["VpcId"]
    return made, {}


def subnet(given: Inputs) -> Made:
    made = boto3.client("ec2").create_subnet(
        VpcId=given["vpcId"], CidrBlock=given["cidrBlock"], AvailabilityZone=given["availabilityZone"]
    )
    return made["Subnet"]["SubnetId"], {}


def default_group(given: Inputs) -> Made:
    client = boto3.client("ec2")
    of = [{"Name": "vpc-id", "Values": [given["vpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
    [group] = client.describe_security_groups(Filters=of)["SecurityGroups"]
    for revoke, rules in (
        (client.revoke_security_group_ingress, group["IpPermissions"]),
        (client.revoke_security_group_egress, group["IpPermissionsEgress"]),
    ):
        if rules:  # the provider empties it of all that it is not given
            revoke(GroupId=group["GroupId"], IpPermissions=rules)
    return group["GroupId"], {}


def routes(given: Inputs) -> Made:
    made = boto3.client("ec2").create_route_table(VpcId=given["vpcId"])
    return made["RouteTable"]["RouteTableId"], {}


def routed(given: Inputs) -> Made:
    made = boto3.client("ec2").associate_route_table(
        RouteTableId=given["routeTableId"], SubnetId=given["subnetId"]
    )
    return made["AssociationId"], {}


def endpoint(given: Inputs) -> Made:
    lists = {
        name: given[key]
        for name, key in (
            ("SubnetIds", "subnetIds"),
            ("SecurityGroupIds", "securityGroupIds"),
            ("RouteTableIds", "routeTableIds"),
        )
        if key in given
    }
    made = boto3.client("ec2").create_vpc_endpoint(
        VpcId=given["vpcId"],
        ServiceName=given["serviceName"],
        VpcEndpointType=given["vpcEndpointType"],
        **lists,
    )
    return made["VpcEndpoint"]["VpcEndpointId"], {}


def group(given: Inputs) -> Made:
    made = boto3.client("ec2").create_security_group(
        GroupName=given.get("name", given["description"]),
        Description=given["description"],
        VpcId=given["vpcId"],
    )
    begun(made["GroupId"])
    closed(made["GroupId"])
    return made["GroupId"], {}


def closed(group: str) -> None:
    """The provider takes away what AWS gives every group: the way to everywhere."""
    boto3.client("ec2").revoke_security_group_egress(
        GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )


def rule(given: Inputs) -> Inputs:
    """A rule of a group, as EC2 takes it."""
    own = {
        "IpProtocol": given["ipProtocol"],
        "FromPort": given["fromPort"],
        "ToPort": given["toPort"],
    }
    if "cidrIpv4" in given:
        return {**own, "IpRanges": [{"CidrIp": given["cidrIpv4"]}]}
    return {**own, "UserIdGroupPairs": [{"GroupId": given["referencedSecurityGroupId"]}]}


def entrance(given: Inputs) -> Made:
    client, group = boto3.client("ec2"), given["securityGroupId"]
    client.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule(given)])
    return f"{group}-in", {}


def exit_(given: Inputs) -> Made:
    client, group = boto3.client("ec2"), given["securityGroupId"]
    client.authorize_security_group_egress(GroupId=group, IpPermissions=[rule(given)])
    return f"{group}-out", {}


def bucket(given: Inputs) -> Made:
    where = {"LocationConstraint": REGION}
    boto3.client("s3").create_bucket(
        Bucket=given["bucket"],
        CreateBucketConfiguration=where,
        ObjectLockEnabledForBucket=given.get("objectLockEnabled", False),
    )
    return given["bucket"], {"arn": f"arn:aws:s3:::{given['bucket']}"}


def versioning(given: Inputs) -> Made:
    status = {"Status": given["versioningConfiguration"]["status"]}
    boto3.client("s3").put_bucket_versioning(Bucket=given["bucket"], VersioningConfiguration=status)
    return given["bucket"], {}


def private(given: Inputs) -> Made:
    block = {
        "BlockPublicAcls": given["blockPublicAcls"],
        "BlockPublicPolicy": given["blockPublicPolicy"],
        "IgnorePublicAcls": given["ignorePublicAcls"],
        "RestrictPublicBuckets": given["restrictPublicBuckets"],
    }
    boto3.client("s3").put_public_access_block(Bucket=given["bucket"], PublicAccessBlockConfiguration=block)
    return given["bucket"], {}


def sealed(given: Inputs) -> Made:
    [rule] = given["rules"]
    by = rule["applyServerSideEncryptionByDefault"]
    own = {"SSEAlgorithm": by["sseAlgorithm"], "KMSMasterKeyID": by["kmsMasterKeyId"]}
    rules = [{"ApplyServerSideEncryptionByDefault": own, "BucketKeyEnabled": rule["bucketKeyEnabled"]}]
    boto3.client("s3").put_bucket_encryption(
        Bucket=given["bucket"], ServerSideEncryptionConfiguration={"Rules": rules}
    )
    return given["bucket"], {}


def bucket_policy(given: Inputs) -> Made:
    boto3.client("s3").put_bucket_policy(Bucket=given["bucket"], Policy=given["policy"])
    return given["bucket"], {}


def lifecycle(given: Inputs) -> Made:
    boto3.client("s3").put_bucket_lifecycle_configuration(
        Bucket=given["bucket"], LifecycleConfiguration={"Rules": [_lived(rule) for rule in given["rules"]]}
    )
    return given["bucket"], {}


def _lived(rule: Inputs) -> Inputs:
    """A rule, as S3 takes it."""
    own = {"ID": rule["id"], "Status": rule["status"], "Filter": {"Prefix": rule["filter"]["prefix"]}}
    if older := rule.get("noncurrentVersionExpiration"):
        own["NoncurrentVersionExpiration"] = {"NoncurrentDays": older["noncurrentDays"]}
    if "transitions" in rule:
        [moved] = rule["transitions"]
        own["Transitions"] = [{"Days": moved["days"], "StorageClass": moved["storageClass"]}]
    if "expiration" in rule:
        own["Expiration"] = {"Days": rule["expiration"]["days"]}
    if aborted := rule.get("abortIncompleteMultipartUpload"):
        own["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": aborted["daysAfterInitiation"]}
    return own


def lock(given: Inputs) -> Made:
    default = given["rule"]["defaultRetention"]
    boto3.client("s3").put_object_lock_configuration(
        Bucket=given["bucket"],
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": default["mode"], "Days": default["days"]}},
        },
    )
    return given["bucket"], {}
