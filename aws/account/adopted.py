"""Log groups of a plan that were in the account before the stack: it takes them over, with its retention, key
and tags, and never takes them away.

What was taken over has a tag of its own, so that every later run knows it. What another stack made is left to
that one.
"""

import posixpath
from functools import partial

from aws.account.ask import Asking, all_known, trouble
from aws.account.checks import Tags
from aws.account.taken import ADOPTED, LOG_GROUP, names, to_be_adopted
from aws.parts import AwsPlan
from components.errors import SuiteError

WHICH = "which log groups are there already"
OTHERWISE = "what is another's could be taken for the stack's own"


def adopted(plan: AwsPlan, asking: Asking | None = None) -> dict[str, bool]:
    """Name of each -> whether it was taken over before; SuiteError if AWS does not say. None in a stand-in,
    whose groups are all the stack's."""
    asking = asking or Asking.of(plan)
    if plan.stand_in or not asking.answers("logs"):
        return {}
    wanted = [name.name for name in names(plan, asking) if name.what == LOG_GROUP]
    folders = sorted({f"{posixpath.dirname(name)}/" for name in wanted})
    lists = all_known(
        asking, {folder: partial(_arns, asking, folder) for folder in folders}, WHICH, OTHERWISE
    )
    arns = {name: arn for found in lists.values() for name, arn in found.items()}
    ours = {name: partial(_tags, asking, arns[name]) for name in sorted(arns.keys() & set(wanted))}
    tags = all_known(asking, ours, WHICH, OTHERWISE)
    return {name: ADOPTED in found for name, found in tags.items() if to_be_adopted(plan, found)}


def take(plan: AwsPlan, name: str, days: int, key: str) -> None:
    """Bring a group in line before the engine remembers it: it takes over only what is as it was told. The
    same once more changes nothing; SuiteError if AWS does not do it."""
    from botocore.exceptions import BotoCoreError, ClientError

    asking = Asking.of(plan)
    arn = f"arn:{asking.partition}:logs:{plan.region}:{plan.account}:log-group:{name}"
    try:
        client = asking.client("logs")
        client.put_retention_policy(logGroupName=name, retentionInDays=days)
        client.associate_kms_key(logGroupName=name, kmsKeyId=key)
        client.tag_resource(resourceArn=arn, tags={**dict(plan.tags), ADOPTED: plan.stack})
    except (BotoCoreError, ClientError) as error:
        raise SuiteError(
            f"log group {name} was there and could not be taken over: {trouble(error).words}"
        ) from None


def _arns(asking: Asking, prefix: str) -> dict[str, str]:
    pages = asking.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    return {
        item["logGroupName"]: item["arn"].removesuffix(":*") for page in pages for item in page["logGroups"]
    }


def _tags(asking: Asking, arn: str) -> Tags:
    return dict(asking.client("logs").list_tags_for_resource(resourceArn=arn)["tags"])
