"""Tasks, alarms and the budget: what is decided, and what AWS has of it afterwards."""

import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest

from aws.parts import AwsPlan
from aws.plan import plan
from aws.site import site_of
from tests import specs
from tests.aws.account import REGION, part, spec
from tests.aws.tasks import over_tls
from tests.render import engines

SERVICES = ("gateway", "inventory", "orders", "payments")
OWN = ("collector", "housekeeper", "jaeger", "prometheus", "redis", "redis-exporter")
PROGRAMS = (*OWN, *SERVICES)
BUCKET = f"obs-local-config-123456789012-{REGION}"


def _defined(program: str) -> dict[str, Any]:
    found = boto3.client("ecs").describe_task_definition(taskDefinition=f"obs-local-{program}")
    return dict(found["taskDefinition"])


def _containers(program: str) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in _defined(program)["containerDefinitions"]}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_task_reads_the_very_version_that_was_written(program: str, made: dict[str, Any]) -> None:
    [given] = _containers(program)["files"]["environment"]
    read = json.loads(given["value"])["documents"]
    shared = ["shared.json"] if program in SERVICES else []
    assert [item["key"] for item in read] == [f"{program}.json", *shared]
    for documents in read:
        assert documents["bucket"] == BUCKET
        with over_tls(BUCKET) as client:
            found = client.get_object(Bucket=BUCKET, Key=documents["key"], VersionId=documents["version"])
            text = found["Body"].read().decode()
        assert json.loads(text)
        assert "{late:" not in text
        assert found["ServerSideEncryption"] == "aws:kms"


@pytest.mark.parametrize("program", PROGRAMS)
def test_values_of_secrets_are_in_no_definition(program: str, made: dict[str, Any]) -> None:
    """Only where the values are is said, to the one container that puts them into files."""
    for name, container in _containers(program).items():
        without = ("prometheus", "redis", "redis-exporter")
        assert bool(container.get("secrets")) == (name == "files" and program not in without)
    text = json.dumps(_defined(program), default=str)
    client = boto3.client("secretsmanager")
    for secret in client.list_secrets()["SecretList"]:
        assert client.get_secret_value(SecretId=secret["Name"])["SecretString"] not in text


@pytest.mark.parametrize("program", PROGRAMS)
def test_nobody_but_who_puts_files_in_place_and_who_ships_is_root(program: str, made: dict[str, Any]) -> None:
    for name, container in _containers(program).items():
        assert container["user"] == ("0" if name in ("files", "shipper") else "65534")
        assert container["readonlyRootFilesystem"]


def test_retention_is_kept_after_the_store_is_as_described(made: dict[str, Any]) -> None:
    containers = _containers("housekeeper")
    assert containers["setup"]["entryPoint"] == ["python"]
    assert containers["setup"]["command"][:2] == ["-m", "agents.opensearch_setup"]
    assert containers["setup"]["dependsOn"] == [{"containerName": "files", "condition": "SUCCESS"}]
    assert containers["housekeeper"]["dependsOn"] == [{"containerName": "setup", "condition": "SUCCESS"}]


def test_services_are_known_by_name_and_rolled_back(made: dict[str, Any]) -> None:
    client = boto3.client("ecs")
    services = [
        item
        for several in (OWN, SERVICES)  # it tells of ten at once
        for item in client.describe_services(cluster="obs-local", services=list(several))["services"]
    ]
    assert {item["serviceName"] for item in services} == set(PROGRAMS)
    for program in PROGRAMS:  # moto does not tell these
        given = made[f"prod-aws-{program}-{program}-service"]
        assert given["deploymentCircuitBreaker"]["rollback"]
        assert not given["networkConfiguration"]["assignPublicIp"]
    known = boto3.client("servicediscovery").list_services()["Services"]
    assert {item["Name"] for item in known} == set(PROGRAMS)


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_writes_is_shipped_by_fluent_bit(service: str, made: dict[str, Any]) -> None:
    containers = _containers(service)
    own, shipper = containers[service], containers["shipper"]
    assert own["logConfiguration"]["logDriver"] == "awsfirelens"
    assert own["dependsOn"] == [
        {"containerName": "files", "condition": "SUCCESS"},
        {"containerName": "shipper", "condition": "START"},
    ]
    assert shipper["firelensConfiguration"] == {"type": "fluentbit"}
    assert shipper["dependsOn"] == [{"containerName": "files", "condition": "SUCCESS"}]
    assert shipper["logConfiguration"]["logDriver"] == "awslogs"
    [given] = containers["files"]["environment"]
    queue = "/var/lib/obs/fluent-bit"
    assert queue in json.loads(given["value"])["writable"]
    assert queue in {item["containerPath"] for item in shipper["mountPoints"]}


def test_a_service_stands_beside_its_next_until_that_serves_and_a_program_does_not(
    made: dict[str, Any],
) -> None:
    given = made["prod-aws-orders-orders-service"]
    assert (given["deploymentMinimumHealthyPercent"], given["deploymentMaximumPercent"]) == (100, 200)
    given = made["prod-aws-jaeger-jaeger-service"]
    assert (given["deploymentMinimumHealthyPercent"], given["deploymentMaximumPercent"]) == (0, 100)
    assert "21101" in json.dumps(_containers("orders")["orders"]["healthCheck"])


