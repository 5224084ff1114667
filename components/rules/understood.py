"""Alerts on log records of which time, level or form were not understood, told to whoever writes them."""

from dataclasses import replace

from components.rules.model import COARSE, COARSE_INTERVAL, PROBLEM, SHARE, Alert, Case, Firing, counter
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

    # A sixth of the lines for two steps, then a quarter; and fields only, which do not count.
    scene = (
        (f"{_RECORDS}{{{target}}}", counter((700, 60))),
        (f'{_PROBLEMS}{{problem="time",{target}}}', counter((320, 10), (380, 15))),
        (f'{_PROBLEMS}{{problem="field",{target}}}', counter((700, 60))),
    )
    few = Case("a few, and fields only", scene, "800m", (), COARSE_INTERVAL, COARSE)
    return Alert(
        name="LogRecordsNotUnderstood",
        expr=f'sum by (problem) (rate({_PROBLEMS}{{{own_series},problem=~"format|time|level"}}[{_WINDOW}]))\n'
        f"/ on () group_left ()\nsum (rate({_RECORDS}{{{own_series}}}[{_WINDOW}]))\n> {_SHARE}",
        severity="warning",
        team=team,
        summary=f"Log lines of {name} are not understood: {PROBLEM}",
        description=f"{SHARE} of the log lines of {name} have a {PROBLEM} "
        "that is not understood. They are kept, with `parse_error`.",
        cases=lambda: (
            replace(few, name="a quarter", at="1600m", fires=(Firing("25%", {"problem": "time"}),)),
            replace(few, name="not yet for long enough", at="1200m"),
            few,
        ),
        hold="5m",
        labels=own,
    )
