"""Alerts on the host: memory and disk."""

from components.rules.model import Alert, Case, Firing, flat, number
from components.rules.platform import Platform, pair
from components.spec import Spec

SPECIAL_FILESYSTEMS = "tmpfs|ramfs|squashfs|iso9660|devtmpfs|proc|sysfs|cgroup2?|fuse\\\\..*"
_OWN = 'job="node-exporter"'
_TARGET = 'instance="host:1",job="node-exporter"'
_FILES = f'{_OWN},fstype!~"{SPECIAL_FILESYSTEMS}"'
_DISK = f'device="/dev/sda1",fstype="ext4",mountpoint="/",{_TARGET}'
_SIZE = (f"node_filesystem_size_bytes{{{_DISK}}}", flat(100_000))


def host(spec: Spec) -> tuple[Alert, ...]:
    """Whether the host has memory and disk left."""
    platform = Platform(spec, "host")
    alerts = [
        _host_memory_low(platform),
    ]
    if spec.metrics.rules.disk_free > 0:
        alerts.append(_disk_space_low(platform))
    return tuple(alerts)


def _host_memory_low(platform: Platform) -> Alert:
    return platform.alert(
        name="HostMemoryLow",
        expr=f"node_memory_MemAvailable_bytes{{{_OWN}}} / node_memory_MemTotal_bytes{{{_OWN}}} < 0.05",
        severity="warning",
        summary="The host has little memory left",
        description="{{ $value | humanizePercentage }} of the memory of {{ $labels.instance }} is available.",
        cases=lambda: pair(
            (
                (f"node_memory_MemAvailable_bytes{{{_TARGET}}}", flat(40)),
                (f"node_memory_MemTotal_bytes{{{_TARGET}}}", flat(1000)),
            ),
            (
                (f"node_memory_MemAvailable_bytes{{{_TARGET}}}", flat(60)),
                (f"node_memory_MemTotal_bytes{{{_TARGET}}}", flat(1000)),
            ),
            "10m",
            Firing("4%", {"instance": "host:1", "job": "node-exporter"}),
        ),
        hold="5m",
    )


def _disk_space_low(platform: Platform) -> Alert:
    share = platform.spec.metrics.rules.disk_free
    low, enough = share * 90_000, share * 110_000

    def available(amount: float) -> tuple[tuple[str, str], ...]:
        return (f"node_filesystem_avail_bytes{{{_DISK}}}", flat(amount)), _SIZE

    return platform.alert(
        name="DiskSpaceLow",
        expr=f"min by (instance, device) (\n  node_filesystem_avail_bytes{{{_FILES}}}\n"
        f"  / node_filesystem_size_bytes{{{_FILES}}}\n  unless "
        f"node_filesystem_readonly{{{_FILES}}} == 1\n)\n"
        f"< {number(share)}",
        severity="warning",
        summary="A disk is nearly full",
        description="{{ $value | humanizePercentage }} of {{ $labels.device }} on {{ $labels.instance }} "
        f"is free; the limit is {number(round(share * 100, 6))}%.",
        cases=lambda: (
            *pair(
                available(low),
                available(enough),
                "10m",
                Firing(f"{share * 90:.4g}%", {"instance": "host:1", "device": "/dev/sda1"}),
            ),
            Case(
                "full, but read-only",
                (*available(low), (f"node_filesystem_readonly{{{_DISK}}}", flat(1))),
                "10m",
            ),
            Case(
                "full, but not a disk",
                tuple((name.replace("ext4", "tmpfs"), values) for name, values in available(low)),
                "10m",
            ),
        ),
        hold="5m",
    )
