"""Heads of a cohort in one account: what their stack files say, and what cannot be had often."""

from typing import Any

from aws.names import LIMITS
from aws.parts import Archive, AwsPlan, Relay, Store, Watch, Workspace
from components.heads import Settings, Who
from components.spec import Spec
from components.spec.problem import AsWritten, Problem

LONGEST = LIMITS["domain"].longest - len("obs-")
"""Letters of a stack's name: its domain is called like it, and has the shortest name of all."""
TAGGING = "resourcegroupstaggingapi"
"""The service that knows what has which tag."""
STAND_IN_MB = 400
"""Memory of a stand-in with a whole stack in it, rounded up from what one was seen to take."""


def settings(spec: Spec, who: Who) -> Settings:
    """Tags, which are on everything. Data goes with a head."""
    del spec
    tags = {"cohort": who.cohort, "expiry": who.expires}
    return {"deploy": {"retain": False}, "aws": {"tags": tags}}


def refusals(spec: Spec) -> list[Problem]:
    """By the names of the template's settings."""
    aws, found = spec.aws, list[Problem]()
    if aws.vpc.id:
        expected = (
            "expected none in the template of a cohort: endpoints of two heads would have the same names in "
            "one network; without, each has its own"
        )
        found.append(Problem(("aws", "vpc", "id"), aws.vpc.id, expected))
    if aws.archive.lock != "none":
        expected = "expected none in the template of a cohort: nobody could take away what is locked"
        found.append(Problem(("aws", "archive", "lock"), aws.archive.lock, expected))
    if aws.endpoints and TAGGING not in aws.endpoints:
        expected = (
            f"expected '{TAGGING}' among them in the template of a cohort: it tells what is left of heads"
        )
        found.append(Problem(("aws", "endpoints"), AsWritten(", ".join(aws.endpoints)), expected))
    if spec.logging.store.shared:
        expected = "expected false: heads on target aws have a domain each, and share none"
        found.append(Problem(("logging", "store", "shared"), AsWritten("true"), expected))
    return found


def here_mb(spec: Spec) -> int:
    """A stand-in runs on this machine, one for each head."""
    return STAND_IN_MB if spec.aws.stand_in else 0


def place(spec: Spec) -> dict[str, Any]:
    """The account and the region, and what takes their place."""
    aws = spec.aws
    return {
        "account": aws.account,
        "region": aws.region,
        "endpoints": dict(aws.endpoints),
        "stand_in": aws.stand_in,
    }


def names(plan: AwsPlan) -> dict[str, str]:
    """How the AWS CLI is called, and the names that it takes."""
    at = dict(plan.endpoints).get("sts")
    said = f"aws --region {plan.region}" + (f" --endpoint-url {at}" if at else "")
    found = {"account": f"{plan.account}, {plan.region}", "aws": said}
    for part in plan.parts:
        if isinstance(part, Store):
            found["domain"] = part.domain
        elif isinstance(part, Workspace):
            found["workspace"] = part.alias
        elif isinstance(part, Relay):
            found |= {"topic of alerts": part.topic, "messages nobody took": part.queue}
            found["groups"] = part.log_group.rpartition("/")[0]
            found["secrets"] = found["groups"].lstrip("/")
        elif isinstance(part, Watch):
            found |= {"dashboard": part.dashboard, "alarms": part.dashboard}
        elif isinstance(part, Archive):
            found["archive"] = part.bucket
    return found
