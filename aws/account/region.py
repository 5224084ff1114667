"""Whether the region has what a plan puts there: services, zones, and types of nodes of the store."""

from collections.abc import Iterator
from functools import partial

from aws.account import clusters
from aws.account.ask import Asking, code
from aws.account.checks import Check, obstacle
from aws.parts import AwsPlan, Cluster, Network, Store
from components.target import Obstacle

EVERY = ("cloudwatch", "ec2", "iam", "kms", "logs", "s3", "secretsmanager", "sts", "vpc", "privatelink")
"""What any stack uses, as AWS's list of regions and services calls it."""
BY_KIND = {
    "Cluster": ("autoscaling", "eks"),
    "Compute": ("ecs", "servicediscovery"),
    "Pod": ("ecr",),
    "Relay": ("lambda", "sns", "sqs"),
    "Store": ("es",),
    "Task": ("ecr", "fargate"),
    "Volumes": ("efs",),
    "Workspace": ("aps",),
}
"""Kind of a part -> what it uses besides."""
LISTING = frozenset(
    {
        *("ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
        *("ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1"),
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
    }
)
"""Regions that can be asked for the list; of another, one of these is."""
AT_MOST = 10
"""Parameters that Systems Manager gives at once."""
ELSEWHERE = "choose another region (aws.region)"


def services(plan: AwsPlan) -> tuple[str, ...]:
    """What a plan uses, in the words of that list."""
    kinds = {type(part).__name__ for part in plan.parts}
    return tuple(
        sorted({*EVERY, *(name for kind, names in BY_KIND.items() if kind in kinds for name in names)})
    )


def checks(plan: AwsPlan, asking: Asking) -> Iterator[Check]:
    """Nothing of a stand-in, which is in no region."""
    if asking.stand_in:
        return
    yield Check("services of the region", ("ssm:GetParameters",), partial(_services, plan, asking))
    for part in plan.parts:
        if isinstance(part, Network) and part.subnets:
            zones = tuple(zone for zone, _ in part.subnets)
            yield Check(
                "zones of the region",
                ("ec2:DescribeAvailabilityZones",),
                partial(_zones, asking, zones),
            )
        if isinstance(part, Store):
            yield Check(
                "types of nodes of the store",
                ("es:ListInstanceTypeDetails",),
                partial(_nodes, plan, asking, part),
            )
        if isinstance(part, Cluster):
            versions = ("eks:DescribeClusterVersions",)
            yield Check("version of EKS", versions, partial(clusters.offered, plan, asking, part))
            types = ("ec2:DescribeInstanceTypeOfferings",)
            yield Check("types of nodes of EKS", types, partial(clusters.machines, plan, asking, part))


def _services(plan: AwsPlan, asking: Asking) -> list[Obstacle]:
    where = plan.region if plan.region in LISTING or asking.partition != "aws" else "us-east-1"
    client = asking.client("ssm", where)
    names = {
        f"/aws/service/global-infrastructure/services/{service}/regions/{plan.region}": service
        for service in services(plan)
    }
    paths, lacking = list(names), list[str]()
    for first in range(0, len(paths), AT_MOST):
        answer = client.get_parameters(Names=paths[first : first + AT_MOST])
        lacking += [names[path] for path in answer["InvalidParameters"] if path in names]
    if len(lacking) == len(names):  # AWS names no region so: its list is not known here
        known = f"AWS lists no service for {plan.region}"
        return [obstacle("region", known, "a region of AWS", f"{ELSEWHERE}, or correct its name")]
    return [
        obstacle(f"service {name}", f"not offered in {plan.region}", f"{_use(name)} there", ELSEWHERE)
        for name in lacking
    ]


def _use(name: str) -> str:
    return {
        "aps": "Managed Service for Prometheus",
        "es": "OpenSearch Service",
        "fargate": "ECS on Fargate",
    }.get(name, "it")


def _zones(asking: Asking, wanted: tuple[str, ...]) -> list[Obstacle]:
    answer = asking.client("ec2").describe_availability_zones(AllAvailabilityZones=False)
    there = {zone["ZoneName"] for zone in answer["AvailabilityZones"] if zone["State"] == "available"}
    lacking = [zone for zone in wanted if zone not in there]
    if not lacking:
        return []
    do = f"make subnets in {', '.join(sorted(there))} and name them (aws.vpc), or lower aws.vpc.zones"
    return [obstacle("zones", f"{', '.join(lacking)} not there for this account", "each", do)]


def _nodes(plan: AwsPlan, asking: Asking, part: Store) -> list[Obstacle]:
    """Types that the region offers for the store's version; a version that it does not have is told too."""
    client, found = asking.client("opensearch"), list[Obstacle]()
    for type_, setting in (
        (part.instance_type, "aws.domain.instance_type"),
        (part.managers, "aws.domain.nodes"),
    ):
        if not type_:
            continue
        try:
            answer = client.list_instance_type_details(EngineVersion=part.version, InstanceType=type_)
            offered = {item["InstanceType"] for item in answer["InstanceTypeDetails"]}
        except client.exceptions.ClientError as error:
            if code(error) not in ("ValidationException", "ResourceNotFoundException"):
                raise
            offered = set()
        if type_ not in offered:
            what = f"not offered for {part.version} in {plan.region}"
            found.append(
                obstacle(f"node {type_}", what, "a type of the region", f"choose another: {setting}")
            )
    return found
