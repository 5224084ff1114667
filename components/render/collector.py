"""The OpenTelemetry Collector of a stack on one host: one process that does the work of the agent and of the
gateway. It runs with the conf folder as working directory.

The collector could merge several `--config` itself. But of two that disagree it takes the last without a
word, and of two lists, such as the extensions to start, the last one alone.
"""

from typing import Any

from components.render import collector_agent, collector_gateway
from components.render.document import Document, Documents
from components.running import Running
from components.site import Site
from components.spec import Spec


def render(spec: Spec, site: Site) -> Documents:
    """`collector.yaml`."""
    gateway = collector_gateway.config(spec, site)
    agent = collector_agent.config(spec, site, collector_gateway.NAME)
    return {"collector.yaml": Document(merged(agent, gateway) if agent else gateway, "yaml")}


def running(spec: Spec, site: Site) -> Running:
    """As the gateway, whose process it is."""
    return collector_gateway.running(spec, site)


_BY_NAME = {
    (),
    ("connectors",),
    ("exporters",),
    ("extensions",),
    ("processors",),
    ("processors", "logrecord"),
    ("processors", "logrecord", "sources"),
    ("receivers",),
    ("service",),
    ("service", "pipelines"),
}
"""Where a configuration holds things by name; of two, one holds the things of both."""


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """One configuration of two. ValueError if they say different things of the same: a component is the same
    in both, or has another name."""
    merged: dict[str, Any] = _merge((), one, other)
    return merged


def _merge(path: tuple[str, ...], one: Any, other: Any) -> Any:
    if one == other:
        return one
    if path in _BY_NAME:
        return {
            key: _merge((*path, key), one.get(key, other.get(key)), other.get(key, one.get(key)))
            for key in sorted(one.keys() | other.keys())
        }
    if path == ("service", "extensions"):
        return sorted({*one, *other})
    raise ValueError(f"{'.'.join(path)}: expected the same of agent and gateway, found {one!r} and {other!r}")
