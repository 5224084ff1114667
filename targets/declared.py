"""What the same description may become different of, between two targets, each with its reason.

Nothing else may: `obs parity` names it, and fails. What is declared and does not occur any more is named too.
"""

from components.parity.compare import Declared

_PAIR = frozenset({"vsi", "kubernetes"})
_CLUSTERS = frozenset({"kubernetes"})
"""Stacks of two clusters."""

_OURS = r"\{secrets\}/[\w.-]+\.(pem|key)"
"""A certificate or a key of the stack's own authority."""

_INGRESS = Declared(
    "a cluster's pages are reached by the name of its Ingress too",
    ("programs: pages/settings.json/hosts",),
)

_RUNBOOKS = Declared(
    "a cluster's runbooks are read under the name of its Ingress, where one is given",
    ("rules: */annotations/runbook",),
    apart=r"https?://[^/]+/(?=docs/runbooks/)",
)
_DASHBOARDS = Declared(
    "only a cluster may have OpenSearch Dashboards, which brings two users of the store",
    tuple(
        f"store: opensearch/setup/security/{name}/*"
        for name in ("roles.json/obs-viewer", "users.json/kibanaserver", "users.json/viewer")
    ),
)

_GATEWAY = "pipelines: collector/collector.yaml"
_SEVERAL = (
    Declared(
        "with `ha` a cluster has several gateways, which pass each trace on to that whose it is",
        (
            f"{_GATEWAY}/exporters/spread/gateways/*",
            f"{_GATEWAY}/receivers/otlp/spread/*",
            f"{_GATEWAY}/service/pipelines/traces/spread/*",
        ),
    ),
    Declared(
        "so with `ha` only what a gateway passed on is counted and judged",
        (f"{_GATEWAY}/service/pipelines/traces/receivers",),
        apart="/spread",
    ),
    Declared(
        "so with `ha` spans are cleaned before they are passed on",
        (f"{_GATEWAY}/service/pipelines/traces/processors",),
        apart=', "mend", "transform/spans", "scrub"',
    ),
)

_TWO_CLUSTERS = (_INGRESS, _RUNBOOKS, _DASHBOARDS, *_SEVERAL)

_SERVERS_AND_CLUSTER = (
    Declared(
        "in a cluster OpenSearch, Jaeger and gateways among themselves speak TLS; NetworkPolicies say who "
        "reaches whom",
        ("*/tls/*", "*/tls_config/*", "programs: */ca", "programs: */certificate", "programs: */key"),
        apart=_OURS,
    ),
    Declared("so a cluster's programs reach each other by `http`", ("*",), apart=r"(?<=http)s(?=://\{)"),
    Declared("so a cluster's programs are scraped by `http`", ("scrape jobs: */scheme",), apart="(?<=http)s"),
    Declared("a server's front passes requests on; in a cluster Services do", ("scrape jobs: front/*",)),
    Declared("so in a cluster no rule is about a front", ("rules: platform-targets/*",), apart=r"front\|"),
    Declared(
        "a cluster's container runtime puts words of its own before each line; they are taken away",
        ("pipelines: collector-agent/*/processors/transform/runtime/*",),
    ),
    Declared(
        "so a cluster's agent begins with that step",
        ("pipelines: */processors",),
        apart='"transform/runtime", ',
    ),
    Declared(
        "Redis is for its own host on servers, and for the pods of the stack in a cluster",
        ("programs: redis/redis.conf",),
        apart=r"(?m)^(bind|port|protected-mode) .*$",
    ),
    Declared("a chart's exporter takes the place of ours", ("programs: redis-exporter/settings.json/*",)),
    Declared(
        "only servers are watched for certificates that end; those of a cluster end with its authority",
        ("rules: platform-certificates/*", "programs: pages/settings.json/shown"),
    ),
    Declared("only servers have labels of their own", ("scrape jobs: */place/*",)),
    _INGRESS,
    _RUNBOOKS,
    _DASHBOARDS,
    *_SEVERAL,
)

