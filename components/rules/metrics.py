"""Alerts on metrics and alerting themselves: Prometheus, Alertmanager, the host, Redis."""

from components.rules.model import (
    AMOUNT,
    COARSE,
    MINUTE,
    Alert,
    Case,
    Firing,
    counter,
    duration,
    flat,
    lasting,
    later,
    number,
)
from components.rules.platform import Platform, grew, growth_cases, pair
from components.spec import Spec, milliseconds

DEAD_MANS_SWITCH = "DeadMansSwitch"
SPECIAL_FILESYSTEMS = "tmpfs|ramfs|squashfs|iso9660|devtmpfs|proc|sysfs|cgroup2?|fuse\\\\..*"


def prometheus(spec: Spec) -> tuple[Alert, ...]:
    """Whether Prometheus reads its configuration, evaluates its rules, keeps its data and can tell anyone."""
    platform = Platform(spec, "prometheus")
    own = 'job="prometheus"'
    at = "10m"
    here = {"instance": "host:1"}
    target = 'instance="host:1",job="prometheus"'
    steady, rising = counter((30, 0)), counter((30, 1))
    labelled = {"instance": "host:1", "job": "prometheus"}
    recent = duration(max(2 * MINUTE, 4 * milliseconds(spec.metrics.scrape_interval)))
    compactions = f"prometheus_tsdb_compactions_failed_total{{{target}}}"
    failing = ((compactions, counter((280, 0), (120, 1))),)
    compacting = ((compactions, counter((400, 0))),)
    wal = ("prometheus_tsdb_wal_corruptions_total", "prometheus_tsdb_wal_truncations_failed_total")
    return (
        platform.alert(
            name="PrometheusConfigReloadFailed",
            expr=f"prometheus_config_last_reload_successful{{{own}}} == 0",
            severity="warning",
            summary="Prometheus could not read its configuration",
            description="Prometheus ({{ $labels.instance }}) runs with an older configuration than its "
            "files hold "
            "(last reload successful: {{ $value }}).",
            cases=pair(
                ((f"prometheus_config_last_reload_successful{{{target}}}", flat(0)),),
                ((f"prometheus_config_last_reload_successful{{{target}}}", flat(1)),),
                at,
                Firing("0", labelled),
            ),
            hold="2m",
        ),
        platform.alert(
            name="PrometheusRuleFailures",
            expr=f"sum by (instance) (increase(prometheus_rule_evaluation_failures_total{{{own}}}[5m])) > 0",
            severity="critical",
            summary="Prometheus cannot evaluate some rules",
            description="{{ $value | humanize }} evaluations failed in 5 minutes: alerts may be missing.",
            cases=pair(
                ((f'prometheus_rule_evaluation_failures_total{{rule_group="a",{target}}}', rising),),
                ((f'prometheus_rule_evaluation_failures_total{{rule_group="a",{target}}}', steady),),
                at,
                Firing("5", here),
            ),
        ),
        platform.alert(
            name="PrometheusNotificationsDropped",
            expr=f"sum by (instance) (increase(prometheus_notifications_dropped_total{{{own}}}[5m])) > 0",
            severity="critical",
            summary="Prometheus drops notifications",
            description="{{ $value | humanize }} notifications were dropped in 5 minutes: Alertmanager "
            "does not "
            "take them.",
            cases=pair(
                ((f"prometheus_notifications_dropped_total{{{target}}}", rising),),
                ((f"prometheus_notifications_dropped_total{{{target}}}", steady),),
                at,
                Firing("5", here),
            ),
        ),
        platform.alert(
            name="PrometheusNotificationErrors",
            expr=f"sum by (instance) (increase(prometheus_notifications_errors_total{{{own}}}[{recent}])) "
            "> 0",
            severity="warning",
            summary="Prometheus cannot reach Alertmanager",
            description=f"{AMOUNT} notifications could not be handed over in {recent}.",
            cases=pair(
                ((f'prometheus_notifications_errors_total{{alertmanager="a",{target}}}', rising),),
                ((f'prometheus_notifications_errors_total{{alertmanager="a",{target}}}', steady),),
                at,
                Firing(number(milliseconds(recent) / MINUTE), here),
            ),
            hold="2m",
        ),
        platform.alert(
            name="PrometheusWithoutAlertmanager",
            expr=f"prometheus_notifications_alertmanagers_discovered{{{own}}} == 0",
            severity="critical",
            summary="Prometheus knows no Alertmanager",
            description="Prometheus ({{ $labels.instance }}) has {{ $value }} Alertmanagers to tell of "
            "alerts.",
            cases=pair(
                ((f"prometheus_notifications_alertmanagers_discovered{{{target}}}", flat(0)),),
                ((f"prometheus_notifications_alertmanagers_discovered{{{target}}}", flat(1)),),
                at,
                Firing("0", labelled),
            ),
            hold="2m",
        ),
        platform.alert(
            name="PrometheusCompactionsFailing",
            expr=f"sum by (instance) (increase(prometheus_tsdb_compactions_failed_total{{{own}}}[3h])) > 0",
            severity="warning",
            summary="Prometheus cannot compact its data",
            description="{{ $value | humanize }} compactions failed in 3 hours: the disk may be full or "
            "damaged.",
            cases=(
                Case("fires", failing, COARSE, (Firing("120", here),), step=COARSE),
                Case("healthy", compacting, COARSE, step=COARSE),
            ),
        ),
        platform.alert(
            name="PrometheusWalCorrupted",
            expr=grew(wal, own, "1h", "instance"),
            severity="critical",
            summary="Prometheus' write-ahead log is damaged",
            description="{{ $value | humanize }} corruptions or failed truncations in an hour: recent "
            "samples may be "
            "lost.",
            cases=growth_cases(wal, labelled, here, "1h", coarse=True),
        ),
        platform.alert(
            name="ScrapeLabelLimitExceeded",
            expr="sum by (instance) "
            f"(increase(prometheus_target_scrape_pool_exceeded_label_limits_total{{{own}}}"
            "[10m])) > 0",
            severity="warning",
            summary="Some target's labels are too many or too long",
            description="{{ $value | humanize }} scrapes in 10 minutes were thrown away whole, since a "
            "series "
            "has more than "
            f"{spec.metrics.limits.labels_per_series} labels or a value longer than "
            f"{spec.metrics.limits.label_value_length} bytes.",
            cases=pair(
                ((f"prometheus_target_scrape_pool_exceeded_label_limits_total{{{target}}}", rising),),
                ((f"prometheus_target_scrape_pool_exceeded_label_limits_total{{{target}}}", steady),),
                "20m",
                Firing("10", here),
            ),
        ),
    )


