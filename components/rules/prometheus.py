"""Alerts on Prometheus: whether it reads its configuration, evaluates its rules, keeps its data and tells."""

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
    number,
)
from components.rules.platform import Platform, grew, growth_cases, pair
from components.spec import Spec, milliseconds

_OWN = 'job="prometheus"'
_AT = "10m"
_HERE = {"instance": "host:1"}
_TARGET = 'instance="host:1",job="prometheus"'
_STEADY, _RISING = counter((30, 0)), counter((30, 1))
_LABELLED = {"instance": "host:1", "job": "prometheus"}
_COMPACTIONS = f"prometheus_tsdb_compactions_failed_total{{{_TARGET}}}"
_FAILING = ((_COMPACTIONS, counter((280, 0), (120, 1))),)
_COMPACTING = ((_COMPACTIONS, counter((400, 0))),)
_WAL = ("prometheus_tsdb_wal_corruptions_total", "prometheus_tsdb_wal_truncations_failed_total")


def prometheus(spec: Spec) -> tuple[Alert, ...]:
    """Whether Prometheus reads its configuration, evaluates its rules, keeps its data and can tell anyone."""
    platform = Platform(spec, "prometheus")
    return (
        _prometheus_config_reload_failed(platform),
        _prometheus_rule_failures(platform),
        _prometheus_notifications_dropped(platform),
        _prometheus_notification_errors(platform),
        _prometheus_without_alertmanager(platform),
        _prometheus_compactions_failing(platform),
        _prometheus_wal_corrupted(platform),
        _scrape_label_limit_exceeded(platform),
    )


def _prometheus_config_reload_failed(platform: Platform) -> Alert:
    return platform.alert(
        name="PrometheusConfigReloadFailed",
        expr=f"prometheus_config_last_reload_successful{{{_OWN}}} == 0",
        severity="warning",
        summary="Prometheus could not read its configuration",
        description="Prometheus ({{ $labels.instance }}) runs with an older configuration than its files "
        "hold (last reload successful: {{ $value }}).",
        cases=lambda: pair(
            ((f"prometheus_config_last_reload_successful{{{_TARGET}}}", flat(0)),),
            ((f"prometheus_config_last_reload_successful{{{_TARGET}}}", flat(1)),),
            _AT,
            Firing("0", _LABELLED),
        ),
        hold="2m",
    )


def _prometheus_rule_failures(platform: Platform) -> Alert:
    return platform.alert(
        name="PrometheusRuleFailures",
        expr=f"sum by (instance) (increase(prometheus_rule_evaluation_failures_total{{{_OWN}}}[5m])) > 0",
        severity="critical",
        summary="Prometheus cannot evaluate some rules",
        description="{{ $value | humanize }} evaluations failed in 5 minutes: alerts may be missing.",
        cases=lambda: pair(
            ((f'prometheus_rule_evaluation_failures_total{{rule_group="a",{_TARGET}}}', _RISING),),
            ((f'prometheus_rule_evaluation_failures_total{{rule_group="a",{_TARGET}}}', _STEADY),),
            _AT,
            Firing("5", _HERE),
        ),
    )


def _prometheus_notifications_dropped(platform: Platform) -> Alert:
    return platform.alert(
        name="PrometheusNotificationsDropped",
        expr=f"sum by (instance) (increase(prometheus_notifications_dropped_total{{{_OWN}}}[5m])) > 0",
        severity="critical",
        summary="Prometheus drops notifications",
        description="{{ $value | humanize }} notifications were dropped in 5 minutes: Alertmanager does "
        "not take them.",
        cases=lambda: pair(
            ((f"prometheus_notifications_dropped_total{{{_TARGET}}}", _RISING),),
            ((f"prometheus_notifications_dropped_total{{{_TARGET}}}", _STEADY),),
            _AT,
            Firing("5", _HERE),
        ),
    )


def _prometheus_notification_errors(platform: Platform) -> Alert:
    recent = duration(max(2 * MINUTE, 4 * milliseconds(platform.spec.metrics.scrape_interval)))
    return platform.alert(
        name="PrometheusNotificationErrors",
        expr=f"sum by (instance) (increase(prometheus_notifications_errors_total{{{_OWN}}}[{recent}])) > 0",
        severity="warning",
        summary="Prometheus cannot reach Alertmanager",
        description=f"{AMOUNT} notifications could not be handed over in {recent}.",
        cases=lambda: pair(
            ((f'prometheus_notifications_errors_total{{alertmanager="a",{_TARGET}}}', _RISING),),
            ((f'prometheus_notifications_errors_total{{alertmanager="a",{_TARGET}}}', _STEADY),),
            _AT,
            Firing(number(milliseconds(recent) / MINUTE), _HERE),
        ),
        hold="2m",
    )


def _prometheus_without_alertmanager(platform: Platform) -> Alert:
    return platform.alert(
        name="PrometheusWithoutAlertmanager",
        expr=f"prometheus_notifications_alertmanagers_discovered{{{_OWN}}} == 0",
        severity="critical",
        summary="Prometheus knows no Alertmanager",
        description="Prometheus ({{ $labels.instance }}) has {{ $value }} Alertmanagers to tell of alerts.",
        cases=lambda: pair(
            ((f"prometheus_notifications_alertmanagers_discovered{{{_TARGET}}}", flat(0)),),
            ((f"prometheus_notifications_alertmanagers_discovered{{{_TARGET}}}", flat(1)),),
            _AT,
            Firing("0", _LABELLED),
        ),
        hold="2m",
    )


def _prometheus_compactions_failing(platform: Platform) -> Alert:
    return platform.alert(
        name="PrometheusCompactionsFailing",
        expr=f"sum by (instance) (increase(prometheus_tsdb_compactions_failed_total{{{_OWN}}}[3h])) > 0",
        severity="warning",
        summary="Prometheus cannot compact its data",
        description="{{ $value | humanize }} compactions failed in 3 hours: the disk may be full or damaged.",
        cases=lambda: (
            Case("fires", _FAILING, COARSE, (Firing("120", _HERE),), step=COARSE),
            Case("healthy", _COMPACTING, COARSE, step=COARSE),
        ),
    )


def _prometheus_wal_corrupted(platform: Platform) -> Alert:
    return platform.alert(
        name="PrometheusWalCorrupted",
        expr=grew(_WAL, _OWN, "1h", "instance"),
        severity="critical",
        summary="Prometheus' write-ahead log is damaged",
        description="{{ $value | humanize }} corruptions or failed truncations in an hour: recent samples "
        "may be lost.",
        cases=lambda: growth_cases(_WAL, _LABELLED, _HERE, "1h", coarse=True),
    )


def _scrape_label_limit_exceeded(platform: Platform) -> Alert:
    return platform.alert(
        name="ScrapeLabelLimitExceeded",
        expr="sum by (instance) "
        f"(increase(prometheus_target_scrape_pool_exceeded_label_limits_total{{{_OWN}}}"
        "[10m])) > 0",
        severity="warning",
        summary="Some target's labels are too many or too long",
        description="{{ $value | humanize }} scrapes in 10 minutes were thrown away whole, since a series "
        f"has more than {platform.spec.metrics.limits.labels_per_series} labels or a value longer than "
        f"{platform.spec.metrics.limits.label_value_length} bytes.",
        cases=lambda: pair(
            ((f"prometheus_target_scrape_pool_exceeded_label_limits_total{{{_TARGET}}}", _RISING),),
            ((f"prometheus_target_scrape_pool_exceeded_label_limits_total{{{_TARGET}}}", _STEADY),),
            "20m",
            Firing("10", _HERE),
        ),
    )
