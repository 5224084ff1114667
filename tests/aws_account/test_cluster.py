"""The cluster of EKS: what is decided, and what AWS has of it afterwards."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest

from aws.account import quotas, region, roles, taken, verify
from aws.account.clusters import guarded, standard
from aws.account.health import health
from aws.account.verify import checks
from aws.cluster import LOGS, MANAGED, image
from aws.parts import AwsPlan, Cluster
from aws.plan import plan
from aws.policies import WILDCARDS
from aws.refusals import refusals
from components.spec import Spec
from tests.aws import clusters, operations
from tests.aws.account import REGION, by_itself, part, spec, with_cluster
from tests.aws.values import whole
from tests.aws_account.wire import Answer, Answering, bounds, refused, said
from tests.render import golden

SESSION = boto3.session.Session()
GONE = '{"__type": "ResourceNotFoundException"}'
ACTIVE: Answer = said(addon={"status": "ACTIVE"})

NAME = "obs-local"
OFFICE = "198.51.100.0/24"
ADMINISTRATOR = "arn:aws:iam::123456789012:role/platform"


@pytest.fixture(scope="module")
def there() -> AwsPlan:
    """The shop, with a cluster."""
    return plan(with_cluster(reached_from=[OFFICE]), "prod-aws")


@pytest.fixture(scope="module")
def cluster(there: AwsPlan) -> Cluster:
    """That part."""
    found = part(there, "cluster")
    assert isinstance(found, Cluster)
    return found


@pytest.fixture(scope="module")
def stands(there: AwsPlan) -> Iterator[dict[str, Any]]:
    """It in an account of moto's: what each resource was given, by its name."""
    with by_itself(there) as resources:
        yield resources


def test_the_cluster_is_as_reviewed(cluster: Cluster) -> None:
    golden.check("aws-cluster", {"cluster.json": json.dumps(cluster.model_dump(), indent=1) + "\n"})


def test_without_a_version_there_is_none() -> None:
    assert not any(isinstance(item, Cluster) for item in plan(spec(), "prod-aws").parts)


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("m7i.large", "x86_64"),
        ("m7g.large", "ARM_64"),
        ("r8gd.2xlarge", "ARM_64"),
        ("x2iedn.xlarge", "x86_64"),
        ("g5.xlarge", "x86_64"),
        ("g5g.xlarge", "ARM_64"),
        ("im4gn.large", "ARM_64"),
    ],
)
def test_nodes_have_an_image_of_their_processors(type_: str, kind: str) -> None:
    assert image(type_) == f"AL2023_{kind}_STANDARD"


def _statements(cluster: Cluster) -> Iterator[tuple[str, dict[str, Any]]]:
    for role in cluster.roles:
        for text in filter(None, (role.assume, role.policy)):
            yield from ((role.name, item) for item in json.loads(text)["Statement"])


def test_roles_of_ours_have_no_wildcard(cluster: Cluster) -> None:
    for name, statement in _statements(cluster):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action and action not in WILDCARDS], name
        assert "*" not in statement.get("Resource", []), name


def test_policies_of_aws_are_those_with_a_reason(cluster: Cluster) -> None:
    used = [policy.rpartition("/")[2] for role in cluster.roles for policy in role.managed]
    assert sorted(used) == sorted(MANAGED)


def test_pods_of_one_service_account_take_a_role(cluster: Cluster) -> None:
    for addon in cluster.addons:
        if not addon.role:
            continue
        [role] = [role for role in cluster.roles if role.name == addon.role]
        [statement] = json.loads(role.assume)["Statement"]
        assert statement["Condition"]["StringEquals"] == {
            "aws:RequestTag/eks-cluster-arn": f"arn:aws:eks:{REGION}:123456789012:cluster/{NAME}",
            "aws:RequestTag/kubernetes-namespace": "kube-system",
            "aws:RequestTag/kubernetes-service-account": addon.account,
        }


def test_the_key_is_for_disks_of_nodes_where_there_are_nodes(there: AwsPlan) -> None:
    def sids(of: AwsPlan) -> set[str]:
        return {item["Sid"] for item in json.loads(part(of, "key").policy)["Statement"]}  # type: ignore[attr-defined]

    assert sids(there) - sids(plan(spec(), "prod-aws")) == {"Nodes", "DisksOfNodes"}


