"""How what takes spans and who keeps them are in the account: the load balancer, and X-Ray's group."""

from collections.abc import Iterator

from aws.account.ask import Asking
from aws.account.finding import Finding
from aws.parts import AwsPlan, Balancer, Traces


def balancer(plan: AwsPlan, asking: Asking, part: Balancer) -> Iterator[Finding]:
    """That it is active, and that behind each of its ports a gateway is well."""
    del plan
    client = asking.client("elbv2")
    try:
        [found] = client.describe_load_balancers(Names=[part.called])["LoadBalancers"]
    except client.exceptions.LoadBalancerNotFoundException:
        yield Finding("missing", f"load balancer {part.called}")
        return
    state = found.get("State", {}).get("Code", "active")
    if state != "active":
        kind = "starting" if state == "provisioning" else "unwell"
        yield Finding(kind, f"load balancer {part.called}: {state}")
    for target in part.targets:
        try:
            [group] = client.describe_target_groups(Names=[target.called])["TargetGroups"]
        except client.exceptions.TargetGroupNotFoundException:
            yield Finding("missing", f"targets {target.called}")
            continue
        if asking.stand_in:  # which runs no task
            continue
        health = client.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
        states = [item["TargetHealth"]["State"] for item in health["TargetHealthDescriptions"]]
        if "healthy" not in states:
            kind = "starting" if "initial" in states else "unwell"
            yield Finding(kind, f"nobody is well behind port {target.opened}")


def traces(plan: AwsPlan, asking: Asking, part: Traces) -> Iterator[Finding]:
    """That the group is there; a stand-in has none."""
    del plan
    if asking.stand_in:
        return
    client = asking.client("xray")
    try:
        client.get_group(GroupName=part.group)
    except client.exceptions.InvalidRequestException:
        yield Finding("missing", f"group of traces {part.group}")
