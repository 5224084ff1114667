"""IAM policies as data: what may do what to which resource.

A wildcard stands nowhere but in `WILDCARDS`, each with the reason; a test holds that.
"""

from collections.abc import Sequence
from typing import Any

WILDCARDS = {
    "ecr:GetAuthorizationToken": "gives a token for the whole registry: it takes no resource",
    "cloudwatch:PutMetricData": "takes no resource; bound by a condition to one namespace",
    "xray:PutTraceSegments": "X-Ray has one store for an account: it takes no resource",
    "kms:*": "the account's own administration of a key, in the policy of that key alone: without it nobody "
    "could change the key any more",
}
"""Actions that may have `*` as a resource, or be one, and why."""

Statement = dict[str, Any]


def allow(actions: Sequence[str], resources: Sequence[str], **condition: dict[str, Any]) -> Statement:
    """A statement of a role's policy. Conditions by operator, as `StringEquals={...}`."""
    return {
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": sorted(resources),
        **({"Condition": condition} if condition else {}),
    }


def policy(*statements: Statement) -> dict[str, Any]:
    """A whole document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def assumed_by(service: str, account: str) -> dict[str, Any]:
    """Who may take a role on: a service of AWS, for this account alone (nobody else's resource can make the
    service do it)."""
    return policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": account}},
        }
    )


def by_service(
    sid: str, service: str, actions: Sequence[str], resource: str | list[str], account: str
) -> Statement:
    """A statement of a resource's own policy: a service of AWS may use it, for this account alone."""
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": sorted(actions),
        "Resource": resource,
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }


def tls_only(resources: Sequence[str], actions: str) -> Statement:
    """Nobody reaches a resource without TLS: a statement that only takes away, so it may name everything."""
    return {
        "Sid": "OnlyTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": sorted(resources),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
