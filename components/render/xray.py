"""The collector of AWS (`aws-otel-collector`) in Jaeger's place, where X-Ray keeps traces: ours has no
exporter that signs for AWS.

Without a `batch` processor, as before Jaeger: a gateway's request is answered when X-Ray has its spans, and
until then the gateway's queue holds them.
"""

from components.render import sizes
from components.render.document import Document, Documents
from components.site import Site
from components.spec import Spec

NAME = "xray"
LISTENER = "xray-otlp-grpc"
ENVIRONMENT = "otel.resource.env"
"""The annotation by which traces of an environment are found."""
MEMORY_MB = 150


def render(spec: Spec, site: Site, region: str) -> Documents:
    """`xray.yaml`. What the stack's dashboards ask by is indexed, as X-Ray calls it."""
    labels = sorted(f"otel.resource.{name}" for name in spec.environment.labels)
    config = {
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {
                        "endpoint": site.bind(LISTENER),
                        "max_recv_msg_size_mib": sizes.messages(spec).receive_mib,
                    }
                }
            }
        },
        "exporters": {
            "awsxray": {
                "region": region,
                "indexed_attributes": [*labels, *sorted(spec.tracing.span_metrics.dimensions)],
            }
        },
        "service": {
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["awsxray"]}},
            "telemetry": {"logs": {"level": "info", "encoding": "json"}, "metrics": {"level": "none"}},
        },
    }
    return {"xray.yaml": Document(config, "yaml")}


def command() -> tuple[str, ...]:
    """As its image has it."""
    return ("/awscollector", "--config", "xray.yaml")
