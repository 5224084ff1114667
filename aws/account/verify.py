"""`obs verify` of an account: what stands there is asked part by part, and what the stack promises of it: how
long things are kept and under which key, who reaches them, whether samples arrive. What only the network of
the stack could tell is told as not applied, with the reason."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aws.account import clusters
from aws.account.ask import Asking, at_once, trouble
from aws.account.preflight import identity
from aws.account.status import status
from aws.account.taken import OWN
from aws.parts import Archive, AwsPart, AwsPlan, Cluster, Compute, Key, Store, Volumes, Workspace
from aws.pods import Pods
from components.target import Checked

Say = tuple[bool, str]
"""Whether all is well, and the evidence, or what is not."""
WORLD = ("0.0.0.0/0", "::/0")
INSIDE = "from here there is no way into the network of the stack"
BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
SHOWN = 5


def checks(plan: AwsPlan, asking: Asking | None = None) -> list[Checked]:
    """A row for each; one alone where the account cannot be asked."""
    asking = asking or Asking.of(plan)
    if obstacles := identity(plan, asking):
        return [Checked("account", "all", "failed", str(obstacles[0]))]
    rows = [Checked("account", "all", "passed", f"{plan.account}, in {plan.region}")]
    rows += [_of_part(row) for row in status(plan, asking)]
    calls: dict[tuple[str, str], Callable[[], Say]] = {
        ("log groups kept and encrypted", "logging"): partial(_log_groups, plan, asking),
        ("buckets private, versioned, encrypted", "logging"): partial(_buckets, plan, asking),
        ("store encrypted, within the network", "logging"): partial(_domain, plan, asking),
        ("nothing open to the world", "all"): partial(_groups, plan, asking),
        ("key is turned each year", "all"): partial(_key, plan, asking),
    }
    if any(isinstance(part, Cluster) for part in plan.parts):
        calls["cluster closed, encrypted, logged", "services"] = partial(_cluster, plan, asking)
    own = any(isinstance(part, Volumes) for part in plan.parts)
    if own:
        calls["volumes encrypted", "metrics"] = partial(_volumes, plan, asking)
    elif not asking.stand_in:
        calls["samples arrive", "metrics"] = partial(_samples, plan, asking)
    for (name, pillar), answer in at_once(calls, asking.deadline).items():
        if isinstance(answer, Exception):
            rows.append(Checked(name, pillar, "failed", f"no answer: {trouble(answer).words}"))
        else:
            rows.append(Checked(name, pillar, "passed" if answer[0] else "failed", answer[1]))
    return [*rows, *_not_applied(asking, own)]


def _of_part(row: Any) -> Checked:
    name = f"{row.unit.partition('@')[0]} stands"
    if row.well:
        return Checked(name, str(row.pillar), "passed", "it is there, and AWS calls it well")
    words = "; ".join(filter(None, (row.silence, row.drift)))
    return Checked(name, str(row.pillar), "failed", f"{row.state}: {words}. {row.what_to_do}")


def _not_applied(asking: Asking, own: bool) -> Iterator[Checked]:
    """What is asked on other targets, and not here."""
    rows = [
        ("request followed", "tracing", f"{INSIDE}, in which services and the collector are"),
        ("log records found", "logging", f"{INSIDE}, in which the domain is"),
        ("traces found", "tracing", f"{INSIDE}, from which requests with traces are sent"),
        ("faults noticed", "alerting", "services are not the demo's own, or cannot be reached: " + INSIDE),
    ]
    if own:
        rows.append(("samples arrive", "metrics", f"{INSIDE}, in which Prometheus is"))
    elif asking.stand_in:
        rows.append(("samples arrive", "metrics", "a stand-in takes no samples, and runs no tasks"))
    for name, pillar, why in rows:
        yield Checked(name, pillar, "not applied", why)


def _log_groups(plan: AwsPlan, asking: Asking) -> Say:
    """Each of the plan's, with its days and under the stack's key."""
    wanted = {name: days for part in plan.parts for name, days in _groups_of(part)}
    client, key = asking.client("logs"), _arn(plan, asking)
    there: dict[str, Any] = {}
    for prefix in sorted({name.rpartition("/")[0] for name in wanted}):
        for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"{prefix}/"):
            there |= {item["logGroupName"]: item for item in page["logGroups"]}
    wrong = []
    for name, days in sorted(wanted.items()):
        found = there.get(name)
        if found is None:
            wrong.append(f"{name} is not there")
        elif found.get("retentionInDays") != days:
            wrong.append(f"{name} keeps {found.get('retentionInDays', 'for ever')}, expected {days} days")
        elif found.get("kmsKeyId") != key:
            wrong.append(f"{name} is not under the stack's key")
    return _said(wrong, f"{len(wanted)} log groups, each with its retention, under the stack's key")


def _groups_of(part: AwsPart) -> Iterator[tuple[str, int]]:
    days = getattr(part, "log_days", 0)
    if isinstance(part, Store):
        yield from ((name, days) for _, name in part.groups)
    elif group := getattr(part, "log_group", ""):
        yield group, days


def _buckets(plan: AwsPlan, asking: Asking) -> Say:
    client, key = asking.client("s3"), _arn(plan, asking)
    names = [part.bucket for part in plan.parts if isinstance(part, Archive | Compute | Pods)]
    wrong = []
    for name in names:
        of = {"Bucket": name, "ExpectedBucketOwner": plan.account}
        blocked = client.get_public_access_block(**of)["PublicAccessBlockConfiguration"]
        if not all(blocked.get(block) for block in BLOCKS):
            wrong.append(f"{name} may be public")
        if client.get_bucket_versioning(**of).get("Status") != "Enabled":
            wrong.append(f"{name} keeps no versions")
        rules = client.get_bucket_encryption(**of)["ServerSideEncryptionConfiguration"]["Rules"]
        keys = {rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID") for rule in rules}
        if keys != {key}:
            wrong.append(f"{name} is not under the stack's key")
    return _said(wrong, f"{', '.join(names)}: private, with versions, under the stack's key")


def _domain(plan: AwsPlan, asking: Asking) -> Say:
    [part] = [part for part in plan.parts if isinstance(part, Store)]
    found = asking.client("opensearch").describe_domain(DomainName=part.domain)["DomainStatus"]
    wrong = []
    if not found.get("EncryptionAtRestOptions", {}).get("Enabled"):
        wrong.append("what it holds is not encrypted")
    if not found.get("NodeToNodeEncryptionOptions", {}).get("Enabled"):
        wrong.append("its nodes speak in plain")
    if not found.get("DomainEndpointOptions", {}).get("EnforceHTTPS"):
        wrong.append("it answers without TLS")
    if not found.get("VPCOptions", {}).get("SubnetIds"):
        wrong.append("it is in no network")
    if found.get("EngineVersion") != part.version:
        wrong.append(f"it has {found.get('EngineVersion')}, expected {part.version}")
    return _said(wrong, f"{part.domain}: {part.version}, encrypted, TLS alone, in the network alone")


def _volumes(plan: AwsPlan, asking: Asking) -> Say:
    [part] = [part for part in plan.parts if isinstance(part, Volumes)]
    systems = asking.client("efs").describe_file_systems(CreationToken=part.called)["FileSystems"]
    if not systems:
        return False, f"file system {part.called} is not there"
    wrong = [] if systems[0].get("Encrypted") else ["what they hold is not encrypted"]
    if systems[0].get("KmsKeyId") != _arn(plan, asking):
        wrong.append("they are not under the stack's key")
    return _said(wrong, f"{len(part.folders)} folders, under the stack's key")


def _cluster(plan: AwsPlan, asking: Asking) -> Say:
    [part] = [part for part in plan.parts if isinstance(part, Cluster)]
    wrong = clusters.guarded(asking, part, _arn(plan, asking))
    outside = ", ".join(part.reached_from) or "nowhere else"
    return _said(wrong, f"{part.called}: reached from the network and {outside}, under the stack's key")


def _groups(plan: AwsPlan, asking: Asking) -> Say:
    """Security groups of the stack, by its tag."""
    client, wrong, count = asking.client("ec2"), list[str](), 0
    own = [{"Name": f"tag:{OWN}", "Values": [plan.stack]}]
    for page in client.get_paginator("describe_security_groups").paginate(Filters=own):
        for group in page["SecurityGroups"]:
            count += 1
            for rule in group["IpPermissions"]:
                ranges = [item["CidrIp"] for item in rule.get("IpRanges", ())]
                ranges += [item["CidrIpv6"] for item in rule.get("Ipv6Ranges", ())]
                wrong += [f"{group['GroupId']} lets in {it}" for it in ranges if it in WORLD]
    if not count:
        return False, f"no security group has the tag {OWN} of {plan.stack}"
    return _said(wrong, f"{count} security groups, none lets in the world")


def _key(plan: AwsPlan, asking: Asking) -> Say:
    turned = asking.client("kms").get_key_rotation_status(KeyId=_arn(plan, asking))["KeyRotationEnabled"]
    return bool(turned), "it is" if turned else "rotation is off"


def _arn(plan: AwsPlan, asking: Asking) -> str:
    [part] = [part for part in plan.parts if isinstance(part, Key)]
    return str(asking.client("kms").describe_key(KeyId=part.alias)["KeyMetadata"]["Arn"])


def _samples(plan: AwsPlan, asking: Asking) -> Say:
    """The workspace is asked by its query interface, which IAM lets in from anywhere."""
    [part] = [part for part in plan.parts if isinstance(part, Workspace)]
    client = asking.client("amp")
    found = client.list_workspaces(alias=part.alias)["workspaces"]
    exact = [item for item in found if item.get("alias") == part.alias]
    if not exact:
        return False, f"workspace {part.alias} is not there"
    workspace = client.describe_workspace(workspaceId=exact[0]["workspaceId"])["workspace"]
    if not workspace.get("prometheusEndpoint"):
        return False, f"workspace {part.alias} is {workspace['status']['statusCode']}, and has no address yet"
    answer = queried(asking, str(workspace["prometheusEndpoint"]), "count(up) by (job)")
    jobs = sorted(item["metric"].get("job", "") for item in answer)
    if not jobs:
        return False, "the workspace has no `up` of any job in the last 5 min: see the log of prometheus"
    return True, f"`up` of {len(jobs)} jobs: {', '.join(jobs)}"


def queried(asking: Asking, endpoint: str, query: str) -> list[Any]:
    """The vector of a query to a workspace's endpoint, which differs by partition; signed as the AWS CLI
    signs. Errors of botocore."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import URLLib3Session

    client = asking.client("amp")
    url = f"{endpoint.rstrip('/')}/api/v1/query?{urlencode({'query': query})}"
    request = AWSRequest(method="GET", url=url)
    SigV4Auth(client._request_signer._credentials.get_frozen_credentials(), "aps", asking.region).add_auth(
        request
    )
    answer = URLLib3Session(timeout=asking.read).send(request.prepare())
    if answer.status_code != 200:
        from botocore.exceptions import ClientError

        code = "AccessDenied" if answer.status_code == 403 else str(answer.status_code)
        raise ClientError({"Error": {"Code": code, "Message": ""}}, "QueryMetrics")
    return list(json.loads(answer.content)["data"]["result"])


def _said(wrong: list[str], evidence: str) -> Say:
    more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return (False, f"{'; '.join(wrong[:SHOWN])}{more}") if wrong else (True, evidence)


PERMISSIONS = (
    *("aps:DescribeWorkspace", "aps:QueryMetrics", "ec2:DescribeSecurityGroups"),
    "kms:GetKeyRotationStatus",
    *("s3:GetBucketPublicAccessBlock", "s3:GetEncryptionConfiguration"),
)
"""What the caller must be allowed to do beyond what `obs status` asks."""
