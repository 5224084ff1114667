"""Everything in an account that bears the mark of heads of cohorts, whoever made it: by the tag
`obs:stack`, as the Resource Groups Tagging API has it in the region, and of roles, which it does not know, as
IAM has it.

What is on its way out (a key that waits for its end, a secret in its days of grace, an old definition of a
task) is still listed there, and left out here.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

from aws.account.ask import GLOBAL, Asking, at_once, code, trouble
from aws.account.checks import Tags, tags
from aws.account.taken import OWN
from aws.cohort import TAGGING
from components.errors import SuiteError
from components.heads import PREFIX, Marked

GONE = ("InvalidClientTokenId", "NotFoundException", "ResourceNotFoundException", "ClusterNotFoundException")


def marked(
    place: Mapping[str, Any], stacks: Collection[str] | None, asking: Asking | None = None
) -> list[Marked]:
    """Sorted; nothing of a stand-in, which ends with its stack. SuiteError if the account cannot be asked, or
    only in part: who is told of nothing takes it that there is nothing."""
    if place["stand_in"]:
        return []
    asking = asking or Asking(place["region"], place["endpoints"])
    _is_account(asking, place["account"])
    calls: dict[str, Callable[[], list[Marked]]] = {}
    for region in dict.fromkeys((asking.region, GLOBAL[asking.partition])):
        if asking.answers(TAGGING):
            calls[f"what is tagged in {region}"] = partial(_tagged, asking, region)
    if asking.answers("iam"):
        calls["roles"] = partial(_roles, asking)
    found = set[Marked]()
    for what, answer in at_once(calls, asking.deadline).items():
        if isinstance(answer, Exception):
            raise SuiteError(
                f"account {place['account']}: {what} cannot be asked for: {trouble(answer).words}"
            )
        found |= set(answer)
    return sorted(one for one in found if stacks is None or one.stack in stacks)


def _is_account(asking: Asking, account: str) -> None:
    if not asking.answers("sts"):
        return
    [answer] = at_once(
        {"account": lambda: asking.client("sts").get_caller_identity()["Account"]}, asking.deadline
    ).values()
    if isinstance(answer, Exception):
        raise SuiteError(
            f"account {account} cannot be asked: {trouble(answer).words}. Log in, or set AWS_PROFILE"
        )
    if answer != account:
        raise SuiteError(f"account {account} cannot be asked: the credentials are of {answer} (AWS_PROFILE)")


def _tagged(asking: Asking, region: str) -> list[Marked]:
    client = asking.client(TAGGING, region)
    found = list[Marked]()
    for page in client.get_paginator("get_resources").paginate(TagFilters=[{"Key": OWN}]):
        for item in page["ResourceTagMappingList"]:
            stack = tags(item["Tags"])[OWN]
            if stack.startswith(PREFIX) and not _leaves(asking, region, item["ResourceARN"]):
                found.append(Marked(stack, item["ResourceARN"]))
    return found


def _roles(asking: Asking) -> list[Marked]:
    client = asking.everywhere("iam")

    def of(name: str) -> Tags:
        try:
            return tags(client.list_role_tags(RoleName=name)["Tags"])
        except client.exceptions.NoSuchEntityException:  # it went meanwhile
            return {}

    def every() -> Iterator[Marked]:
        for page in client.get_paginator("list_roles").paginate():
            for role in page["Roles"]:
                if role["RoleName"].startswith(f"obs-{PREFIX}"):
                    stack = of(role["RoleName"]).get(OWN, "")
                    if stack.startswith(PREFIX):
                        yield Marked(stack, role["Arn"])

    return list(every())


def _leaves(asking: Asking, region: str, arn: str) -> bool:
    """Whether a thing is listed though it is as good as gone."""
    from botocore.exceptions import ClientError

    service, _, rest = arn.split(":", 2)[2].partition(":")
    kind = rest.split(":", 2)[2]
    try:
        if service == "kms" and kind.startswith("key/"):
            key = asking.client("kms", region).describe_key(KeyId=arn)["KeyMetadata"]
            return bool(key["KeyState"] == "PendingDeletion")
        if service == "secretsmanager":
            return "DeletedDate" in asking.client("secretsmanager", region).describe_secret(SecretId=arn)
        if service == "ecs":
            return _ecs_leaves(asking.client("ecs", region), arn, kind)
    except ClientError as error:
        if code(error) in GONE:
            return True
        raise
    return False


def _ecs_leaves(client: Any, arn: str, kind: str) -> bool:
    """ECS keeps what was taken away, as INACTIVE."""
    what, _, name = kind.partition("/")
    if what == "task-definition":
        definition = client.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        return bool(definition["status"] != "ACTIVE")
    if what == "cluster":
        there = client.describe_clusters(clusters=[arn])["clusters"]
    elif what == "service":
        there = client.describe_services(cluster=name.partition("/")[0], services=[arn])["services"]
    else:
        return False
    return not any(item["status"] in ("ACTIVE", "PROVISIONING") for item in there)
