"""Tags, as the official provider gives them to all that it makes: here to what has a name that others could
have, by which the stack knows its own."""

from collections.abc import Callable

import boto3

from tests.aws import clusters, registries
from tests.aws.ground import Inputs

Tags = dict[str, str]
Tag = Callable[[str, Inputs, Tags], object]
"""Takes the id, what AWS named, and the tags."""


def pairs(tags: Tags, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """As most services take them."""
    return [{key: name, value: text} for name, text in tags.items()]


def _on_ec2(id_: str, _made: Inputs, tags: Tags) -> None:
    boto3.client("ec2").create_tags(Resources=[id_], Tags=pairs(tags))


TAG: dict[str, Tag] = {
    "aws:cloudwatch/logGroup:LogGroup": lambda _id, made, tags: boto3.client("logs").tag_resource(
        resourceArn=made["arn"], tags=tags
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": lambda _id, made, tags: boto3.client("cloudwatch").tag_resource(
        ResourceARN=made["arn"], Tags=pairs(tags)
    ),
    "aws:ec2/securityGroup:SecurityGroup": _on_ec2,
    "aws:ec2/subnet:Subnet": _on_ec2,
    "aws:ec2/vpc:Vpc": _on_ec2,
    "aws:ecs/cluster:Cluster": lambda id_, _made, tags: boto3.client("ecs").tag_resource(
        resourceArn=id_, tags=pairs(tags, "key", "value")
    ),
    "aws:efs/fileSystem:FileSystem": lambda id_, _made, tags: boto3.client("efs").tag_resource(
        ResourceId=id_, Tags=pairs(tags)
    ),
    "aws:iam/role:Role": lambda id_, _made, tags: boto3.client("iam").tag_role(
        RoleName=id_, Tags=pairs(tags)
    ),
    "aws:kms/key:Key": lambda id_, _made, tags: boto3.client("kms").tag_resource(
        KeyId=id_, Tags=pairs(tags, "TagKey", "TagValue")
    ),
    "aws:lambda/function:Function": lambda _id, made, tags: boto3.client("lambda").tag_resource(
        Resource=made["arn"], Tags=tags
    ),
    "aws:opensearch/domain:Domain": lambda _id, made, tags: boto3.client("opensearch").add_tags(
        ARN=made["arn"], TagList=pairs(tags)
    ),
    "aws:s3/bucket:Bucket": lambda id_, _made, tags: boto3.client("s3").put_bucket_tagging(
        Bucket=id_, Tagging={"TagSet": pairs(tags)}
    ),
    "aws:secretsmanager/secret:Secret": lambda id_, _made, tags: boto3.client("secretsmanager").tag_resource(
        SecretId=id_, Tags=pairs(tags)
    ),
    "aws:sns/topic:Topic": lambda id_, _made, tags: boto3.client("sns").tag_resource(
        ResourceArn=id_, Tags=pairs(tags)
    ),
    "aws:sqs/queue:Queue": lambda id_, _made, tags: boto3.client("sqs").tag_queue(QueueUrl=id_, Tags=tags),
    **clusters.TAG,
    **registries.TAG,
}
