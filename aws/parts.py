"""The kinds of parts of a stack on AWS: a pillar each, with everything decided.

`{late:NAME}` in a text stands for what AWS itself names when it makes a thing (a key's ARN, a workspace's
id); it is filled in where the resource is made.
"""

from typing import Any, ClassVar

from components.plan import Frozen, Part, Plan

LATE = "{late:%s}"
NOBODY = "stand-in"
"""Both halves of the credentials with which a stand-in is asked: AWS knows none of that name, so that nothing
can reach it."""
LOOPBACK = "127.0.0.1"


def late(name: str) -> str:
    """The token of a value that is known later."""
    return LATE % name


def stand_in_url(port: int) -> str:
    """Where the stand-in of this machine answers."""
    return f"http://{LOOPBACK}:{port}"


def errors_of(log_group: str) -> tuple[str, str]:
    """Namespace and name of the metric of what a program logs as an error: `obs/prod-aws`, `collector`."""
    namespace, _, name = log_group.lstrip("/").rpartition("/")
    return namespace, name


class AwsPart(Part):
    """A component of Pulumi's with the resources of one pillar below it."""

    ENGINES: ClassVar[tuple[str, ...]] = ()
    """What of the cache of engines it is made of."""

    @classmethod
    def file_of(cls, key: tuple[str, ...]) -> str | None:
        """Files are inputs of the component, so that a preview names them."""
        return key[1] if len(key) == 2 and key[0] == "files" else None


class Key(AwsPart):
    """The key that everything of the stack is encrypted with: `key@<region>`."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Key",)

    name: str = "key"
    alias: str
    policy: str
    """Canonical JSON, as all policies here."""
    deletion_days: int = 30


class Network(AwsPart):
    """Where tasks are: a VPC with private subnets alone, and endpoints: nothing goes over the internet."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Network",)

    name: str = "network"
    vpc: str
    """Of one that is there; '' for one of the stack's own."""
    cidr: str
    subnets: tuple[tuple[str, str], ...] = ()
    """Pairs of zone and network of those that are made."""
    given: tuple[str, ...] = ()
    """Ids of those that are there."""
    endpoints: tuple[str, ...] = ()
    """Services whose endpoint has an address of the VPC; S3's is a route."""
    opened: tuple[int, ...] = ()
    """Ports of tasks that all of the VPC reaches; all others only tasks do."""
    gossip: int = 0
    """Port at which tasks reach each other over UDP too; 0 where none does."""


class Store(AwsPart):
    """The OpenSearch domain that keeps log records and spans: `logs@<region>`."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Logs",)

    name: str = "logs"
    domain: str
    version: str
    instance_type: str
    nodes: int
    storage_gib: int
    zones: int
    managers: str
    """Type of the three nodes that manage the others; '' where those do it themselves."""
    standby: bool
    """Whether the nodes of one zone stand by, so that no zone is missed when it is away."""
    policy: str
    groups: tuple[tuple[str, str], ...]
    """Pairs of a log of the domain and its log group."""
    log_days: int
    log_policy: str
    administrator: str
    """Secret with the password of the user who may do everything; one of `passwords`."""
    passwords: tuple[tuple[str, str], ...]
    """Secret that is made once -> its name in Secrets Manager."""


class Archive(AwsPart):
    """A bucket for what is kept long: private, versioned, encrypted."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Archive",)

    name: str = "archive"
    bucket: str
    policy: str
    glacier_days: int
    days: int
    lock: str


class Workspace(AwsPart):
    """Amazon Managed Service for Prometheus: `metrics@<region>`. Its files are the rules, as everywhere, and
    the alert manager definition."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Metrics",)

    name: str = "metrics"
    alias: str
    retention_days: int
    log_group: str
    log_days: int
    series_limit: int
    """How many series it takes; what is beyond is refused, and an alarm tells."""
    definition: str = "alertmanager.yml"


class Volumes(AwsPart):
    """A file system for what outlives its task, a folder each: `volumes@<region>`."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Volumes",)

    name: str = "volumes"
    called: str
    policy: str
    folders: tuple[str, ...]
    """Of whom: a task sees its own alone."""
    owner: int
    """The user who owns them all."""


class Detector(Frozen):
    """What looks for the unusual in a log group."""

    name: str
    days: int
    """For which something unusual is told of, before it is usual."""


class Relay(AwsPart):
    """From Alertmanager's SNS messages to receivers: a topic, a function, and a queue for what it could not
    deliver, with an alarm on it."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Alerting",)

    name: str = "alerting"
    topic: str
    topic_policy: str
    function: str
    assume: str
    role_policy: str
    queue: str
    undelivered: str
    """What people are told when something is in it."""
    queue_policy: str
    alarms: str
    """Topic of the alarms on the managed parts, which goes to people and not through the relay: it may be the
    relay that fails."""
    mails: tuple[str, ...] = ()
    """Who is told of those."""
    log_group: str
    log_days: int
    detector: Detector | None = None
    receivers: str
    """JSON: receiver -> kind, channel, and name of the secret with its address."""
    given: tuple[tuple[str, str], ...] = ()
    """Secret of the stack file -> its name in Secrets Manager."""


class Compute(AwsPart):
    """Where tasks run: a cluster without machines, a private zone for their names, a bucket for what they
    read."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Compute",)

    name: str = "compute"
    cluster: str
    zone: str
    bucket: str
    bucket_policy: str
    key: str
    """Where in the bucket the files lie that several tasks read."""


