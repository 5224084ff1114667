"""Whether the names of a plan are free, or the stack's own: what has its tag is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from aws.account import clusters
from aws.account.ask import Asking, code, missing
from aws.account.checks import Check, Tags, obstacle, tags
from aws.images import Images
from aws.parts import Archive, AwsPlan, Cluster, Compute, Key, Relay, Store, Task, Volumes, Watch, Workspace
from aws.pods import Pod, Pods
from components.target import Obstacle

OWN = "obs:stack"
"""The tag whose value is the stack's name."""
ADOPTED = "obs:adopted"
"""The tag, with the same value, of a log group that was there before the stack."""
LOG_GROUP = "log group"


class Elsewhere(Exception):
    """A name is another account's."""


class Leaving(Exception):
    """What has the name is on its way out, and keeps the name until then."""


@dataclass(frozen=True)
class Name:
    """A name of a plan. `look` gets the client of the service, and gives the tags of what has the name; None
    where nothing has."""

    what: str
    name: str
    service: str
    permissions: tuple[str, ...]
    look: Callable[[Any, str], Tags | None]
    everywhere: bool = False

    def client(self, asking: Asking) -> Any:
        """Whom to ask."""
        return asking.everywhere(self.service) if self.everywhere else asking.client(self.service)


def checks(plan: AwsPlan, asking: Asking) -> Iterator[Check]:
    """A check each."""
    for name in names(plan, asking):
        if asking.answers(name.service):
            yield Check(
                f"{name.what} {name.name}",
                name.permissions,
                partial(_free, plan, asking, name),
            )


def owner(asking: Asking, name: Name) -> Tags | None:
    """The tags of what has a name; None where nothing has. Errors of boto3 as they come."""
    try:
        return name.look(name.client(asking), name.name)
    except name.client(asking).exceptions.ClientError as error:
        if missing(error, *ABSENT):
            return None
        raise


ABSENT = (
    *("404", "NoSuchBucket", "NoSuchEntity", "NotFound", "NotFoundException", "ResourceNotFoundException"),
    *(
        "RepositoryNotFoundException",
        "ResourceNotFound",
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
    ),
)
"""How services say that there is no such thing."""


def _free(plan: AwsPlan, asking: Asking, name: Name) -> list[Obstacle]:
    what = f"{name.what} {name.name}"
    rename = "choose another environment.name"
    try:
        found = owner(asking, name)
    except Elsewhere:
        return [obstacle(what, "another account has it", "a name that is free", rename)]
    except Leaving as leaving:
        do = f"aws secretsmanager restore-secret --secret-id {name.name}, then pulumi import; or wait"
        return [obstacle(what, f"{leaving}, and keeps its name until then", "a name that is free", do)]
    if found is None or found.get(OWN) == plan.stack:
        return []
    if name.what == LOG_GROUP and to_be_adopted(plan, found):
        do = "nothing, if lines may go that are older than aws.log_retention; it gets the stack's key too, "
        do += f"and stays when the stack is taken down. Else {rename}"
        expected = f"a name that is free; `obs up {plan.stack}` takes it over"
        return [obstacle(what, f"it is there, without the tag {OWN}", expected, do, fatal=False)]
    whose = f"stack {found[OWN]} has it" if OWN in found else f"it is there, without the tag {OWN}"
    do = f"{rename}, or take it away if nobody needs it, or `pulumi import` it"
    return [obstacle(what, whose, "a name that is free, or this stack's own", do)]


def to_be_adopted(plan: AwsPlan, found: Tags) -> bool:
    """Whether a log group with these tags is nobody's, or was until the stack took it over."""
    return OWN not in found or (found[OWN] == plan.stack and ADOPTED in found)


def names(plan: AwsPlan, asking: Asking) -> Iterator[Name]:
    """Those that others could have: of buckets, all the world. A workspace's is no name but a label."""
    for part in plan.parts:
        if isinstance(part, Key):
            yield Name("key", part.alias, "kms", ("kms:DescribeKey", "kms:ListResourceTags"), _key)
        elif isinstance(part, Archive):
            yield _bucket(plan, part.bucket)
        elif isinstance(part, Store):
            yield Name("domain", part.domain, "opensearch", ("es:DescribeDomain", "es:ListTags"), _domain)
            yield from (_log_group(group) for _, group in part.groups)
            yield from (_secret(called) for _, called in part.passwords)
        elif isinstance(part, Workspace):
            yield _log_group(part.log_group)
        elif isinstance(part, Relay):
            yield from _of_relay(plan, asking, part)
        elif isinstance(part, Compute):
            yield Name("cluster", part.cluster, "ecs", ("ecs:DescribeClusters",), _cluster)
            yield _bucket(plan, part.bucket)
        elif isinstance(part, Task):
            yield _log_group(part.log_group)
            yield from (_role(f"{part.family}-{kind}") for kind in ("execution", "task"))
            yield from (_secret(called) for _, called in part.given)
        elif isinstance(part, Pods):
            yield _bucket(plan, part.bucket)
        elif isinstance(part, Pod):
            yield _role(part.role)
            yield from (_log_group(group) for group in (part.log_group,) if group)
            yield from (_secret(called) for _, called in part.given)
        elif isinstance(part, Images):
            asked = ("ecr:DescribeRepositories", "ecr:ListTagsForResource")
            yield from (Name("repository", it.repository, "ecr", asked, _repository) for it in part.built)
        elif isinstance(part, Volumes):
            yield Name("file system", part.called, "efs", ("elasticfilesystem:DescribeFileSystems",), volumes)
        elif isinstance(part, Cluster):
            yield Name("EKS cluster", part.called, "eks", ("eks:DescribeCluster",), clusters.owner)
            asked = ("ec2:DescribeLaunchTemplates", "ec2:DescribeTags")
            yield Name("launch template", part.template, "ec2", asked, clusters.template)
            yield _log_group(part.log_group)
            yield from (_role(role.called) for role in part.roles)
        elif isinstance(part, Watch):
            yield from (_alarm(name) for name in part.every)


