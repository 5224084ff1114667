"""A log group that was there, under the real Pulumi engine: taken over at once, it outlives the stack."""

import pytest

from tests.aws.standing import Standing, an_account
from tests.engine.project import find_pulumi

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]
GROUP = "/obs/staging-aws/relay"


def group(standing: Standing) -> tuple[int | None, str | None, list[str]]:
    """Its retention, its key, and the names of its streams."""
    client = standing.client("logs")
    [found] = client.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    streams = client.describe_log_streams(logGroupName=GROUP)["logStreams"]
    return found.get("retentionInDays"), found.get("kmsKeyId"), [it["logStreamName"] for it in streams]


def test_a_log_of_anothers_is_taken_over_and_outlives_the_stack(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    if find_pulumi() is None:
        pytest.skip("no Pulumi CLI on PATH or in the cache of engines: obs engines build pulumi")
    with an_account() as url:
        standing = Standing.make(tmp_path_factory.mktemp("adopted"), url, "staging-aws")
        client = standing.client("logs")
        client.create_log_group(logGroupName=GROUP)
        client.create_log_stream(logGroupName=GROUP, logStreamName="old")

        said = standing.obs("preview")
        assert f"log group {GROUP}: it is there, without the tag obs:stack" in said
        assert "will fail" not in said
        assert group(standing) == (None, None, ["old"]), "a preview changes nothing"

        standing.obs("up", "--yes")
        days, key, streams = group(standing)
        assert (days, streams) == (30, ["old"])
        assert (
            key
            == standing.client("logs").describe_log_groups(logGroupNamePrefix="/obs/staging-aws/collector")[
                "logGroups"
            ][0]["kmsKeyId"]
        )
        assert "nothing to change" in standing.obs("up", "--yes")

        standing.edit(deploy={"retain": False})
        standing.obs("up", "--yes")
        down = standing.obs("destroy", "--yes")
        groups = client.describe_log_groups()["logGroups"]
        assert [found["logGroupName"] for found in groups] == [GROUP], "those that it made are gone"
        assert group(standing) == (days, key, ["old"])
        assert f"there adopted log group  {GROUP}" in down
        state = standing.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
        assert state == "Enabled", "without it nobody reads the log"
