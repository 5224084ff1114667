"""Alerts on the stores of logs and traces: OpenSearch, Jaeger, and the pruning of old data."""

from components.rules.model import Alert, Case, Firing, flat, lasting, later, number
from components.rules.platform import Platform, grew, growth_cases, pair
from components.spec import Spec

RETENTION_HOURS = 6
WATERMARK_LOW_GIB = 3
"""Free space below which OpenSearch stops giving a node new shards (`components.render.opensearch`)."""
_GIB = 2**30


def opensearch(spec: Spec) -> tuple[Alert, ...]:
    """OpenSearch's own health, memory and disk. The metrics have the names that the widespread exporter gives
    them; which program serves them is the target's business, so no job is asked for."""
    platform = Platform(spec, "opensearch")
    target = 'instance="host:1",job="housekeeper"'
    node = {"instance": "host:1", "name": "node-1"}
    on_node = f'name="node-1",{target}'
    up = {"instance": "host:1", "job": "housekeeper"}
    status = "elasticsearch_cluster_health_status"
    used, limit = "elasticsearch_jvm_memory_used_bytes", "elasticsearch_jvm_memory_max_bytes"
    free, size = "elasticsearch_filesystem_data_available_bytes", "elasticsearch_filesystem_data_size_bytes"
    share, down = spec.metrics.rules.disk_free, spec.metrics.rules.target_down
    at = later(down, "2m")

    def colour(name: str) -> tuple[tuple[str, str], ...]:
        return tuple(
            (f'{status}{{color="{color}",{target}}}', flat(int(color == name)))
            for color in ("green", "yellow", "red")
        )

    def heap(amount: float) -> tuple[tuple[str, str], ...]:
        area = f'area="heap",{on_node}'
        return (f"{used}{{{area}}}", flat(amount)), (f"{limit}{{{area}}}", flat(1000))

    def disk(available: float, total: float) -> tuple[tuple[str, str], ...]:
        return (f"{free}{{{on_node}}}", flat(available)), (f"{size}{{{on_node}}}", flat(total))

    alerts = [
        platform.alert(
            name="OpenSearchUnreachable",
            expr="elasticsearch_cluster_health_up == 0",
            severity="critical",
            summary="OpenSearch does not answer",
            description="OpenSearch does not answer its exporter {{ $labels.instance }} (up is "
            "{{ $value }}). "
            "Logs and traces "
            "wait in the collector.",
            cases=pair(
                ((f"elasticsearch_cluster_health_up{{{target}}}", lasting(0, at)),),
                ((f"elasticsearch_cluster_health_up{{{target}}}", lasting(1, at)),),
                at,
                Firing("0", up),
            ),
            hold=down,
        ),
        platform.alert(
            name="OpenSearchUnreported",
            expr="absent(elasticsearch_cluster_health_up)",
            severity="critical",
            summary="Nothing is known of OpenSearch",
            description="No program reports on OpenSearch (absent is {{ $value }}), so its other alerts "
            "cannot fire.",
            cases=(
                Case("no such series", (), "20m", (Firing("1"),)),
                Case(
                    "it does not answer", ((f"elasticsearch_cluster_health_up{{{target}}}", flat(0)),), "20m"
                ),
            ),
            hold="5m",
        ),
        platform.alert(
            name="OpenSearchClusterRed",
            expr=f'max by (instance) ({status}{{color="red"}}) == 1',
            severity="critical",
            summary="OpenSearch has lost shards",
            description="The cluster's health is red ({{ $value }}): some data can neither be read nor "
            "written.",
            cases=pair(colour("red"), colour("yellow"), "10m", Firing("1", {"instance": "host:1"})),
            hold="1m",
        ),
        platform.alert(
            name="OpenSearchClusterYellow",
            expr=f'max by (instance) ({status}{{color="yellow"}}) == 1',
            severity="warning",
            summary="OpenSearch lacks copies of shards",
            description="The cluster's health has been yellow for 15 minutes ({{ $value }}): one more "
            "failure "
            "loses data.",
            cases=pair(colour("yellow"), colour("green"), "20m", Firing("1", {"instance": "host:1"})),
            hold="15m",
        ),
        platform.alert(
            name="OpenSearchHeapHigh",
            expr=f'max by (instance, name) (\n  {used}{{area="heap"}}\n  / {limit}{{area="heap"}}\n) > 0.9',
            severity="warning",
            summary="OpenSearch is short of heap",
            description="{{ $value | humanizePercentage }} of the heap of {{ $labels.name }} has been in "
            "use for "
            "10 minutes.",
            cases=pair(heap(950), heap(850), "15m", Firing("95%", node)),
            hold="10m",
        ),
        platform.alert(
            name="OpenSearchWatermarkReached",
            expr=f"min by (instance, name) ({free}) < {WATERMARK_LOW_GIB * _GIB}",
            severity="critical",
            summary="OpenSearch is about to refuse writes",
            description="{{ $value | humanize1024 }}B are free for {{ $labels.name }}, below OpenSearch's "
            "low "
            "watermark of "
            f"{WATERMARK_LOW_GIB} GiB: it places no new shards, and soon makes indices read-only.",
            cases=pair(
                disk((WATERMARK_LOW_GIB - 1) * _GIB, 1000 * _GIB),
                disk((WATERMARK_LOW_GIB + 1) * _GIB, 1000 * _GIB),
                "10m",
                Firing(f"{WATERMARK_LOW_GIB - 1}Gi", node),
            ),
            hold="1m",
        ),
    ]
    if share > 0:
        alerts.append(
            platform.alert(
                name="OpenSearchDiskSpaceLow",
                expr=f"min by (instance, name) (\n  {free}\n  / {size}\n) < {number(share)}",
                severity="warning",
                summary="OpenSearch's disk is nearly full",
                description="{{ $value | humanizePercentage }} of the disk of {{ $labels.name }} is free; "
                "the limit is "
                f"{number(round(share * 100, 6))}%.",
                cases=pair(
                    disk(share * 9_000 * _GIB, 10_000 * _GIB),
                    disk(share * 11_000 * _GIB, 10_000 * _GIB),
                    "10m",
                    Firing(f"{share * 90:.4g}%", node),
                ),
                hold="5m",
            )
        )
    return tuple(alerts)