def _of_relay(plan: AwsPlan, asking: Asking, part: Relay) -> Iterator[Name]:
    arn = f"arn:{asking.partition}:%s:{plan.region}:{plan.account}:%s"
    asked = ("sns:ListTagsForResource",)
    for topic in (part.topic, part.alarms):
        yield Name("topic", topic, "sns", asked, lambda client, it: _topic(client, arn % ("sns", it)))
    yield Name("queue", part.queue, "sqs", ("sqs:GetQueueUrl", "sqs:ListQueueTags"), _queue)
    function = arn % ("lambda", f"function:{part.function}")
    yield Name(
        "function",
        part.function,
        "lambda",
        ("lambda:ListTags",),
        lambda client, _: _function(client, function),
    )
    yield _role(part.function)
    yield _log_group(part.log_group)
    yield _alarm(part.queue)
    yield from (_secret(called) for _, called in part.given)


def _bucket(plan: AwsPlan, name: str) -> Name:
    def look(client: Any, bucket: str) -> Tags | None:
        try:
            client.head_bucket(Bucket=bucket, ExpectedBucketOwner=plan.account)
        except client.exceptions.ClientError as error:
            if code(error) in ("403", "AccessDenied"):
                raise Elsewhere from None
            raise
        try:
            return tags(client.get_bucket_tagging(Bucket=bucket)["TagSet"])
        except client.exceptions.ClientError as error:
            if missing(error, "NoSuchTagSet"):
                return {}
            raise

    return Name("bucket", name, "s3", ("s3:ListBucket", "s3:GetBucketTagging"), look)


def _role(name: str) -> Name:
    def look(client: Any, role: str) -> Tags:
        return tags(client.get_role(RoleName=role)["Role"].get("Tags"))

    return Name("role", name, "iam", ("iam:GetRole",), look, everywhere=True)


def _log_group(name: str) -> Name:
    def look(client: Any, group: str) -> Tags | None:
        found = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        arns = [item["arn"].removesuffix(":*") for item in found if item["logGroupName"] == group]
        return dict(client.list_tags_for_resource(resourceArn=arns[0])["tags"]) if arns else None

    return Name(LOG_GROUP, name, "logs", ("logs:DescribeLogGroups", "logs:ListTagsForResource"), look)


def _secret(name: str) -> Name:
    def look(client: Any, secret: str) -> Tags:
        found = client.describe_secret(SecretId=secret)
        if "DeletedDate" in found:
            raise Leaving("it was deleted")
        return tags(found.get("Tags"))

    return Name("secret", name, "secretsmanager", ("secretsmanager:DescribeSecret",), look)


def _alarm(name: str) -> Name:
    def look(client: Any, alarm: str) -> Tags | None:
        found = client.describe_alarms(AlarmNames=[alarm], AlarmTypes=["CompositeAlarm", "MetricAlarm"])
        arns = [
            item["AlarmArn"] for kind in ("MetricAlarms", "CompositeAlarms") for item in found.get(kind, ())
        ]
        return tags(client.list_tags_for_resource(ResourceARN=arns[0])["Tags"]) if arns else None

    asked = ("cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource")
    return Name("alarm", name, "cloudwatch", asked, look)


def _key(client: Any, alias: str) -> Tags:
    key = client.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]
    return tags(client.list_resource_tags(KeyId=key)["Tags"], "TagKey", "TagValue")


def _domain(client: Any, name: str) -> Tags:
    arn = client.describe_domain(DomainName=name)["DomainStatus"]["ARN"]
    return tags(client.list_tags(ARN=arn)["TagList"])


def _topic(client: Any, arn: str) -> Tags:
    return tags(client.list_tags_for_resource(ResourceArn=arn)["Tags"])


def _queue(client: Any, name: str) -> Tags:
    url = client.get_queue_url(QueueName=name)["QueueUrl"]
    return dict(client.list_queue_tags(QueueUrl=url).get("Tags", {}))


def _function(client: Any, arn: str) -> Tags:
    return dict(client.list_tags(Resource=arn).get("Tags", {}))


def _repository(client: Any, name: str) -> Tags:
    [found] = client.describe_repositories(repositoryNames=[name])["repositories"]
    return tags(client.list_tags_for_resource(resourceArn=found["repositoryArn"]).get("tags"))


def volumes(client: Any, token: str) -> Tags | None:
    """The tags of the file system that was made with a token: an account has one of each."""
    found = client.describe_file_systems(CreationToken=token)["FileSystems"]
    return tags(found[0].get("Tags")) if found else None


def _cluster(client: Any, name: str) -> Tags | None:
    found = client.describe_clusters(clusters=[name], include=["TAGS"])["clusters"]
    there = [item for item in found if item["status"] != "INACTIVE"]
    return tags(there[0].get("tags"), "key", "value") if there else None
