"""Whether a chart reads what it is given: Helm says nothing of a key that no template asks for."""

import json
from functools import cache
from typing import Any

from tests.k8s.chart_data import DATA, KINDS

UNLISTED: dict[str, dict[str, Any]] = {
    # Read by the templates, and in `values.yaml` as a comment at most.
    "jaeger": {
        "jaeger": {
            "strategy": {},
            "podLabels": {},
            "resources": {},
            # `values.yaml` spells it without the `s`, and the template does not.
            "topologySpreadConstraints": [],
        }
    },
    "kube-prometheus-stack": {"alertmanager": {"alertmanagerSpec": {"configSecret": "string"}}},
    "opensearch": {"persistence": {"storageClass": "string"}},
    "opentelemetry-collector": {"service": {"enabled": "boolean"}},
}
"""Chart -> what it reads beside its default values and its schema."""

_OVERRIDES = {"nameOverride": "string", "fullnameOverride": "string"}
UNLISTED |= {
    "grafana": {**_OVERRIDES, "rbac": {"useExistingRole": "string"}},
    "prometheus-blackbox-exporter": {**_OVERRIDES, "image": {"pullSecrets": []}},
    "prometheus-redis-exporter": dict(_OVERRIDES),
}

OPEN: dict[str, tuple[str, ...]] = {
    "grafana": ("grafana.ini",),
    "opensearch": ("config",),
    "opentelemetry-collector": ("ports",),
    "prometheus-blackbox-exporter": ("config",),
}
"""Chart -> mappings that have keys by default and take any: files by their names, an engine's own
settings."""

_CAPABILITIES: dict[str, Any] = {"add": [], "drop": []}
_SECURITY: dict[str, Any] = {
    **dict.fromkeys(
        ("allowPrivilegeEscalation", "privileged", "readOnlyRootFilesystem", "runAsNonRoot"), "boolean"
    ),
    **dict.fromkeys(("fsGroup", "runAsGroup", "runAsUser"), "number"),
    "capabilities": _CAPABILITIES,
    "seccompProfile": {"type": "string"},
}
_AMOUNTS: dict[str, Any] = {"cpu": "string", "memory": "string"}
_RESOURCES: dict[str, Any] = {"limits": _AMOUNTS, "requests": _AMOUNTS}
PASSED_ON: dict[str, dict[str, Any]] = {
    "containerSecurityContext": _SECURITY,
    "initResources": _RESOURCES,
    "podSecurityContext": _SECURITY,
    "resources": _RESOURCES,
    "securityContext": _SECURITY,
}
"""What charts hand to Kubernetes as it is: not the defaults say what there is, but Kubernetes."""

SUBCHARTS = {
    "kube-prometheus-stack": ("grafana", "kube-state-metrics", "prometheus-node-exporter"),
    "prometheus": ("alertmanager", "kube-state-metrics", "prometheus-node-exporter"),
}
"""Chart -> the charts whose values stand under their names in its own."""


@cache
def known(chart: str) -> dict[str, Any]:
    """All that a chart reads, as `chart_data` writes it."""
    found: dict[str, Any] = json.loads((DATA / f"{chart}.json").read_text(encoding="utf-8"))["values"]
    for part in SUBCHARTS.get(chart, ()):
        if (DATA / f"{part}.json").exists():
            found[part] = _with(known(part), found[part])
    if unlisted := UNLISTED.get(chart):
        found = _with(found, unlisted)
    return {key: {} if key in OPEN.get(chart, ()) else item for key, item in found.items()}


def _with(one: Any, other: Any) -> Any:
    """What either knows; what takes any keys in one of them takes any."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return other
    if not one or not other:
        return {}
    return {key: _with(one.get(key, other.get(key)), other.get(key, one.get(key))) for key in one | other}


def unread(chart: str, values: dict[str, Any]) -> list[str]:
    """Every key that the chart does not read, and every value of another kind than it expects."""
    return _unread(known(chart), values, "")


def _unread(known: Any, value: Any, path: str) -> list[str]:
    if known in ("any", {}):
        return []
    if isinstance(known, dict):
        if not isinstance(value, dict):
            return [f"{path}: expected a mapping, found {value!r}"]
        unknown = [f"{path}.{key}".lstrip(".") for key in value if key not in known]
        return unknown + [
            found
            for key, item in value.items()
            if key in known
            for found in _unread(_passed_on(key, known[key]), item, f"{path}.{key}".lstrip("."))
        ]
    kind = "list" if isinstance(value, list) else "mapping" if isinstance(value, dict) else KINDS[type(value)]
    expected = "list" if isinstance(known, list) else known
    # `false` is how charts say "none" where a number or a text may stand.
    return [] if kind == expected or known == "boolean" else [f"{path}: expected {expected}, found {kind}"]


def _passed_on(key: str, known: Any) -> Any:
    further = PASSED_ON.get(key)
    if further is None or not isinstance(known, dict):
        return known
    return _with(further, known) if known else further
