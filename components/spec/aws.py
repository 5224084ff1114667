"""The AWS account that a stack goes to: where, how large, how long, at what cost."""

import ipaddress
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic.functional_validators import AfterValidator

from components.spec.base import Duration, Like, Model, duplicates, milliseconds
from components.spec.kubernetes import Image

PARTITIONS = (
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("", "aws", "amazonaws.com"),
)
"""How a region begins, its partition, and how names of hosts there end."""

SERVICES = (
    "amp", "budgets", "cloudwatch", "ec2", "ecr", "ecs", "efs", "eks", "elbv2", "iam", "kms", "lambda",
    "logs", "opensearch", "resourcegroupstaggingapi", "s3", "secretsmanager", "servicediscovery", "sns",
    "sqs", "sts", "xray",
)  # fmt: skip
"""The services that a stack uses, as the provider names their endpoints."""

STAND_IN_ACCOUNT = "123456789012"
"""The one account that a stand-in has."""
STAND_IN_OFFSET = 90
"""Of its port from `deploy.port_base`: no program of a stack has it (`components.inventory`)."""

Account = Annotated[str, Like(r"^[0-9]{12}$", "an account's id in quotes: 12 digits, as in '123456789012'")]
Region = Annotated[
    str,
    Like(r"^(af|ap|ca|cn|eu|il|me|mx|sa|us)(-gov)?-[a-z]+-[1-9]$", "a region of AWS, as in 'eu-central-1'"),
]
VpcId = Annotated[str, Like(r"^vpc-[0-9a-f]{8,17}$", "the id of a VPC, as in 'vpc-0123456789abcdef0'")]
SubnetId = Annotated[
    str, Like(r"^subnet-[0-9a-f]{8,17}$", "the id of a subnet, as in 'subnet-0123456789abcdef0'")
]
Certificate = Annotated[
    str,
    Like(
        r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-f-]{36}$",
        "the ARN of a certificate, as in 'arn:aws:acm:eu-central-1:123456789012:certificate/...'",
    ),
]
RoleArn = Annotated[
    str,
    Like(
        r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}$",
        "the ARN of a role, as in 'arn:aws:iam::123456789012:role/platform'",
    ),
]
Url = Annotated[str, Like(r"^https?://[!-~]+$", "a URL, as in 'http://127.0.0.1:5000'")]
Mail = Annotated[str, Like(r"^[!-?A-~]+@[A-Za-z0-9.-]+$", "an address of mail, as in 'costs@shop.example'")]
TagValue = Annotated[str, Like(r"^[A-Za-z0-9 _.:/=+@-]{1,256}$", "letters, digits, blanks and _.:/=+-@")]


