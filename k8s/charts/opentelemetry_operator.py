"""The OpenTelemetry operator, which puts libraries into pods that ask for it by an annotation, and what it
is told for each language. Collectors are releases of their own."""

from components.site import Site
from components.spec import Spec
from k8s.charts import common
from k8s.charts.common import Values

LANGUAGES = ("python", "java", "nodejs")
"""A pod asks with `instrumentation.opentelemetry.io/inject-<language>: "<language>"`."""


def values(spec: Spec, site: Site) -> Values:
    """Its definitions stay when it goes: with them would go the objects of everybody."""
    del site
    image = common.collector_image(spec)
    return {
        "fullnameOverride": "opentelemetry-operator",
        "replicaCount": 2 if spec.kubernetes.ha else 1,
        "pdb": {"create": spec.kubernetes.ha},
        "imagePullSecrets": common.pull_secrets(spec),
        "crds": {"annotations": {"helm.sh/resource-policy": "keep"}},
        "manager": {
            "collectorImage": {"repository": image["repository"], "tag": image.get("tag", "latest")},
            "resources": common.resources(spec, "operator"),
            "securityContext": common.CONTAINER_SECURITY,
        },
        "admissionWebhooks": {
            # It looks at pods of this cluster's other users too: while it is away, theirs start without.
            "pods": {"failurePolicy": "Ignore"},
            "certManager": {"enabled": False},
            # Made once: a new one with each upgrade would be a difference that nobody made.
            "autoGenerateCert": {"enabled": True, "recreate": False, "certPeriodDays": 3650},
        },
        "securityContext": common.pod_security(65532),
        "topologySpreadConstraints": common.spread({"app.kubernetes.io/name": "opentelemetry-operator"}),
    }


def instrumentations(spec: Spec, site: Site) -> dict[str, Values]:
    """The `spec` of an Instrumentation by its name, which is a language's: where spans, metrics and log
    records go, and which share of traces is recorded at all."""
    over_http = spec.tracing.otlp.http
    endpoint = site.url(f"collector-otlp-{'http' if over_http else 'grpc'}")
    protocol = {"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "value": "http/protobuf" if over_http else "grpc"}
    resource = {
        "name": "OTEL_RESOURCE_ATTRIBUTES",
        "value": f"deployment.environment.name={spec.environment.name}",
    }
    return {
        language: {
            "exporter": {"endpoint": endpoint},
            "propagators": ["tracecontext", "baggage"],
            "sampler": {"type": "parentbased_traceidratio", "argument": str(spec.tracing.head_sampling)},
            language: {"env": [protocol, resource]},
        }
        for language in LANGUAGES
    }
