"""The collector as a gateway: all that comes over OTLP. Spans are counted and judged trace by trace, and sent
to Jaeger; log records go into the store; metrics onto a page that Prometheus scrapes.

Of several, each would see a part of a trace. So what clients send goes on to the gateway whose trace it is
(`collector_spread`), and only what comes from there is counted and judged.
"""

from typing import Any

from components.render import collector_logs, collector_otlp, collector_spread, collector_traces
from components.render.collector_process import process, storage, whole
from components.render.document import Document, Documents
from components.running import Running
from components.site import Site
from components.spec import Spec

NAME = "collector"


def render(spec: Spec, site: Site) -> Documents:
    """`collector.yaml` of a gateway that is no agent too."""
    return {"collector.yaml": Document(config(spec, site), "yaml")}


def running(spec: Spec, site: Site) -> Running:
    """A collector with its own queues."""
    del spec
    return process(site, NAME)


def config(spec: Spec, site: Site) -> dict[str, Any]:
    """The configuration of the process `NAME`."""
    logs = collector_otlp.logs(spec)
    work = {
        "connectors": collector_traces.connectors(spec),
        "exporters": {
            **(collector_logs.exporters(spec, site) if logs else {}),
            **collector_otlp.exporters(spec, site, NAME),
            **collector_spread.exporters(spec, site, NAME),
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
        "receivers": {
            "otlp": collector_otlp.receiver(spec, site, NAME),
            **collector_spread.receivers(site, NAME),
        },
    }
    pipelines = {
        **logs,
        **collector_otlp.metrics(spec),
        **collector_traces.pipelines(site),
    }
    return whole(spec, site, NAME, work, pipelines)
