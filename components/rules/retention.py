"""Alerts on the pruning of old data."""

from components.rules.model import Alert, Case, Firing, flat
from components.rules.platform import Platform
from components.spec import Spec

RETENTION_HOURS = 6
_SUCCESS = "obs_retention_last_success_timestamp_seconds"
_OWN = 'job="housekeeper"'
_LOGS = f'{_SUCCESS}{{instance="host:1",job="housekeeper",kind="logs"}}'
_LABELS = {"instance": "host:1", "job": "housekeeper", "kind": "logs"}
_LIMIT = RETENTION_HOURS * 3600


def retention(spec: Spec) -> tuple[Alert, ...]:
    """Whether old indices are deleted."""
    platform = Platform(spec, "housekeeper")
    return (
        _retention_failing(platform),
        _retention_unreported(platform),
    )


def _retention_failing(platform: Platform) -> Alert:
    return platform.alert(
        name="RetentionFailing",
        expr=f"time() - {_SUCCESS}{{{_OWN}}} > {_LIMIT}",
        severity="warning",
        summary="Old data is not deleted",
        description="Old {{ $labels.kind }} were last deleted {{ $value | humanizeDuration }} ago.",
        cases=lambda: (
            Case("never since 0:00", ((_LOGS, flat(0)),), "6h20m", (Firing("6h 20m 0s", _LABELS),)),
            Case("not quite as long ago", ((_LOGS, flat(1_800)),), "6h20m"),
            Case("long ago, but a round may be under way", ((_LOGS, flat(0)),), "6h10m"),
        ),
        hold="15m",
    )


def _retention_unreported(platform: Platform) -> Alert:
    return platform.alert(
        name="RetentionUnreported",
        expr=f"absent({_SUCCESS}{{{_OWN}}})",
        severity="warning",
        summary="Nothing is known of the deletion of old data",
        description="The housekeeper does not say when it last deleted old data (absent is {{ $value }}).",
        cases=lambda: (
            Case("no such series", (), "20m", (Firing("1", {"job": "housekeeper"}),)),
            Case("reported", ((_LOGS, flat(0)),), "20m"),
        ),
        hold="15m",
    )
