"""What OpenSearch keeps inside itself: index templates, ingest pipelines, roles and users.

The files lie in `setup/` of its conf folder; `agents.opensearch_setup` brings them into the node.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from components.inventory import PROGRAMS, password_of
from components.render import jaeger_mappings, opensearch_dashboards
from components.render.document import Document, Documents
from components.site import Site
from components.spec import Spec
from components.spec.base import milliseconds
from components.spec.logging import CORE_FIELDS

MANAGED = "managed by obs"
"""Description of the roles and users that are ours: those no longer described are removed by it."""
EXPORTER = "exporter"
"""The user that may ask for the state of the cluster and of its indices, and, where there are several nodes,
have one left out of it."""
USERS = tuple(sorted({EXPORTER, *(program.user for program in PROGRAMS if program.user)}))
"""Each has the role `obs-<user>`, and a password of its own."""
ADMIN = "admin"
"""Who may do everything where the nodes are somebody else's."""

TENANT_USERS = ("collector", "jaeger", "reader")
"""Those that a tenant has of its own; what is done for all tenants alike, the store's own users do."""
AUTHORITY = "opensearch-ca"
"""Name of the secret with the certificate to trust, where the store is another stack's."""
LENT = {
    AUTHORITY: "OBS_STORE_CA",
    **{password_of(user): f"OBS_STORE_{user.upper()}" for user in TENANT_USERS},
}
"""Secrets of a tenant -> the variables of the environment in which they come."""

_KEYWORD = {"type": "keyword", "ignore_above": 1024}
_CORE: dict[str, dict[str, Any]] = {
    # `date` keeps milliseconds for searching; the record itself keeps every digit.
    "timestamp": {"type": "date", "format": "strict_date_optional_time||epoch_millis"},
    "message": {"type": "text", "norms": False},
    **{name: _KEYWORD for name in CORE_FIELDS if name not in ("timestamp", "message")},
}
_MARKS = ("parse_error", "timestamp_text")
"""What the collector writes on a record of which something was not understood."""
_LABELS = ("region", "team")
"""On every record, beside the labels that are core fields."""


def rejected_prefix(spec: Spec) -> str:
    """Prefix of the daily indices with what OpenSearch refused, so that it is found and not lost."""
    return f"{spec.logging.index.prefix}-rejected"


def span_prefix(spec: Spec) -> str:
    """Prefix of Jaeger's daily span indices. Jaeger puts its own `jaeger-span` behind the stack's prefix."""
    return f"{spec.tracing.storage.index_prefix}-jaeger-span"


def service_prefix(spec: Spec) -> str:
    """Prefix of Jaeger's daily indices of service and operation names."""
    return f"{spec.tracing.storage.index_prefix}-jaeger-service"


def daily_patterns(spec: Spec) -> list[str]:
    """Index patterns of everything that is stored, sorted: each a prefix and a year of this millennium.
    Those of tenants, whoever they are: one more must not restart the node."""
    prefixes = (spec.logging.index.prefix, rejected_prefix(spec), span_prefix(spec), service_prefix(spec))
    starts = ("", "*-") if spec.logging.store.tenants else ("",)
    return sorted(f"{start}{prefix}-2*" for start in starts for prefix in prefixes)


def user_of(spec: Spec, user: str) -> str:
    """What a user of the stack is called in the store."""
    tenant = spec.logging.store.tenant
    return f"{tenant}-{user}" if tenant else user


def tenants(spec: Spec) -> dict[str, Spec]:
    """Name of a tenant -> the spec by which its data are kept: this stack's, but for the prefixes."""
    return {tenant: _tenant(spec, tenant) for tenant in spec.logging.store.tenants}


def _tenant(spec: Spec, tenant: str) -> Spec:
    index, storage = spec.logging.index, spec.tracing.storage
    index = index.model_copy(update={"prefix": f"{tenant}-{index.prefix}"})
    storage = storage.model_copy(update={"index_prefix": f"{tenant}-{storage.index_prefix}"})
    logging = spec.logging.model_copy(update={"index": index})
    return spec.model_copy(
        update={"logging": logging, "tracing": spec.tracing.model_copy(update={"storage": storage})}
    )


