"""Alerts on programs of which a stack has several that are one: whether each knows the others. Nothing here
where each is alone. One that does not answer at all is told by `TargetDown`, but for the store, which is not
scraped itself."""

from components.rules.model import Alert, Firing, flat, lasting, later
from components.rules.platform import Platform, pair
from components.site import Site
from components.spec import Spec

_MEMBERS = "alertmanager_cluster_members"
_OWN = 'job="alertmanager"'
_NODES = "elasticsearch_cluster_health_number_of_nodes"
_TARGET = 'instance="host:1",job="housekeeper"'


def clusters(spec: Spec, site: Site) -> tuple[Alert, ...]:
    """Whether a cluster has lost a member."""
    found = []
    if _several(site, "alertmanager") > 1:
        found.append(_alertmanager_members_inconsistent(Platform(spec, "alertmanager")))
    nodes = _several(site, "opensearch")
    if nodes > 1 and "opensearch" in spec.metrics.exporters:
        found.append(_opensearch_node_missing(Platform(spec, "opensearch"), nodes))
    return tuple(found)


def _several(site: Site, name: str) -> int:
    return len(site.dial_all(name)) if site.has(name) else 0


def _alertmanager_members_inconsistent(platform: Platform) -> Alert:
    """Only of those that answer: between these it is their own talk that is broken."""

    def told(second: int) -> tuple[tuple[str, str], ...]:
        members = (("one:1", 2), ("two:1", second))
        return tuple(
            series
            for instance, count in members
            for series in (
                (f'up{{instance="{instance}",{_OWN}}}', flat(1)),
                (f'{_MEMBERS}{{instance="{instance}",{_OWN}}}', flat(count)),
            )
        )

    return platform.alert(
        name="AlertmanagerMembersInconsistent",
        expr=f"{_MEMBERS}{{{_OWN}}}\n< on () group_left () count(up{{{_OWN}}} == 1)",
        severity="critical",
        summary="An Alertmanager does not know all others",
        description="Alertmanager {{ $labels.instance }} knows {{ $value }} members of its cluster, itself "
        "among them, and more answer Prometheus: alerts may be told twice, and silences do not reach all.",
        cases=lambda: pair(
            told(1), told(2), "20m", Firing("1", {"instance": "two:1", "job": "alertmanager"})
        ),
        hold="5m",
    )


def _opensearch_node_missing(platform: Platform, nodes: int) -> Alert:
    hold = platform.spec.metrics.rules.target_down
    at = later(hold, "2m")
    series = f"{_NODES}{{{_TARGET}}}"
    return platform.alert(
        name="OpenSearchNodeMissing",
        expr=f"max by (instance) ({_NODES}) < {nodes}",
        severity="critical",
        summary="A node of OpenSearch is missing",
        description=f"OpenSearch has {{{{ $value }}}} of its {nodes} nodes. It goes on as long as more than "
        "half are there.",
        cases=lambda: pair(
            ((series, lasting(nodes - 1, at)),),
            ((series, lasting(nodes, at)),),
            at,
            Firing(f"{nodes - 1}", {"instance": "host:1"}),
        ),
        hold=hold,
    )
