"""Pages that are asked from inside the cluster: a Probe each, for the release of blackbox_exporter."""

from typing import Any

from components.plan import Pillar
from components.spec import Spec
from components.spec.kubernetes import Probed
from k8s import names
from k8s.charts import prometheus_blackbox_exporter as exporter
from k8s.monitoring import limits, setting
from k8s.objects import manifest
from k8s.parts import Manifest


def probe_parts(spec: Spec, needs: tuple[str, ...]) -> list[Manifest]:
    """Nothing where nothing is to be asked."""
    return [
        manifest(spec, Pillar.METRICS, "Probe", f"probe-{one.name}", {"spec": _probe(spec, one)}, needs=needs)
        for one in spec.kubernetes.probes
    ] + _policy(spec)


def _probe(spec: Spec, one: Probed) -> dict[str, Any]:
    """`up` of its job says that the exporter answers, `probe_success` that the page does."""
    scheme, _, rest = one.url.partition("://")
    owner = one.owner or spec.alerting.platform_team
    labels = {"owner": owner, **spec.environment.labels}
    return {
        "jobName": f"probe-{one.name}",
        "module": scheme,
        "prober": {"url": f"{exporter.NAME}.{spec.kubernetes.namespace}.svc:{exporter.PORT}"},
        "interval": spec.metrics.scrape_interval,
        "scrapeTimeout": spec.metrics.scrape_timeout,
        "targets": {
            "staticConfig": {
                "static": [rest if scheme == "tcp" else one.url],
                "relabelingConfigs": [setting(name, value) for name, value in sorted(labels.items())],
            }
        },
        **limits(spec),
    }


def _policy(spec: Spec) -> list[Manifest]:
    """Prometheus alone asks it: through it, others would reach what their own policy forbids."""
    if not spec.kubernetes.probes:
        return []
    asking = {"podSelector": {"matchLabels": names.pods(spec, "prometheus", own=False)}}
    body = {
        "spec": {
            "podSelector": {"matchLabels": names.pods(spec, exporter.NAME, own=False)},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [asking], "ports": [{"port": exporter.PORT}]}],
        }
    }
    return [manifest(spec, Pillar.METRICS, "NetworkPolicy", exporter.NAME, body)]
