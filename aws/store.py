"""The OpenSearch domain, decided: as many nodes as the stack file says, by the tier what stands by."""

from aws.documents import canonical
from aws.names import Names
from aws.parts import Key, Network, Store
from aws.policies import by_service, policy
from components.catalog import ENGINES
from components.plan import Pillar
from components.render import grafana_own, opensearch, opensearch_store
from components.spec import Spec
from components.spec.aws import days

LOGS = ("AUDIT_LOGS", "ES_APPLICATION_LOGS", "INDEX_SLOW_LOGS", "SEARCH_SLOW_LOGS")
"""What a domain writes to CloudWatch: who did what, errors, and what was slow."""
SMALL_MANAGER, MANAGER = "m7g.medium.search", "m7g.large.search"
MANY = 10
"""Nodes beyond which a manager needs more memory, by AWS's own table."""
ADMINISTRATOR = f"opensearch-{opensearch_store.ADMIN}"
HTTP = ("Delete", "Get", "Head", "Patch", "Post", "Put")


def version() -> str:
    """As the service calls the version that all of the stack was tested with, but for its last number."""
    [engine] = [engine for engine in ENGINES if engine.name == "opensearch"]
    return f"OpenSearch_{engine.version.rpartition('.')[0]}"


def passwords(spec: Spec, names: Names) -> tuple[tuple[str, str], ...]:
    """Secret -> its name in Secrets Manager, of every user of the store, and of Grafana's administrator."""
    made = (*opensearch.SECRETS, ADMINISTRATOR, *((grafana_own.PASSWORD,) if spec.aws.grafana else ()))
    return tuple((name, names.secret(name)) for name in sorted(made))


def store(spec: Spec, names: Names, key: Key, network: Network) -> Store:
    """The part of the domain."""
    given = spec.aws.domain
    arn = names.arn("es", f"domain/{names.prefix}")
    groups = tuple((kind, names.log_group(f"domain/{kind.lower().replace('_', '-')}")) for kind in LOGS)
    # Who reaches it at all is a task, by its security group; who may do what is told by users and roles.
    anybody = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"es:ESHttp{method}" for method in HTTP],
        "Resource": f"{arn}/*",
    }
    told = by_service(
        "Domain",
        "es.amazonaws.com",
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        [f"{names.arn('logs', f'log-group:{group}')}:*" for _, group in groups],
        names.account,
    )
    manager = MANAGER if given.nodes > MANY else SMALL_MANAGER
    return Store(
        place=names.region,
        pillar=Pillar.LOGGING,
        needs=(key.id, network.id),
        domain=names.prefix,
        version=version(),
        instance_type=given.instance_type,
        nodes=given.nodes,
        storage_gib=given.storage_gib,
        zones=spec.aws.vpc.zones,
        managers=manager if given.managers else "",
        standby=standby(spec),
        policy=canonical(policy(anybody)),
        groups=groups,
        log_days=days(spec.aws.log_retention),
        log_policy=canonical(policy(told)),
        administrator=ADMINISTRATOR,
        passwords=passwords(spec, names),
    )


def standby(spec: Spec) -> bool:
    """Whether a zone stands by: in production, where there is what the service asks for. Each index needs a
    copy in each zone."""
    copies = {spec.logging.index.replicas + 1, spec.tracing.storage.replicas + 1}
    return (
        spec.environment.tier == "prod"
        and spec.aws.domain.managers
        and spec.aws.vpc.zones == 3
        and all(count % 3 == 0 for count in copies)
    )