def jaeger(spec: Spec) -> tuple[Alert, ...]:
    """Whether Jaeger gets spans into its store."""
    platform = Platform(spec, "jaeger")
    own, here = 'job="jaeger"', {"instance": "host:1", "job": "jaeger"}
    errors = "jaeger_bulk_index_errors_total"
    # This Jaeger is of an older collector than ours: its counters lack the suffix `_total`.
    refusals = ("otelcol_receiver_refused_spans", "otelcol_exporter_send_failed_spans")
    return (
        platform.alert(
            name="JaegerStorageFailing",
            expr=grew((errors,), own, "5m", "instance"),
            severity="warning",
            summary="Jaeger cannot store spans",
            description="{{ $value | humanize }} writes to OpenSearch failed in 5 minutes.",
            cases=growth_cases((errors,), here, {"instance": "host:1"}),
        ),
        platform.alert(
            name="JaegerRefusingSpans",
            expr=grew(refusals, own, "5m", "instance"),
            severity="warning",
            summary="Jaeger refuses spans",
            description="{{ $value | humanize }} spans were refused or could not be written in 5 minutes; "
            "the collector "
            "sends them again.",
            cases=growth_cases(refusals, here, {"instance": "host:1"}),
        ),
    )


def retention(spec: Spec) -> tuple[Alert, ...]:
    """Whether old indices are deleted."""
    platform = Platform(spec, "housekeeper")
    success = "obs_retention_last_success_timestamp_seconds"
    own = 'job="housekeeper"'
    logs = f'{success}{{instance="host:1",job="housekeeper",kind="logs"}}'
    labels = {"instance": "host:1", "job": "housekeeper", "kind": "logs"}
    limit = RETENTION_HOURS * 3600
    summary = "Old data is not deleted"
    return (
        platform.alert(
            name="RetentionFailing",
            expr=f"time() - {success}{{{own}}} > {limit}",
            severity="warning",
            summary=summary,
            description="Old {{ $labels.kind }} were last deleted {{ $value | humanizeDuration }} ago.",
            cases=(
                Case("never since 0:00", ((logs, flat(0)),), "6h20m", (Firing("6h 20m 0s", labels),)),
                Case("not quite as long ago", ((logs, flat(1_800)),), "6h20m"),
                Case("long ago, but a round may be under way", ((logs, flat(0)),), "6h10m"),
            ),
            hold="15m",
        ),
        platform.alert(
            name="RetentionUnreported",
            expr=f"absent({success}{{{own}}})",
            severity="warning",
            summary="Nothing is known of the deletion of old data",
            description="The housekeeper does not say when it last deleted old data (absent is "
            "{{ $value }}).",
            cases=(
                Case("no such series", (), "20m", (Firing("1", {"job": "housekeeper"}),)),
                Case("reported", ((logs, flat(0)),), "20m"),
            ),
            hold="15m",
        ),
    )
