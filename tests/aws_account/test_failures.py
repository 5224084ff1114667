"""A call of AWS that fails while a resource is made leaves what the next run makes whole: each call of each
resource fails once here, and what the engine would do next is done. One such run by the engine itself is in
`tests/aws/test_engine.py`."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from pulumi.runtime.mocks import MockResourceArgs

from aws.parts import AwsPlan
from aws.plan import plan
from tests.aws import operations
from tests.aws.account import InMoto, deployed, spec, without_account
from tests.aws.ground import Made
from tests.aws.making import MAKE
from tests.aws.values import whole

FAILED: set[str] = set()
"""Which calls failed, of any resource."""


class Failing(InMoto):
    """Makes each resource in two runs: in the first, its `nth` call that changes something fails."""

    nth = 1

    def __init__(self) -> None:
        super().__init__()
        self._one = threading.Lock()
        self._call = operations.Failing()
        self._call.watch()

    def new_resource(self, args: MockResourceArgs) -> Made:
        if args.typ not in MAKE:
            return super().new_resource(args)
        given = whole(args.inputs)
        self.made[args.name] = dict(args.inputs)
        with self._one:
            id_, more = self._in_two_runs(args.typ, given)
            changed, _ = operations.differing(args.typ, operations.read(args.typ, id_, given) or {}, given)
            assert changed == [], f"{args.name}: the next run would change it again"
        return id_, {**given, **more}

    def _in_two_runs(self, token: str, given: dict[str, Any]) -> Made:
        self._call.seen, self._call.nth, self._call.failed = 0, self.nth, ""
        try:
            return operations.create(token, given)
        except operations.Half as half:
            self._call.nth = 0
            id_, more = half.made
            found = operations.read(token, id_, given)
            assert found is not None
            return id_, more | operations.change(token, id_, found, given)
        except ClientError:
            self._call.nth = 0
            return operations.create(token, given)
        finally:
            self._call.nth = 0
            FAILED.add(self._call.failed)


class FailingLater(Failing):
    """The second call fails."""

    nth = 2


def held() -> dict[str, Any]:
    """What the account has, without ids that AWS makes up."""
    ec2, logs, amp, s3, kms = (boto3.client(name) for name in ("ec2", "logs", "amp", "s3", "kms"))
    [alias] = [item for item in kms.list_aliases()["Aliases"] if "obs-" in item["AliasName"]]
    groups = ec2.describe_security_groups()["SecurityGroups"]
    [workspace] = amp.list_workspaces()["workspaces"]
    of = {"workspaceId": workspace["workspaceId"]}
    services = boto3.client("ecs").list_services(cluster="obs-local", maxResults=100)["serviceArns"]
    return {
        "rotated": kms.get_key_rotation_status(KeyId=alias["TargetKeyId"])["KeyRotationEnabled"],
        "vpcs": len(ec2.describe_vpcs()["Vpcs"]),
        "subnets": len(ec2.describe_subnets()["Subnets"]),
        "endpoints": sorted(item["ServiceName"] for item in ec2.describe_vpc_endpoints()["VpcEndpoints"]),
        "groups": sorted(
            (item["GroupName"], len(item["IpPermissions"]), len(item["IpPermissionsEgress"]))
            for item in groups
        ),
        "logs": {
            item["logGroupName"]: item["retentionInDays"] for item in logs.describe_log_groups()["logGroups"]
        },
        "log": bool(amp.describe_logging_configuration(**of)["loggingConfiguration"]),
        "rules": sorted(
            item["name"] for item in amp.list_rule_groups_namespaces(**of)["ruleGroupsNamespaces"]
        ),
        "buckets": {
            item["Name"]: (
                s3.get_bucket_versioning(Bucket=item["Name"])["Status"],
                s3.get_bucket_policy(Bucket=item["Name"])["Policy"],
            )
            for item in s3.list_buckets()["Buckets"]
        },
        "secrets": sorted(
            item["Name"] for item in boto3.client("secretsmanager").list_secrets(MaxResults=100)["SecretList"]
        ),
        "services": sorted(arn.rpartition("/")[2] for arn in services),
        "roles": sorted(item["RoleName"] for item in boto3.client("iam").list_roles()["Roles"]),
        "alarms": len(boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]),
        "topics": len(boto3.client("sns").list_topics()["Topics"]),
        "queues": boto3.client("sqs").list_queues()["QueueUrls"],
    }


@contextmanager
def own_session() -> Iterator[None]:
    """Calls fail inside only; a client is made once, which takes longer than what it is asked."""
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(boto3, "client", functools.cache(boto3.client))
            yield
    finally:
        boto3.setup_default_session()


@pytest.fixture(scope="module")
def planned_here() -> AwsPlan:
    """The shop."""
    return plan(spec(), "prod-aws")


@pytest.fixture(scope="module")
def at_once(planned_here: AwsPlan) -> dict[str, Any]:
    """What an account has where nothing failed."""
    with pytest.MonkeyPatch.context() as patch:
        without_account(patch)
        with own_session(), deployed(planned_here):
            return held()


@pytest.mark.parametrize(
    ("kind", "some"), [(Failing, "kms:CreateKey"), (FailingLater, "logs:PutRetentionPolicy")]
)
def test_the_run_after_a_failure_ends_where_one_without_does(
    planned_here: AwsPlan, at_once: dict[str, Any], kind: type[Failing], some: str
) -> None:
    FAILED.clear()
    with own_session(), deployed(planned_here, kind):
        assert held() == at_once
    assert some in FAILED


class Whole(Failing):
    """Nothing fails; that the next run would change nothing is asked of each all the same."""

    nth = 0


def test_a_second_run_of_another_description_changes_nothing() -> None:
    """Two zones, nodes that manage themselves, nobody who is told of costs, and data that nobody keeps."""
    changed: dict[str, Any] = {
        "environment": {"tier": "dev"},
        "deploy": {"retain": False},
        "aws": {
            "vpc": {"zones": 2},
            "domain": {"nodes": 2, "managers": False},
            "budget": {"notify": []},
            "archive": {"lock": "governance"},
        },
    }
    small = plan(spec(**changed), "training-aws")
    with own_session(), deployed(small, Whole):
        assert held()["subnets"] == 3 + 2  # with those that every account has
        [domain] = boto3.client("opensearch").list_domain_names()["DomainNames"]
        status = boto3.client("opensearch").describe_domain(DomainName=domain["DomainName"])["DomainStatus"]
        assert not status["ClusterConfig"]["DedicatedMasterEnabled"]
        assert boto3.client("budgets").describe_budgets(AccountId="123456789012")["Budgets"] == []
