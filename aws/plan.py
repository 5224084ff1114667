"""From the spec to what stands in an account. Pure: no I/O, no clock, nothing of the account.

What this target cannot do is refused in `aws.refusals`.
"""

import ipaddress

from aws import cluster as eks
from aws import pods
from aws.balancer import balancer
from aws.documents import canonical
from aws.images import images
from aws.names import Names
from aws.pairs import volumes
from aws.parts import Archive, AwsPlan, Key, Network, Relay, Traces, Workspace, late, stand_in_url
from aws.policies import allow, assumed_by, by_service, policy, tls_only
from aws.programs import programs
from aws.site import PEERS, by_xray, on_pods, opened, self_run, site_of
from aws.store import store
from aws.tasks import compute
from aws.unusual import detector, may_use_key
from aws.watch import told_of, watch
from components.plan import Pillar, Secret
from components.render import alertmanager_sns, sizes, xray
from components.render.document import Document
from components.render.text import texts
from components.rules import files as rules
from components.spec import Spec
from components.spec.aws import SERVICES, STAND_IN_OFFSET, days
from components.spec.base import milliseconds

DAY = 86_400_000
XRAY = "xray"
AMP = "aps-workspaces"
ENDPOINTS = (AMP, "ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager", "sns", "sqs", "sts")
"""Services that tasks reach by an address of the VPC. S3's endpoint is a route."""


def plan(spec: Spec, stack: str) -> AwsPlan:
    """The plan of a stack on AWS; for a spec without refusals."""
    names = Names.of(spec)
    key, network = _key(spec, names), _network(spec, names)
    stored = store(spec, names, key, network)
    metrics, relay = (
        volumes(spec, names, key, network) or _metrics(spec, names, key),
        _alerting(spec, names, key),
    )
    archive = _archive(spec, names, key)
    balanced, traced = balancer(spec, names, key, network), _traces(spec, names)
    cluster, built = eks.cluster(spec, names, key, network), images(spec, names, key, stack)
    ground = (
        pods.ground(spec, names, (key, network, stored, cluster))
        if cluster and on_pods(spec)
        else compute(spec, names, key, network)
    )
    tasks = programs(spec, names, ground, stored, archive, metrics, relay, balanced)
    return AwsPlan(
        stack=stack,
        parts=(
            key,
            network,
            stored,
            archive,
            metrics,
            relay,
            *([cluster] if cluster else []),
            ground,
            *([balanced] if balanced else []),
            *([traced] if traced else []),
            *([built] if built else []),
            *tasks,
            watch(spec, names, stored, metrics, relay, tasks),
        ),
        secrets=_secrets(spec),
        retain=spec.deploy.retain,
        account=names.account,
        region=names.region,
        tags=_tags(spec, stack),
        endpoints=tuple(sorted(_endpoints(spec).items())),
        stand_in=_stand_in(spec),
    )


def _stand_in(spec: Spec) -> int:
    return spec.deploy.port_base + STAND_IN_OFFSET if spec.aws.stand_in else 0


def _endpoints(spec: Spec) -> dict[str, str]:
    if port := _stand_in(spec):
        return dict.fromkeys(SERVICES, stand_in_url(port))
    return spec.aws.endpoints


def _secrets(spec: Spec) -> tuple[Secret, ...]:
    """None from outside for a stand-in: it tells nobody."""
    if spec.aws.stand_in:
        return ()
    return tuple(Secret(name=item.name, source=item.source, key=item.key) for item in spec.secrets)


def _tags(spec: Spec, stack: str) -> tuple[tuple[str, str], ...]:
    own = spec.aws.tags
    found = {
        "obs:stack": stack,
        "environment": spec.environment.name,
        "team": spec.environment.team,
        "cohort": own.cohort,
        "cost-centre": own.cost_centre,
        "expiry": own.expiry,
    }
    return tuple((name, value) for name, value in sorted(found.items()) if value is not None)


