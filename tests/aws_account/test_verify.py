"""`obs verify` of an account of moto's: a row for each promise, and what was changed by hand is found."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session

from aws.account import verify
from aws.account.ask import Asking
from aws.account.verify import checks
from aws.parts import AwsPlan
from aws.plan import plan
from tests.aws.account import REGION, deployed, spec, without_account
from tests.aws_account.wire import Answering

SESSION = boto3.session.Session()
PROMISES = {
    "log groups kept and encrypted",
    "buckets private, versioned, encrypted",
    "store encrypted, within the network",
    "nothing open to the world",
    "key is turned each year",
}
QUERIED = verify.queried
RELAY, CONFIG = "/obs/local/relay", "obs-local-config-123456789012-eu-central-1"


@pytest.fixture(scope="module")
def stack() -> AwsPlan:
    return plan(spec(), "prod-aws")


@pytest.fixture(scope="module")
def group(stack: AwsPlan) -> Iterator[str]:
    """The stack in an account of moto's; a security group that is tagged as the provider would."""
    with pytest.MonkeyPatch.context() as patch:
        without_account(patch)
        with deployed(stack):
            client = boto3.client("ec2")
            own = [
                item["GroupId"]
                for item in client.describe_security_groups()["SecurityGroups"]
                if "stack" in item["Description"]
            ]
            client.create_tags(Resources=own, Tags=[{"Key": "obs:stack", "Value": "prod-aws"}])
            yield own[0]


@pytest.fixture(autouse=True)
def _no_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands is test_status.py's; moto takes no samples."""
    monkeypatch.setattr(verify, "status", lambda *_: [])
    monkeypatch.setattr(verify, "queried", lambda *_: [{"metric": {"job": "gateway"}, "value": [0, "1"]}])


def rows(stack: AwsPlan) -> dict[str, tuple[str, str]]:
    found = checks(stack, Asking(REGION, {}, session=SESSION))
    return {row.name: (row.result, row.text) for row in found}


def test_what_the_stack_promises_is_so(stack: AwsPlan, group: str) -> None:
    found = rows(stack)
    wrong = {name: row for name, row in found.items() if name in PROMISES and row[0] != "passed"}
    assert wrong == {}
    assert found["account"][0] == "passed"
    assert found["samples arrive"] == ("passed", "`up` of 1 jobs: gateway")
    reasons = {name: text for name, (result, text) in found.items() if result == "not applied"}
    assert set(reasons) == {"request followed", "log records found", "traces found", "faults noticed"}
    assert all("no way into the network" in text for text in reasons.values())


@contextmanager
def changed(call: Any, back: Any) -> Iterator[None]:
    call()
    try:
        yield
    finally:
        back()


def test_what_was_changed_by_hand_is_found(stack: AwsPlan, group: str) -> None:
    logs, s3, ec2 = (boto3.client(name) for name in ("logs", "s3", "ec2"))
    world: dict[str, Any] = {"GroupId": group, "IpProtocol": "tcp", "FromPort": 1, "ToPort": 9}
    world["CidrIp"] = "0.0.0.0/0"
    [before] = [g for g in logs.describe_log_groups()["logGroups"] if g["logGroupName"] == RELAY]
    days = before["retentionInDays"]

    def versions(status: str) -> None:
        s3.put_bucket_versioning(Bucket=CONFIG, VersioningConfiguration={"Status": status})

    with (
        changed(
            lambda: logs.delete_retention_policy(logGroupName=RELAY),
            lambda: logs.put_retention_policy(logGroupName=RELAY, retentionInDays=days),
        ),
        changed(lambda: versions("Suspended"), lambda: versions("Enabled")),
        changed(
            lambda: ec2.authorize_security_group_ingress(**world),
            lambda: ec2.revoke_security_group_ingress(**world),
        ),
    ):
        found = rows(stack)
    assert found["log groups kept and encrypted"][0] == "failed"
    assert f"{RELAY} keeps for ever, expected {days} days" in found["log groups kept and encrypted"][1]
    assert f"{CONFIG} keeps no versions" in found["buckets private, versioned, encrypted"][1]
    assert found["nothing open to the world"] == ("failed", f"{group} lets in 0.0.0.0/0")
    assert found["key is turned each year"][0] == "passed"


def test_samples_are_asked_where_the_workspace_says(
    stack: AwsPlan, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workspace in another partition has another name."""
    monkeypatch.setattr(verify, "queried", QUERIED)
    asked: list[Any] = []

    def send(_session: Any, request: Any) -> Any:
        asked.append(request)
        return AWSResponse(request.url, 403, {}, BytesIO())

    monkeypatch.setattr(URLLib3Session, "send", send)
    elsewhere = "https://aps-workspaces.us-gov-west-1.api.aws/workspaces/ws-1/"
    told = {"workspace": {"prometheusEndpoint": elsewhere, "status": {"statusCode": "ACTIVE"}}}
    asking = Answering(stack, {"amp.DescribeWorkspace": told}, session=SESSION)
    rows = {row.name: (row.result, row.text) for row in checks(stack, asking)}
    [request] = asked
    assert request.url == f"{elsewhere}api/v1/query?query=count%28up%29+by+%28job%29"
    assert "/aps/aws4_request" in request.headers["Authorization"]
    assert rows["samples arrive"] == ("failed", "no answer: not allowed (AccessDenied)")


def test_a_workspace_without_samples_is_told(
    stack: AwsPlan, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "queried", lambda *_: [])
    assert rows(stack)["samples arrive"][0] == "failed"
