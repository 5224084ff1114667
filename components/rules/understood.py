"""Alerts on log records of which time, level or form were not understood, told to whoever writes them."""

from components.rules.model import PROBLEM, SHARE, Alert, Case, Firing, counter
from components.spec import Service, Spec

_PROBLEMS = "otelcol_logrecord_problem_records_total"
_RECORDS = "otelcol_logrecord_records_total"
_SHARE = "0.2"
"""A stray stack trace among JSON is no wrong format."""
_WINDOW = "10m"


def understood(service: Service) -> tuple[Alert, ...]:
    """Of a service's log files: its owner is told what is not understood."""
    if not service.logs:
        return ()
    return (_understood(service.name, service.owner, {"service": service.name}),)


def understood_inputs(spec: Spec) -> tuple[Alert, ...]:
    """Of further inputs, each by itself: the platform team is told."""
    team = spec.alerting.platform_team
    return tuple(_understood(item.name, team, {"service": item.name}) for item in spec.logging.inputs)


def _understood(name: str, team: str, own: dict[str, str]) -> Alert:
    own_series = f'job="collector",log_service="{name}"'
    target = f'instance="host:1",{own_series}'

    def records(problems: int) -> tuple[tuple[str, str], ...]:
        return (
            (f"{_RECORDS}{{{target}}}", counter((900, 60))),
            (f'{_PROBLEMS}{{problem="time",{target}}}', counter((900, problems))),
            (f'{_PROBLEMS}{{problem="field",{target}}}', counter((900, 60))),
        )

    return Alert(
        name="LogRecordsNotUnderstood",
        expr=f'sum by (problem) (rate({_PROBLEMS}{{{own_series},problem=~"format|time|level"}}[{_WINDOW}]))\n'
        f"/ on () group_left ()\nsum (rate({_RECORDS}{{{own_series}}}[{_WINDOW}]))\n> {_SHARE}",
        severity="warning",
        team=team,
        summary=f"Log lines of {name} are not understood: {PROBLEM}",
        description=f"{SHARE} of the log lines of {name} have a {PROBLEM} "
        "that is not understood. They are kept, with `parse_error`.",
        cases=(
            Case("half of them", records(30), "800m", (Firing("50%", {"problem": "time"}),), step="400m"),
            Case("not yet for long enough", records(30), "400m", step="400m"),
            Case("a few, and fields only", records(6), "800m", step="400m"),
        ),
        hold="5m",
        labels=own,
    )
