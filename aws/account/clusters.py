"""How a cluster of EKS is in the account, whose it is, and what the account lacks for one."""

import re
from collections.abc import Iterator
from typing import Any

from aws.account.ask import Asking, code, missing
from aws.account.checks import Tags, obstacle, tags
from aws.account.finding import Finding
from aws.parts import AwsPlan, Cluster
from components.target import Obstacle

COMING = ("CREATING", "PENDING", "UPDATING")
EVERYBODY = "0.0.0.0/0"
OTHERS = ("dl", "hpc", "inf", "mac", "trn")
"""Families of machines whose letter is that of others, and which have a bound of their own."""


def cluster(plan: AwsPlan, asking: Asking, part: Cluster) -> Iterator[Finding]:
    """The control plane, the nodes, and each add-on, as EKS calls them."""
    del plan
    client, of = asking.client("eks"), {"clusterName": part.called}
    try:
        found = client.describe_cluster(name=part.called)["cluster"]
    except client.exceptions.ResourceNotFoundException:
        yield Finding("missing", f"EKS cluster {part.called}")
        return
    yield from _state(f"EKS cluster {part.called}", found)
    try:
        nodes = client.describe_nodegroup(**of, nodegroupName=part.called)["nodegroup"]
    except client.exceptions.ResourceNotFoundException:
        yield Finding("missing", f"nodes of EKS cluster {part.called}")
    else:
        yield from _state(f"nodes of EKS cluster {part.called}", nodes)
    if asking.stand_in:
        return  # which has no add-ons
    for addon in part.addons:
        try:
            answer = client.describe_addon(**of, addonName=addon.name)["addon"]
        except client.exceptions.ResourceNotFoundException:
            yield Finding("missing", f"add-on {addon.name}")
        else:
            yield from _state(f"add-on {addon.name}", answer)


def _state(what: str, found: Any) -> Iterator[Finding]:
    """Whatever is not active, and what EKS says is wrong, with its first reason."""
    status, issues = found["status"], found.get("health", {}).get("issues", ())
    if status == "ACTIVE" and not issues:
        return
    told = f": {' '.join(str(issues[0].get('message', issues[0]['code'])).split())}" if issues else ""
    yield Finding("starting" if status in COMING and not issues else "unwell", f"{what} is {status}{told}")


def owner(client: Any, name: str) -> Tags:
    """The tags of the cluster of that name."""
    return dict(client.describe_cluster(name=name)["cluster"].get("tags", {}))


def template(client: Any, name: str) -> Tags | None:
    """Those of the template of its nodes."""
    by = [{"Name": "launch-template-name", "Values": [name]}]
    found = client.describe_launch_templates(Filters=by)["LaunchTemplates"]
    if not found:
        return None
    of = [{"Name": "resource-id", "Values": [found[0]["LaunchTemplateId"]]}]
    return tags(client.describe_tags(Filters=of)["Tags"])


def offered(plan: AwsPlan, asking: Asking, part: Cluster) -> list[Obstacle]:
    """Whether EKS has the version. One whose support is over is turned into the next."""
    client, what = asking.client("eks"), f"Kubernetes {part.version}"
    try:
        found = client.describe_cluster_versions(clusterVersions=[part.version])["clusterVersions"]
    except client.exceptions.ClientError as error:
        if code(error) not in ("InvalidParameterException", "ResourceNotFoundException"):
            raise
        found = []
    states = {item["clusterVersion"]: item.get("versionStatus", "") for item in found}
    do = "choose another: aws.cluster.version (aws eks describe-cluster-versions)"
    if states.get(part.version, "UNSUPPORTED") == "UNSUPPORTED":
        return [obstacle(what, f"not offered in {plan.region}", "a version of EKS", do)]
    if states[part.version] == "EXTENDED_SUPPORT":
        over = "its standard support is over: EKS refuses it, or turns it into the next one"
        return [obstacle(what, over, "a version in standard support", do, fatal=False)]
    return []


def machines(plan: AwsPlan, asking: Asking, part: Cluster) -> list[Obstacle]:
    """Whether the region has the type of the nodes."""
    by = [{"Name": "instance-type", "Values": [part.instance_type]}]
    found = asking.client("ec2").describe_instance_type_offerings(LocationType="region", Filters=by)
    if found["InstanceTypeOfferings"]:
        return []
    do = "choose another: aws.cluster.instance_type"
    told = f"not offered in {plan.region}"
    return [obstacle(f"machine {part.instance_type}", told, "a type of the region", do)]


def standard(type_: str) -> bool:
    """Whether a type of machine counts against the bound of most, which new accounts have at 5 vCPUs."""
    found = re.match(r"[a-z]+", type_)
    return found is not None and found[0] not in OTHERS and found[0][0] in "acdhimrtz"


def clusters(asking: Asking, part: Cluster) -> tuple[float, float]:
    """How many there are, and how many more there are to be."""
    client = asking.client("eks")
    there = [name for page in client.get_paginator("list_clusters").paginate() for name in page["clusters"]]
    return len(there), 0 if part.called in there else 1


def wanted(asking: Asking, part: Cluster) -> float:
    """vCPUs of nodes that are not there yet."""
    of = asking.client("ec2").describe_instance_types(InstanceTypes=[part.instance_type])["InstanceTypes"]
    client, there = asking.client("eks"), 0
    try:
        nodes = client.describe_nodegroup(clusterName=part.called, nodegroupName=part.called)["nodegroup"]
        there = nodes["scalingConfig"]["desiredSize"]
    except client.exceptions.ClientError as error:
        if not missing(error, "ResourceNotFoundException"):
            raise
    return float((part.nodes - there) * of[0]["VCpuInfo"]["DefaultVCpus"]) if of else 0.0


def guarded(asking: Asking, part: Cluster, key: str) -> list[str]:
    """What of a cluster is not as it is to be: who reaches it, what is encrypted, what is written down."""
    found = asking.client("eks").describe_cluster(name=part.called)["cluster"]
    network, wrong = found["resourcesVpcConfig"], list[str]()
    if not network.get("endpointPrivateAccess"):
        wrong.append("it is not reached from within the network")
    if network.get("endpointPublicAccess") and set(network.get("publicAccessCidrs") or (EVERYBODY,)) != set(
        part.reached_from
    ):
        wrong.append("its interface is open to others than aws.cluster.reached_from")
    keys = {item["provider"]["keyArn"] for item in found.get("encryptionConfig") or ()}
    if keys != {key}:
        wrong.append("its secrets are not under the stack's key")
    written = {
        kind
        for item in found.get("logging", {}).get("clusterLogging", ())
        if item.get("enabled")
        for kind in item["types"]
    }
    if lacking := sorted(set(part.logs) - written):
        wrong.append(f"it does not log {', '.join(lacking)}")
    return wrong
