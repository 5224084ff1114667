"""Stacks on AWS under the real Pulumi engine, in an account of moto's."""

import logging
from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from tests.aws.standing import Standing, official
from tests.engine.project import find_pulumi

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]
STACK = "prod-aws"
ARCHIVE = "obs-prod-aws-archive-123456789012-eu-central-1"


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedMotoServer]:
    """An account that is empty."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells every request
    made = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def standing(tmp_path_factory: pytest.TempPathFactory, server: ThreadedMotoServer) -> Standing:
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
    """Service of ECS that runs -> its task definition. moto remembers those that ran."""
    ecs = standing.client("ecs")
    try:
        arns = ecs.list_services(cluster="obs-prod-aws")["serviceArns"]
        found = ecs.describe_services(cluster="obs-prod-aws", services=arns)["services"] if arns else []
    except ecs.exceptions.ClusterNotFoundException:
        return {}
    return {item["serviceName"]: item["taskDefinition"] for item in found if item["status"] == "ACTIVE"}


def test_a_stack_goes_up_changes_nothing_again_and_leaves_what_holds_data(standing: Standing) -> None:
    previewed = standing.obs("preview")
    assert "metrics: create" in previewed
    assert "new rules/gateway.yml" in previewed
    assert standing.asked() == []
    assert there(standing) == set()

    standing.obs("up", "--yes")
    kept = {"obs-prod-aws", ARCHIVE}
    tasks = {"collector-1", "collector-2", "collector-3", "housekeeper", "jaeger", "prometheus"}
    config = "obs-prod-aws-config-123456789012-eu-central-1"
    assert there(standing) == kept | tasks | {config, "obs-prod-aws-relay"}
    standing.asked()

    assert "nothing to change" in standing.obs("up", "--yes")
    assert standing.asked() == []

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
