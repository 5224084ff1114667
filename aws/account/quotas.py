"""Whether the account's quotas have room for a plan: what it needs beyond what it has already, beside what is
used there by others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from aws.account import clusters
from aws.account.ask import Asking, missing
from aws.account.checks import Check, obstacle, tags
from aws.account.taken import OWN
from aws.parts import Archive, AwsPlan, Cluster, Compute, Network, Relay, Store, Task, Workspace
from aws.pods import Pod, Pods
from components.target import Obstacle

Room = tuple[float, float]
"""(what is used by all, what the plan needs beyond what it has there)"""
ASK = "servicequotas:GetServiceQuota"
DEFAULT = "servicequotas:GetAWSDefaultServiceQuota"
RESOURCE_POLICIES = "resource policies of logs"
POLICIES = 10
"""Resource policies of CloudWatch Logs in a region, which nobody can raise."""
VCPU = 1024
"""Units of a processor in a plan."""


@dataclass(frozen=True)
class Quota:
    """A bound of AWS's, by the codes of Service Quotas, and what counts against it."""

    what: str
    service: str
    """As Service Quotas calls it."""
    code: str
    permissions: tuple[str, ...]
    room: Callable[[], Room]
    everywhere: bool = False
    """Whether it is the account's in all regions: then one region alone knows it."""
    alone: bool = False
    """Whether it bounds each stack by itself."""


def checks(plan: AwsPlan, asking: Asking) -> Iterator[Check]:
    """A check each; nothing of a stand-in, which has no bounds."""
    if asking.stand_in:
        return
    for quota in quotas(plan, asking):
        yield Check(
            f"quota {quota.what}",
            (ASK, DEFAULT, *quota.permissions),
            partial(_fits, plan, asking, quota),
        )
    if any(isinstance(part, Store) for part in plan.parts):
        policies = ("logs:DescribeResourcePolicies",)
        yield Check(f"quota {RESOURCE_POLICIES}", policies, partial(_policies, plan, asking))


def quotas(plan: AwsPlan, asking: Asking) -> Iterator[Quota]:
    """Those that a stack could come up against."""
    for part in plan.parts:
        if isinstance(part, Network):
            if not part.vpc:
                vpcs = ("ec2:DescribeVpcs",)
                yield Quota("VPCs", "vpc", "L-F678F1CE", vpcs, partial(_vpcs, plan, asking))
            yield Quota(
                "endpoints of a VPC",
                *("vpc", "L-29B6F2EB", ("ec2:DescribeVpcEndpoints",)),
                partial(_endpoints, plan, asking, part),
                alone=not part.vpc,
            )
        elif isinstance(part, Store):
            yield Quota("nodes of a domain", "es", "L-6408ABDE", (), partial(_nodes, part), alone=True)
            yield Quota(
                "OpenSearch domains",
                *("es", "L-076D529E", ("es:ListDomainNames",)),
                partial(_domains, asking, part),
            )
        elif isinstance(part, Workspace):
            yield Quota(
                "Prometheus workspaces",
                *("aps", "L-8873DB23", ("aps:ListWorkspaces",)),
                partial(_workspaces, plan, asking, part),
            )
        elif isinstance(part, Compute):
            yield from _of_compute(plan, asking, part)
        elif isinstance(part, Cluster):
            yield from _of_cluster(asking, part)
    yield Quota(
        "S3 buckets",
        *("s3", "L-DC2B2D3D", ("s3:ListAllMyBuckets",)),
        partial(_buckets, plan, asking),
        everywhere=True,
    )
    yield Quota(
        "IAM roles",
        *("iam", "L-FE177D64", ("iam:GetAccountSummary", "iam:GetRole")),
        partial(_roles, plan, asking),
        everywhere=True,
    )


