"""The releases of a stack: a module a chart, each with `values(spec, site)`, which is pure.

Values refer to Secrets and ConfigMaps by the names of `k8s.names`, and hold no secret and no null.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from components.charts import Chart, chart
from components.inventory import BY_NAME
from components.plan import Pillar
from components.site import Site
from components.spec import Spec
from k8s.charts import (
    fluent_bit,
    grafana,
    jaeger,
    kube_prometheus_stack,
    kube_state_metrics,
    opensearch,
    opensearch_dashboards,
    opentelemetry_collector,
    opentelemetry_operator,
    prometheus_blackbox_exporter,
    prometheus_node_exporter,
    prometheus_operator_crds,
    prometheus_redis_exporter,
)

Values = Callable[[Spec, Site], dict[str, Any]]


@dataclass(frozen=True)
class ReleaseOf:
    """A release that a stack may have."""

    name: str
    chart: Chart
    pillar: Pillar
    values: Values
    needs: tuple[str, ...] = ()
    """Names of the releases that must be there before; those that the stack goes without are passed over."""
    runs: Callable[[Spec], bool] = lambda _spec: True
    crds: bool = False
    """Whether it brings definitions that the objects of others need."""


RELEASES: tuple[ReleaseOf, ...] = (
    ReleaseOf(
        "prometheus-operator-crds",
        chart("prometheus-operator-crds"),
        Pillar.METRICS,
        prometheus_operator_crds.values,
        runs=lambda spec: spec.kubernetes.operator == "own",
        crds=True,
    ),
    ReleaseOf(
        "opensearch-manager",
        chart("opensearch"),
        Pillar.LOGGING,
        opensearch.managers,
        runs=lambda spec: spec.kubernetes.ha,
    ),
    ReleaseOf(
        "opensearch",
        chart("opensearch"),
        Pillar.LOGGING,
        opensearch.values,
        needs=("opensearch-manager",),
    ),
    ReleaseOf("jaeger", chart("jaeger"), Pillar.TRACING, jaeger.values, needs=("opensearch",)),
    ReleaseOf(
        "collector",
        chart("opentelemetry-collector"),
        Pillar.TRACING,
        opentelemetry_collector.gateway,
        needs=("opensearch", "jaeger"),
    ),
    ReleaseOf(
        "collector-agent",
        chart("opentelemetry-collector"),
        Pillar.LOGGING,
        opentelemetry_collector.agent,
        needs=("opensearch",),
        runs=lambda spec: spec.kubernetes.shipper == "collector" and _reads_logs(spec),
    ),
    ReleaseOf(
        "fluent-bit",
        chart("fluent-bit"),
        Pillar.LOGGING,
        fluent_bit.values,
        needs=("opensearch",),
        runs=lambda spec: spec.kubernetes.shipper == "fluent-bit" and _reads_logs(spec),
    ),
    ReleaseOf(
        "kube-prometheus-stack",
        chart("kube-prometheus-stack"),
        Pillar.METRICS,
        kube_prometheus_stack.values,
        needs=("prometheus-operator-crds",),
    ),
    ReleaseOf(
        "kube-state-metrics",
        chart("kube-state-metrics"),
        Pillar.METRICS,
        kube_state_metrics.values,
        needs=("prometheus-operator-crds",),
    ),
    ReleaseOf(
        "node-exporter",
        chart("prometheus-node-exporter"),
        Pillar.METRICS,
        prometheus_node_exporter.values,
        runs=BY_NAME["node-exporter"].runs,
    ),
    ReleaseOf(
        "redis-exporter",
        chart("prometheus-redis-exporter"),
        Pillar.METRICS,
        prometheus_redis_exporter.values,
        runs=BY_NAME["redis-exporter"].runs,
    ),
    ReleaseOf(
        "grafana",
        chart("grafana"),
        Pillar.METRICS,
        grafana.values,
        runs=lambda spec: spec.kubernetes.grafana,
    ),
    ReleaseOf(
        "opensearch-dashboards",
        chart("opensearch-dashboards"),
        Pillar.LOGGING,
        opensearch_dashboards.values,
        needs=("opensearch",),
        runs=lambda spec: spec.kubernetes.opensearch_dashboards,
    ),
    ReleaseOf(
        "opentelemetry-operator",
        chart("opentelemetry-operator"),
        Pillar.TRACING,
        opentelemetry_operator.values,
        runs=lambda spec: spec.kubernetes.instrumentation,
    ),
    ReleaseOf(
        "blackbox-exporter",
        chart("prometheus-blackbox-exporter"),
        Pillar.METRICS,
        prometheus_blackbox_exporter.values,
        runs=lambda spec: bool(spec.kubernetes.probes),
    ),
)
"""In the order in which they come."""


def _reads_logs(spec: Spec) -> bool:
    return bool(spec.logging.inputs) or any(service.logs for service in spec.services)