def test_services_call_each_other_by_their_names(planned: AwsPlan) -> None:
    settings = json.loads(dict(part(planned, "orders").files)["settings.json"])
    assert settings["calls"] == {
        "inventory": "http://inventory.local.obs.internal:21103",
        "payments": "http://payments.local.obs.internal:21102",
    }
    assert settings["otlp"]["endpoint"] == "http://collector.local.obs.internal:21020"
    inventory = json.loads(dict(part(planned, "inventory").files)["settings.json"])
    assert inventory["redis"] == "redis://redis.local.obs.internal:21012/0"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_read_its_files_and_nothing_else(service: str, made: dict[str, Any]) -> None:
    policy = boto3.client("iam").get_role_policy(RoleName=f"obs-local-{service}-task", PolicyName="own")
    files, key = policy["PolicyDocument"]["Statement"]
    assert files["Resource"] == [
        f"arn:aws:s3:::{BUCKET}/{service}.json",
        f"arn:aws:s3:::{BUCKET}/shared.json",
    ]
    assert key["Action"] == ["kms:Decrypt"]


def test_a_change_of_one_service_changes_its_rules_and_itself_alone() -> None:
    before, after = (
        plan(spec(services=specs.service("orders", version=version)), "x") for version in ("1", "2")
    )
    changed = [
        one.name for one, other in zip(before.parts, after.parts, strict=True) if one.files != other.files
    ]
    assert changed == ["metrics", "orders"]


def test_the_scraper_writes_into_its_workspace_alone(made: dict[str, Any]) -> None:
    [workspace] = boto3.client("amp").list_workspaces()["workspaces"]
    policy = boto3.client("iam").get_role_policy(RoleName="obs-local-prometheus-task", PolicyName="own")
    [may] = [item for item in policy["PolicyDocument"]["Statement"] if item["Action"] == ["aps:RemoteWrite"]]
    assert may["Resource"] == [workspace["arn"]]


def test_production_has_a_gateway_in_each_zone_and_each_knows_all() -> None:
    given = spec(environment={"tier": "prod"})
    assert part(plan(given, "x"), "collector").instances == ("collector-1", "collector-2", "collector-3")  # type: ignore[attr-defined]
    spread = site_of(given).dial_all("collector-spread")
    assert [address.split(".")[0] for address in spread] == ["collector-1", "collector-2", "collector-3"]
    assert not site_of(spec()).has("collector-spread")


def test_a_definition_is_canonical_so_that_it_does_not_differ_for_ever() -> None:
    text = part(plan(spec(), "x"), "jaeger").containers  # type: ignore[attr-defined]
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_what_the_scraper_reads_is_what_promtool_accepts(planned: AwsPlan, tmp_path: Path) -> None:
    promtool = engines.program("prometheus", "promtool")
    files = {
        path: re.sub(r"\{late:[^}]+}", "https://aps.example/", text)
        for path, text in part(planned, "prometheus").files
    }
    engines.write(tmp_path, files)
    checked = engines.run([promtool, "check", "config", "--agent", "prometheus.yml"], tmp_path)
    assert checked.returncode == 0, checked.stdout


def test_alarms_are_on_what_aws_runs_and_people_are_told(made: dict[str, Any]) -> None:
    alarms = boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
    [workspace] = boto3.client("amp").list_workspaces()["workspaces"]
    found = {alarm["AlarmName"]: alarm for alarm in alarms}
    assert {"obs-local-store-red", "obs-local-samples-refused", "obs-local-not-relayed"} <= found.keys()
    [notified] = found["obs-local-not-notified"]["Metrics"]
    assert notified["Expression"] == (
        'SELECT SUM(AlertManagerNotificationsFailed) FROM "AWS/Prometheus" '  # noqa: S608 - no SQL
        f"WHERE Workspace = '{workspace['workspaceId']}'"
    )
    told = f"arn:aws:sns:{REGION}:123456789012:obs-local-alarms"
    quiet = {name for name, alarm in found.items() if alarm["AlarmActions"] != [told]}
    assert quiet == {"obs-local-store-busy", "obs-local-store-queue"}, "each alone is nothing to act on"


def test_what_must_agree_is_told_together(made: dict[str, Any]) -> None:
    given = made["prod-aws-watch-obs-local-store-small"]
    assert given["alarmRule"] == 'ALARM("obs-local-store-busy") AND ALARM("obs-local-store-queue")'
    assert given["alarmActions"] == [f"arn:aws:sns:{REGION}:123456789012:obs-local-alarms"]


def test_metrics_that_have_more_dimensions_are_asked_across_all(planned: AwsPlan) -> None:
    """An alarm on a metric by less dimensions than it has never fires: CloudWatch finds no such metric."""
    watch = part(planned, "watch")
    across = {alarm.metric for alarm in watch.alarms if alarm.across}  # type: ignore[attr-defined]
    assert {"DiscardedSamples", "RuleEvaluationFailures", "RuleGroupIterationsMissed"} <= across


