"""Alerts on OpenSearch: its health, memory and disk."""

from components.rules.model import Alert, Case, Firing, flat, lasting, later, number
from components.rules.platform import Platform, pair
from components.spec import Spec

WATERMARK_LOW_GIB = 3
"""Free space below which OpenSearch stops giving a node new shards (`components.render.opensearch`)."""
_GIB = 2**30
_TARGET = 'instance="host:1",job="housekeeper"'
_NODE = {"instance": "host:1", "name": "node-1"}
_ON_NODE = f'name="node-1",{_TARGET}'
_UP = {"instance": "host:1", "job": "housekeeper"}
_STATUS = "elasticsearch_cluster_health_status"
_USED, _LIMIT = "elasticsearch_jvm_memory_used_bytes", "elasticsearch_jvm_memory_max_bytes"
_FREE, _SIZE = "elasticsearch_filesystem_data_available_bytes", "elasticsearch_filesystem_data_size_bytes"


def opensearch(spec: Spec) -> tuple[Alert, ...]:
    """OpenSearch's own health, memory and disk. The metrics have the names that the widespread exporter gives
    them; which program serves them is the target's business, so no job is asked for."""
    platform = Platform(spec, "opensearch")
    alerts = [
        _opensearch_unreachable(platform),
        _opensearch_unreported(platform),
        _opensearch_cluster_red(platform),
        _opensearch_cluster_yellow(platform),
        _opensearch_heap_high(platform),
        _opensearch_watermark_reached(platform),
    ]
    if spec.metrics.rules.disk_free > 0:
        alerts.append(_opensearch_disk_space_low(platform))
    return tuple(alerts)


def _opensearch_unreachable(platform: Platform) -> Alert:
    down = platform.spec.metrics.rules.target_down
    at = later(down, "2m")
    return platform.alert(
        name="OpenSearchUnreachable",
        expr="elasticsearch_cluster_health_up == 0",
        severity="critical",
        summary="OpenSearch does not answer",
        description="OpenSearch does not answer its exporter {{ $labels.instance }} (up is {{ $value }}). "
        "Logs and traces wait in the collector.",
        cases=lambda: pair(
            ((f"elasticsearch_cluster_health_up{{{_TARGET}}}", lasting(0, at)),),
            ((f"elasticsearch_cluster_health_up{{{_TARGET}}}", lasting(1, at)),),
            at,
            Firing("0", _UP),
        ),
        hold=down,
    )


def _opensearch_unreported(platform: Platform) -> Alert:
    return platform.alert(
        name="OpenSearchUnreported",
        expr="absent(elasticsearch_cluster_health_up)",
        severity="critical",
        summary="Nothing is known of OpenSearch",
        description="No program reports on OpenSearch (absent is {{ $value }}), so its other alerts cannot "
        "fire.",
        cases=lambda: (
            Case("no such series", (), "20m", (Firing("1"),)),
            Case("it does not answer", ((f"elasticsearch_cluster_health_up{{{_TARGET}}}", flat(0)),), "20m"),
        ),
        hold="5m",
    )


def _opensearch_cluster_red(platform: Platform) -> Alert:
    return platform.alert(
        name="OpenSearchClusterRed",
        expr=f'max by (instance) ({_STATUS}{{color="red"}}) == 1',
        severity="critical",
        summary="OpenSearch has lost shards",
        description="The cluster's health is red ({{ $value }}): some data can neither be read nor written.",
        cases=lambda: pair(_colour("red"), _colour("yellow"), "10m", Firing("1", {"instance": "host:1"})),
        hold="1m",
    )


def _opensearch_cluster_yellow(platform: Platform) -> Alert:
    return platform.alert(
        name="OpenSearchClusterYellow",
        expr=f'max by (instance) ({_STATUS}{{color="yellow"}}) == 1',
        severity="warning",
        summary="OpenSearch lacks copies of shards",
        description="The cluster's health has been yellow for 15 minutes ({{ $value }}): one more failure "
        "loses data.",
        cases=lambda: pair(_colour("yellow"), _colour("green"), "20m", Firing("1", {"instance": "host:1"})),
        hold="15m",
    )


def _opensearch_heap_high(platform: Platform) -> Alert:
    return platform.alert(
        name="OpenSearchHeapHigh",
        expr=f'max by (instance, name) (\n  {_USED}{{area="heap"}}\n  / {_LIMIT}{{area="heap"}}\n) > 0.9',
        severity="warning",
        summary="OpenSearch is short of heap",
        description="{{ $value | humanizePercentage }} of the heap of {{ $labels.name }} has been in use "
        "for 10 minutes.",
        cases=lambda: pair(_heap(950), _heap(850), "15m", Firing("95%", _NODE)),
        hold="10m",
    )


def _opensearch_watermark_reached(platform: Platform) -> Alert:
    return platform.alert(
        name="OpenSearchWatermarkReached",
        expr=f"min by (instance, name) ({_FREE}) < {WATERMARK_LOW_GIB * _GIB}",
        severity="critical",
        summary="OpenSearch is about to refuse writes",
        description="{{ $value | humanize1024 }}B are free for {{ $labels.name }}, below OpenSearch's low "
        f"watermark of {WATERMARK_LOW_GIB} GiB: it places no new shards, and soon makes indices read-only.",
        cases=lambda: pair(
            _disk((WATERMARK_LOW_GIB - 1) * _GIB, 1000 * _GIB),
            _disk((WATERMARK_LOW_GIB + 1) * _GIB, 1000 * _GIB),
            "10m",
            Firing(f"{WATERMARK_LOW_GIB - 1}Gi", _NODE),
        ),
        hold="1m",
    )


def _opensearch_disk_space_low(platform: Platform) -> Alert:
    share = platform.spec.metrics.rules.disk_free
    return platform.alert(
        name="OpenSearchDiskSpaceLow",
        expr=f"min by (instance, name) (\n  {_FREE}\n  / {_SIZE}\n) < {number(share)}",
        severity="warning",
        summary="OpenSearch's disk is nearly full",
        description="{{ $value | humanizePercentage }} of the disk of {{ $labels.name }} is free; the "
        f"limit is {number(round(share * 100, 6))}%.",
        cases=lambda: pair(
            _disk(share * 9_000 * _GIB, 10_000 * _GIB),
            _disk(share * 11_000 * _GIB, 10_000 * _GIB),
            "10m",
            Firing(f"{share * 90:.4g}%", _NODE),
        ),
        hold="5m",
    )


def _colour(name: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f'{_STATUS}{{color="{color}",{_TARGET}}}', flat(int(color == name)))
        for color in ("green", "yellow", "red")
    )


def _heap(amount: float) -> tuple[tuple[str, str], ...]:
    area = f'area="heap",{_ON_NODE}'
    return (f"{_USED}{{{area}}}", flat(amount)), (f"{_LIMIT}{{{area}}}", flat(1000))


def _disk(available: float, total: float) -> tuple[tuple[str, str], ...]:
    return (f"{_FREE}{{{_ON_NODE}}}", flat(available)), (f"{_SIZE}{{{_ON_NODE}}}", flat(total))