def test_nodes_reach_the_services_that_they_ask(there: AwsPlan) -> None:
    """Without them no node joins: the network has no way to the internet."""
    asked = part(there, "network").endpoints  # type: ignore[attr-defined]
    assert {"ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "sts"} <= set(asked)
    assert "eks" not in part(plan(spec(), "prod-aws"), "network").endpoints  # type: ignore[attr-defined]


def _changed(cluster: dict[str, Any], **account: Any) -> Spec:
    given = json.loads(with_cluster(**cluster).model_dump_json(exclude_unset=True))
    given["aws"] |= account
    return Spec.model_validate_json(json.dumps(given))


@pytest.mark.parametrize(
    ("cluster", "account", "key"),
    [
        (
            {"administrators": ["arn:aws:iam::210987654321:role/theirs"]},
            {},
            "aws.cluster.administrators[0]",
        ),
        ({}, {"stand_in": True}, "aws.cluster.version"),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(
    cluster: dict[str, Any], account: dict[str, Any], key: str
) -> None:
    [problem] = refusals(_changed(cluster, **account))
    assert problem.key == key
    assert "target aws" in str(problem)


def test_a_control_plane_is_closed_logged_and_encrypted(stands: dict[str, Any]) -> None:
    found = boto3.client("eks").describe_cluster(name=NAME)["cluster"]
    assert found["version"] == "1.34"
    network = found["resourcesVpcConfig"]
    assert (network["endpointPrivateAccess"], network["endpointPublicAccess"]) == (True, True)
    assert network["publicAccessCidrs"] == [OFFICE], "and not everybody"
    assert len(network["subnetIds"]) == 3
    [log] = found["logging"]["clusterLogging"]
    assert (set(log["types"]), log["enabled"]) == (set(LOGS), True)
    [encrypted] = found["encryptionConfig"]
    assert encrypted["resources"] == ["secrets"]
    key = encrypted["provider"]["keyArn"]
    groups = boto3.client("logs").describe_log_groups(logGroupNamePrefix="/aws/eks/")["logGroups"]
    assert [(item["logGroupName"], item["retentionInDays"], item["kmsKeyId"]) for item in groups] == [
        (f"/aws/eks/{NAME}/cluster", 30, key)
    ]
    assert stands["prod-aws-cluster"]["deletionProtection"] is True


def test_nobody_may_do_anything_but_those_who_are_named(stands: dict[str, Any]) -> None:
    access = stands["prod-aws-cluster"]["accessConfig"]
    assert access == {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}
    assert stands["prod-aws-cluster-administrator-platform"]["principalArn"] == ADMINISTRATOR
    may = stands["prod-aws-cluster-administrator-platform-may"]
    assert (may["principalArn"], may["accessScope"]) == (ADMINISTRATOR, {"type": "cluster"})
    assert len([name for name in stands if "-administrator-" in name]) == 2


def test_nodes_are_spread_and_encrypted_and_keep_their_credentials(stands: dict[str, Any]) -> None:
    nodes = boto3.client("eks").describe_nodegroup(clusterName=NAME, nodegroupName=NAME)["nodegroup"]
    assert nodes["scalingConfig"] == {"minSize": 3, "maxSize": 3, "desiredSize": 3}
    assert len(nodes["subnets"]) == 3
    of = nodes["launchTemplate"]
    [template] = boto3.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=of["id"], Versions=[of["version"]]
    )["LaunchTemplateVersions"]
    machine = template["LaunchTemplateData"]
    assert machine["MetadataOptions"]["HttpTokens"] == "required"
    assert machine["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    [disk] = machine["BlockDeviceMappings"]
    assert (disk["Ebs"]["Encrypted"], disk["Ebs"]["VolumeSize"]) == (True, 50)
    tagged = {item["ResourceType"]: item["Tags"] for item in machine["TagSpecifications"]}
    assert {"Key": "obs:stack", "Value": "prod-aws"} in tagged["volume"]


def test_each_role_has_the_policies_of_the_plan(stands: dict[str, Any], cluster: Cluster) -> None:
    client = boto3.client("iam")
    for role in cluster.roles:
        found = client.list_attached_role_policies(RoleName=role.called)["AttachedPolicies"]
        assert {item["PolicyArn"] for item in found} == set(role.managed)


def test_addons_that_nodes_need_come_first(stands: dict[str, Any], cluster: Cluster) -> None:
    order = list(stands)
    nodes = order.index("prod-aws-cluster-group")
    for addon in cluster.addons:
        assert (order.index(f"prod-aws-cluster-{addon.name}") < nodes) is addon.before


def test_what_was_changed_by_hand_is_read(stands: dict[str, Any]) -> None:
    """Of a cluster that somebody opened, the next run would take that back; what is gone is not there."""
    given = whole(stands["prod-aws-cluster"])
    assert operations.read(clusters.CLUSTER, NAME, given) == given
    client = boto3.client("eks")
    opened = {**given["vpcConfig"], "publicAccessCidrs": ["0.0.0.0/0"]}
    client.update_cluster_config(name=NAME, resourcesVpcConfig=opened)
    found = operations.read(clusters.CLUSTER, NAME, given)
    assert operations.differing(clusters.CLUSTER, found or {}, given) == (["vpcConfig"], [])
    operations.change(clusters.CLUSTER, NAME, found or {}, given)
    assert operations.read(clusters.CLUSTER, NAME, given) == given
    assert operations.read(clusters.TEMPLATE, "lt-00000000000000000", {}) is None


def _asking(there: AwsPlan, answers: Mapping[str, Answer] | None = None) -> Answering:
    """What moto does not have is well."""
    versions = said(clusterVersions=[{"clusterVersion": "1.34", "versionStatus": "STANDARD_SUPPORT"}])
    well: dict[str, Answer] = {
        "eks.DescribeAddon": ACTIVE,
        "eks.DescribeClusterVersions": versions,
        "service-quotas.GetServiceQuota": bounds(),
    }
    return Answering(there, {**well, **(answers or {})}, session=SESSION)


def _found(
    source: Any, there: AwsPlan, what: str, answers: Mapping[str, Answer] | None = None
) -> list[tuple[str, str, bool]]:
    """What the checks of one module find that are about this."""
    return [
        (found.key, str(found.value), found.fatal)
        for check in source.checks(there, _asking(there, answers))
        if what in check.what
        for found in check.ask()
    ]


def test_one_that_is_there_is_well(stands: dict[str, Any], there: AwsPlan, cluster: Cluster) -> None:
    assert health(there, _asking(there), cluster).found == ()


DEGRADED = {"status": "DEGRADED", "health": {"issues": [{"code": "x", "message": "no replicas"}]}}


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (said(addon=DEGRADED), "unwell", "add-on coredns is DEGRADED: no replicas"),
        (said(addon={"status": "CREATING"}), "starting", "add-on coredns is CREATING"),
        ((404, GONE), "missing", "add-on coredns"),
    ],
    ids=["degraded", "creating", "missing"],
)
def test_what_is_not_well_is_named(
    stands: dict[str, Any], there: AwsPlan, cluster: Cluster, answer: Any, state: str, words: str
) -> None:
    def of(request: Any) -> Any:
        return answer if "coredns" in request.url else ACTIVE

    [found] = health(there, _asking(there, {"eks.DescribeAddon": of}), cluster).found
    assert (found.state, found.words) == (state, words)


def test_one_that_is_not_there_is_missing(stands: dict[str, Any], there: AwsPlan, cluster: Cluster) -> None:
    other = cluster.model_copy(update={"called": "obs-other"})
    found = health(there, _asking(there), other).found
    assert [(item.state, item.words) for item in found] == [("missing", "EKS cluster obs-other")]


def test_verify_names_what_is_not_as_it_was_to_be(
    stands: dict[str, Any], there: AwsPlan, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    [encrypted] = boto3.client("eks").describe_cluster(name=NAME)["cluster"]["encryptionConfig"]
    key = encrypted["provider"]["keyArn"]
    assert guarded(_asking(there), cluster, key) == []
    closed = cluster.model_copy(update={"reached_from": ("203.0.113.0/24",)})
    open_ = "its interface is open to others than aws.cluster.reached_from"
    assert guarded(_asking(there), closed, key) == [open_]
    assert guarded(_asking(there), cluster, "other") == ["its secrets are not under the stack's key"]
    more = cluster.model_copy(update={"logs": (*cluster.logs, "more")})
    assert guarded(_asking(there), more, key) == ["it does not log more"]
    for name in ("status", "queried"):  # of which moto has not all
        monkeypatch.setattr(verify, name, lambda *_: [])
    [row] = [row for row in checks(there, _asking(there)) if row.name.startswith("cluster closed")]
    assert (row.result, OFFICE in row.text) == ("passed", True)


def test_a_version_that_is_not_offered_is_named(there: AwsPlan) -> None:
    def of(**version: str) -> list[tuple[str, str, bool]]:
        answer = said(clusterVersions=[version] if version else [])
        return _found(region, there, "version of EKS", {"eks.DescribeClusterVersions": answer})

    assert of(clusterVersion="1.34", versionStatus="STANDARD_SUPPORT") == []
    none = ("Kubernetes 1.34", "not offered in eu-central-1", True)
    assert of() == of(clusterVersion="1.34", versionStatus="UNSUPPORTED") == [none]
    [(_, told, fatal)] = of(clusterVersion="1.34", versionStatus="EXTENDED_SUPPORT")
    assert ("support is over" in told, fatal) == (True, False)
    refusal = {"eks.DescribeClusterVersions": refused("InvalidParameterException")}
    assert _found(region, there, "version of EKS", refusal) == [none]


def test_a_machine_that_the_region_lacks_is_named(stands: dict[str, Any], there: AwsPlan) -> None:
    assert _found(region, there, "types of nodes of EKS") == []
    none: Answer = {"InstanceTypeOfferings": []}
    found = _found(region, there, "types of nodes of EKS", {"ec2.DescribeInstanceTypeOfferings": none})
    assert found == [("machine m7i.xlarge", "not offered in eu-central-1", True)]


@pytest.mark.parametrize(
    ("type_", "counted"),
    [("m7i.xlarge", True), ("t3.large", True), ("inf2.xlarge", False), ("g5.xlarge", False)],
)
def test_most_machines_count_against_one_bound(type_: str, counted: bool) -> None:
    assert standard(type_) is counted


def test_quotas_count_nodes_that_are_not_there_yet(stands: dict[str, Any], there: AwsPlan) -> None:
    """Those that run need no more room."""
    few: dict[str, Answer] = {"service-quotas.GetServiceQuota": bounds(ec2=5, eks=0)}
    assert _found(quotas, there, "vCPUs of machines", few) == []
    assert _found(quotas, there, "EKS clusters", few) == []
    absent = few | {"eks.DescribeNodegroup": (404, GONE)}
    [found] = _found(quotas, there, "vCPUs of machines", absent)
    assert found == ("quota vCPUs of machines", "0 of 5 are used", True)
    none = few | {"eks.ListClusters": said(clusters=["other"])}
    assert _found(quotas, there, "EKS clusters", none) == [("quota EKS clusters", "1 of 0 are used", True)]


def test_roles_that_aws_keeps_are_asked_for(stands: dict[str, Any], there: AwsPlan) -> None:
    """Without the one that starts nodes no key can be made."""
    assert _found(roles, there, "AWSServiceRoleForA") == [
        ("role AWSServiceRoleForAmazonOpenSearchService", "does not exist", True),
        ("role AWSServiceRoleForAmazonEKS", "does not exist", False),
        ("role AWSServiceRoleForAmazonEKSNodegroup", "does not exist", False),
        ("role AWSServiceRoleForAutoScaling", "does not exist", True),
    ]


def test_names_that_somebody_has_are_told(stands: dict[str, Any], there: AwsPlan) -> None:
    """Mocks tag nothing, so all of it is somebody else's."""
    for what in (f"EKS cluster {NAME}", f"launch template {NAME}-nodes", f"role {NAME}-disks"):
        assert _found(taken, there, what) == [(what, "it is there, without the tag obs:stack", True)]
    tag = [{"Key": "obs:stack", "Value": "prod-aws"}]
    [made] = boto3.client("ec2").describe_launch_templates()["LaunchTemplates"]
    boto3.client("ec2").create_tags(Resources=[made["LaunchTemplateId"]], Tags=tag)
    assert _found(taken, there, "launch template") == []
