"""Roles that a service of AWS takes on in an account, which are made once, before it is used there."""

from collections.abc import Iterator
from functools import partial

from aws.account.ask import Asking, missing
from aws.account.checks import Check, obstacle
from aws.parts import AwsPlan, Cluster, Compute, Store
from components.target import Obstacle

ROLES = (
    (Store, "AWSServiceRoleForAmazonOpenSearchService", "opensearchservice.amazonaws.com", True),
    (Compute, "AWSServiceRoleForECS", "ecs.amazonaws.com", False),
    (Cluster, "AWSServiceRoleForAmazonEKS", "eks.amazonaws.com", False),
    (Cluster, "AWSServiceRoleForAmazonEKSNodegroup", "eks-nodegroup.amazonaws.com", False),
    (Cluster, "AWSServiceRoleForAutoScaling", "autoscaling.amazonaws.com", True),
)
"""Kind of a part, the role it needs, whose it is, and whether nothing goes without: ECS makes its own when a
first cluster is made, and may fail that once; so does EKS. The one that starts nodes is named in the key's
policy, which KMS refuses while there is no such role."""


def checks(plan: AwsPlan, asking: Asking) -> Iterator[Check]:
    """Nothing of a stand-in, which takes on none."""
    if asking.stand_in:
        return
    for kind, role, service, fatal in ROLES:
        if any(isinstance(part, kind) for part in plan.parts):
            yield Check(
                f"role {role}",
                ("iam:GetRole",),
                partial(_role, asking, role, service, fatal),
            )


def _role(asking: Asking, role: str, service: str, fatal: bool) -> list[Obstacle]:
    client = asking.everywhere("iam")
    try:
        client.get_role(RoleName=role)
    except client.exceptions.ClientError as error:
        if not missing(error, "NoSuchEntity"):
            raise
        do = f"once in the account: aws iam create-service-linked-role --aws-service-name {service}"
        return [
            obstacle(f"role {role}", "does not exist", f"the role that {service} takes on", do, fatal=fatal)
        ]
    return []
