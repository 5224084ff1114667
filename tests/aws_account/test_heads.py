"""What an account knows of the heads of a cohort: what has their mark, and how many it has room for."""

import boto3
import pytest
from moto import mock_aws

from aws.account.ask import Asking
from aws.account.limits import limits
from aws.account.marked import marked
from aws.cohort import place
from aws.parts import AwsPlan
from aws.plan import plan
from components.errors import SuiteError
from components.heads import Limit, Marked
from tests.aws.account import REGION, spec, without_account
from tests.aws_account.wire import Answering, bounds, refused

PLACE = place(spec())
HEAD, OTHER = "cohort-otel-ana", "shop"


@pytest.fixture(scope="module")
def stack() -> AwsPlan:
    return plan(spec(), "prod-aws")


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch) -> None:
    without_account(monkeypatch)


@mock_aws
def test_what_has_the_mark_of_a_head_is_found_whoever_made_it(stack: AwsPlan) -> None:
    tag = {"obs:stack": HEAD}
    pairs = [{"Key": name, "Value": value} for name, value in tag.items()]
    boto3.client("logs").create_log_group(logGroupName="/by/hand", tags=tag)
    boto3.client("logs").create_log_group(logGroupName="/shop", tags={"obs:stack": OTHER})
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="left", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_tagging(Bucket="left", Tagging={"TagSet": pairs})
    iam = boto3.client("iam")
    iam.create_role(RoleName=f"obs-{HEAD}-jaeger-task", AssumeRolePolicyDocument="{}", Tags=pairs)
    iam.create_role(RoleName=f"obs-{HEAD}-untagged", AssumeRolePolicyDocument="{}")

    assert marked(PLACE, None, Asking(REGION, {})) == [
        Marked(HEAD, "arn:aws:iam::123456789012:role/obs-cohort-otel-ana-jaeger-task"),
        Marked(HEAD, f"arn:aws:logs:{REGION}:123456789012:log-group:/by/hand"),
        Marked(HEAD, "arn:aws:s3:::left"),
    ]
    assert marked(PLACE, ["cohort-other-bo"], Asking(REGION, {})) == []


@mock_aws
def test_what_is_on_its_way_out_is_not_left(stack: AwsPlan) -> None:
    kms, secrets = boto3.client("kms"), boto3.client("secretsmanager")
    key = kms.create_key(Tags=[{"TagKey": "obs:stack", "TagValue": HEAD}])["KeyMetadata"]
    secrets.create_secret(Name="word", SecretString="x", Tags=[{"Key": "obs:stack", "Value": HEAD}])
    assert Marked(HEAD, key["Arn"]) in marked(PLACE, None, Asking(REGION, {}))

    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=30)
    secrets.delete_secret(SecretId="word")

    assert marked(PLACE, None, Asking(REGION, {})) == []


@mock_aws
def test_an_account_that_does_not_say_is_not_taken_for_an_empty_one(stack: AwsPlan) -> None:
    denied = {"resource-groups-tagging-api.GetResources": refused("AccessDeniedException")}
    with pytest.raises(SuiteError, match="cannot be asked for: not allowed"):
        marked(PLACE, None, Answering(stack, denied))
    elsewhere = {**PLACE, "account": "210987654321"}
    with pytest.raises(SuiteError, match="the credentials are of 123456789012"):
        marked(elsewhere, None, Asking(REGION, {}))


@mock_aws
def test_a_stack_takes_of_each_quota_and_some_bound_it_alone(stack: AwsPlan) -> None:
    asking = Answering(stack, {"service-quotas.GetServiceQuota": bounds(s3=100)})
    boto3.client("s3").create_bucket(
        Bucket="others", CreateBucketConfiguration={"LocationConstraint": REGION}
    )

    found = {limit.what: limit for limit in limits(stack, asking)}

    assert (found["VPCs"].each, found["VPCs"].free) == (1, 4), "the account's own VPC is one of five"
    assert (found["S3 buckets"].each, found["S3 buckets"].free) == (2, 99)
    assert found["nodes of a domain"].alone
    assert found["endpoints of a VPC"].alone
    assert found["resource policies of logs"][1:3] == (1, 10)


@mock_aws
def test_a_quota_that_nobody_tells_is_told_as_such(stack: AwsPlan) -> None:
    denied = refused("AccessDeniedException")
    found = limits(stack, Answering(stack, {"service-quotas.GetServiceQuota": denied}))

    assert Limit("VPCs", 0, None, "not allowed (AccessDeniedException)") in found


def test_nobody_asks_whose_credentials_are_not_the_accounts(stack: AwsPlan) -> None:
    with mock_aws(), pytest.raises(SuiteError, match="account: the credentials are of 123456789012"):
        limits(stack.model_copy(update={"account": "210987654321"}), Asking(REGION, {}))
