"""Alerts on the reading of log files: what cannot be read, and what was gone before it was read."""

from components.rules.model import Alert, Firing, flat
from components.rules.platform import Platform, grew, growth_cases, pair

_UNREADABLE = "otelcol_logfiles_unreadable_files"
_LOST = "otelcol_logfiles_lost_bytes_total"


def files(platform: Platform) -> tuple[Alert, ...]:
    """Each names the receiver, which is called after the service or the input."""
    own = 'job="collector"'
    target = 'instance="host:1",job="collector"'
    receiver = {"instance": "host:1", "receiver": "logfiles/a"}
    series = f'{_UNREADABLE}{{reason="permission",receiver="logfiles/a",{target}}}'
    return (
        platform.alert(
            name="LogFilesUnreadable",
            expr=f"sum by (instance, receiver, reason) ({_UNREADABLE}{{{own}}}) > 0",
            severity="warning",
            summary="Log files of {{ $labels.receiver }} cannot be read ({{ $labels.reason }})",
            description="{{ $value | humanize }} files that {{ $labels.receiver }} should read cannot be "
            "read: "
            "{{ $labels.reason }}. Their lines are stored nowhere.",
            cases=lambda: pair(
                ((series, flat(2)),),
                ((series, flat(0)),),
                "10m",
                Firing("2", receiver | {"reason": "permission"}),
            ),
            hold="5m",
        ),
        platform.alert(
            name="LogLinesLost",
            expr=grew((_LOST,), own, "15m", "instance, receiver"),
            severity="critical",
            summary="Lines of {{ $labels.receiver }} were gone before they were read",
            description="{{ $value | humanize }} bytes were in a file of {{ $labels.receiver }}, and not "
            "read, when it "
            "was truncated, and no copy of them was found.",
            cases=lambda: growth_cases((_LOST,), {**receiver, "job": "collector"}, receiver, "15m"),
        ),
    )
