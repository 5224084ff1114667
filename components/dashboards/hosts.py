"""The hosts, by what node_exporter tells of them."""

from components.dashboards.model import Dashboard, Graph, Query, Row, graph

_REAL = 'fstype!~"tmpfs|ramfs|overlay|squashfs"'
_WIRES = '{device!="lo"}'


def hosts() -> Dashboard:
    """Processor, memory, disks and network."""
    return Dashboard(
        name="hosts",
        title="Hosts",
        summary="What each host has left.",
        rows=(Row("Processor and memory", _processor_and_memory()), Row("Disks and network", _traffic())),
        tags=("hosts",),
    )


def _processor_and_memory() -> tuple[Graph, ...]:
    idle = 'avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))'
    memory = "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes"
    return (
        _share(
            "Processor in use", "Share of all processors of a host.", Query(f"1 - {idle}", "{{instance}}")
        ),
        _share(
            "Memory in use",
            "What could not be given to a further program.",
            Query(f"1 - {memory}", "{{instance}}"),
        ),
        graph(
            "Load",
            "Processes that run or wait, on average over five minutes.",
            "count",
            Query("node_load5", "{{instance}}"),
        ),
    )


def _traffic() -> tuple[Graph, ...]:
    left = f"node_filesystem_avail_bytes{{{_REAL}}} / node_filesystem_size_bytes{{{_REAL}}}"
    return (
        _share(
            "Disk in use", "Share of each file system.", Query(f"1 - {left}", "{{instance}} {{mountpoint}}")
        ),
        graph(
            "Disk traffic",
            "Bytes read and written a second.",
            "bytes",
            _rate("node_disk_read_bytes_total", "read"),
            _rate("node_disk_written_bytes_total", "written"),
        ),
        graph(
            "Network traffic",
            "Bytes received and sent a second, without loopback.",
            "bytes",
            _rate(f"node_network_receive_bytes_total{_WIRES}", "received"),
            _rate(f"node_network_transmit_bytes_total{_WIRES}", "sent"),
        ),
    )


def _share(title: str, why: str, query: Query) -> Graph:
    return graph(title, why, "share", query, limit=0.9)


def _rate(series: str, what: str) -> Query:
    return Query(f"sum by (instance) (rate({series}[5m]))", f"{{{{instance}}}} {what}")