class Target(Frozen):
    """A port of programs behind the load balancer."""

    name: str
    called: str
    opened: int
    """Where the load balancer takes what it passes on."""
    port: int
    alpn: str
    health: int
    """The port at which a program says that it is well."""
    path: str = "/"


class Balancer(AwsPart):
    """One name, over TLS, to which services elsewhere in the network send, and where people open Grafana."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Balancer",)

    name: str = "balancer"
    called: str
    certificate: str
    cidr: str
    """Who may send."""
    targets: tuple[Target, ...]


class Role(Frozen):
    """Who may take a role on, and what it may do: by policies that AWS keeps, and by one of ours."""

    name: str
    """Within the part."""
    called: str
    assume: str
    managed: tuple[str, ...] = ()
    policy: str = ""


class Addon(Frozen):
    """What EKS itself runs in a cluster, and keeps."""

    name: str
    before: bool
    """Whether nodes need it to be ready; else it needs them."""
    account: str = ""
    """Its service account, where that has a role."""
    role: str = ""
    settings: str = ""
    """Canonical JSON."""


class Cluster(AwsPart):
    """A cluster of EKS, with nodes of its own: `cluster@<region>`."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Cluster",)

    name: str = "cluster"
    called: str
    version: str
    logs: tuple[str, ...]
    log_group: str
    log_days: int
    administrators: tuple[str, ...]
    administers: str
    """EKS' own policy that they have."""
    reached_from: tuple[str, ...]
    template: str
    """Name of what nodes are made by."""
    instance_type: str
    image: str
    """Kind of the nodes' image, by their processors."""
    nodes: int
    disk_gib: int
    roles: tuple[Role, ...]
    addons: tuple[Addon, ...]


class Traces(AwsPart):
    """X-Ray, where it keeps traces: those of the stack as a group of their own."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Traces",)

    name: str = "traces"
    group: str
    filter: str


class Task(AwsPart):
    """A program as a task of ECS: `collector@<region>`. Its files are what it reads."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Task",)

    family: str
    instances: tuple[str, ...]
    """Names in the private zone: a service of one task for each, so that each is known by its own."""
    containers: str
    """Canonical JSON of their definitions, as ECS takes it."""
    cpu: int
    memory: int
    volumes: tuple[str, ...]
    bucket: str
    key: str
    """Where its files lie in the bucket."""
    log_group: str
    log_days: int
    detector: Detector | None = None
    assume: str
    execution_policy: str
    """What ECS does before it runs."""
    task_policy: str
    """What it does itself."""
    balanced: tuple[tuple[str, int], ...] = ()
    """Pairs of a target of the load balancer and the port that it passes on to."""
    kept: bool = False
    """Whether its data outlives it: in the folder of its name among `Volumes`."""
    beside: bool = False
    """Whether a new task stands beside the old one until it serves; else the old one goes first."""
    given: tuple[tuple[str, str], ...] = ()
    """Secret of the stack file -> its name in Secrets Manager."""


class Alarm(Frozen):
    """An alarm on what AWS measures of its own."""

    name: str
    text: str
    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    comparison: str
    threshold: float
    minutes: int
    """How long it must be so."""
    missing: str = "notBreaching"
    across: bool = False
    """Whether metrics count that have more dimensions, as one of each rule group: together, by a query."""
    told: bool = True
    """Whether people are told of it alone, and not only of what is made of it and others."""

    @property
    def query(self) -> str:
        """What is asked, where it is of several metrics."""
        where = " AND ".join(f"{name} = '{value}'" for name, value in self.dimensions)
        what = f"{QUERIED[self.statistic]}({self.metric})"
        return f'SELECT {what} FROM "{self.namespace}" WHERE {where}'  # noqa: S608 - CloudWatch's own language


QUERIED = {"Average": "AVG", "Maximum": "MAX", "Minimum": "MIN", "Sum": "SUM"}


class Together(Frozen):
    """An alarm that fires while several others do."""

    name: str
    text: str
    of: tuple[str, ...]
    """Their names."""


class Watch(AwsPart):
    """What nobody but AWS can tell: alarms on the managed parts, a page of them, and what it all costs."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Watch",)

    name: str = "watch"
    alarms: tuple[Alarm, ...]
    together: tuple[Together, ...]
    dashboard: str
    """Its name."""
    body: str
    budget: str
    monthly_usd: int
    mails: tuple[str, ...]
    """Who is told of costs; nobody: no budget."""
    tag: tuple[str, str]
    """What costs are counted by."""

    @property
    def every(self) -> tuple[str, ...]:
        """Names of all alarms."""
        return (*(alarm.name for alarm in self.alarms), *(alarm.name for alarm in self.together))


class AwsPlan(Plan):
    """All that one stack puts into an account."""

    parts: tuple[Any, ...]
    account: str
    region: str
    tags: tuple[tuple[str, str], ...]
    """On everything."""
    endpoints: tuple[tuple[str, str], ...] = ()
    stand_in: int = 0
    """Port of the stand-in on this machine that takes the place of all of AWS; 0 for none."""

    @property
    def engines(self) -> tuple[str, ...]:
        return tuple(sorted({name for part in self.parts for name in part.ENGINES}))