def _of_compute(plan: AwsPlan, asking: Asking, part: Compute) -> Iterator[Quota]:
    yield Quota(
        "namespaces of Cloud Map",
        *("AWSCloudMap", "L-0FE3F50E", ("servicediscovery:ListNamespaces",)),
        partial(_namespaces, asking, part),
    )
    yield Quota(
        "vCPUs of Fargate",
        *("fargate", "L-3032A538", ("cloudwatch:GetMetricStatistics", "ecs:DescribeServices")),
        partial(_vcpus, plan, asking, part),
    )


def _of_cluster(asking: Asking, part: Cluster) -> Iterator[Quota]:
    yield Quota(
        "EKS clusters",
        *("eks", "L-1194D53C", ("eks:ListClusters",)),
        partial(clusters.clusters, asking, part),
    )
    if clusters.standard(part.instance_type):
        may = ("cloudwatch:GetMetricStatistics", "ec2:DescribeInstanceTypes", "eks:DescribeNodegroup")
        yield Quota("vCPUs of machines", "ec2", "L-1216C47A", may, partial(_machines, asking, part))


def _machines(asking: Asking, part: Cluster) -> Room:
    return _usage(asking, "EC2"), clusters.wanted(asking, part)


def _fits(plan: AwsPlan, asking: Asking, quota: Quota) -> list[Obstacle]:
    used, more = quota.room()
    if more <= 0:
        return []
    what, client = f"quota {quota.what}", who_knows(asking, quota)
    most = bound(client, quota)
    if most is None:
        told = f"{quota.service} {quota.code} is not known in {plan.region}"
        do = f"see in the console of Service Quotas that there is room for {more:g}"
        return [obstacle(what, told, "a bound", do, fatal=False)]
    if used + more <= most:
        return []
    do = (
        f"aws service-quotas request-service-quota-increase --service-code {quota.service} --quota-code "
        f"{quota.code} --desired-value {used + more:g} --region {client.meta.region_name}"
    )
    return [obstacle(what, f"{used:g} of {most:g} are used", f"room for {more:g} more", do)]


def who_knows(asking: Asking, quota: Quota) -> Any:
    """The client to ask for a quota."""
    return asking.everywhere("service-quotas") if quota.everywhere else asking.client("service-quotas")


def bound(client: Any, quota: Quota) -> float | None:
    """How much there is in all; None where nobody knows of such a quota."""
    of = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    try:
        try:
            return float(client.get_service_quota(**of)["Quota"]["Value"])
        except client.exceptions.NoSuchResourceException:  # nobody ever changed it
            return float(client.get_aws_default_service_quota(**of)["Quota"]["Value"])
    except client.exceptions.NoSuchResourceException:
        return None


def _policies(plan: AwsPlan, asking: Asking) -> list[Obstacle]:
    names = [
        item["policyName"]
        for item in every(asking.client("logs"), "describe_resource_policies", "resourcePolicies")
    ]
    own = [part.domain for part in plan.parts if isinstance(part, Store)]
    if len(names) < POLICIES or set(own) <= set(names):
        return []
    do = "aws logs describe-resource-policies; merge some of them, and delete the others"
    found = f"{len(names)} of {POLICIES} are used, which nobody can raise"
    return [obstacle(f"quota {RESOURCE_POLICIES}", found, "room for 1 more", do)]


def every(client: Any, operation: str, key: str, **given: Any) -> list[Any]:
    """Everything of a list that comes in pages."""
    if client.can_paginate(operation):
        return [
            item for page in client.get_paginator(operation).paginate(**given) for item in page.get(key, ())
        ]
    return list(getattr(client, operation)(**given).get(key, ()))


def _vpcs(plan: AwsPlan, asking: Asking) -> Room:
    there = every(asking.client("ec2"), "describe_vpcs", "Vpcs")
    return len(there), 0 if any(_own(plan, item) for item in there) else 1


def _own(plan: AwsPlan, item: Any) -> bool:
    return tags(item.get("Tags")).get(OWN) == plan.stack