def secrets(spec: Spec) -> tuple[str, ...]:
    """Names of the secrets with the passwords of all users of the store."""
    owned = [
        password_of(f"{tenant}-{user}") for tenant in spec.logging.store.tenants for user in TENANT_USERS
    ]
    shown = opensearch_dashboards.SECRETS if spec.kubernetes.opensearch_dashboards else ()
    return tuple(sorted((*map(password_of, USERS), *owned, *shown)))


def render(spec: Spec, site: Site) -> Documents:
    """By path relative to the conf folder."""
    of_tenants = tenants(spec)
    files: dict[str, Any] = {
        "settings": _settings(spec, site, of_tenants),
        **_kept(spec, "obs"),
        "security/roles": _roles(spec, several=len(site.members("opensearch")) > 1),
        "security/users": {user: {"role": f"obs-{user}", "secret": password_of(user)} for user in USERS},
    }
    for tenant, own in of_tenants.items():
        files |= _kept(own, f"obs-{tenant}", with_mappings=True)
        for user in TENANT_USERS:
            name = f"{tenant}-{user}"
            files["security/users"][name] = {"role": f"obs-{name}", "secret": password_of(name)}
            files["security/roles"][f"obs-{name}"] = _roles(own, tenant=True)[f"obs-{user}"]
    if spec.kubernetes.opensearch_dashboards:
        files["security/users"] |= opensearch_dashboards.USERS
        role = opensearch_dashboards.viewer([*_log_patterns(spec), _jaeger_pattern(spec)])
        files["security/roles"][f"obs-{opensearch_dashboards.VIEWER}"] = {"description": MANAGED, **role}
    if of_tenants:
        files["security/roles"]["obs-housekeeper"] = _housekeeper([spec, *of_tenants.values()])
    return {f"setup/{name}.json": Document(value, "json") for name, value in sorted(files.items())}


def _kept(spec: Spec, name: str, *, with_mappings: bool = False) -> dict[str, Any]:
    """Templates and pipelines of what one stack keeps, by path."""
    files = {
        f"index-templates/{name}-logs": _logs(spec),
        f"index-templates/{name}-logs-rejected": _rejected(spec),
    }
    for kind, prefix in (("span", span_prefix(spec)), ("service", service_prefix(spec))):
        pipeline = f"{name}-jaeger-{kind}"
        files[f"pipelines/{pipeline}"] = _by_day(kind, prefix)
        files[f"templates/{pipeline}"] = _jaeger(spec, prefix, pipeline)
        if with_mappings:
            files[f"templates/{pipeline}"]["mappings"] = jaeger_mappings.of(kind)
    return files


def _settings(spec: Spec, site: Site, of_tenants: Mapping[str, Spec]) -> dict[str, Any]:
    settings = {
        "url": site.url("opensearch"),
        **_administrator(site),
        "secrets": site.folders.secrets,
        "deadline_seconds": 120,
        "live_settings": {
            pattern: value for one in (spec, *of_tenants.values()) for pattern, value in _live(one).items()
        },
    }
    if of_tenants:
        prefixes = (spec.logging.index.prefix, spec.tracing.storage.index_prefix)
        # Data of who is no tenant any more goes with the users that could read it, unless data is kept.
        gone = {"delete": not spec.deploy.retain, "prefixes": list(prefixes)}
        settings["tenants"] = {"names": list(of_tenants), **gone}
    return settings


def _live(spec: Spec) -> dict[str, dict[str, str]]:
    """What can be changed in an index that exists; the number of shards cannot."""
    index, copies = spec.logging.index, {"number_of_replicas": str(spec.tracing.storage.replicas)}
    return {
        f"{index.prefix}-2*": {
            "number_of_replicas": str(index.replicas),
            "refresh_interval": time_value(index.refresh_interval),
        },
        f"{rejected_prefix(spec)}-2*": {"number_of_replicas": str(index.replicas)},
        f"{span_prefix(spec)}-2*": copies,
        f"{service_prefix(spec)}-2*": copies,
    }


