"""`obs status` of an account: a row a part, and what is missing or not well in it is named."""

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from moto.cloudwatch.models import cloudwatch_backends
from rich.console import Console
from typer.testing import CliRunner

from aws.account.ask import Asking
from aws.account.status import status
from aws.parts import AwsPlan, Workspace
from aws.plan import plan
from components.target import UnitStatus
from obs.cli import app
from obs.commands import host as _commands  # noqa: F401 - adds `status` to `app`
from obs.status import problems, table
from tests.aws.account import REGION, deployed, part, spec, without_account
from tests.aws_account.wire import Answer, Answering, refused, xml

SESSION = boto3.session.Session()
Rows = dict[str, UnitStatus]


@pytest.fixture(scope="module")
def stack() -> AwsPlan:
    return plan(spec(), "prod-aws")


@pytest.fixture(scope="module")
def there(stack: AwsPlan) -> Iterator[None]:
    """The stack in an account of moto's. Tests leave it as it is: answers over the wire differ."""
    with pytest.MonkeyPatch.context() as patch:
        without_account(patch)
        with deployed(stack):
            client = boto3.client("ec2")
            tag = [{"Key": "obs:stack", "Value": "prod-aws"}]
            own = [
                item["VpcId"]
                for item in client.describe_vpcs()["Vpcs"]
                if item["CidrBlock"] == "10.20.0.0/16"
            ]
            points = [item["VpcEndpointId"] for item in client.describe_vpc_endpoints()["VpcEndpoints"]]
            client.create_tags(Resources=[*own, *points], Tags=tag)
            _composite("obs-local-store-small")
            yield


def _composite(name: str) -> None:
    """moto tells of one, and has no call that makes one."""
    cloudwatch_backends["123456789012"][REGION].put_metric_alarm(
        name=name,
        rule="ALARM(other)",
        namespace="",
        metric_name="",
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=1,
        period=60,
        threshold=0,
        statistic="Sum",
        description="",
        dimensions=[],
        alarm_actions=[],
    )


def definition(stack: AwsPlan, state: str = "ACTIVE", text: str | None = None) -> dict[str, Any]:
    """What AWS tells of the alert manager definition."""
    metrics = part(stack, "metrics")
    data = dict(metrics.files)["alertmanager.yml"] if text is None else text
    status = {"statusCode": state, "statusReason": "a route names no receiver"}
    return {"alertManagerDefinition": {"status": status, "data": data.encode()}}


ENGINES = ("collector", "housekeeper", "jaeger", "prometheus")
RUN = (*ENGINES, "gateway", "inventory", "orders", "payments", "redis", "redis-exporter")


def service(name: str, *, running: int = 1, rollout: str = "COMPLETED", told: str = "") -> dict[str, Any]:
    """One of ECS, which moto has run no task."""
    return {
        "serviceName": name,
        "status": "ACTIVE",
        "desiredCount": 1,
        "runningCount": running,
        "deployments": [{"rolloutState": rollout}],
        "events": [{"message": told}] if told else [],
    }


def asked(stack: AwsPlan, answers: Mapping[str, Answer] | None = None, only: tuple[str, ...] = ()) -> Rows:
    """Row of each part by its name, of an account in which all is well but for these answers."""
    beyond: dict[str, Answer] = {
        "amp.DescribeAlertManagerDefinition": definition(stack),
        "opensearch.DescribeDomainHealth": {"ClusterHealth": "Green", "DomainState": "Active"},
        "opensearch.DescribeDomain": {"DomainStatus": {"ARN": "arn", "Processing": False}},
        "opensearch.ListTags": {"TagList": []},
        "ecs.DescribeServices": {"services": [service(name) for name in RUN]},
    }
    parts = tuple(item for item in stack.parts if not only or item.name in only)
    few = stack.model_copy(update={"parts": parts})
    found = status(few, Answering(stack, {**beyond, **(answers or {})}, session=SESSION))
    return {row.unit.partition("@")[0]: row for row in found}