def _cidr(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError:
        raise ValueError("expected a network, as in '10.20.0.0/16'") from None
    if not network.is_private or not 16 <= network.prefixlen <= 22:
        raise ValueError("expected a private network of /16 to /22")
    return value


def _days(value: str) -> str:
    if milliseconds(value) % 86_400_000:
        raise ValueError("expected whole days, as in '30d'")
    return value


def _caller(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError:
        raise ValueError("expected a network, as in '198.51.100.0/24'") from None
    if network.prefixlen < 16:
        raise ValueError("expected a network of /16 or smaller: a cluster answers to those that are named")
    return value


Days = Annotated[Duration, AfterValidator(_days)]
"""A span of whole days."""


def days(duration: str) -> int:
    """`Days` as a number."""
    return milliseconds(duration) // 86_400_000


class Vpc(Model):
    """The network: one that is there, or one of the stack's own."""

    id: VpcId | None = None
    """One that is there; without, the stack makes one."""
    subnets: tuple[SubnetId, ...] = ()
    """Private subnets of the one that is there, each in another zone."""
    cidr: Annotated[str, AfterValidator(_cidr)] = "10.20.0.0/16"
    """Addresses of a VPC; of one that is there, its own: who talks to its endpoints."""
    zones: Annotated[int, Field(ge=2, le=3)] = 3
    """In how many zones there are subnets, nodes of the store, and tasks."""

    @field_validator("subnets")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if twice := duplicates(list(value)):
            raise ValueError(f"expected each subnet once; twice: {', '.join(twice)}")
        return value

    @model_validator(mode="after")
    def _subnets_of_a_vpc(self) -> "Vpc":
        if self.id is None and self.subnets:
            raise ValueError("expected `subnets` only beside the `id` of a VPC that is there")
        if self.id is not None and len(self.subnets) != self.zones:
            raise ValueError(f"expected as many `subnets` as `zones`, which is {self.zones}")
        return self


class Domain(Model):
    """The OpenSearch domain that keeps log records and spans."""

    instance_type: Annotated[
        str, Like(r"^[a-z0-9]+\.[a-z0-9]+\.search$", "a type of node, as in 'r7g.large.search'")
    ] = "r7g.large.search"
    nodes: Annotated[int, Field(ge=2, le=80)] = 3
    """Nodes with data, spread over the zones."""
    managers: bool = True
    """Whether three nodes of their own manage the domain."""
    storage_gib: Annotated[int, Field(ge=10, le=16_384)] = 100
    """Of each node with data."""


class Archive(Model):
    """What is kept for long, in S3."""

    retention: Days = "365d"
    glacier_after: Days = "30d"
    """When it moves to Glacier, where it costs less and takes hours to come back."""
    lock: Literal["none", "governance", "compliance"] = "none"
    """Whether objects can be deleted before their time; with `compliance` nobody can, the account's owner
    neither."""

    @model_validator(mode="after")
    def _moves_before_it_ends(self) -> "Archive":
        if days(self.glacier_after) + 90 > days(self.retention):
            raise ValueError(
                "expected `retention` at least 90d beyond `glacier_after`: Glacier is paid for 90 days"
            )
        return self


class Budget(Model):
    """What a month may cost."""

    monthly_usd: Annotated[int, Field(ge=1, le=10_000_000)] = 1_000
    notify: tuple[Mail, ...] = ()
    """Who is told at 80% of it, and when the forecast passes it; nobody without, and there is no budget."""


class ImageBuild(Model):
    """Images of our own programs, built by Docker where `obs up` runs, and pushed to repositories (ECR) of
    the stack's own."""

    base: Image | None = None
    """What they are built on, by its digest: with a C library as new as that of the machine that builds, a
    shell, and `ca-certificates`. Without, nothing is built."""
    keep: Annotated[int, Field(ge=2, le=100)] = 10
    """Images that stay in a repository, the newest: a failed deployment goes back to the one before."""

    @model_validator(mode="after")
    def _whole(self) -> "ImageBuild":
        if self.base is None and self.model_dump(exclude_defaults=True):
            raise ValueError("expected `base` beside these, without which nothing is built")
        if self.base is not None and "@sha256:" not in self.base:
            raise ValueError(
                "expected `base` by its digest, as in 'docker.io/library/debian@sha256:...': by a tag, the "
                "same stack file would make other images"
            )
        return self


class TaskImages(Model):
    """What tasks are made of: each image has its program on the PATH. A digest says which, a tag may move."""

    build: ImageBuild = ImageBuild()
    """`programs` and `collector` in place of images that are named."""
    programs: Image | None = None
    """The image with `agents`."""
    collector: Image | None = None
    """The image with our collector, `otelcol`."""
    jaeger: Image | None = None
    prometheus: Image | None = None
    """It scrapes, and sends to where samples are kept; or keeps them (`metrics: self`)."""
    alertmanager: Image | None = None
    """Where the stack has Alertmanagers of its own (`metrics: self`)."""
    redis: Image | None = None
    """For services of the stack with `run.redis`."""
    fluent_bit: Image | None = None
    """It ships what services of the stack write, as FireLens: Fluent Bit's own, or that of AWS."""
    grafana: Image | None = None
    """Where Grafana shows dashboards (`grafana`): Grafana's own, with the plugins for OpenSearch and Amazon
    Managed Service for Prometheus in it."""
    xray: Image | None = None
    """The collector of AWS (`aws-otel-collector`), where X-Ray keeps traces."""


class Balancer(Model):
    """The load balancer before the gateways."""

    certificate: Certificate | None = None
    """Of the name under which services send, in Certificate Manager; without, they send to the gateways
    themselves, without TLS."""


class Cluster(Model):
    """A Kubernetes cluster (EKS) in the network: for services that others deploy, or for a stack of target
    kubernetes."""

    version: (
        Annotated[str, Like(r"^1\.[0-9]{2}$", "a version of Kubernetes in quotes, as in '1.34'")] | None
    ) = None
    """Of Kubernetes; without, there is no cluster."""
    administrators: tuple[RoleArn, ...] = ()
    """Roles that may do everything in it, as whoever runs `obs up` of a stack there; others may nothing."""
    reached_from: tuple[Annotated[str, AfterValidator(_caller)], ...] = ()
    """Networks outside from which its interface is reached; without, it is reached from within the network
    alone."""
    instance_type: Annotated[
        str, Like(r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$", "a type of machine, as in 'm7i.xlarge'")
    ] = "m7i.xlarge"
    nodes: Annotated[int, Field(ge=1, le=100)] = 3
    """Spread over the zones."""
    disk_gib: Annotated[int, Field(ge=20, le=16_384)] = 50
    """Of each node: images, and what pods write beside their volumes."""

    @model_validator(mode="after")
    def _whole(self) -> "Cluster":
        if self.version is None and self.model_dump(exclude_defaults=True):
            raise ValueError("expected `version` beside these, without which there is no cluster")
        if self.version is not None and not self.administrators:
            raise ValueError("expected `administrators`: nobody could do anything in the cluster")
        for name in ("administrators", "reached_from"):
            if twice := duplicates(list(getattr(self, name))):
                raise ValueError(f"expected each of `{name}` once; twice: {', '.join(twice)}")
        return self


class Tags(Model):
    """On everything, beside environment, team and stack."""

    cost_centre: TagValue | None = None
    cohort: TagValue | None = None
    expiry: Annotated[str, Like(r"^20\d\d-[01]\d-[0-3]\d$", "a date, as in '2027-01-31'")] | None = None
    """When the stack may be taken down, for whoever cleans up."""


class Aws(Model):
    """The account of a stack, and what it has there."""

    account: Account | None = None
    """Whose credentials must be in use; needed with target aws."""
    region: Region | None = None
    """Needed with target aws; `environment.region` is only the label."""
    compute: Literal["ecs", "eks"] = "ecs"
    """Where the stack's own programs run: as tasks, or as pods of `cluster`."""
    metrics: Literal["managed", "self"] = "managed"
    """Who keeps samples and judges rules: Amazon Managed Service for Prometheus, or a pair of Prometheus and
    one of Alertmanager, as tasks with volumes that outlive them."""
    vpc: Vpc = Vpc()
    domain: Domain = Domain()
    traces: Literal["jaeger", "xray"] = "jaeger"
    """Who keeps traces: Jaeger in the domain, or X-Ray."""
    balancer: Balancer = Balancer()
    grafana: bool = False
    """Whether Grafana, as a task behind `balancer`, shows the stack's dashboards."""
    cluster: Cluster = Cluster()
    images: TaskImages = TaskImages()
    log_retention: Days = "30d"
    """How long CloudWatch keeps what the stack's own programs write."""
    log_anomalies: bool = True
    """Whether CloudWatch learns what the stack's own programs write, and tells people of what is unusual."""
    archive: Archive = Archive()
    budget: Budget = Budget()
    tags: Tags = Tags()
    endpoints: dict[str, Url] = {}
    """Service -> URL that takes its place: a local stand-in, for training and tests."""
    stand_in: bool = False
    """Whether a stand-in on this machine takes the place of all of AWS, for training: `obs up` starts it,
    `obs destroy` ends it, and nothing reaches AWS."""

    @field_validator("endpoints")
    @classmethod
    def _known(cls, value: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(value.keys() - set(SERVICES)):
            raise ValueError(
                f"expected names of services, of {', '.join(SERVICES)}; unknown: {', '.join(unknown)}"
            )
        return value

    @model_validator(mode="after")
    def _one_stand_in(self) -> "Aws":
        if self.stand_in and self.endpoints:
            raise ValueError("expected no `endpoints` beside `stand_in`, which takes the place of all")
        if self.stand_in and self.account not in (None, STAND_IN_ACCOUNT):
            raise ValueError(f"expected `account` to be '{STAND_IN_ACCOUNT}', the one that a stand-in has")
        return self

    @property
    def partition(self) -> str:
        """The region's: `aws`, `aws-cn` or `aws-us-gov`."""
        return self._place[1]

    @property
    def suffix(self) -> str:
        """How names of AWS's hosts end there."""
        return self._place[2]

    @property
    def _place(self) -> tuple[str, str, str]:
        return next(place for place in PARTITIONS if (self.region or "").startswith(place[0]))


__all__ = [
    "SERVICES",
    "STAND_IN_ACCOUNT",
    "STAND_IN_OFFSET",
    "Archive",
    "Aws",
    "Balancer",
    "Budget",
    "Cluster",
    "Domain",
    "ImageBuild",
    "Tags",
    "TaskImages",
    "Vpc",
    "days",
]
