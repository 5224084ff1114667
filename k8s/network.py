"""Who may talk to whom: a NetworkPolicy for each program and service, which lets in those that have to ask
it, and nobody else. What they ask themselves is not limited."""

from collections.abc import Iterable
from typing import Any

from components.inventory import PROGRAMS, Program
from components.plan import Pillar
from components.render import collector_agent, fluent_bit, opensearch_dashboards
from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.objects import manifest
from k8s.parts import Manifest
from k8s.site import SPREAD, WITHOUT

SETUP = "opensearch-setup"
GRAFANA = "grafana"
DASHBOARDS = opensearch_dashboards.NAME
MANAGERS = "opensearch-manager"
ASKS: dict[str, tuple[str, ...]] = {
    "opensearch": (
        "opensearch",
        MANAGERS,
        "collector",
        "collector-agent",
        "fluent-bit",
        "jaeger",
        "housekeeper",
        "pages",
        GRAFANA,
        DASHBOARDS,
        SETUP,
    ),
    "opensearch-transport": ("opensearch", MANAGERS),
    "jaeger-otlp-grpc": ("collector",),
    SPREAD: ("collector",),
    "jaeger-query-http": ("pages", GRAFANA),
    "alertmanager": ("prometheus", "alertmanager", "pages"),
    "prometheus": ("pages", GRAFANA),
    "sink": ("alertmanager", "pages"),
    "redis": ("redis-exporter",),
}
"""Listener -> the programs that ask it, beside Prometheus, which asks all that it scrapes."""
GOSSIP = 9094
"""Where several Alertmanagers tell each other what was sent, so that nobody is told thrice: their operator's
port, over TCP and UDP."""
ANYBODY = ("collector-otlp-grpc", "collector-otlp-http")
"""Services of every namespace send there."""


def policies(spec: Spec, site: Site, own: frozenset[str]) -> list[Manifest]:
    """One a program, and one a service that the stack runs."""
    there = {
        **_shippers(spec, site),
        GRAFANA: spec.kubernetes.grafana,
        DASHBOARDS: spec.kubernetes.opensearch_dashboards,
    }
    found = [
        _policy(spec, row.pillar, row.name, names.pods(spec, row.name, own=row.name in own), rules)
        for row in PROGRAMS
        if row.name not in WITHOUT
        # The nodes' own network, which policies do not reach.
        if row.runs(spec) and row.name != "node-exporter"
        if (rules := _rules(spec, site, row, own, there))
    ]
    if spec.kubernetes.ha:  # the nodes that manage the store's cluster
        ports = [site.port(name) for name in ("opensearch", "opensearch-transport")]
        rules = [_let(spec, ("opensearch", MANAGERS), port, own) for port in ports]
        labels = names.pods(spec, MANAGERS, own=False)
        found.append(_policy(spec, Pillar.LOGGING, MANAGERS, labels, rules))
    if there[DASHBOARDS]:  # people come through a port-forward, which no policy is about
        labels = names.pods(spec, DASHBOARDS, own=False)
        found.append(_policy(spec, Pillar.LOGGING, DASHBOARDS, labels, []))
    for service in spec.services:
        if service.run:
            callers = [one.name for one in spec.services if one.run and service.name in one.run.calls]
            port = site.service(service).port
            asked = [*callers, *(["prometheus"] if service.metrics else [])]
            rules = [_let(spec, asked, port, own)] if asked else []
            labels = names.labels(spec, service.name)
            found.append(_policy(spec, Pillar.SERVICES, service.name, labels, rules))
    return found


def _rules(
    spec: Spec, site: Site, row: Program, own: frozenset[str], there: dict[str, bool]
) -> list[dict[str, Any]]:
    """`there` says of programs that a stack may be without whether this one has them."""
    found: list[dict[str, Any]] = []
    scraped = {page.listener for page in row.metrics}
    for socket in row.sockets:
        if not site.has(socket.name):
            continue
        port = site.port(socket.name)
        if socket.name in ANYBODY:
            found.append({"from": [{"namespaceSelector": {}}], "ports": [{"port": port}]})
            continue
        asking = [name for name in ASKS.get(socket.name, ()) if there.get(name, True)]
        if socket.name == "redis":
            asking += [service.name for service in spec.services if service.run and service.run.redis]
        if socket.name in scraped:
            asking.append("prometheus")
        if row.name == "pages" and spec.kubernetes.ingress.host:
            found.append({"from": [{"namespaceSelector": {}}], "ports": [{"port": port}]})
        elif asking:
            found.append(_let(spec, asking, port, own))
    if row.name == "alertmanager" and spec.kubernetes.ha:
        gossip = _let(spec, ("alertmanager",), GOSSIP, own)
        gossip["ports"] = [{"port": GOSSIP, "protocol": protocol} for protocol in ("TCP", "UDP")]
        found.append(gossip)
    return found


def _shippers(spec: Spec, site: Site) -> dict[str, bool]:
    """Whether each has work."""
    chosen = fluent_bit if spec.kubernetes.shipper == fluent_bit.NAME else collector_agent
    works = bool(chosen.render(spec, site))
    return {one.NAME: works and one is chosen for one in (collector_agent, fluent_bit)}


def _let(spec: Spec, programs: Iterable[str], port: int, own: frozenset[str]) -> dict[str, Any]:
    ours = own | {SETUP}
    pods = [names.pods(spec, name, own=name in ours) for name in dict.fromkeys(programs)]
    return {"from": [{"podSelector": {"matchLabels": labels}} for labels in pods], "ports": [{"port": port}]}


def _policy(
    spec: Spec, pillar: Pillar, name: str, labels: dict[str, str], rules: list[dict[str, Any]]
) -> Manifest:
    body = {"spec": {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress"], "ingress": rules}}
    return manifest(spec, pillar, "NetworkPolicy", name, body)