def test_who_is_told_reads_whose_it_is_and_what_to_do(made: dict[str, Any]) -> None:
    alarms = boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
    documents = (Path(__file__).parents[2] / "docs" / "targets" / "aws.md").read_text(encoding="utf-8")
    headings = {line.removeprefix("## ").lower() for line in documents.splitlines() if line.startswith("## ")}
    for alarm in alarms:
        text = alarm["AlarmDescription"]
        assert ". Owner: platform. Runbook: https://" in text
        assert text.rpartition("#")[2] in headings


def test_a_program_that_is_away_is_told_and_a_service_is_its_owners(made: dict[str, Any]) -> None:
    """What Container Insights does not tell of at all is away too."""
    alarms = boto3.client("cloudwatch").describe_alarms(AlarmNamePrefix="obs-local-away-")["MetricAlarms"]
    own = {"collector", "housekeeper", "jaeger", "prometheus", "redis-exporter"}
    assert {alarm["AlarmName"].removeprefix("obs-local-away-") for alarm in alarms} == own
    for alarm in alarms:
        assert (alarm["TreatMissingData"], alarm["ComparisonOperator"]) == ("breaching", "LessThanThreshold")
        assert {"Name": "ClusterName", "Value": "obs-local"} in alarm["Dimensions"]


def test_the_page_shows_what_alarms_watch(made: dict[str, Any]) -> None:
    body = boto3.client("cloudwatch").get_dashboard(DashboardName="obs-local")["DashboardBody"]
    titles = {widget["properties"]["title"] for widget in json.loads(body)["widgets"]}
    assert "obs-local-store-full" in titles
    assert "{late:" not in body


def test_what_programs_log_as_errors_is_counted_and_found(made: dict[str, Any]) -> None:
    filters = boto3.client("logs").describe_metric_filters(logGroupName="/obs/local/collector")
    [counted] = filters["metricFilters"]
    [metric] = counted["metricTransformations"]
    assert (metric["metricNamespace"], metric["metricName"]) == ("obs/local", "collector")
    query = made["prod-aws-collector-query"]
    assert query["name"] == "obs/local/errors of collector"
    assert query["logGroupNames"] == ["/obs/local/collector"]
    body = boto3.client("cloudwatch").get_dashboard(DashboardName="obs-local")["DashboardBody"]
    assert ["obs/local", "relay", {"stat": "Sum"}] in json.loads(body)["widgets"][-1]["properties"]["metrics"]


def test_what_is_unusual_in_logs_of_its_own_is_told(made: dict[str, Any]) -> None:
    """moto has no detectors: what they are given was judged by botocore's model."""
    kinds = {name: given for name, given in made.items() if "detectorName" in given}
    own = {"collector", "housekeeper", "jaeger", "prometheus", "redis-exporter"}
    assert {name.removeprefix("prod-aws-") for name in kinds} == {
        "alerting-unusual",
        *(f"{name}-unusual" for name in own),
    }, "of services their owners' alerts tell"
    given = kinds["prod-aws-collector-unusual"]
    assert given["logGroupArnLists"][0].endswith(":log-group:/obs/local/collector")
    assert (given["anomalyVisibilityTime"], given["enabled"]) == (30, True)
    alarms = boto3.client("cloudwatch").describe_alarms(AlarmNamePrefix="obs-local-unusual-")["MetricAlarms"]
    assert {alarm["AlarmName"].removeprefix("obs-local-unusual-") for alarm in alarms} == {"relay", *own}
    [alarm] = [alarm for alarm in alarms if alarm["AlarmName"].endswith("-collector")]
    assert {"Name": "LogAnomalyDetector", "Value": given["detectorName"]} in alarm["Dimensions"]
    assert "docs/targets/aws.md#alarms" in alarm["AlarmDescription"]


@pytest.mark.parametrize(("kept", "told"), [("3d", 7), ("90d", 90), ("365d", 90)])
def test_the_unusual_is_told_of_while_its_lines_are_there(kept: str, told: int) -> None:
    task = part(plan(spec(aws={"log_retention": kept}), "prod-aws"), "collector")
    assert task.detector.days == told  # type: ignore[attr-defined]


def test_nobody_looks_for_the_unusual_where_the_stack_does_not() -> None:
    text = plan(spec(aws={"log_anomalies": False}), "prod-aws").model_dump_json()
    assert "obs-local-unusual" not in text
    assert "anomaly-detector" not in text, "nor may it use the key"


def test_people_are_told_of_costs(made: dict[str, Any]) -> None:
    client = boto3.client("budgets")
    [budget] = client.describe_budgets(AccountId="123456789012")["Budgets"]
    assert (float(budget["BudgetLimit"]["Amount"]), budget["BudgetLimit"]["Unit"]) == (900, "USD")
    told = client.describe_notifications_for_budget(AccountId="123456789012", BudgetName="obs-local")
    assert {item["NotificationType"] for item in told["Notifications"]} == {"ACTUAL", "FORECASTED"}