def alertmanager(spec: Spec) -> tuple[Alert, ...]:
    """Whether Alertmanager reads its configuration and reaches its receivers; and the dead man's switch."""
    platform = Platform(spec, "alertmanager")
    own = 'job="alertmanager"'
    target = 'instance="host:1",job="alertmanager"'
    sent, failed = (
        "alertmanager_notification_requests_total",
        "alertmanager_notification_requests_failed_total",
    )
    slack = f'integration="slack",{target}'
    return (
        platform.alert(
            name="AlertmanagerConfigReloadFailed",
            expr=f"alertmanager_config_last_reload_successful{{{own}}} == 0",
            severity="critical",
            summary="Alertmanager could not read its configuration",
            description="Alertmanager ({{ $labels.instance }}) runs with older routes than its files hold "
            "(last reload "
            "successful: {{ $value }}).",
            cases=pair(
                ((f"alertmanager_config_last_reload_successful{{{target}}}", flat(0)),),
                ((f"alertmanager_config_last_reload_successful{{{target}}}", flat(1)),),
                "10m",
                Firing("0", {"instance": "host:1", "job": "alertmanager"}),
            ),
            hold="2m",
        ),
        platform.alert(
            name="AlertmanagerNotificationsFailing",
            expr=f"sum by (instance, integration) (rate({failed}{{{own}}}[5m]))\n/\n"
            f"(sum by (instance, integration) (rate({sent}{{{own}}}[5m])) > 0)\n> 0.05",
            severity="critical",
            summary="Notifications by {{ $labels.integration }} fail",
            description="{{ $value | humanizePercentage }} of the notifications by "
            "{{ $labels.integration }} failed in "
            "5 minutes.",
            cases=(
                *pair(
                    ((f"{sent}{{{slack}}}", counter((30, 100))), (f"{failed}{{{slack}}}", counter((30, 6)))),
                    ((f"{sent}{{{slack}}}", counter((30, 100))), (f"{failed}{{{slack}}}", counter((30, 4)))),
                    "15m",
                    Firing("6%", {"instance": "host:1", "integration": "slack"}),
                ),
                Case(
                    "nothing to send",
                    ((f"{sent}{{{slack}}}", counter((30, 0))), (f"{failed}{{{slack}}}", counter((30, 0)))),
                    "10m",
                ),
            ),
            hold="5m",
        ),
        platform.alert(
            name=DEAD_MANS_SWITCH,
            expr="vector(1)",
            severity=spec.alerting.dead_mans_switch.severity,
            summary="Alerting works",
            description="This alert always fires. When its notifications stop, alerting is broken.",
            cases=(Case("always", (), "5m", (Firing("1"),)),),
        ),
    )