@pytest.mark.usefixtures("there")
def test_a_row_a_part_and_all_is_well(stack: AwsPlan) -> None:
    rows = asked(stack)
    assert list(rows) == [item.name for item in stack.parts]
    assert {name: row.silence for name, row in rows.items() if not row.well} == {}


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    ("operation", "answer", "name", "state", "words"),
    [
        (
            "opensearch.DescribeDomainHealth",
            {"ClusterHealth": "Red", "DomainState": "Active"},
            *("logs", "unwell", "domain obs-local is red: some of what is stored cannot be read"),
        ),
        (
            "opensearch.DescribeDomainHealth",
            {"ClusterHealth": "Green", "DomainState": "Processing"},
            *("logs", "starting", "domain obs-local is being changed"),
        ),
        (
            "opensearch.DescribeDomain",
            (409, '{"__type": "ResourceNotFoundException", "message": "x"}'),
            *("logs", "missing", "not there: domain obs-local"),
        ),
        (
            "kms.DescribeKey",
            {"KeyMetadata": {"KeyId": "k", "KeyState": "PendingDeletion"}},
            *("key", "unwell", "key alias/obs-local is PendingDeletion"),
        ),
        (
            "ecs.DescribeServices",
            {"services": [service("jaeger", running=0, told="unable to place a task")]},
            *("jaeger", "unwell", "service jaeger runs 0 of 1 tasks: unable to place a task"),
        ),
        (
            "ecs.DescribeServices",
            {"services": [service("jaeger", running=0, rollout="IN_PROGRESS")]},
            *("jaeger", "starting", "service jaeger runs 0 of 1 tasks"),
        ),
        ("ecs.DescribeServices", {"services": []}, *("jaeger", "missing", "not there: service jaeger")),
        (
            "sqs.GetQueueAttributes",
            {"Attributes": {"ApproximateNumberOfMessages": "3"}},
            *("alerting", "unwell", "3 notifications were not delivered: queue obs-local-undelivered"),
        ),
        (
            "lambda.GetFunctionConfiguration",
            {"State": "Failed", "StateReason": "its key is disabled"},
            *("alerting", "unwell", "function obs-local-relay is Failed: its key is disabled"),
        ),
        (
            "s3.GetBucketVersioning",
            {"Status": "Suspended"},
            *("archive", "unwell", f"bucket obs-local-archive-123456789012-{REGION} keeps no versions"),
        ),
        (
            "logs.DescribeLogGroups",
            {"logGroups": []},
            *("collector", "missing", "not there: log group /obs/local/collector"),
        ),
        (
            "sns.ListTagsForResource",
            (404, xml("NotFound")),
            *(
                "alerting",
                "missing",
                "not there: topic obs-local-alerts, topic obs-local-alarms",
            ),
        ),
    ],
)
def test_what_is_not_well_is_named(
    stack: AwsPlan, operation: str, answer: Answer, name: str, state: str, words: str
) -> None:
    row = asked(stack, {operation: answer}, only=(name, "compute"))[name]
    assert (row.state, row.silence, row.well) == (state, words, False)


@pytest.mark.usefixtures("there")
def test_an_alarm_that_fires_is_named(stack: AwsPlan) -> None:
    client, name = boto3.client("cloudwatch"), "obs-local-store-red"
    client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a node is gone")
    row = asked(stack)["watch"]
    client.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="it is back")
    assert row.state == "unwell"
    assert row.silence.startswith(f"alarm {name}: Some of what is stored cannot be read")


@pytest.mark.usefixtures("there")
def test_rules_and_routes_are_read_back(stack: AwsPlan) -> None:
    """One that AWS did not take is not well; one with another text differs."""
    refused_ = asked(stack, {"amp.DescribeAlertManagerDefinition": definition(stack, "UPDATE_FAILED")})
    assert (refused_["metrics"].state, refused_["metrics"].silence) == (
        "unwell",
        "alert manager definition: UPDATE_FAILED: a route names no receiver",
    )
    client = boto3.client("amp")
    [workspace] = [item["workspaceId"] for item in client.list_workspaces()["workspaces"]]
    path, text = next(
        (path, text) for path, text in part(stack, "metrics").files if path.startswith("rules/")
    )
    where = {"workspaceId": workspace, "name": path.removeprefix("rules/").removesuffix(".yml")}
    client.put_rule_groups_namespace(**where, data=b"groups: []\n")
    row = asked(stack, {"amp.DescribeAlertManagerDefinition": definition(stack, text="other")})["metrics"]
    client.put_rule_groups_namespace(**where, data=text.encode())
    assert (row.state, row.drift, row.well) == ("running", f"changed: {path}, alertmanager.yml", False) or (
        row.drift == f"changed: alertmanager.yml, {path}"
    )