def _administrator(site: Site) -> dict[str, str]:
    """Who brings it in line: the admin certificate; where the nodes are somebody else's, a user."""
    if site.has("opensearch-transport"):
        return {"ca": "tls/ca.pem", "certificate": "tls/admin.pem", "key": "tls/admin.key"}
    return {"ca": site.store_ca, "user": ADMIN}


def time_value(duration: str) -> str:
    """A duration as OpenSearch writes it, which knows no weeks."""
    return f"{milliseconds(duration) // 86_400_000}d" if duration.endswith("w") else duration


def field_types(spec: Spec) -> dict[str, str]:
    """Field of a log record -> its type: what the collector has to make of it."""
    return {name: mapping["type"] for name, mapping in _properties(spec).items()}


def _properties(spec: Spec) -> dict[str, dict[str, Any]]:
    # Named in the stack wins over what we would take it for.
    fields: dict[str, dict[str, Any]] = dict.fromkeys((*_LABELS, *spec.logging.enrichment), _KEYWORD)
    fields |= {field.name: _field(field.type) for field in spec.logging.fields}
    return dict(sorted((fields | dict.fromkeys(_MARKS, _KEYWORD) | _CORE).items()))


def _logs(spec: Spec) -> dict[str, Any]:
    index = spec.logging.index
    return {
        "index_patterns": [f"{index.prefix}-2*"],
        "priority": 500,
        "_meta": {"description": MANAGED},
        "template": {
            "settings": {
                "index.number_of_shards": str(index.shards),
                "index.number_of_replicas": str(index.replicas),
                "index.refresh_interval": time_value(index.refresh_interval),
                "index.codec": "best_compression",
                "index.query.default_field": ["message"],
            },
            "mappings": {
                # A field that is not named is kept in the record but not indexed: a service that logs a new
                # field every minute cannot make the mapping grow.
                "dynamic": False,
                "properties": _properties(spec),
            },
        },
    }


def _field(kind: str) -> dict[str, Any]:
    if kind == "keyword":
        return _KEYWORD
    if kind == "text":
        return {"type": "text", "norms": False}
    return {"type": kind}


def _rejected(spec: Spec) -> dict[str, Any]:
    """Records that did not fit the mapping of their index, each as the text of one field, with the reason: so
    nothing here can be refused again."""
    return {
        "index_patterns": [f"{rejected_prefix(spec)}-2*"],
        "priority": 501,
        "_meta": {"description": MANAGED},
        "template": {
            "settings": {
                "index.number_of_shards": "1",
                "index.number_of_replicas": str(spec.logging.index.replicas),
            },
            "mappings": {
                "dynamic": False,
                "properties": {
                    "error": {"properties": {"reason": _CORE["message"], "type": _KEYWORD}},
                    "message": _CORE["message"],
                    "service": _KEYWORD,
                    "timestamp": {**_CORE["timestamp"], "ignore_malformed": True},
                },
            },
        },
    }


def _by_day(kind: str, prefix: str) -> dict[str, Any]:
    """Jaeger 2 writes all spans into one index for ever. This sorts them into one a day instead, so that old
    ones can be deleted whole: spans by their own time, names of services by the time of writing (Jaeger
    writes each anew every twelve hours)."""
    if kind == "span":
        day = "Instant.ofEpochMilli(ctx.startTimeMillis).atZone(ZoneId.of('Z')).toLocalDate()"
        # The collector sends again what was not acknowledged in time; named so, a span is stored once.
        named = "ctx._id = ctx.traceID + '-' + ctx.spanID; "
        return {"description": MANAGED, "processors": [_script(f"{named}ctx._index = '{prefix}-' + {day}")]}
    stamp = {"set": {"field": "written", "value": "{{{_ingest.timestamp}}}"}}
    return {
        "description": MANAGED,
        "processors": [
            stamp,
            _script(f"ctx._index = '{prefix}-' + ctx.remove('written').substring(0, 10)"),
        ],
    }


