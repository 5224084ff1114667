"""Prometheus and Alertmanager of the stack's own: what is decided, what AWS has of it, what engines say."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from aws.account import verify
from aws.account.ask import Asking
from aws.account.health import Health, health
from aws.account.verify import checks
from aws.parts import AwsPlan, Task, Volumes
from aws.plan import plan
from aws.policies import WILDCARDS
from aws.refusals import refusals
from components.render.text import texts
from components.rules import files as rules
from components.spec import Spec
from tests import specs
from tests.aws.account import REGION, by_itself, part, spec, with_pairs
from tests.render import engines, golden
from vsi.site import local_site

PAIRS = ("alertmanager-1", "alertmanager-2", "prometheus-1", "prometheus-2")


@pytest.fixture(scope="module")
def own() -> AwsPlan:
    return plan(with_pairs(), "prod-aws")


@pytest.fixture(scope="module")
def made(own: AwsPlan) -> Iterator[dict[str, Any]]:
    with by_itself(own) as found:
        yield found


def _task(own: AwsPlan, name: str) -> Task:
    found = part(own, name)
    assert isinstance(found, Task)
    return found


def test_the_pairs_are_as_reviewed(own: AwsPlan) -> None:
    names = ("volumes", "alertmanager-2", "prometheus-2")
    parts = {name: part(own, name).model_dump(exclude={"files"}) for name in names}
    files = {
        f"{name}/{path}": text
        for name in names
        for path, text in part(own, name).files
        if path in ("alertmanager.yml", "prometheus.yml")
    }
    golden.check("aws-pairs", {"parts.json": json.dumps(parts, indent=1) + "\n", **files})


def test_nothing_of_the_managed_one_is_left(own: AwsPlan) -> None:
    assert not {"metrics", "prometheus"} & {item.name for item in own.parts}
    whole = own.model_dump_json()
    assert [word for word in ("aps:", "aps-", "aps.", "{late:workspace") if word in whole] == []


def test_what_is_refused_of_a_workspace_alone_is_not() -> None:
    given = with_pairs(metrics={"exemplars": 7, "retention": {"time": "36h", "size": "7GiB"}})
    assert refusals(given) == []
    prometheus = dict(part(plan(given, "x"), "prometheus-1").files)["prometheus.yml"]
    assert "time: 36h" in prometheus
    assert "max_exemplars: 7" in prometheus


def test_an_alertmanager_without_an_image_or_an_image_without_one_is_refused() -> None:
    stack = specs.on_aws(aws={"metrics": "self"})
    [problem] = refusals(Spec.model_validate_json(json.dumps(stack)))
    assert problem.key == "aws.images.alertmanager"
    image = specs.account_with_pairs()["images"]["alertmanager"]
    [problem] = refusals(spec(aws={"images": {"alertmanager": image}}))
    assert problem.key == "aws.images.alertmanager"
    assert "a managed Alertmanager" in str(problem)


def test_rules_of_services_are_those_of_every_target(own: AwsPlan) -> None:
    given = with_pairs()
    elsewhere = texts(rules.documents(given, local_site(given)))
    here = dict(part(own, "prometheus-1").files)
    same = [f"rules/{service.name}.yml" for service in given.services] + ["rules/custom.yml"]
    assert {path: here[path] for path in same} == {path: elsewhere[path] for path in same}
    assert "rules/platform-prometheus.yml" in here
    assert not [path for path in here if path.startswith("tests/")]


def test_each_waits_for_the_one_before(own: AwsPlan) -> None:
    """Otherwise a change takes both of a pair away at once."""
    for first, second in (PAIRS[:2], PAIRS[2:]):
        assert f"{first}@{REGION}" in part(own, second).needs


def test_those_who_gossip_know_the_other_and_may_reach_it(own: AwsPlan, made: dict[str, Any]) -> None:
    for name, other in (PAIRS[:2], PAIRS[1::-1]):
        [container] = [item for item in json.loads(_task(own, name).containers) if item["name"] == name]
        peers = [word for word in container["command"] if word.startswith("--cluster.peer=")]
        assert peers == [f"--cluster.peer={other}.local.obs.internal:21002"]
    client = boto3.client("ec2")
    groups = client.describe_security_groups()["SecurityGroups"]
    [tasks] = [group for group in groups if group["Description"] == "Tasks of the stack"]
    for direction in ("IpPermissions", "IpPermissionsEgress"):
        [rule] = [rule for rule in tasks[direction] if rule["IpProtocol"] == "udp"]
        assert (rule["FromPort"], rule["ToPort"]) == (21002, 21002)
        assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [tasks["GroupId"]]


@pytest.mark.parametrize("name", PAIRS)
def test_data_outlives_the_task_in_a_folder_of_its_own(name: str, made: dict[str, Any]) -> None:
    client = boto3.client("ecs")
    given = client.describe_task_definition(taskDefinition=f"obs-local-{name}")["taskDefinition"]
    [data] = [volume for volume in given["volumes"] if volume["name"] == "data"]
    others = [volume for volume in given["volumes"] if volume["name"] != "data"]
    assert all("efsVolumeConfiguration" not in volume for volume in others)
    [point] = boto3.client("efs").describe_access_points(
        AccessPointId=data["efsVolumeConfiguration"]["authorizationConfig"]["accessPointId"]
    )["AccessPoints"]
    assert point["RootDirectory"]["Path"] == f"/{name}"
    assert data["efsVolumeConfiguration"]["transitEncryption"] == "ENABLED"
    service = made[f"prod-aws-{name}-{name}-service"]
    assert service["deploymentMaximumPercent"] == 100, "two would write into one folder"

    policy = boto3.client("iam").get_role_policy(RoleName=f"obs-local-{name}-task", PolicyName="own")
    [mounts] = [
        item
        for item in policy["PolicyDocument"]["Statement"]
        if "elasticfilesystem:ClientMount" in item["Action"]
    ]
    only = {"elasticfilesystem:AccessPointArn": point["AccessPointArn"]}
    assert mounts["Condition"] == {"StringEquals": only}


def test_volumes_are_encrypted_and_reached_by_tasks_alone(made: dict[str, Any]) -> None:
    efs, ec2 = boto3.client("efs"), boto3.client("ec2")
    [system] = efs.describe_file_systems()["FileSystems"]
    assert system["Encrypted"]
    assert system["KmsKeyId"] == made["prod-aws-volumes"]["kmsKeyId"]
    of = {"FileSystemId": system["FileSystemId"]}
    [denied] = json.loads(efs.describe_file_system_policy(**of)["Policy"])["Statement"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert denied["Resource"] == [system["FileSystemArn"]]
    targets = efs.describe_mount_targets(**of)["MountTargets"]
    assert len({target["AvailabilityZoneName"] for target in targets}) == 3
    for target in targets:
        groups = efs.describe_mount_target_security_groups(MountTargetId=target["MountTargetId"])
        [group] = ec2.describe_security_groups(GroupIds=groups["SecurityGroups"])["SecurityGroups"]
        [rule] = group["IpPermissions"]
        assert (rule["FromPort"], rule["ToPort"], rule["IpRanges"]) == (2049, 2049, [])


def test_alertmanager_may_tell_the_topic_alone(own: AwsPlan) -> None:
    for name in PAIRS[:2]:
        statements = json.loads(_task(own, name).task_policy)["Statement"]
        [told] = [item for item in statements if item["Action"] == ["sns:Publish"]]
        assert told["Resource"] == [f"arn:aws:sns:{REGION}:123456789012:obs-local-alerts"]
        assert _task(own, name).secrets == (), "addresses of receivers are the relay's"
    wide = [
        (item.name, statement)
        for item in own.parts
        if isinstance(item, Task)
        for statement in json.loads(item.task_policy)["Statement"]
        if "*" in statement["Resource"] and not set(statement["Action"]) <= WILDCARDS.keys()
    ]
    assert wide == []


def test_engines_accept_what_the_pairs_read(own: AwsPlan, tmp_path: Path) -> None:
    promtool, amtool = (
        engines.program(engine, name)
        for engine, name in (("prometheus", "promtool"), ("alertmanager", "amtool"))
    )
    for program, command in (
        ("prometheus-2", [promtool, "check", "config", "prometheus.yml"]),
        ("alertmanager-2", [amtool, "check-config", "alertmanager.yml"]),
    ):
        engines.write(tmp_path / program, dict(part(own, program).files))
        checked = engines.run(command, tmp_path / program)
        assert checked.returncode == 0, checked.stdout


def test_status_and_verify_know_the_volumes(
    own: AwsPlan, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, volumes = Asking(REGION, {}), part(own, "volumes")
    assert isinstance(volumes, Volumes)
    assert health(own, asking, volumes) == Health()
    monkeypatch.setattr(verify, "status", lambda *_: [])
    rows = {row.name: (row.result, row.text) for row in checks(own, asking)}
    assert rows["volumes encrypted"][0] == "passed"
    assert rows["samples arrive"][0] == "not applied"

    efs = boto3.client("efs")
    for point in efs.describe_access_points()["AccessPoints"]:
        if point["RootDirectory"]["Path"] == "/prometheus-2":
            efs.delete_access_point(AccessPointId=point["AccessPointId"])
    [found] = health(own, asking, volumes).found
    assert (found.state, found.words) == ("missing", "folder prometheus-2 of the volumes")
