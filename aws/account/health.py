"""How each part of a stack is in its account: what is missing, what is not well, which files are others."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aws.account import pods, taken
from aws.account.ask import Asking, missing
from aws.account.clusters import cluster
from aws.account.finding import Finding
from aws.account.kept import volumes
from aws.account.pushed import images
from aws.account.senders import balancer, traces
from aws.images import Images
from aws.parts import (
    Archive,
    AwsPart,
    AwsPlan,
    Balancer,
    Cluster,
    Compute,
    Key,
    Network,
    Relay,
    Store,
    Task,
    Traces,
    Volumes,
    Watch,
    Workspace,
)
from aws.pods import Pod, Pods

RULES = "rules/"
LONGEST = 160
"""Characters of a reason that AWS gives."""


@dataclass(frozen=True)
class Health:
    """How a part is; nothing found is well."""

    found: tuple[Finding, ...] = ()
    drift: str = ""


def health(plan: AwsPlan, asking: Asking, part: AwsPart) -> Health:
    """Of one part; errors of boto3 as they come."""
    found, drift = list[Finding](), ""
    if isinstance(part, Workspace):
        found, drift = _workspace(plan, asking, part)
    else:
        look = LOOKS[type(part)]
        found = list(look(plan, asking, part))
    return Health((*found, *_named(plan, asking, part)), drift)


def _named(plan: AwsPlan, asking: Asking, part: AwsPart) -> Iterator[Finding]:
    """What a part has under names of its own: that it is there."""
    one = plan.model_copy(update={"parts": (part,)})
    for name in taken.names(one, asking):
        if name.what not in ELSEWHERE.get(type(part), ()):
            try:
                there = taken.owner(asking, name) is not None
            except (taken.Elsewhere, taken.Leaving):
                there = False
            if not there:
                yield Finding("missing", f"{name.what} {name.name}")


ELSEWHERE: dict[type[AwsPart], tuple[str, ...]] = {
    Key: ("key",),
    Store: ("domain",),
    Cluster: ("EKS cluster",),
    Compute: ("cluster",),
    Relay: ("function", "queue", "alarm"),
    Volumes: ("file system",),
    Watch: ("alarm",),
}
"""Kind of a part -> kinds of names that its own look asks for."""


def _key(plan: AwsPlan, asking: Asking, part: Key) -> Iterator[Finding]:
    del plan
    client = asking.client("kms")
    try:
        state = client.describe_key(KeyId=part.alias)["KeyMetadata"]["KeyState"]
    except client.exceptions.NotFoundException:
        yield Finding("missing", f"key {part.alias}")
        return
    if state != "Enabled":
        yield Finding("unwell", f"key {part.alias} is {state}")


def _network(plan: AwsPlan, asking: Asking, part: Network) -> Iterator[Finding]:
    client = asking.client("ec2")
    own = [{"Name": f"tag:{taken.OWN}", "Values": [plan.stack]}]
    vpcs = [part.vpc] if part.vpc else [it["VpcId"] for it in client.describe_vpcs(Filters=own)["Vpcs"]]
    if not vpcs:
        yield Finding("missing", "its VPC")
        return
    own = [{"Name": "vpc-id", "Values": vpcs}]
    there = {
        item["ServiceName"]: item["State"]
        for page in client.get_paginator("describe_vpc_endpoints").paginate(Filters=own)
        for item in page["VpcEndpoints"]
    }
    for service in part.endpoints:
        state = there.get(f"com.amazonaws.{part.place}.{service}", "")
        if not state:
            yield Finding("missing", f"endpoint {service}")
        elif state.lower() != "available":
            yield Finding("unwell", f"endpoint {service} is {state}")


def _store(plan: AwsPlan, asking: Asking, part: Store) -> Iterator[Finding]:
    del plan
    client = asking.client("opensearch")
    try:
        status = client.describe_domain(DomainName=part.domain)["DomainStatus"]
    except client.exceptions.ResourceNotFoundException:
        yield Finding("missing", f"domain {part.domain}")
        return
    if status.get("Deleted"):
        yield Finding("missing", f"domain {part.domain}, which is being deleted")
        return
    if asking.stand_in:
        return  # which has no health
    known = client.describe_domain_health(DomainName=part.domain)
    cluster = known.get("ClusterHealth", "NotAvailable")
    if known.get("DomainState") == "Processing" or status.get("Processing"):
        yield Finding("starting", f"domain {part.domain} is being changed")
    if cluster in ("Red", "Yellow"):
        lost = "some of what is stored cannot be read" if cluster == "Red" else "copies are missing"
        yield Finding("unwell", f"domain {part.domain} is {cluster.lower()}: {lost}")
    elif cluster != "Green" and not status.get("Processing"):
        yield Finding("unwell", f"domain {part.domain} does not say how it is ({cluster})")


def _archive(plan: AwsPlan, asking: Asking, part: Archive) -> Iterator[Finding]:
    yield from _versioned(plan, asking, part.bucket)


def _versioned(plan: AwsPlan, asking: Asking, bucket: str) -> Iterator[Finding]:
    client = asking.client("s3")
    try:
        state = client.get_bucket_versioning(Bucket=bucket, ExpectedBucketOwner=plan.account).get("Status")
    except client.exceptions.ClientError as error:
        if missing(error, *taken.ABSENT):
            return  # which is told with the names
        raise
    if state != "Enabled":
        yield Finding("unwell", f"bucket {bucket} keeps no versions")


def _compute(plan: AwsPlan, asking: Asking, part: Compute) -> Iterator[Finding]:
    found = asking.client("ecs").describe_clusters(clusters=[part.cluster])["clusters"]
    states = [item["status"] for item in found if item["status"] != "INACTIVE"]
    if not states:
        yield Finding("missing", f"cluster {part.cluster}")
    elif states != ["ACTIVE"]:
        yield Finding("unwell", f"cluster {part.cluster} is {states[0]}")
    yield from _versioned(plan, asking, part.bucket)


def _pods(plan: AwsPlan, asking: Asking, part: Pods) -> Iterator[Finding]:
    yield from _versioned(plan, asking, part.bucket)
    yield from pods.found(plan, asking, part)


def _task(plan: AwsPlan, asking: Asking, part: Task) -> Iterator[Finding]:
    """The services of a program, each of which keeps one task."""
    [compute] = [other for other in plan.parts if isinstance(other, Compute)]
    client = asking.client("ecs")
    try:
        found = client.describe_services(cluster=compute.cluster, services=list(part.instances))["services"]
    except client.exceptions.ClusterNotFoundException:
        found = []
    there = {item["serviceName"]: item for item in found if item["status"] != "INACTIVE"}
    for name in part.instances:
        if name not in there:
            yield Finding("missing", f"service {name}")
        else:
            yield from _service(name, there[name])


def _service(name: str, service: Any) -> Iterator[Finding]:
    running, wanted = service["runningCount"], service["desiredCount"]
    rollouts = [item.get("rolloutState") for item in service.get("deployments", ())]
    if wanted == 0:
        yield Finding("unwell", f"service {name} is to run no task")
    elif "FAILED" in rollouts:
        yield Finding("unwell", f"service {name}: its last deployment failed{_said(service)}")
    elif running < wanted:
        state = "starting" if "IN_PROGRESS" in rollouts else "unwell"
        yield Finding(state, f"service {name} runs {running} of {wanted} tasks{_said(service)}")


def _said(service: Any) -> str:
    events = service.get("events") or [{}]
    return f": {_short(events[0]['message'])}" if events[0].get("message") else ""


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _relay(plan: AwsPlan, asking: Asking, part: Relay) -> Iterator[Finding]:
    yield from _function(asking, part)
    client = asking.client("sqs")
    try:
        url = client.get_queue_url(QueueName=part.queue)["QueueUrl"]
        what = "ApproximateNumberOfMessages"
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=[what])
        waiting = int(answer["Attributes"][what])
    except client.exceptions.QueueDoesNotExist:
        yield Finding("missing", f"queue {part.queue}")
    else:
        if waiting:
            yield Finding("unwell", f"{waiting} notifications were not delivered: queue {part.queue}")
    yield from _alarms(asking, (part.queue,))
    del plan


def _function(asking: Asking, part: Relay) -> Iterator[Finding]:
    client = asking.client("lambda")
    try:
        found = client.get_function_configuration(FunctionName=part.function)
    except client.exceptions.ResourceNotFoundException:
        yield Finding("missing", f"function {part.function}")
        return
    state, update = found.get("State", "Active"), found.get("LastUpdateStatus", "Successful")
    if state not in ("Active", "Inactive") or update == "Failed":
        reason = found.get("StateReason") or found.get("LastUpdateStatusReason") or ""
        kind = "starting" if state == "Pending" else "unwell"
        words = state if update != "Failed" else "not as it was to be"
        yield Finding(kind, f"function {part.function} is {words}{f': {_short(reason)}' if reason else ''}")


def _watch(plan: AwsPlan, asking: Asking, part: Watch) -> Iterator[Finding]:
    del plan
    together = {alarm.name for alarm in part.together if asking.stand_in}  # which has none of these
    names = tuple(name for name in part.every if name not in together)
    yield from _alarms(asking, names, quiet={alarm.name for alarm in part.alarms if not alarm.told})


def _alarms(asking: Asking, names: tuple[str, ...], quiet: Collection[str] = ()) -> Iterator[Finding]:
    """That they are there, and none fires but those that are `quiet` alone."""
    kinds = ["CompositeAlarm", "MetricAlarm"]
    answer = asking.client("cloudwatch").describe_alarms(
        AlarmNames=list(names), AlarmTypes=kinds, MaxRecords=100
    )
    found = (*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ()))
    there = {item["AlarmName"]: item for item in found}
    for name in names:
        if name not in there:
            yield Finding("missing", f"alarm {name}")
        elif there[name]["StateValue"] == "ALARM" and name not in quiet:
            text = there[name].get("AlarmDescription") or there[name].get("StateReason") or ""
            yield Finding("unwell", f"alarm {name}: {_short(text)}")


def _workspace(plan: AwsPlan, asking: Asking, part: Workspace) -> tuple[list[Finding], str]:
    client = asking.client("amp")
    found = [
        item
        for page in client.get_paginator("list_workspaces").paginate(alias=part.alias)
        for item in page["workspaces"]
        if item.get("alias") == part.alias
    ]
    tagged = [item for item in found if item.get("tags", {}).get(taken.OWN) == plan.stack]
    own = tagged or found
    if not own:
        return [Finding("missing", f"workspace {part.alias}")], ""
    state = own[0]["status"]["statusCode"]
    if state != "ACTIVE":
        return [_of_amp(f"workspace {part.alias}", {"statusCode": state})], ""
    known = {path: text for path, text in part.files if path != part.definition or not asking.stand_in}
    return _judged(client, own[0]["workspaceId"], part, known)


def _judged(
    client: Any, workspace: str, part: Workspace, files: Mapping[str, str]
) -> tuple[list[Finding], str]:
    """Each namespace of rules and the definition: that it is there, taken, and has the text that was sent."""
    found, others, gone = list[Finding](), list[str](), (client.exceptions.ResourceNotFoundException,)
    for path, text in files.items():
        name = path.removeprefix(RULES).removesuffix(".yml")
        if path.startswith(RULES):
            what = f"rules {name}"
            try:
                answer = client.describe_rule_groups_namespace(workspaceId=workspace, name=name)
            except gone:
                found.append(Finding("missing", what))
                continue
            answer = answer["ruleGroupsNamespace"]
        elif path == part.definition:
            what = "alert manager definition"
            try:
                answer = client.describe_alert_manager_definition(workspaceId=workspace)
            except gone:
                found.append(Finding("missing", what))
                continue
            answer = answer["alertManagerDefinition"]
        else:
            continue
        if answer["status"]["statusCode"] != "ACTIVE":
            found.append(_of_amp(what, answer["status"]))
        if answer["data"].decode() != text:
            others.append(path)
    return found, f"changed: {', '.join(others)}" if others else ""


def _of_amp(what: str, status: Any) -> Finding:
    state, reason = status["statusCode"], status.get("statusReason", "")
    kind = "starting" if state in ("CREATING", "UPDATING") else "unwell"
    return Finding(kind, f"{what}: {state}{f': {_short(reason)}' if reason else ''}")


PERMISSIONS = (
    *("aps:DescribeAlertManagerDefinition", "aps:DescribeRuleGroupsNamespace", "es:DescribeDomainHealth"),
    *("lambda:GetFunctionConfiguration", "s3:GetBucketVersioning", "sqs:GetQueueAttributes"),
    *("ecr:DescribeImages", "ecr:DescribeRepositories", "ecr:ListTagsForResource"),
    *("eks:DescribeAddon", "eks:DescribeNodegroup"),
    *("elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeTargetGroups"),
    *("elasticfilesystem:DescribeAccessPoints", "elasticfilesystem:DescribeFileSystems"),
    *("elasticfilesystem:DescribeMountTargets", "elasticloadbalancing:DescribeTargetHealth", "xray:GetGroup"),
)
"""What the caller must be allowed to do beyond what preflight asks."""
LOOKS: dict[type[AwsPart], Callable[[AwsPlan, Asking, Any], Iterable[Finding]]] = {
    Archive: _archive,
    Balancer: balancer,
    Cluster: cluster,
    Compute: _compute,
    Images: images,
    Key: _key,
    Network: _network,
    Pod: pods.found,
    Pods: _pods,
    Relay: _relay,
    Store: _store,
    Task: _task,
    Traces: traces,
    Volumes: volumes,
    Watch: _watch,
}
"""Kind of a part -> what is asked of it beyond names."""