def _script(source: str) -> dict[str, Any]:
    """A script, since `date_index_name` makes a name with date mathematics, which may not create an index."""
    return {"script": {"lang": "painless", "source": source}}


def _jaeger(spec: Spec, prefix: str, pipeline: str) -> dict[str, Any]:
    """Laid over the template that Jaeger makes itself (which has the mappings): the alias that it reads from,
    and the pipeline behind the name that it writes to."""
    return {
        "index_patterns": [f"{prefix}-*"],
        "order": 100,
        "settings": {
            "index.default_pipeline": pipeline,
            "index.number_of_shards": str(spec.tracing.storage.shards),
            "index.number_of_replicas": str(spec.tracing.storage.replicas),
        },
        "aliases": {f"{prefix}-read": {}},
    }


LEAVING = (
    "cluster:admin/settings/update",
    "cluster:admin/voting_config/add_exclusions",
    "cluster:admin/voting_config/clear_exclusions",
)
"""By which copies are moved off a node, and its vote is taken, before it goes."""


def _roles(spec: Spec, *, tenant: bool = False, several: bool = False) -> dict[str, Any]:
    """The least that each program needs, role -> body as the security plugin's REST interface takes it. One
    of a tenant writes no template, which would hold for others' indices too, lists no others' indices, and
    ends no search, which could be anybody's."""
    logs, jaeger = _log_patterns(spec), [_jaeger_pattern(spec)]
    # The mapping is dynamic for Jaeger's tags alone; the first document of a day makes its index.
    append = ["indices:admin/auto_create", "indices:admin/create", "indices:data/write/index"]
    append += ["indices:data/write/bulk*"]
    scroll = "indices:data/read/scroll" if tenant else "indices:data/read/scroll*"
    read = [
        "indices:admin/aliases/get",
        "indices:admin/get",
        "indices:admin/mappings/get",
        "indices:data/read/*",
    ]

    return {
        "obs-collector": _role(["cluster:monitor/main", "indices:data/write/bulk"], (logs, append)),
        "obs-exporter": _role(
            ["cluster:monitor/*", *(LEAVING if several else ())],
            (["*"], ["indices:admin/aliases/get", "indices:monitor/*"]),
        ),
        "obs-housekeeper": _housekeeper([spec]),
        "obs-jaeger": _role(
            [
                "cluster:monitor/main",
                *(() if tenant else ("indices:admin/template/put",)),
                "indices:data/read/msearch",
                scroll,
                "indices:data/write/bulk",
            ],
            (jaeger, [*append, *read, "indices:admin/mapping/put"]),
        ),
        "obs-reader": _role(
            [
                "cluster:monitor/health",
                "cluster:monitor/main",
                *(() if tenant else ("cluster:monitor/state",)),
                "indices:data/read/msearch",
                scroll,
            ],
            ([*logs, *jaeger], [*read, "indices:monitor/settings/get", "indices:monitor/stats"]),
        ),
    }


def _housekeeper(specs: Sequence[Spec]) -> dict[str, Any]:
    """Deletes what is old, of every stack that keeps something there."""
    patterns = [pattern for spec in specs for pattern in (*_log_patterns(spec), _jaeger_pattern(spec))]
    actions = ["indices:admin/delete", "indices:admin/get", "indices:monitor/*"]
    return _role(["cluster:monitor/*"], (patterns, actions))


def _log_patterns(spec: Spec) -> list[str]:
    return [f"{spec.logging.index.prefix}-2*", f"{rejected_prefix(spec)}-2*"]


def _jaeger_pattern(spec: Spec) -> str:
    return f"{spec.tracing.storage.index_prefix}-jaeger-*"


def _role(cluster: list[str], *indices: tuple[list[str], list[str]]) -> dict[str, Any]:
    permissions = [
        {"index_patterns": patterns, "allowed_actions": sorted(actions)} for patterns, actions in indices
    ]
    return {
        "description": MANAGED,
        "cluster_permissions": sorted(cluster),
        "index_permissions": permissions,
    }
