"""What this machine must have to put pods into the stack's cluster, who may, and how they are."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from functools import partial

from aws.account.ask import Asking
from aws.account.checks import Check, obstacle
from aws.account.finding import Finding
from aws.parts import AwsPlan, Cluster
from aws.pods import PROVIDER, OfObjects, Pods
from components.errors import SuiteError
from components.target import Obstacle

CLI = "aws"
DOCS = "docs/targets/aws.md#programs-in-pods"
ASSUMED = re.compile(r"^arn:([a-z-]+):sts::(\d+):assumed-role/([^/]+)/")
"""A role that was taken on, as STS calls it: without the path that it has in IAM."""


def checks(plan: AwsPlan, asking: Asking) -> Iterator[Check]:
    """None for a plan without pods; of a stand-in nobody asks for a token."""
    if not any(isinstance(part, Pods) for part in plan.parts) or asking.stand_in:
        return
    yield Check("AWS CLI", (), lambda: command_line(os.environ))
    [cluster] = [part for part in plan.parts if isinstance(part, Cluster)]
    yield Check("administrator of the cluster", (), partial(administrator, asking, cluster))


def command_line(environ: Mapping[str, str]) -> list[Obstacle]:
    """That a token of the cluster can be had."""
    if shutil.which(CLI, path=environ.get("PATH", os.defpath)):
        return []
    do = "install the AWS CLI, version 2"
    expected = f"`{CLI}` on the PATH, which makes a token of the cluster for each run: {DOCS}"
    return [obstacle("AWS CLI", "is not on the PATH", expected, do)]


def administrator(asking: Asking, cluster: Cluster) -> list[Obstacle]:
    """That whoever asks may do something in the cluster."""
    arn = asking.client("sts").get_caller_identity()["Arn"]
    found = ASSUMED.match(arn)
    named = [role for role in cluster.administrators if found and role.rpartition("/")[2] == found[3]]
    if named:
        return []
    do = f"take one of them on (AWS_PROFILE), or add yours to aws.cluster.administrators: {DOCS}"
    expected = f"one of {', '.join(cluster.administrators)}"
    return [obstacle("administrator of the cluster", f"the credentials are of {arn}", expected, do)]


def found(plan: AwsPlan, asking: Asking, part: OfObjects) -> Iterator[Finding]:
    """How pods are, as their cluster tells; a stand-in's has none."""
    if asking.stand_in:
        return
    from aws.account import running

    yield from running.found(plan, asking, part)


def provider() -> None:
    """SuiteError where the Pulumi engine would not find what puts pods into a cluster."""
    from k8s.resources import PLUGIN, has_provider

    if not has_provider():
        raise SuiteError(
            f"aws.compute = 'eks': Pulumi's Kubernetes provider is missing: expected {PLUGIN} on PATH, or "
            f"Pulumi's plugin. Run: obs engines build {PROVIDER}"
        )
