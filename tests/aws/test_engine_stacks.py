"""The other stack files of AWS under the real Pulumi engine: staging in an account of moto's, training in the
stand-in that `obs` itself starts."""

from collections.abc import Iterator

import boto3
import psutil
import pytest
from botocore.exceptions import EndpointConnectionError

from aws import stand_in
from tests.aws.standing import Standing, an_account, official
from tests.aws.test_engine import services, there
from tests.engine.project import find_pulumi
from tests.specs import CERTIFICATE

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]


@pytest.fixture(autouse=True)
def _engine() -> None:
    if find_pulumi() is None:
        pytest.skip("no Pulumi CLI on PATH or in the cache of engines: obs engines build pulumi")


@pytest.fixture
def account() -> Iterator[str]:
    """One of its own for each."""
    with an_account() as url:
        yield url


@pytest.fixture
def training(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standing]:
    """As it is in the project, without anybody's credentials."""
    made = Standing.make(tmp_path_factory.mktemp("training"), None, "training-aws")
    made.shop.environment |= {"AWS_ACCESS_KEY_ID": "somebody's", "AWS_SECRET_ACCESS_KEY": "somebody's"}
    monkeypatch.setenv("OBS_STATE_DIR", str(made.shop.root / ".state"))
    yield made
    stand_in.end("training-aws")


@pytest.mark.parametrize("metrics", ["managed", "self"])
def test_staging_goes_up_once_and_leaves_what_is_kept(
    metrics: str, tmp_path_factory: pytest.TempPathFactory, account: str
) -> None:
    stack = Standing.make(tmp_path_factory.mktemp("staging"), account, "staging-aws")
    stack.edit(aws={"metrics": metrics})
    own = {"prometheus"}
    called = "obs-staging-aws"
    if metrics == "managed":
        by = "arn:aws:iam::123456789012:role/platform"
        stack.edit(aws={"cluster": {"version": "1.34", "administrators": [by], "nodes": 2}})
    if metrics == "self":
        stack.edit_images(alertmanager="alertmanager:0.28.1", grafana="grafana:12.2.0")
        stack.edit(aws={"grafana": True, "balancer": {"certificate": CERTIFICATE}})
        own = {"grafana"} | {
            f"{program}-{number}" for program in ("alertmanager", "prometheus") for number in (1, 2)
        }
    archive = "obs-staging-aws-archive-123456789012-eu-central-1"
    kept = {"obs-staging-aws", archive}

    stack.obs("up", "--yes")
    tasks = {"collector-1", "collector-2", "housekeeper", "jaeger"} | own
    assert set(services(stack)) == tasks
    assert kept <= there(stack)
    if metrics == "self":
        [balancer] = stack.client("elbv2").describe_load_balancers(Names=[called])["LoadBalancers"]
        listeners = stack.client("elbv2").describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])
        assert {item["Port"] for item in listeners["Listeners"]} == {
            443,
            stack.shop.base + 20,
            stack.shop.base + 21,
        }
    eks = stack.client("eks")
    if metrics == "managed":
        network = eks.describe_cluster(name=called)["cluster"]["resourcesVpcConfig"]
        assert (network["endpointPrivateAccess"], network["endpointPublicAccess"]) == (True, False)
        assert eks.list_nodegroups(clusterName=called)["nodegroups"] == [called]
        stack.edit(aws={"cluster": {"version": "1.34", "administrators": [by], "nodes": 3, "disk_gib": 60}})
        assert "updated cluster" in stack.obs("up", "--yes")
        nodes = eks.describe_nodegroup(clusterName=called, nodegroupName=called)["nodegroup"]
        assert nodes["scalingConfig"]["desiredSize"] == 3
        [template] = stack.client("ec2").describe_launch_templates()["LaunchTemplates"]
        assert (template["DefaultVersionNumber"], template["LatestVersionNumber"]) == (2, 2)
    assert "nothing to change" in stack.obs("up", "--yes")

    down = stack.obs("destroy", "--yes")
    data = "amp/workspace:Workspace" if metrics == "managed" else "efs/fileSystem:FileSystem"
    for kind in (data, "kms/key:Key", "opensearch/domain:Domain", "s3/bucket:Bucket"):
        assert f"kept  aws:{kind}  " in down
    assert f"s3/bucket:Bucket  {archive}" in down
    assert "goes on costing" in down
    assert "there vpc  vpc-" in down, "which what is kept needs"
    assert "prometheus" not in down.partition("is down")[2]
    assert there(stack) == kept
    if metrics == "managed":
        assert "kept  aws:eks/cluster:Cluster  " in down
        assert eks.list_nodegroups(clusterName=called)["nodegroups"] == []
    assert eks.list_clusters()["clusters"] == [called] * (metrics == "managed")
    volumes = stack.client("efs").describe_file_systems()["FileSystems"]
    assert [item["CreationToken"] for item in volumes] == ["obs-staging-aws"] * (metrics == "self")


