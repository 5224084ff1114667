"""What is still in an account of a stack that was taken down: what has one of its names and its tag, and what
has no name but its tag. What its program kept is there too.
"""

from collections.abc import Callable, Iterator
from functools import partial

from aws.account import taken
from aws.account.ask import Asking, at_once, trouble
from aws.parts import AwsPlan, Network, Workspace

Found = tuple[str, str]
"""What it is, and its name or id."""


def survivors(plan: AwsPlan, asking: Asking | None = None) -> list[Found]:
    """Sorted; what could not be asked for is among them, as `not asked`. Nothing of a stand-in, which ends
    with its stack."""
    if plan.stand_in:
        return []
    asking = asking or Asking.of(plan)
    calls: dict[Found, Callable[[], list[Found]]] = {
        (name.what, name.name): partial(_named, plan, asking, name)
        for name in taken.names(plan, asking)
        if asking.answers(name.service)
    }
    for part in plan.parts:
        if isinstance(part, Network) and not part.vpc:
            calls["network", plan.stack] = partial(_network, plan, asking)
        if isinstance(part, Workspace):
            calls["workspace", part.alias] = partial(_workspaces, plan, asking, part.alias)
    found = list[Found]()
    for (what, name), answer in at_once(calls, asking.deadline).items():
        if isinstance(answer, Exception):
            found.append(("not asked", f"{what} {name}: {trouble(answer).words}"))
        else:
            found += answer
    return sorted(set(found))


def _named(plan: AwsPlan, asking: Asking, name: taken.Name) -> list[Found]:
    try:
        tags = taken.owner(asking, name)
    except (taken.Elsewhere, taken.Leaving):
        return []
    if not tags or tags.get(taken.OWN) != plan.stack:
        return []
    if taken.ADOPTED in tags:
        return [(f"adopted {name.what}", name.name), *_key_of(asking, name.name)]
    return [(name.what, name.name)]


def _key_of(asking: Asking, group: str) -> list[Found]:
    """Without which nobody reads what an adopted log group has."""
    found = asking.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    keys = [item["kmsKeyId"] for item in found if item["logGroupName"] == group and "kmsKeyId" in item]
    return [("key", arn.rpartition("/")[2]) for arn in keys]


def _network(plan: AwsPlan, asking: Asking) -> list[Found]:
    client, own = asking.client("ec2"), [{"Name": f"tag:{taken.OWN}", "Values": [plan.stack]}]
    vpcs = client.describe_vpcs(Filters=own)["Vpcs"]
    points = client.describe_vpc_endpoints(Filters=own)["VpcEndpoints"]
    return [
        *(("vpc", item["VpcId"]) for item in vpcs),
        *(("vpc endpoint", item["VpcEndpointId"]) for item in points if item["State"] != "deleted"),
    ]


def _workspaces(plan: AwsPlan, asking: Asking, alias: str) -> list[Found]:
    def every() -> Iterator[Found]:
        for page in asking.client("amp").get_paginator("list_workspaces").paginate(alias=alias):
            for item in page["workspaces"]:
                own = item.get("tags", {}).get(taken.OWN) == plan.stack
                if own and item["status"]["statusCode"] != "DELETING":
                    yield "workspace", item["workspaceId"]

    return list(every())