_ABSENT = "alertmanager|front|pages|prometheus"
"""Programs that no task of AWS is, as the names of their jobs."""
_AWS = (
    Declared(
        "AWS runs Prometheus and Alertmanager, and shows no metrics of them; there are no pages",
        (
            *(f"scrape jobs: {name}/*" for name in ("alertmanager", "pages", "prometheus")),
            *(f"rules: platform-{name}/*" for name in ("alertmanager", "dead-mans-switch", "prometheus")),
            "programs: pages/*",
        ),
    ),
    Declared(
        "so no rule on AWS is about them",
        ("rules: platform-targets/*",),
        apart=rf"\b(?:{_ABSENT})\||\|(?:{_ABSENT})\b",
    ),
    Declared(
        "a managed Alertmanager tells a topic, and a function of ours the receivers, in the same words",
        (
            "routes: alertmanager/alertmanager.yml/receivers/*_configs/*",
            "routes: *alertmanager.yml/templates",
        ),
    ),
    Declared(
        "for which its templates have more than the others",
        ("routes: alertmanager/templates/obs.tmpl",),
        apart=r'(?s)\s*(\{\{ define "obs\.sns\..*)?\Z',
    ),
    Declared(
        "on AWS services write to their standard output, which Fluent Bit reads by a script",
        ("*: collector-agent/*",),
    ),
    Declared(
        "only on AWS days of logs go into an archive before they are deleted",
        ("retention: housekeeper/settings.json/archive/*",),
    ),
    Declared(
        "so no agent is scraped on AWS",
        ("scrape jobs: collector*/targets",),
        apart=r'"\{collector-agent-[a-z]+\}", ',
    ),
    Declared(
        "two Alertmanagers are to know each other: those of a cluster with `ha`, of AWS with `metrics: self`",
        ("rules: platform-clusters/*",),
    ),
    Declared(
        "a workspace judges each group at its own interval, takes no exemplars, and is bound by time alone",
        (
            "scrape jobs: all jobs/evaluation_interval",
            "scrape jobs: all jobs/exemplars",
            "retention: all jobs/retention/size",
        ),
    ),
    Declared(
        "so the collector is told to send spans without TLS on AWS",
        ("pipelines: */exporters/otlp/jaeger/tls/insecure",),
        apart="true",
    ),
    Declared(
        "the administrator of AWS's domain has a password, and no certificate",
        tuple(
            f"store: opensearch/setup/settings.json/{name}" for name in ("ca", "certificate", "key", "user")
        ),
    ),
)
_IN_A_CLUSTER = (
    _DASHBOARDS,
    Declared("in a cluster Jaeger and gateways speak TLS", ("*/tls/*",), apart=_OURS),
    Declared("a chart's exporter takes the place of ours", ("programs: redis-exporter/settings.json/*",)),
    Declared(
        "Redis has its usual port in a cluster", ("programs: redis/redis.conf",), apart=r"(?m)^port .*$"
    ),
)
_NOT_AWS = (
    "a cluster's container",
    "so a cluster's agent",
    "a chart's",
    "a cluster's pages",
    "a cluster's runbooks",
    "so in a cluster no",
    "only a cluster",
    "with `ha`",
    "so with `ha`",
)
_ON_SERVERS = tuple(
    Declared(item.reason.replace("a cluster's", "AWS's").replace("a cluster", "AWS"), item.where, item.apart)
    for item in _SERVERS_AND_CLUSTER
    if not item.reason.startswith(_NOT_AWS)
)
"""What sets servers apart from a cluster sets them apart from AWS too."""

DECLARED = (
    *((_PAIR, item) for item in _SERVERS_AND_CLUSTER),
    *((_CLUSTERS, item) for item in _TWO_CLUSTERS),
    *((frozenset({"kubernetes", "aws"}), item) for item in (*_AWS, *_IN_A_CLUSTER, *_SEVERAL)),
    *((frozenset({"vsi", "aws"}), item) for item in (*_AWS, *_ON_SERVERS, *_SEVERAL)),
)
"""Pairs of the two targets and the difference."""
