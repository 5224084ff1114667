"""OpenSearch: the store of logs and traces, a node with its security plugin on. Several are one cluster.

`render` gives the files of the program's conf folder:

- `opensearch.yml`, `jvm.options`, `log4j2.properties` and `opensearch-security/` are read at start: a change
  restarts the node;
- everything under `setup/` is brought into the running node by `agents.opensearch_setup`: a change of a
  template, role or user must not restart it (see `SETUP_ONLY`). Of a cluster one node has it, for all.

TLS files are read through `TLS_LINK` in the conf folder, a link to the site's folder of certificates: Java's
security manager lets OpenSearch read nothing outside that folder, and judges by the path as written.
"""

from typing import Any

from components.inventory import password_of
from components.render import opensearch_store
from components.render.document import Document, Documents
from components.running import Health, Running, Settled
from components.site import Site
from components.spec import Spec

NODE_DN = "CN=opensearch,O=obs"
"""Subject (RFC 4514) of the certificate `opensearch`, in both layers; DNS localhost, IP 127.0.0.1."""
ADMIN_DN = "CN=admin,O=obs"
"""Subject of the client certificate `admin`, the only one that may change users, roles and templates."""
TLS_LINK = "tls"
"""Name of a symbolic link in the conf folder to the site's folder of certificates."""
SETUP_ONLY = ("setup/",)
"""Files below these need the setup command, not a restart."""
COMMAND = (
    "{engine:opensearch}/bin/opensearch",
    "-Epath.data={data}/node",
    "-Epath.logs={log}",
)  # fmt: skip
ENVIRONMENT = (
    ("JDK_JAVA_OPTIONS", '"-Djava.io.tmpdir={data}" "-XX:ErrorFile={log}/hs_err_pid%p.log"'),
    ("OPENSEARCH_PATH_CONF", "{conf}"),
    ("OPENSEARCH_TMPDIR", "{data}"),
)
"""Without a temporary folder of its own the start script leaves one behind in /tmp at every start.

Java is told of folders by a variable that it reads itself and that knows quotes: the start script splits what
stands in `jvm.options` at blanks."""
SETUP_COMMAND = ("{python}", "-m", "agents.opensearch_setup", "--settings", "setup/settings.json")
CHECK_COMMAND = (
    "{python}", "-m", "agents.opensearch_check", "--engine", "{engine:opensearch}", "--running", "../conf",
)  # fmt: skip
"""Starts a throwaway node, unless only files of `SETUP_ONLY` differ: allow 300 s on a busy machine."""
READY_PATH = "/_plugins/_security/health"
"""Answers 200 without credentials once the security plugin has its configuration, 503 before."""
SECRETS = tuple(password_of(user) for user in opensearch_store.USERS)
"""Secrets that the setup command reads, all generated, where the store has no tenants."""


def render(spec: Spec, site: Site) -> Documents:
    """Every file of the program's conf folder: by relative path."""
    files = {
        "opensearch.yml": Document(_node(spec, site), "yaml"),
        "jvm.options": Document(_jvm(spec), "text"),
        "log4j2.properties": Document(_LOG4J2, "text"),
        **{f"opensearch-security/{name}.yml": Document(data, "yaml") for name, data in _security().items()},
        **(opensearch_store.render(spec, site) if site.first("opensearch") else {}),
    }
    return dict(sorted(files.items()))


def _node(spec: Spec, site: Site) -> dict[str, Any]:
    tls: dict[str, Any] = {}
    for layer in ("http", "transport"):
        tls |= {
            f"plugins.security.ssl.{layer}.pemcert_filepath": "tls/opensearch.pem",
            f"plugins.security.ssl.{layer}.pemkey_filepath": "tls/opensearch.key",
            f"plugins.security.ssl.{layer}.pemtrustedcas_filepath": "tls/ca.pem",
        }
    return {
        "cluster.name": f"obs-{spec.environment.name}",
        **_discovery(site),
        "network.host": site.host("opensearch"),
        "http.port": site.port("opensearch"),
        "transport.port": site.port("opensearch-transport"),
        # Amounts, not shares: 85 % of a big disk is no emergency, and of a small one is. The last stage makes
        # indices read-only while there is still room to delete something.
        "cluster.routing.allocation.disk.watermark.low": "3gb",
        "cluster.routing.allocation.disk.watermark.high": "2gb",
        "cluster.routing.allocation.disk.watermark.flood_stage": "1gb",
        "cluster.routing.allocation.disk.watermark.enable_for_single_data_node": True,
        # A mistyped name fails at once instead of filling an index that nothing reads and nothing deletes.
        "action.auto_create_index": ",".join(
            [f"+{pattern}" for pattern in opensearch_store.daily_patterns(spec)] + ["-*"]
        ),
        "action.destructive_requires_name": True,
        **tls,
        "plugins.security.ssl.http.enabled": True,
        "plugins.security.ssl.http.clientauth_mode": "OPTIONAL",
        "plugins.security.allow_default_init_securityindex": True,
        "plugins.security.authcz.admin_dn": [ADMIN_DN],
        "plugins.security.nodes_dn": [NODE_DN],
        "plugins.security.restapi.password_validation_regex": ".{16,}",
        "plugins.security.restapi.password_validation_error_message": "expected at least 16 characters",
        "plugins.security.audit.type": "noop",
    }