def test_training_has_a_stand_in_that_comes_and_goes(training: Standing) -> None:
    assert "metrics: create" in training.obs("preview")
    assert stand_in.recorded("training-aws") is None, "a preview leaves nothing"

    said = training.obs("up", "--yes")
    assert "a stand-in for aws was started on this machine" in said
    first = stand_in.recorded("training-aws")
    assert first is not None
    assert training.url.endswith(f":{first.port}")
    groups = _groups(training)
    assert groups
    assert set(groups.values()) == {3}
    assert "nothing to change" in training.obs("up", "--yes")

    down = training.obs("destroy", "--yes")
    assert "kept" not in down
    assert stand_in.recorded("training-aws") is None
    assert not psutil.pid_exists(first.pid)
    assert official() or training.asked()
    with pytest.raises(EndpointConnectionError):
        _groups(training)


def _groups(training: Standing) -> dict[str, int | None]:
    client = boto3.client(
        "logs",
        endpoint_url=training.url,
        region_name="eu-central-1",
        aws_access_key_id="stand-in",
        aws_secret_access_key="stand-in",
    )
    return {
        group["logGroupName"]: group.get("retentionInDays")
        for group in client.describe_log_groups()["logGroups"]
    }


def test_programs_in_pods_go_up_once_and_leave_the_cluster(
    tmp_path_factory: pytest.TempPathFactory, account: str
) -> None:
    stack = Standing.make(tmp_path_factory.mktemp("pods"), account, "staging-aws")
    objects = stack.with_cluster()
    cluster = {
        "version": "1.34",
        "administrators": ["arn:aws:iam::123456789012:role/platform"],
        "reached_from": ["198.51.100.0/24"],
    }
    stack.edit(aws={"compute": "eks", "cluster": cluster})
    stack.edit_images(fluent_bit=f"fluent-bit@sha256:{'0' * 64}")
    assert "deployment-prometheus" in stack.obs("preview")
    assert not objects.exists(), "a preview makes nothing"

    stack.obs("up", "--yes")
    names = {path.stem for path in objects.iterdir()}
    programs = {"collector-1", "collector-2", "housekeeper", "jaeger", "prometheus"}
    assert {name for name in names if name.startswith("Deployment")} == {
        f"Deployment-{it}" for it in programs
    }
    assert stack.client("ecs").list_clusters()["clusterArns"] == []
    text = (objects / "Deployment-prometheus.json").read_text()
    assert "{late:" not in text
    assert "nothing to change" in stack.obs("up", "--yes")

    stack.edit(metrics={"scrape_interval": "45s"})
    stack.obs("up", "--yes")
    assert (objects / "Deployment-prometheus.json").read_text() != text, "other documents are another pod"

    assert "kept  aws:eks/cluster:Cluster  " in stack.obs("destroy", "--yes")
    assert list(objects.iterdir()) == []
