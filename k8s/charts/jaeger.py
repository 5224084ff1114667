"""Jaeger: one process that takes spans, keeps them in OpenSearch and answers queries.

The chart would take the document as `userconfig`; but that goes through values, where the provider drops
every null, and the document says null to take labels away. So it comes as it is, in a ConfigMap.
"""

from components.inventory import BY_NAME, certificates_of
from components.render import jaeger
from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.charts import common, mounts
from k8s.charts.common import Values
from k8s.site import CONF

PORTS = {
    "jaeger-query-http": 16686,
    "jaeger-query-grpc": 16685,
    "jaeger-otlp-grpc": 4317,
    "jaeger-metrics": 8888,
    "jaeger-health": 13133,
}
"""The chart's Service and probes have these, and no value changes them."""


def values(spec: Spec, site: Site) -> Values:
    """Its state is the store's: where `ha`, two answer and take spans."""
    for listener, port in PORTS.items():
        if site.port(listener) != port:
            raise ValueError(f"expected {listener} at {port}, where the chart looks for it")
    running, documents = jaeger.running(spec, site), jaeger.render(spec, site)
    files = [
        mounts.documents("jaeger", documents, CONF),
        *mounts.secrets(site, running.secrets),
        mounts.certificates(spec, site, certificates_of(BY_NAME["jaeger"], site)),
    ]
    return {
        "fullnameOverride": common.named(site, "jaeger-query-http"),
        "jaeger": {
            "replicas": 2 if spec.kubernetes.ha else 1,
            # There is always one that takes spans, while the new one starts too.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}},
            "image": {
                "repository": "jaegertracing/jaeger",
                # Jaeger 2 is published under a number of its own.
                "tag": common.released("jaeger"),
                "pullSecrets": [item["name"] for item in common.pull_secrets(spec)],
            },
            "args": [f"--config={CONF}/jaeger.yaml"],
            # The chart has no annotation of pods: this restarts them with their document.
            "extraEnv": [{"name": "OBS_DOCUMENTS", "value": common.digest(documents)}],
            "podLabels": names.part_of(spec),
            "serviceAccount": {"automountServiceAccountToken": False},
            "resources": common.resources(spec, "jaeger"),
            "podSecurityContext": common.pod_security(10001),
            "securityContext": common.CONTAINER_SECURITY,
            "topologySpreadConstraints": common.spread({"app.kubernetes.io/name": "jaeger"}),
            "extraVolumes": mounts.volumes(files),
            "extraVolumeMounts": mounts.mounted(files),
        },
    }