def _endpoints(plan: AwsPlan, asking: Asking, part: Network) -> Room:
    if not part.vpc:
        return 0, len(part.endpoints)
    of = [{"Name": "vpc-id", "Values": [part.vpc]}]
    found = every(asking.client("ec2"), "describe_vpc_endpoints", "VpcEndpoints", Filters=of)
    there = [item for item in found if item["VpcEndpointType"] == "Interface"]
    return len(there), len(part.endpoints) - len([item for item in there if _own(plan, item)])


def _nodes(part: Store) -> Room:
    return 0, part.nodes


def _domains(asking: Asking, part: Store) -> Room:
    there = [item["DomainName"] for item in asking.client("opensearch").list_domain_names()["DomainNames"]]
    return len(there), 0 if part.domain in there else 1


def _workspaces(plan: AwsPlan, asking: Asking, part: Workspace) -> Room:
    there = every(asking.client("amp"), "list_workspaces", "workspaces")
    own = [
        item
        for item in there
        if item.get("alias") == part.alias and item.get("tags", {}).get(OWN) == plan.stack
    ]
    return len(there), 0 if own else 1


def _buckets(plan: AwsPlan, asking: Asking) -> Room:
    there = {item["Name"] for item in asking.client("s3").list_buckets()["Buckets"]}
    wanted = {part.bucket for part in plan.parts if isinstance(part, Archive | Compute | Pods)}
    return len(there), len(wanted - there)


def _roles(plan: AwsPlan, asking: Asking) -> Room:
    """Of those that are there already, each is one of the stack's by name: `taken` tells whose it is."""
    client = asking.everywhere("iam")
    wanted = [
        f"{part.family}-{kind}"
        for part in plan.parts
        if isinstance(part, Task)
        for kind in ("execution", "task")
    ]
    wanted += [part.role for part in plan.parts if isinstance(part, Pod)]
    wanted += [part.function for part in plan.parts if isinstance(part, Relay)]
    wanted += [role.called for part in plan.parts if isinstance(part, Cluster) for role in part.roles]
    more = 0
    for role in wanted:
        try:
            client.get_role(RoleName=role)
        except client.exceptions.NoSuchEntityException:
            more += 1
    return client.get_account_summary()["SummaryMap"]["Roles"], more


def _namespaces(asking: Asking, part: Compute) -> Room:
    there = [
        item["Name"] for item in every(asking.client("servicediscovery"), "list_namespaces", "Namespaces")
    ]
    return len(there), 0 if part.zone in there else 1


def _vcpus(plan: AwsPlan, asking: Asking, part: Compute) -> Room:
    """What runs now, and what the plan has that does not."""
    planned = {
        instance: task.cpu / VCPU
        for task in plan.parts
        if isinstance(task, Task)
        for instance in task.instances
    }
    return _usage(asking, "Fargate"), sum(planned.values()) - _running(asking, part.cluster, planned)


def _usage(asking: Asking, service: str) -> float:
    """vCPUs that a service has now, as CloudWatch knows of the last minutes."""
    now = datetime.now(UTC)
    known = asking.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Usage",
        MetricName="ResourceCount",
        Dimensions=[
            {"Name": "Service", "Value": service},
            {"Name": "Type", "Value": "Resource"},
            {"Name": "Resource", "Value": "vCPU"},
            {"Name": "Class", "Value": "Standard/OnDemand"},
        ],
        StartTime=now - timedelta(minutes=30),
        EndTime=now,
        Period=300,
        Statistics=["Maximum"],
    )["Datapoints"]
    return float(max(known, key=lambda point: point["Timestamp"])["Maximum"]) if known else 0.0


def _running(asking: Asking, cluster: str, planned: dict[str, float]) -> float:
    """vCPUs of the tasks of these services that run."""
    client, names, found = asking.client("ecs"), sorted(planned), 0.0
    for first in range(0, len(names), 10):  # as many as ECS tells at once
        try:
            answer = client.describe_services(cluster=cluster, services=names[first : first + 10])
        except client.exceptions.ClientError as error:
            if missing(error, "ClusterNotFoundException"):
                return 0.0
            raise
        found += sum(planned[item["serviceName"]] * item["runningCount"] for item in answer["services"])
    return found
