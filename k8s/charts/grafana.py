"""Grafana: what it shows comes from ConfigMaps of the plan, which its sidecars find by their labels."""

from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.charts import common
from k8s.charts.common import Values

NAME = "grafana"
PASSWORD = "grafana-admin"  # noqa: S105 - the name of a secret
"""The secret with the administrator's password."""
USER = "grafana-user"
"""The key beside it with the administrator's name."""
DASHBOARDS, DATASOURCES = "grafana_dashboard", "grafana_datasource"
"""Labels of ConfigMaps; their value is the stack's."""


def marked(spec: Spec, label: str) -> dict[str, str]:
    """The label of a ConfigMap that Grafana takes."""
    return {label: spec.environment.name}


def values(spec: Spec, site: Site) -> Values:
    """One, without a volume: all that it knows is in the plan, so a dashboard made by hand does not last."""
    del site
    sidecar = {"searchNamespace": spec.kubernetes.namespace, "resource": "configmap"}
    return {
        "fullnameOverride": NAME,
        "replicas": 1,
        "image": {"pullSecrets": [item["name"] for item in common.pull_secrets(spec)]},
        # Its sidecars look into this namespace alone.
        "rbac": {"namespaced": True},
        "admin": {"existingSecret": names.SECRETS, "userKey": USER, "passwordKey": PASSWORD},
        "testFramework": {"enabled": False},
        "initChownData": {"enabled": False},
        "persistence": {"enabled": False},
        "grafana.ini": {
            "analytics": {"check_for_updates": False, "reporting_enabled": False},
            "auth.anonymous": {"enabled": False},
            "users": {"allow_sign_up": False},
            "security": {"disable_gravatar": True},
            "log": {"mode": "console"},
        },
        "sidecar": {
            "dashboards": {
                **sidecar,
                "enabled": True,
                "label": DASHBOARDS,
                "labelValue": spec.environment.name,
                "provider": {"allowUiUpdates": False},
            },
            "datasources": {
                **sidecar,
                "enabled": True,
                "label": DATASOURCES,
                "labelValue": spec.environment.name,
            },
            "resources": common.resources(spec, "sidecar"),
            "securityContext": common.WRITABLE,
        },
        "extraLabels": names.part_of(spec),
        "resources": common.resources(spec, "grafana"),
        "securityContext": common.pod_security(472),
        "containerSecurityContext": common.WRITABLE,
    }
