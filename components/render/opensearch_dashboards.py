"""OpenSearch Dashboards: its settings, and the two users of the store that come with it.

The program logs in as `kibanaserver`, the name by which the store's security plugin knows it, with the role
that the plugin has for it. People log in as `viewer`: they read logs and spans, and change what is saved in
Dashboards for all of them alike. Both are of the store only where the stack has Dashboards.
"""

from typing import Any

from components.inventory import BY_NAME, password_of
from components.render.document import Document, Documents
from components.site import Site

NAME = "opensearch-dashboards"
FILE = "opensearch_dashboards.yml"
PORT = 5601
SERVER, VIEWER = "kibanaserver", "viewer"
COOKIE = "opensearch-dashboards-cookie"
"""The secret that sessions are sealed with. Without one it would be what stands in the program's source."""
SECRETS = tuple(sorted((password_of(SERVER), password_of(VIEWER))))
"""Passwords of the users."""

USERS = {
    SERVER: {"role": "kibana_server", "secret": password_of(SERVER)},
    VIEWER: {"role": f"obs-{VIEWER}", "secret": password_of(VIEWER)},
}
"""The first role is the security plugin's own: what Dashboards needs, in each version."""

_SAVED = [".kibana", ".kibana_*"]
"""Where Dashboards keeps what people save."""


def render(site: Site) -> Documents:
    """The document of the program. Secrets come from its environment, as it reads them itself: its image
    would hand what it knows of them on as arguments, for every process to see."""
    tls = site.folders.certificates
    settings = {
        "server.name": NAME,
        "server.port": PORT,
        "server.ssl.enabled": True,
        "server.ssl.certificate": f"{tls}/{NAME}.pem",
        "server.ssl.key": f"{tls}/{NAME}.key",
        "opensearch.hosts": [site.url(BY_NAME["opensearch"].api)],
        "opensearch.ssl.certificateAuthorities": [site.ca],
        "opensearch.ssl.verificationMode": "full",
        "opensearch.username": SERVER,
        "opensearch.password": f"${{{variable(password_of(SERVER))}}}",
        # All people see the same, so nobody has a place of their own.
        "opensearch_security.multitenancy.enabled": False,
        "opensearch_security.cookie.secure": True,
        "opensearch_security.cookie.password": f"${{{variable(COOKIE)}}}",
    }
    return {FILE: Document(settings, "yaml")}


def variable(secret: str) -> str:
    """The environment variable in which it finds a secret; none that its image takes for a setting."""
    return f"OBS_{secret.upper().replace('-', '_')}"


def viewer(patterns: list[str]) -> dict[str, Any]:
    """The role of people who read these indices. What is saved they change as the security plugin's own role
    for people lets them."""
    read = [
        "indices:admin/aliases/get",
        "indices:admin/get",
        "indices:admin/mappings/*",
        "indices:data/read/*",
    ]
    return {
        "cluster_permissions": ["cluster:monitor/health", "cluster:monitor/main", "cluster_composite_ops"],
        "index_permissions": [
            {"index_patterns": patterns, "allowed_actions": read},
            {"index_patterns": _SAVED, "allowed_actions": ["delete", "index", "manage", "read"]},
        ],
        "tenant_permissions": [
            {"tenant_patterns": ["global_tenant"], "allowed_actions": ["kibana_all_write"]}
        ],
    }
