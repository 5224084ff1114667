"""The collector as a gateway: all that comes over OTLP. Spans are counted and judged trace by trace, and sent
to Jaeger; log records go into the store; metrics onto a page that Prometheus scrapes.

One runs in a stack: of two, each would see half of a trace and count half of its spans.
"""

from typing import Any

from components.render import collector_logs, collector_otlp, collector_traces, sizes, tls
from components.render.collector_process import process, storage, whole
from components.render.document import Document, Documents
from components.running import Running
from components.site import Site
from components.spec import Spec

NAME = "collector"

_LARGEST: dict[str, dict[str, int]] = {
    "grpc": {"max_recv_msg_size_mib": sizes.REQUEST_MIB},
    "http": {"max_request_body_size": sizes.REQUEST_MIB * 2**20},
}


def render(spec: Spec, site: Site) -> Documents:
    """`collector.yaml` of a gateway that is no agent too."""
    return {"collector.yaml": Document(config(spec, site), "yaml")}


def running(spec: Spec, site: Site) -> Running:
    """A collector with its own queues."""
    del spec, site
    return process(NAME)


def config(spec: Spec, site: Site) -> dict[str, Any]:
    """The configuration of the process `NAME`."""
    protocols = {
        protocol: {
            "endpoint": site.bind(f"collector-otlp-{protocol}"),
            **_LARGEST[protocol],
            **tls.served(site, f"collector-otlp-{protocol}", NAME),
        }
        for protocol, on in (("grpc", spec.tracing.otlp.grpc), ("http", spec.tracing.otlp.http))
        if on
    }
    logs = collector_otlp.logs(spec)
    work = {
        "connectors": collector_traces.connectors(spec),
        "exporters": {
            **(collector_logs.exporters(spec, site) if logs else {}),
            **collector_otlp.exporters(spec, site),
            **collector_traces.exporters(spec, site),
        },
        "extensions": {
            # What was acknowledged outlives a power cut; spans are asked for less.
            **({"file_storage/logs": storage(site, NAME, "logs", fsync=True)} if logs else {}),
            "file_storage/traces": storage(site, NAME, "traces", fsync=False),
        },
        "processors": {
            **(collector_logs.processors(spec) if logs else {}),
            **collector_otlp.processors(spec),
            **collector_otlp.metrics_processors(spec),
            **collector_traces.processors(spec),
        },
        "receivers": {"otlp": {"protocols": protocols}},
    }
    pipelines = {**logs, **collector_otlp.metrics(spec), **collector_traces.pipelines()}
    return whole(spec, site, NAME, work, pipelines)
