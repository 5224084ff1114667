"""Stacks on AWS under the real Pulumi engine, in an account of moto's."""

from collections.abc import Iterator

import pytest

from tests.aws.standing import Standing, an_account, official
from tests.engine.project import find_pulumi

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]
STACK = "prod-aws"
ARCHIVE = "obs-prod-aws-archive-123456789012-eu-central-1"


@pytest.fixture
def server() -> Iterator[str]:
    """An account that is empty."""
    with an_account() as url:
        yield url


@pytest.fixture
def standing(tmp_path_factory: pytest.TempPathFactory, server: str) -> Standing:
    """The example, not there yet."""
    if find_pulumi() is None:
        pytest.skip("no Pulumi CLI on PATH or in the cache of engines: obs engines build pulumi")
    return Standing.make(tmp_path_factory.mktemp("aws"), server, STACK)


def names(lines: list[str], verb: str) -> set[str]:
    """Whom the provider was asked to create, update or delete."""
    return {line.partition(" ")[2] for line in lines if line.startswith(f"{verb} ")}


def there(standing: Standing) -> set[str]:
    """What costs, or holds data, of what the account has."""
    client = standing.client
    return {
        *services(standing),
        *(item["DomainName"] for item in client("opensearch").list_domain_names()["DomainNames"]),
        *(item["Name"] for item in client("s3").list_buckets()["Buckets"]),
        *(item["alias"] for item in client("amp").list_workspaces()["workspaces"]),
        *(item["FunctionName"] for item in client("lambda").list_functions()["Functions"]),
    }


def services(standing: Standing) -> dict[str, str]:
    """Service of ECS that runs -> its task definition. moto remembers those that ran, and tells of ten at
    once."""
    ecs, cluster = standing.client("ecs"), f"obs-{standing.stack}"
    found = dict[str, str]()
    try:
        for page in ecs.get_paginator("list_services").paginate(cluster=cluster):
            if arns := page["serviceArns"]:
                told = ecs.describe_services(cluster=cluster, services=arns)["services"]
                found |= {it["serviceName"]: it["taskDefinition"] for it in told if it["status"] == "ACTIVE"}
    except ecs.exceptions.ClusterNotFoundException:
        pass
    return found


def retentions(standing: Standing) -> dict[str, int | None]:
    """Log group -> days."""
    groups = standing.client("logs").describe_log_groups()["logGroups"]
    return {group["logGroupName"]: group.get("retentionInDays") for group in groups}


def half_made_by_a_failure(standing: Standing) -> None:
    """A log group is made, and a call fails before it has its retention: the run says of which part."""
    if official():
        return
    failed = standing.obs("up", "--yes", expect=1, fail="logs:PutRetentionPolicy")
    assert "PutRetentionPolicy operation: a failure that a test asked for" in failed
    assert "(create):" in failed
    assert None in retentions(standing).values()


def changed_behind_its_back(standing: Standing) -> None:
    """A refresh tells, by the part; what a preview names is what the next run puts right."""
    standing.client("logs").put_retention_policy(logGroupName="/obs/prod-aws/relay", retentionInDays=7)
    [workspace] = standing.client("amp").list_workspaces()["workspaces"]
    rules = {"workspaceId": workspace["workspaceId"], "name": "gateway"}
    standing.client("amp").delete_rule_groups_namespace(**rules)

    refreshed = standing.obs("refresh")
    assert "alerting: not as it was deployed" in refreshed
    assert "metrics: not as it was deployed" in refreshed
    previewed = standing.obs("preview")
    assert "alerting: update" in previewed
    assert "prod-aws-alerting-log: retentionInDays" in previewed
    assert "new prod-aws-metrics-rules-gateway" in previewed
    assert "would change: 2 units (alerting, metrics)" in previewed
    assert standing.asked() == []


def changed_in_place_and_anew(standing: Standing) -> None:
    """Retention is set where the log group is; a task is made anew: definition, service, and then the old
    definition goes."""
    before = services(standing)
    standing.edit(aws={"log_retention": "30d"}, metrics={"scrape_interval": "15s"})
    said = standing.obs("up", "--yes")
    assert "updated alerting" in said
    assert set(retentions(standing).values()) == {30}
    [workspace] = standing.client("amp").list_workspaces()["workspaces"]
    rules = {"workspaceId": workspace["workspaceId"], "name": "gateway"}
    assert standing.client("amp").describe_rule_groups_namespace(**rules)

    after = services(standing)
    assert {name for name in after if after[name] != before[name]} == {"prometheus"}
    ecs = standing.client("ecs")
    old, new = (
        ecs.describe_task_definition(taskDefinition=of["prometheus"])["taskDefinition"]
        for of in (before, after)
    )
    assert (old["status"], new["status"]) == ("INACTIVE", "ACTIVE")
    beside = {f"update prod-aws-prometheus-{name}" for name in ("log", "unusual")}  # whenever
    lines = [line for line in standing.asked() if "prod-aws-prometheus" in line and line not in beside]
    assert official() or lines == [
        "update prod-aws-prometheus-documents",
        "create prod-aws-prometheus-definition",
        "update prod-aws-prometheus-prometheus-service",
        "delete prod-aws-prometheus-definition",
    ]


def test_a_life_in_an_account(standing: Standing) -> None:
    previewed = standing.obs("preview")
    assert "metrics: create" in previewed
    assert "new rules/gateway.yml" in previewed
    assert standing.asked() == []
    assert there(standing) == set()

    half_made_by_a_failure(standing)

    standing.obs("up", "--yes")
    kept = {"obs-prod-aws", ARCHIVE}
    tasks = {"collector-1", "collector-2", "collector-3", "housekeeper", "jaeger", "prometheus"}
    config = "obs-prod-aws-config-123456789012-eu-central-1"
    assert there(standing) == kept | tasks | {config, "obs-prod-aws-relay"}
    assert set(retentions(standing).values()) == {90}
    standing.asked()

    assert "nothing to change" in standing.obs("up", "--yes")
    assert standing.asked() == []

    changed_behind_its_back(standing)
    changed_in_place_and_anew(standing)

    down = standing.obs("destroy", "--yes")
    assert there(standing) == kept
    for kind in ("amp/workspace:Workspace", "kms/key:Key", "opensearch/domain:Domain", "s3/bucket:Bucket"):
        assert f"kept  aws:{kind}  " in down
    assert f"s3/bucket:Bucket  {ARCHIVE}" in down
    assert "goes on costing" in down

    standing.edit(deploy={"retain": False})
    standing.obs("up", "--yes")
    asked = standing.asked()
    again = names(asked, "create")
    assert official() or "prod-aws-alerting-relay" in again
    assert not {"prod-aws-logs", "prod-aws-metrics", "prod-aws-archive", "prod-aws-key"} & again
    standing.client("s3").delete_bucket_policy(Bucket=ARCHIVE)
    standing.client("s3").put_object(Bucket=ARCHIVE, Key="a-day", Body=b"of logs")
    assert "kept" not in standing.obs("destroy", "--yes")
    assert there(standing) == set()
