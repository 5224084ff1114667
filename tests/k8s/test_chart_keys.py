"""The check of values finds what Helm would take without a word."""

from typing import Any

import pytest

from tests.k8s.chart_keys import unread


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"prometheus": {"prometheusSpec": {"retention": "15d"}}}, []),
        ({"prometheus": {"prometheusSpec": {"retentoin": "15d"}}}, ["prometheus.prometheusSpec.retentoin"]),
        ({"prometheus": {"prometheusSpec": {"externalLabels": {"any": "name"}}}}, []),
        ({"alertmanager": []}, ["alertmanager: expected a mapping, found []"]),
        (
            {"prometheus": {"prometheusSpec": {"replicas": "2"}}},
            ["prometheus.prometheusSpec.replicas: expected number, found string"],
        ),
        ({"grafana": {"sidecar": {"dashboards": {"folder": "/tmp"}}}}, []),
        ({"grafana": {"sidecar": {"dashbords": {}}}}, ["grafana.sidecar.dashbords"]),
    ],
)
def test_a_key_that_no_template_asks_for_is_found(values: dict[str, Any], found: list[str]) -> None:
    assert unread("kube-prometheus-stack", values) == found


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"securityContext": {"capabilities": {"drop": ["ALL"]}}}, []),
        ({"securityContext": {"runAsNonroot": True}}, ["securityContext.runAsNonroot"]),
        ({"resources": {"limits": {"memory": "1Gi"}}}, []),
        ({"resources": {"limit": {"memory": "1Gi"}}}, ["resources.limit"]),
    ],
)
def test_what_is_handed_to_kubernetes_is_known_too(values: dict[str, Any], found: list[str]) -> None:
    assert unread("opensearch", values) == found


def test_a_schema_knows_keys_that_are_no_defaults() -> None:
    assert unread("opentelemetry-collector", {"configMap": {"existingPath": "a"}}) == []
