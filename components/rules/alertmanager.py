"""Alerts on Alertmanager, and the dead man's switch."""

from components.rules.model import Alert, Case, Firing, counter, flat
from components.rules.platform import Platform, pair
from components.spec import Spec

DEAD_MANS_SWITCH = "DeadMansSwitch"
_OWN = 'job="alertmanager"'
_TARGET = 'instance="host:1",job="alertmanager"'
_SENT, _FAILED = (
    "alertmanager_notification_requests_total",
    "alertmanager_notification_requests_failed_total",
)
_SLACK = f'integration="slack",{_TARGET}'


def alertmanager(spec: Spec) -> tuple[Alert, ...]:
    """Whether Alertmanager reads its configuration and reaches its receivers; and the dead man's switch."""
    platform = Platform(spec, "alertmanager")
    return (
        _alertmanager_config_reload_failed(platform),
        _alertmanager_notifications_failing(platform),
        _dead_mans_switch(platform),
    )


def switch(spec: Spec) -> tuple[Alert, ...]:
    """The dead man's switch alone, where somebody else's Alertmanager tells."""
    return (_dead_mans_switch(Platform(spec, "alertmanager")),)


def _alertmanager_config_reload_failed(platform: Platform) -> Alert:
    return platform.alert(
        name="AlertmanagerConfigReloadFailed",
        expr=f"alertmanager_config_last_reload_successful{{{_OWN}}} == 0",
        severity="critical",
        summary="Alertmanager could not read its configuration",
        description="Alertmanager ({{ $labels.instance }}) runs with older routes than its files hold "
        "(last reload successful: {{ $value }}).",
        cases=lambda: pair(
            ((f"alertmanager_config_last_reload_successful{{{_TARGET}}}", flat(0)),),
            ((f"alertmanager_config_last_reload_successful{{{_TARGET}}}", flat(1)),),
            "10m",
            Firing("0", {"instance": "host:1", "job": "alertmanager"}),
        ),
        hold="2m",
    )


def _alertmanager_notifications_failing(platform: Platform) -> Alert:
    return platform.alert(
        name="AlertmanagerNotificationsFailing",
        expr=f"sum by (instance, integration) (rate({_FAILED}{{{_OWN}}}[5m]))\n/\n"
        f"(sum by (instance, integration) (rate({_SENT}{{{_OWN}}}[5m])) > 0)\n> 0.05",
        severity="critical",
        summary="Notifications by {{ $labels.integration }} fail",
        description="{{ $value | humanizePercentage }} of the notifications by {{ $labels.integration }} "
        "failed in 5 minutes.",
        cases=lambda: (
            *pair(
                ((f"{_SENT}{{{_SLACK}}}", counter((30, 100))), (f"{_FAILED}{{{_SLACK}}}", counter((30, 6)))),
                ((f"{_SENT}{{{_SLACK}}}", counter((30, 100))), (f"{_FAILED}{{{_SLACK}}}", counter((30, 4)))),
                "15m",
                Firing("6%", {"instance": "host:1", "integration": "slack"}),
            ),
            Case(
                "nothing to send",
                ((f"{_SENT}{{{_SLACK}}}", counter((30, 0))), (f"{_FAILED}{{{_SLACK}}}", counter((30, 0)))),
                "10m",
            ),
        ),
        hold="5m",
    )


def _dead_mans_switch(platform: Platform) -> Alert:
    return platform.alert(
        name=DEAD_MANS_SWITCH,
        expr="vector(1)",
        severity=platform.spec.alerting.dead_mans_switch.severity,
        summary="Alerting works",
        description="This alert always fires. When its notifications stop, alerting is broken.",
        cases=lambda: (Case("always", (), "5m", (Firing("1"),)),),
    )