def host(spec: Spec) -> tuple[Alert, ...]:
    """Whether the host has memory and disk left."""
    platform = Platform(spec, "host")
    own = 'job="node-exporter"'
    target = 'instance="host:1",job="node-exporter"'
    files = f'{own},fstype!~"{SPECIAL_FILESYSTEMS}"'
    disk = f'device="/dev/sda1",fstype="ext4",mountpoint="/",{target}'
    alerts = [
        platform.alert(
            name="HostMemoryLow",
            expr=f"node_memory_MemAvailable_bytes{{{own}}} / node_memory_MemTotal_bytes{{{own}}} < 0.05",
            severity="warning",
            summary="The host has little memory left",
            description="{{ $value | humanizePercentage }} of the memory of {{ $labels.instance }} is "
            "available.",
            cases=pair(
                (
                    (f"node_memory_MemAvailable_bytes{{{target}}}", flat(40)),
                    (f"node_memory_MemTotal_bytes{{{target}}}", flat(1000)),
                ),
                (
                    (f"node_memory_MemAvailable_bytes{{{target}}}", flat(60)),
                    (f"node_memory_MemTotal_bytes{{{target}}}", flat(1000)),
                ),
                "10m",
                Firing("4%", {"instance": "host:1", "job": "node-exporter"}),
            ),
            hold="5m",
        )
    ]
    share = spec.metrics.rules.disk_free
    if share > 0:
        size = (f"node_filesystem_size_bytes{{{disk}}}", flat(100_000))
        low, enough = share * 90_000, share * 110_000

        def available(amount: float) -> tuple[tuple[str, str], ...]:
            return (f"node_filesystem_avail_bytes{{{disk}}}", flat(amount)), size

        alerts.append(
            platform.alert(
                name="DiskSpaceLow",
                expr=f"min by (instance, device) (\n  node_filesystem_avail_bytes{{{files}}}\n"
                f"  / node_filesystem_size_bytes{{{files}}}\n  unless "
                f"node_filesystem_readonly{{{files}}} == 1\n)\n"
                f"< {number(share)}",
                severity="warning",
                summary="A disk is nearly full",
                description="{{ $value | humanizePercentage }} of {{ $labels.device }} on "
                "{{ $labels.instance }} "
                "is free; the "
                f"limit is {number(round(share * 100, 6))}%.",
                cases=(
                    *pair(
                        available(low),
                        available(enough),
                        "10m",
                        Firing(f"{share * 90:.4g}%", {"instance": "host:1", "device": "/dev/sda1"}),
                    ),
                    Case(
                        "full, but read-only",
                        (*available(low), (f"node_filesystem_readonly{{{disk}}}", flat(1))),
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
        )
    return tuple(alerts)


def redis(spec: Spec) -> tuple[Alert, ...]:
    """Whether Redis answers its exporter."""
    platform = Platform(spec, "redis")
    down = spec.metrics.rules.target_down
    at = later(down, "2m")
    target = 'instance="host:1",job="redis-exporter"'
    return (
        platform.alert(
            name="RedisDown",
            expr='redis_up{job="redis-exporter"} == 0',
            severity="critical",
            summary="Redis does not answer",
            description="Redis does not answer its exporter {{ $labels.instance }} (redis_up is "
            "{{ $value }}).",
            cases=pair(
                ((f"redis_up{{{target}}}", lasting(0, at)),),
                ((f"redis_up{{{target}}}", lasting(1, at)),),
                at,
                Firing("0", {"instance": "host:1", "job": "redis-exporter"}),
            ),
            hold=down,
        ),
    )
