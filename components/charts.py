"""Every Helm chart that a stack on Kubernetes is made of, once: its version, and where it is published.

To change a version, change it here; `tests/k8s/` judges the values by the new chart's own.
"""

from dataclasses import dataclass

_PROMETHEUS = "https://prometheus-community.github.io/helm-charts"
_OPENTELEMETRY = "https://open-telemetry.github.io/opentelemetry-helm-charts"


@dataclass(frozen=True)
class Chart:
    """A chart of a publisher."""

    name: str
    version: str
    repository: str
    """The publisher's, where charts are had unless the stack names a mirror or a folder."""


CHARTS = (
    Chart("fluent-bit", "0.58.1", "https://fluent.github.io/helm-charts"),
    Chart("grafana", "12.11.1", "https://grafana-community.github.io/helm-charts"),
    Chart("jaeger", "4.11.1", "https://jaegertracing.github.io/helm-charts"),
    Chart("kube-prometheus-stack", "88.5.3", _PROMETHEUS),
    Chart("kube-state-metrics", "8.4.0", _PROMETHEUS),
    Chart("opensearch", "3.6.0", "https://opensearch-project.github.io/helm-charts"),
    Chart("opensearch-dashboards", "3.6.0", "https://opensearch-project.github.io/helm-charts"),
    Chart("opentelemetry-collector", "0.170.0", _OPENTELEMETRY),
    Chart("opentelemetry-operator", "0.122.0", _OPENTELEMETRY),
    Chart("prometheus", "29.27.0", _PROMETHEUS),
    Chart("prometheus-blackbox-exporter", "11.17.2", _PROMETHEUS),
    Chart("prometheus-node-exporter", "4.56.1", _PROMETHEUS),
    Chart("prometheus-operator-crds", "31.0.1", _PROMETHEUS),
    Chart("prometheus-redis-exporter", "6.29.0", _PROMETHEUS),
)

_BY_NAME = {chart.name: chart for chart in CHARTS}


def chart(name: str) -> Chart:
    """The chart of that name; KeyError if there is none."""
    return _BY_NAME[name]