@pytest.mark.usefixtures("there")
def test_a_service_that_does_not_answer_harms_no_other(stack: AwsPlan) -> None:
    rows = asked(
        stack, {"amp.ListWorkspaces": (503, "{}"), "kms.DescribeKey": refused("AccessDeniedException")}
    )
    assert (rows["metrics"].state, rows["key"].state) == ("unreachable", "unreachable")
    assert rows["key"].silence == "not allowed (AccessDeniedException)"
    assert [name for name, row in rows.items() if not row.well] == ["key", "metrics"]


@pytest.mark.usefixtures("there")
def test_credentials_of_another_account_make_one_row(stack: AwsPlan) -> None:
    other = stack.model_copy(update={"account": "210987654321"})
    [row] = status(other, Asking(REGION, {}, session=SESSION))
    assert (row.unit, row.state) == (f"@{REGION}", "unreachable")
    assert "the credentials are of 123456789012" in row.silence


@pytest.mark.usefixtures("there")
def test_the_table_fits_80_columns_and_says_what_to_do(stack: AwsPlan) -> None:
    answers: dict[str, Answer] = {
        "opensearch.DescribeDomainHealth": {"ClusterHealth": "Red"},
        "ecs.DescribeServices": {"services": []},
        "amp.DescribeAlertManagerDefinition": definition(stack, text="other"),
    }
    rows = list(asked(stack, answers).values())
    console = Console(file=io.StringIO(), width=80, theme=None, color_system=None)
    with console.capture() as capture:
        console.print(table(rows))
    lines = capture.get().splitlines()
    assert len(lines) == len(rows) + 1
    assert lines[0].split() == ["unit", "state", "files"]
    assert any(line.split() == ["metrics@eu-central-1", "serves", "differ"] for line in lines)
    told = list(problems("prod-aws", rows))
    assert "  make what is missing: obs up prod-aws" in told
    assert "  see what each state means: docs/targets/aws.md#status" in told
    assert "  bring files in line: obs up prod-aws" in told
    assert not any("obs start" in line for line in told)


@pytest.mark.usefixtures("there")
def test_programs_get_it_as_json_and_the_exit_code_tells(
    stack: AwsPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the stack file says is asked for, since nothing here remembers what was deployed."""
    rows = list(asked(stack, {"opensearch.DescribeDomainHealth": {"ClusterHealth": "Yellow"}}).values())
    seen: list[AwsPlan] = []

    def told(planned: AwsPlan) -> list[UnitStatus]:
        seen.append(planned)
        return rows

    monkeypatch.setattr("aws.account.status.status", told)
    result = CliRunner().invoke(app, ["status", "prod-aws", "--json"])
    answer = json.loads(result.stdout)
    assert ([item.stack for item in seen], result.exit_code, answer["ok"]) == (["prod-aws"], 1, False)
    [logs] = [item for item in answer["units"] if item["unit"] == f"logs@{REGION}"]
    assert (logs["state"], logs["silence"]) == ("unwell", "domain obs-local is yellow: copies are missing")
    assert any(isinstance(item, Workspace) for item in seen[0].parts)


@pytest.mark.usefixtures("there")
def test_a_stand_in_is_not_asked_for_what_it_does_not_have(stack: AwsPlan) -> None:
    """moto has neither the health of a domain nor the definition of an alert manager."""
    names = ("amp", "cloudwatch", "ec2", "iam", "kms", "logs", "opensearch", "secretsmanager", "sts")
    here = tuple(
        (name, f"https://{name}.{REGION}.amazonaws.com")
        for name in names
        if name not in ("amp", "opensearch")
    )
    hosts = (
        ("amp", f"https://aps.{REGION}.amazonaws.com"),
        ("opensearch", f"https://es.{REGION}.amazonaws.com"),
    )
    few = tuple(item for item in stack.parts if item.name in ("logs", "metrics"))
    stand_in = stack.model_copy(update={"parts": few, "endpoints": (*here, *hosts)})
    rows = status(stand_in, Asking.of(stand_in))
    assert {row.unit: row.silence for row in rows} == {item.id: "" for item in few}
