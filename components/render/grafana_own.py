"""What a Grafana reads that no chart sets up: folders of provisioned documents; its settings are variables.

It keeps nothing: dashboards and data sources come from the description alone, and so nobody edits them there.
Values of secrets are read from their files; none is in a document or a variable.
"""

from typing import Any

from components.inventory import password_of
from components.render import grafana
from components.render.document import Document, Documents
from components.site import Site
from components.spec import Spec

NAME = "grafana"
PASSWORD = "grafana-admin"  # noqa: S105 - the name of a secret
"""The secret with the administrator's password."""
SECRETS = (PASSWORD, password_of(grafana.USER))
HEALTH = "/api/health"
MEMORY_MB = 300


def command(home: str) -> tuple[str, ...]:
    """Its program; `home` is where its image has what it serves."""
    return ("grafana", "server", f"--homepath={home}")


def render(spec: Spec, site: Site, conf: str, signed: grafana.Signed | None) -> Documents:
    """`dashboards/<name>.json`, and below `provisioning` what makes Grafana read them, in `conf`.
    `signed` is the metrics' interface where each request has to be signed for AWS."""
    found = {f"dashboards/{name}": page for name, page in grafana.pages(spec).items()}
    password = _file(site, password_of(grafana.USER))
    sources = grafana.datasources(spec, site, password=password, signed=signed)
    provider = {
        "name": "obs",
        "type": "file",
        "allowUiUpdates": False,
        "disableDeletion": True,
        "options": {"path": f"{conf}/dashboards"},
    }
    return {
        **found,
        "provisioning/dashboards/obs.yaml": Document({"apiVersion": 1, "providers": [provider]}, "yaml"),
        "provisioning/datasources/obs.yaml": Document(sources, "yaml"),
    }


def settings(site: Site, port: int, conf: str, plugins: str, *, signed: bool) -> tuple[tuple[str, str], ...]:
    """Variables, as `<section>.<key>` of its configuration; the same as the chart's values say in a cluster.
    TLS ends before it, so that its cookies are for TLS alone. `plugins` is where its image has them."""
    data = site.data(NAME)
    given: dict[str, Any] = {
        "analytics.check_for_plugin_updates": False,
        "analytics.check_for_updates": False,
        "analytics.reporting_enabled": False,
        "auth.anonymous.enabled": False,
        # What signs is a program of its own, which is given the task's credentials only if it is named.
        **(
            {"auth.sigv4_auth_enabled": True, "plugins.forward_host_env_vars": grafana.SIGNING}
            if signed
            else {}
        ),
        "log.mode": "console",
        "paths.data": data,
        "paths.logs": f"{data}/log",
        "paths.plugins": plugins,
        "paths.provisioning": f"{conf}/provisioning",
        "security.admin_password": _file(site, PASSWORD),
        "security.admin_user": "admin",
        "security.cookie_secure": True,
        "security.disable_gravatar": True,
        "server.http_port": port,
        "users.allow_sign_up": False,
    }
    return tuple((_variable(name), _text(value)) for name, value in sorted(given.items()))


def _file(site: Site, secret: str) -> str:
    """Grafana's own words for the content of a file."""
    return f"$__file{{{site.folders.secrets}/{secret}}}"


def _variable(name: str) -> str:
    return f"GF_{name.upper().replace('.', '_')}"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
