"""Grafana: what it shows comes from ConfigMaps of the plan, which its sidecars find by their labels."""

from typing import Any

from components.inventory import password_of
from components.render import grafana
from components.render.text import texts
from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.charts import common, mounts
from k8s.charts.common import Values

NAME = "grafana"
PASSWORD = "grafana-admin"  # noqa: S105 - the name of a secret
"""The secret with the administrator's password, made once."""
DASHBOARDS, DATASOURCES = "grafana_dashboard", "grafana_datasource"
"""Labels of ConfigMaps; their value is the stack's name."""
SIDECAR = "grafana-sidecar"


def config_maps(spec: Spec, site: Site) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Name of a ConfigMap -> its label and its texts: one for each dashboard, one for the data sources."""
    stack = spec.environment.name
    found = {}
    for path, text in texts(grafana.render(spec, site)).items():
        folder, _, file = path.rpartition("/")
        label = DASHBOARDS if folder else DATASOURCES
        found[f"grafana-{file.rpartition('.')[0]}"] = ({label: stack}, {file: text})
    return found


def values(spec: Spec, site: Site) -> Values:
    """One, without a volume: all that it knows is in the plan, so a dashboard made by hand does not last."""
    authority = mounts.certificates(spec, site)
    secret = password_of(grafana.USER)
    login = {"secretKeyRef": {"name": names.SECRETS, "key": secret}}
    return {
        "fullnameOverride": NAME,
        "replicas": 1,
        "image": {"pullSecrets": [item["name"] for item in common.pull_secrets(spec)]},
        # The chart's own role would let the sidecars read every Secret of the namespace.
        "rbac": {"namespaced": True, "useExistingRole": SIDECAR},
        "extraObjects": [_role(spec)],
        "admin": {"existingSecret": names.SECRETS, "passwordKey": PASSWORD},
        "env": {
            "GF_SECURITY_ADMIN_USER": "admin",
            # The stack's authority beside those of the image.
            "SSL_CERT_DIR": f"/etc/ssl/certs:{site.folders.certificates}",
        },
        "envValueFrom": {grafana.variable(secret): login},
        "plugins": [grafana.TYPES[grafana.LOGS]],
        "testFramework": {"enabled": False},
        "initChownData": {"enabled": False},
        "persistence": {"enabled": False},
        "grafana.ini": {
            "analytics": {"check_for_updates": False, "reporting_enabled": False},
            "auth.anonymous": {"enabled": False},
            "users": {"allow_sign_up": False},
            "security": {"disable_gravatar": True},
            "log": {"mode": "console"},
            # So that it trusts the stack's authority too.
            "plugins": {"forward_host_env_vars": grafana.TYPES[grafana.LOGS]},
        },
        "sidecar": _sidecar(spec),
        "extraLabels": names.part_of(spec),
        "resources": common.resources(spec, NAME),
        "securityContext": common.pod_security(472),
        "containerSecurityContext": common.WRITABLE,
        "extraContainerVolumes": [authority.volume],
        "extraVolumeMounts": [authority.mounted],
    }


def _sidecar(spec: Spec) -> dict[str, Any]:
    """It looks into this namespace alone, for what is marked as this stack's."""
    common_to_both = {
        "enabled": True,
        "searchNamespace": spec.kubernetes.namespace,
        "resource": "configmap",
        "labelValue": spec.environment.name,
    }
    return {
        "dashboards": {**common_to_both, "label": DASHBOARDS, "provider": {"allowUiUpdates": False}},
        "datasources": {**common_to_both, "label": DATASOURCES},
        "resources": common.resources(spec, "sidecar"),
        "securityContext": common.WRITABLE,
    }


def _role(spec: Spec) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": SIDECAR, "namespace": spec.kubernetes.namespace, "labels": names.part_of(spec)},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "watch", "list"]}],
    }
