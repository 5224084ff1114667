"""Names of a plan are free, or the stack's own by its tag; what else has one is named."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from aws.account import taken
from aws.account.ask import Asking
from aws.parts import AwsPlan
from aws.plan import plan
from components.target import Obstacle
from tests.aws.account import REGION, spec
from tests.aws_account.wire import Answering

WHERE = {"LocationConstraint": REGION}
BUCKET = f"obs-local-archive-123456789012-{REGION}"
Pairs = list[dict[str, str]]
SESSION = boto3.session.Session()
"""One for all: it reads the models once."""


def _bucket(tags: Pairs) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=WHERE)
    if tags:
        client.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": tags})


def _key(tags: Pairs) -> None:
    client = boto3.client("kms")
    own = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in tags]
    key = client.create_key(Tags=own)["KeyMetadata"]["KeyId"]
    client.create_alias(AliasName="alias/obs-local", TargetKeyId=key)


def _function(tags: Pairs) -> None:
    import io
    import zipfile

    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("x.py", "")
    role = boto3.client("iam").create_role(RoleName="other", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    boto3.client("lambda").create_function(
        FunctionName="obs-local-relay",
        Runtime="python3.13",
        Role=role,
        Handler="x.y",
        Code={"ZipFile": code.getvalue()},
        Tags={tag["Key"]: tag["Value"] for tag in tags},
    )


def _alarm(tags: Pairs) -> None:
    boto3.client("cloudwatch").put_metric_alarm(
        AlarmName="obs-local-store-red",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        MetricName="m",
        Namespace="n",
        Period=60,
        Statistic="Sum",
        Threshold=0,
        Tags=tags,
    )


def _mapping(tags: Pairs) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


MAKE: dict[str, Callable[[Pairs], Any]] = {
    f"bucket {BUCKET}": _bucket,
    "key alias/obs-local": _key,
    "domain obs-local": lambda tags: boto3.client("opensearch").create_domain(
        DomainName="obs-local", TagList=tags
    ),
    "topic obs-local-alerts": lambda tags: boto3.client("sns").create_topic(
        Name="obs-local-alerts", Tags=tags
    ),
    "queue obs-local-undelivered": lambda tags: boto3.client("sqs").create_queue(
        QueueName="obs-local-undelivered", tags=_mapping(tags)
    ),
    "function obs-local-relay": _function,
    "role obs-local-collector-task": lambda tags: boto3.client("iam").create_role(
        RoleName="obs-local-collector-task", AssumeRolePolicyDocument="{}", Tags=tags
    ),
    "cluster obs-local": lambda tags: boto3.client("ecs").create_cluster(
        clusterName="obs-local", tags=[{"key": tag["Key"], "value": tag["Value"]} for tag in tags]
    ),
    "log group /obs/local/relay": lambda tags: boto3.client("logs").create_log_group(
        logGroupName="/obs/local/relay", tags=_mapping(tags)
    ),
    "secret obs/local/opensearch-admin": lambda tags: boto3.client("secretsmanager").create_secret(
        Name="obs/local/opensearch-admin", SecretString="x", Tags=tags
    ),
    "alarm obs-local-store-red": _alarm,
}
"""What has a name -> how it is made in moto."""


@pytest.fixture(scope="module")
def stack() -> AwsPlan:
    return plan(spec(), "prod-aws")


@pytest.fixture(autouse=True)
def account() -> Iterator[None]:
    with mock_aws():
        yield


def asked(stack: AwsPlan, what: str, asking: Asking | None = None) -> list[Obstacle]:
    """What is found of one name."""
    checks = {
        check.what: check for check in taken.checks(stack, asking or Asking(REGION, {}, session=SESSION))
    }
    return checks[what].ask()


def found(stack: AwsPlan, what: str, asking: Asking | None = None) -> list[str]:
    """The same in words."""
    return [str(obstacle) for obstacle in asked(stack, what, asking)]


def _tag(stack: str) -> Pairs:
    return [{"Key": "obs:stack", "Value": stack}]


@pytest.mark.parametrize("what", MAKE)
def test_a_name_is_free_taken_or_the_stacks_own(stack: AwsPlan, what: str) -> None:
    assert found(stack, what) == []
    MAKE[what]([])
    [obstacle] = asked(stack, what)
    assert str(obstacle).startswith(
        f"{what}: it is there, without the tag obs:stack; expected a name that is free"
    )
    assert obstacle.fatal == (not what.startswith("log group")), "which is taken over"


@pytest.mark.parametrize("what", MAKE)
def test_what_has_the_tag_of_the_stack_is_its_own(stack: AwsPlan, what: str) -> None:
    MAKE[what](_tag("prod-aws"))
    assert found(stack, what) == []
    assert "stack prod-aws has it" in found(stack.model_copy(update={"stack": "other"}), what)[0]


def test_every_kind_of_name_is_tried(stack: AwsPlan) -> None:
    kinds = {name.what for name in taken.names(stack, Asking.of(stack))}
    assert kinds == {what.rsplit(" ", 1)[0] for what in MAKE}


def test_a_bucket_of_another_account_is_named(stack: AwsPlan) -> None:
    """S3 says no more than that it may not be looked at."""
    asking = Answering(stack, {"s3.HeadBucket": (403, "")})
    [text] = found(stack, f"bucket {BUCKET}", asking)
    assert text.startswith(f"bucket {BUCKET}: another account has it; expected a name that is free")


def test_a_secret_that_was_deleted_keeps_its_name(stack: AwsPlan) -> None:
    """For a week or more: a stack that was taken down and comes up again meets it."""
    what = "secret obs/local/opensearch-admin"
    MAKE[what](_tag("prod-aws"))
    boto3.client("secretsmanager").delete_secret(SecretId="obs/local/opensearch-admin")
    [text] = found(stack, what)
    assert "it was deleted, and keeps its name until then" in text
    assert "aws secretsmanager restore-secret --secret-id obs/local/opensearch-admin" in text


def test_a_cluster_that_was_deleted_leaves_its_name(stack: AwsPlan) -> None:
    MAKE["cluster obs-local"]([])
    boto3.client("ecs").delete_cluster(cluster="obs-local")
    assert found(stack, "cluster obs-local") == []
