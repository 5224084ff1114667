"""The collector as an agent: the log files of one host, into the store. One runs on each host.

What keeps lines from being lost or doubled (docs/adr/0006-log-shipper.md) stands in `collector_logs`.
"""

from typing import Any

from components.render import collector_files, collector_logs
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
    del spec, site
    return process(NAME)


def config(spec: Spec, site: Site, name: str = NAME) -> dict[str, Any] | None:
    """The configuration of the process `name`; None where there is no log to read. Where the gateway does the
    agent's work, it is the gateway's process."""
    receivers = collector_files.receivers(spec, site)
    if not receivers:
        return None
    work = {
        "exporters": collector_logs.exporters(spec, site),
        # What is in a queue or a checkpoint has reached the disk, so that it outlives a power cut.
        "extensions": {"file_storage/logs": storage(site, name, "logs", fsync=True)},
        "processors": collector_logs.processors(spec, collector_files.sources(spec, site)),
        "receivers": receivers,
    }
    return whole(spec, site, name, work, {"logs": collector_logs.pipeline(receivers)})
