"""The collector as an agent: the log files of one host, into the store. One runs on each host.

What keeps lines from being lost or doubled (docs/adr/0006-log-shipper.md) stands in `collector_logs`.

Where a stack has several gateways, it takes OTLP from the programs of its host too: spans go to the gateway
of their trace, log records and metrics the way that they go in a gateway.
"""

from typing import Any

from components.render import (
    collector_files,
    collector_logs,
    collector_otlp,
    collector_spread,
    collector_traces,
    ottl,
)
from components.render.collector_process import process, storage, whole
from components.render.document import Document, Documents
from components.running import Running
from components.site import Site
from components.spec import Spec

NAME = "collector-agent"


def render(spec: Spec, site: Site) -> Documents:
    """`collector.yaml` of an agent that is a process of its own; nothing where there is no log to read."""
    found = config(spec, site)
    return {} if found is None else {"collector.yaml": Document(found, "yaml")}


def running(spec: Spec, site: Site) -> Running:
    """A collector with its own queues."""
    del spec
    return process(site, NAME)


def config(spec: Spec, site: Site, name: str = NAME) -> dict[str, Any] | None:
    """The configuration of the process `name`; None where it has nothing to do. Where the gateway does the
    agent's work, it is the gateway's process."""
    files, takes = collector_files.receivers(spec, site), name == NAME and _takes(site)
    if not files and not takes:
        return None
    otlp = collector_otlp.logs(spec) if takes else {}
    sources = collector_files.sources(spec, site)
    unwrap = _unwrap(sources)
    logs = {**({"logs": collector_logs.pipeline(files, *unwrap)} if files else {}), **otlp}
    work: dict[str, Any] = {
        "exporters": collector_logs.exporters(spec, site) if logs else {},
        # What is in a queue or a checkpoint has reached the disk, so that it outlives a power cut.
        "extensions": {"file_storage/logs": storage(site, name, "logs", fsync=True)} if logs else {},
        "processors": {**collector_logs.processors(spec, sources), **unwrap} if logs else {},
        "receivers": files,
    }
    if takes:
        _take(spec, site, work)
        pipelines = {**logs, **collector_otlp.metrics(spec), **collector_traces.spread(site)}
        return whole(spec, site, name, work, pipelines)
    return whole(spec, site, name, work, logs)


def _takes(site: Site) -> bool:
    """Whether programs of its host send spans to it; in a cluster they send them to any gateway."""
    mine = any(site.has(f"{NAME}-otlp-{protocol}") for protocol in ("grpc", "http"))
    return mine and collector_spread.several(site)


def _take(spec: Spec, site: Site, work: dict[str, Any]) -> None:
    """What OTLP needs beside."""
    work["exporters"] |= {
        **collector_otlp.exporters(spec, site, NAME),
        **collector_spread.exporters(spec, site, NAME),
    }
    work["extensions"] |= {"file_storage/traces": storage(site, NAME, "traces", fsync=False)}
    work["processors"] |= {
        **collector_otlp.processors(spec),
        **collector_otlp.metrics_processors(spec),
        **collector_traces.cleaning(spec),
    }
    work["receivers"] |= {"otlp": collector_otlp.receiver(spec, site, NAME)}


def _unwrap(sources: tuple[collector_files.Source, ...]) -> dict[str, Any]:
    """A processor, by name, that takes a container runtime's words before each line away; the id of a line
    has them in it. None where no runtime puts any."""
    names = "|".join(source.name for source in sources if source.wrapped)
    if not names:
        return {}
    mine = f'IsMatch(resource.attributes["log.source"], {ottl.text(f"^({names})$")})'
    words = ottl.text(f"(?m){collector_files.RUNTIME}")
    statement = f'replace_pattern(body, {words}, "") where {mine}'
    return {
        "transform/runtime": {
            # Errors could quote the record.
            "error_mode": "silent",
            "log_statements": [{"context": "log", "statements": [statement]}],
        }
    }