def _discovery(site: Site) -> dict[str, Any]:
    """How a node finds the others. Each may manage the cluster, but the first alone founds it, once it has
    found a majority: two that join a node which was there before would found another without it
    (docs/adr/0019-several-of-a-role.md)."""
    nodes = list(site.dial_all("opensearch-transport"))
    if len(nodes) == 1:
        return {"node.name": "opensearch", "discovery.type": "single-node"}
    names = list(site.members("opensearch"))
    return {
        "node.name": site.name,
        "discovery.seed_hosts": nodes,
        **({"cluster.initial_cluster_manager_nodes": names} if site.first("opensearch") else {}),
        # Several are refused where this is on and the host's vm.max_map_count is as Linux has it.
        "node.store.allow_mmap": False,
        # Nodes are known by their addresses, which their certificates name.
        "plugins.security.ssl.transport.resolve_hostname": False,
    }


def _jvm(spec: Spec) -> str:
    heap = spec.deploy.opensearch_heap_mb
    lines = [
        f"-Xms{heap}m",
        f"-Xmx{heap}m",
        "-XX:+UseG1GC",
        "-XX:G1ReservePercent=25",
        "-XX:InitiatingHeapOccupancyPercent=30",
        # No heap dump: it would hold log lines and passwords, as large as the heap, on the disk of the store.
        "18-:-Djava.security.manager=allow",
        f"-Djava.util.concurrent.ForkJoinPool.common.threadFactory={_THREADS}",
    ]
    if spec.logging.store.tenants:
        # Who may make an index by writing may also ask for one; of 500 shards, it keeps all tenants waiting.
        most = max(spec.logging.index.shards, spec.tracing.storage.shards)
        lines.append(f"-Dopensearch.index.max_number_of_shards={most}")
    return "\n".join(lines) + "\n"


_THREADS = "org.opensearch.secure_sm.SecuredForkJoinWorkerThreadFactory"
_LOG4J2 = """\
status = error

appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX}{UTC} %-5p [%c{1.}]%marker %m%n

rootLogger.level = info
rootLogger.appenderRef.console.ref = console

logger.deprecation.name = org.opensearch.deprecation
logger.deprecation.level = error
"""
"""Standard output only: the supervisor keeps and rotates it."""


def _security() -> dict[str, dict[str, Any]]:
    """What the security plugin reads into its index at the first start. It knows no user: they come from
    `agents.opensearch_setup`, with passwords from the host's secrets."""
    config = {
        "dynamic": {
            "http": {"anonymous_auth_enabled": False},
            "authc": {
                "basic": {
                    "description": "Users of the stack, name and password",
                    "http_enabled": True,
                    "transport_enabled": True,
                    "order": 0,
                    "http_authenticator": {"type": "basic", "challenge": True},
                    "authentication_backend": {"type": "intern"},
                }
            },
        }
    }
    files: dict[str, dict[str, Any]] = {
        "config": {**_meta("config"), "config": config},
        "audit": {**_meta("audit"), "config": {"enabled": False}},
        "allowlist": {**_meta("allowlist"), "config": {"enabled": False}},
    }
    for name, kind in (
        ("action_groups", "actiongroups"),
        ("internal_users", "internalusers"),
        ("nodes_dn", "nodesdn"),
        ("roles", "roles"),
        ("roles_mapping", "rolesmapping"),
        ("tenants", "tenants"),
    ):
        files[name] = _meta(kind)
    return files


def _meta(kind: str) -> dict[str, Any]:
    return {"_meta": {"type": kind, "config_version": 2}}


def running(spec: Spec, site: Site) -> Running:
    """One node; what is under `setup/` is brought in while it runs, by the first of several."""
    first, alone = site.first("opensearch"), len(site.dial_all("opensearch")) == 1
    asker = password_of(opensearch_store.EXPORTER)
    return Running(
        command=COMMAND,
        environment=ENVIRONMENT,
        checks=(CHECK_COMMAND,),
        setup=SETUP_COMMAND if first else (),
        setup_only=SETUP_ONLY,
        # Of several none serves before a majority is there, and those may be checked one after another.
        health=Health("opensearch", READY_PATH, seconds=300 if alone else 600),
        secrets=opensearch_store.secrets(spec) if first else (asker,),
        settled=None if alone else Settled("opensearch", opensearch_store.EXPORTER, asker),
        refuses_root=True,
        stop_seconds=60,
        memory_mb=spec.deploy.opensearch_heap_mb + 500,
    )