def _key(spec: Spec, names: Names) -> Key:
    """The account administers the key; services of AWS use it where they keep what is encrypted with it."""
    used = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom")
    root = {
        "Sid": "Account",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{names.partition}:iam::{names.account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    nodes = spec.aws.cluster.version is not None
    programs = names.arn("logs", f"log-group:{names.log_group('*')}")
    groups = [programs, names.arn("logs", f"log-group:{eks.log_group(names)}")] if nodes else programs
    logs = {
        "Sid": "Logs",
        "Effect": "Allow",
        "Principal": {"Service": f"logs.{names.region}.amazonaws.com"},
        "Action": [*used, "kms:ReEncryptTo"],
        "Resource": "*",
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
    }
    services = [
        by_service(
            sid, f"{service}.amazonaws.com", ("kms:Decrypt", "kms:GenerateDataKey"), "*", names.account
        )
        for sid, service in (
            *(("Alarms", "cloudwatch"), ("Topic", "sns")),
            *(() if self_run(spec) else (("Workspace", "aps"),)),
        )
    ]
    return Key(
        place=names.region,
        pillar=Pillar.SERVICES,
        alias=f"alias/{names.prefix}",
        policy=canonical(
            policy(root, logs, *may_use_key(spec, names), *services, *(eks.of_nodes(names) if nodes else ()))
        ),
    )


def _network(spec: Spec, names: Names) -> Network:
    vpc = spec.aws.vpc
    whole = ipaddress.IPv4Network(vpc.cidr)
    made = (
        ()
        if vpc.id
        else tuple(
            (f"{names.region}{'abc'[index]}", str(subnet))
            for index, subnet in zip(range(vpc.zones), whole.subnets(prefixlen_diff=2), strict=False)
        )
    )
    return Network(
        place=names.region,
        pillar=Pillar.SERVICES,
        vpc=vpc.id or "",
        cidr=vpc.cidr,
        subnets=made,
        given=vpc.subnets,
        endpoints=_asked(spec),
        opened=() if on_pods(spec) else opened(spec),
        gossip=site_of(spec).port(PEERS) if self_run(spec) else 0,
    )


def _asked(spec: Spec) -> tuple[str, ...]:
    """Services that its tasks, and nodes, ask."""
    found = tuple(name for name in ENDPOINTS if name != AMP or not self_run(spec))
    nodes = eks.ENDPOINTS if spec.aws.cluster.version else ()
    return (*found, *nodes, *((XRAY,) if by_xray(spec) else ()))


def _traces(spec: Spec, names: Names) -> Traces | None:
    """Where X-Ray keeps them. The quotes of its expressions take no quote inside; a name has none."""
    if not by_xray(spec):
        return None
    return Traces(
        place=names.region,
        pillar=Pillar.TRACING,
        group=names.prefix,
        filter=f'annotation[{xray.ENVIRONMENT}] = "{spec.environment.name}"',
    )


def _archive(spec: Spec, names: Names, key: Key) -> Archive:
    bucket, given = names.bucket("archive"), spec.aws.archive
    arn = names.arn("s3", bucket, everywhere=True)
    return Archive(
        place=names.region,
        pillar=Pillar.LOGGING,
        needs=(key.id,),
        bucket=bucket,
        policy=canonical(policy(tls_only((arn, f"{arn}/*"), "s3:*"))),
        glacier_days=days(given.glacier_after),
        days=days(given.retention),
        lock=given.lock,
    )


def _metrics(spec: Spec, names: Names, key: Key) -> Workspace:
    """The rules are those of every target, byte for byte; nothing there runs their tests."""
    site = site_of(spec)
    topic = names.arn("sns", names.own("alerts"))
    kept, series = milliseconds(spec.metrics.retention.time) // DAY, _series(spec)
    documents = {
        **rules.untested(spec, site),
        **alertmanager_sns.render(spec, topic, names.region),
        "workspace.json": Document({"retention_days": kept, "series": series}, "json"),
    }
    return Workspace(
        place=names.region,
        pillar=Pillar.METRICS,
        files=tuple(texts(documents).items()),
        needs=(key.id,),
        alias=names.prefix,
        retention_days=kept,
        log_group=names.log_group("metrics"),
        log_days=days(spec.aws.log_retention),
        series_limit=series,
    )


def _series(spec: Spec) -> int:
    """Room for what every scrape may bring."""
    scraped = sum(len(service.metrics) for service in spec.services) + len(spec.metrics.scrape_jobs)
    own = sizes.span_series(spec).sample_limit + sizes.pushed(spec).sample_limit
    return (scraped + len(ENDPOINTS)) * spec.metrics.limits.samples_per_scrape + own


def _alerting(spec: Spec, names: Names, key: Key) -> Relay:
    topic = names.arn("sns", names.own("alerts"))
    queue = names.arn("sqs", names.own("undelivered"))
    function, group = names.own("relay"), names.log_group("relay")
    given = {item.secret: names.secret(item.secret) for item in spec.alerting.receivers if item.secret}
    receivers = {
        item.name: {
            "kind": item.kind,
            "secret": given[item.secret],
            **({"channel": item.channel} if item.channel else {}),
        }
        for item in spec.alerting.receivers
        if item.secret
    }
    may = policy(
        allow(
            ("logs:CreateLogStream", "logs:PutLogEvents"), (f"{names.arn('logs', f'log-group:{group}')}:*",)
        ),
        allow(
            ("secretsmanager:GetSecretValue",),
            # Six characters that Secrets Manager itself puts behind a name.
            [names.arn("secretsmanager", f"secret:{name}-??????") for name in given.values()],
        ),
        allow(("sqs:SendMessage",), (queue,)),
        allow(("kms:Decrypt", "kms:GenerateDataKey"), (late("key"),)),
    )
    # One of the stack's own tells by its role.
    told = (
        tls_only((topic,), "sns:Publish")
        if self_run(spec)
        else by_service(
            "Told", "aps.amazonaws.com", ("sns:GetTopicAttributes", "sns:Publish"), topic, names.account
        )
    )
    return Relay(
        place=names.region,
        pillar=Pillar.ALERTING,
        needs=(key.id,),
        topic=names.own("alerts"),
        topic_policy=canonical(policy(told)),
        function=function,
        assume=canonical(assumed_by("lambda.amazonaws.com", names.account)),
        role_policy=canonical(may),
        queue=names.own("undelivered"),
        undelivered=told_of(spec, "Notifications were not delivered", "undelivered"),
        queue_policy=canonical(policy(tls_only((queue,), "sqs:*"))),
        alarms=names.own("alarms"),
        mails=spec.aws.budget.notify,
        log_group=group,
        log_days=days(spec.aws.log_retention),
        detector=detector(spec, names, "relay", Pillar.ALERTING),
        receivers=canonical(receivers),
        given=tuple(sorted(given.items())),
        secrets=tuple(sorted(given)),
    )
