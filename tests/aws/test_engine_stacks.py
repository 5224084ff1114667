"""The other stack files of AWS under the real Pulumi engine: staging in an account of moto's, training in the
stand-in that `obs` itself starts."""

import contextlib
import os
from collections.abc import Iterator

import boto3
import psutil
import pytest
from botocore.exceptions import EndpointConnectionError
from moto.server import ThreadedMotoServer

from aws import stand_in
from tests.aws.standing import Standing, official
from tests.aws.test_engine import server, there  # noqa: F401 - a fixture
from tests.engine.project import find_pulumi

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not os.environ.get("OBS_TEST_AWS_STACKS"),
        reason="has come to its end nowhere yet; OBS_TEST_AWS_STACKS=1 runs it",
    ),
]


@pytest.fixture(autouse=True)
def _engine() -> None:
    if find_pulumi() is None:
        pytest.skip("no Pulumi CLI on PATH or in the cache of engines: obs engines build pulumi")


@pytest.fixture
def training(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standing]:
    """As it is in the project, without anybody's credentials."""
    made = Standing.make(tmp_path_factory.mktemp("training"), None, "training-aws")
    made.shop.environment |= {"AWS_ACCESS_KEY_ID": "somebody's", "AWS_SECRET_ACCESS_KEY": "somebody's"}
    monkeypatch.setenv("OBS_STATE_DIR", str(made.shop.root / ".state"))
    yield made
    stand_in.end("training-aws")


def test_staging_goes_up_once_and_leaves_what_is_kept(
    tmp_path_factory: pytest.TempPathFactory,
    server: ThreadedMotoServer,  # noqa: F811
) -> None:
    stack = Standing.make(tmp_path_factory.mktemp("staging"), server, "staging-aws")
    stack.obs("up", "--yes")
    assert "nothing to change" in stack.obs("up", "--yes")
    archive = "obs-staging-aws-archive-123456789012-eu-central-1"
    assert {"obs-staging-aws", archive, "collector-1", "collector-2"} <= _own(stack)
    assert "collector-3" not in _own(stack)
    down = stack.obs("destroy", "--yes")
    assert f"s3/bucket:Bucket  {archive}" in down
    assert "goes on costing" in down
    assert _own(stack) == {"obs-staging-aws", archive}


def _own(stack: Standing) -> set[str]:
    """What the account has, with the services of the stack's cluster."""
    ecs = stack.client("ecs")
    services: list[str] = []
    with contextlib.suppress(ecs.exceptions.ClusterNotFoundException):
        for page in ecs.get_paginator("list_services").paginate(cluster="obs-staging-aws"):
            services += [arn.rpartition("/")[2] for arn in page["serviceArns"]]
    names = {name for name in there(stack) if "prod" not in name}
    return names | set(services)


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
