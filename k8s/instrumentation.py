"""What pods are given that ask for a library by an annotation: an Instrumentation for each language."""

from components.plan import Pillar, part_id
from components.site import Site
from components.spec import Spec
from k8s.charts import opentelemetry_operator
from k8s.objects import manifest
from k8s.parts import Manifest

OPERATOR = "opentelemetry-operator"


def instrumentation_parts(spec: Spec, site: Site) -> list[Manifest]:
    """After the operator, which has to judge each of them; nothing where nobody asked for it."""
    if not spec.kubernetes.instrumentation:
        return []
    needs = (part_id(OPERATOR, spec.kubernetes.namespace),)
    return [
        manifest(spec, Pillar.TRACING, "Instrumentation", name, {"spec": told}, needs=needs)
        for name, told in opentelemetry_operator.instrumentations(spec, site).items()
    ]
