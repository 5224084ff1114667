"""Recording and alerting rules as data, together with the cases that prove each alert.

An alert is written once: its rule text, and the series under which it must fire and must stay silent, come
from the same object, so that they change together. That no alert lacks either is checked by the tests.

Labels: every group carries the environment's labels (`env`, `cluster`, `region`, `team`), so recorded series
and alerts have them as all signals do. On an alert, `team` is the team that *owns* it, and overrides the
environment's; `env` already says where it comes from.

Because the group's labels are put over those of an expression's result, two series that differ in them only
would collide, and the rule would fail: as they do for minutes after a change of the environment's labels,
while series of before are still found. So results are taken without those labels: see `steady`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from components.site import Site, runbooks
from components.spec import Spec, milliseconds
from components.spec.base import Severity

Series = tuple[tuple[str, str], ...]
"""Pairs of series and values, both in promtool's notation."""

MINUTE = 60_000

# In the engine's templates.
VALUE = "{{ $value }}"
AMOUNT = "{{ $value | humanize }}"
SHARE = "{{ $value | humanizePercentage }}"
WHOLE = '{{ $value | printf "%.0f" }}'
"""In full: a million is shown as 1e+06 otherwise."""
INSTANCE, METRIC, LABEL, REASON, PROBLEM = (
    f"{{{{ $labels.{name} }}}}" for name in ("instance", "metric", "label", "reason", "problem")
)
START = "0s"
"""When a test's data begin."""
COARSE = "400m"
"""Time between two evaluations in the tests of what needs no `for`: longer than the windows of the fast burn
rates, so that one case after the other is judged, each in one evaluation."""
COARSE_INTERVAL = "150s"
"""Time between two samples there: half of the shortest window of burn rates."""


@dataclass(frozen=True)
class Firing:
    """One alert that a case must bring: the labels of the expression's result, and `$value` as shown."""

    value: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """Data, and what the alert does under it after `at`: exactly these alerts; none means silence."""

    name: str
    series: Series
    at: str
    fires: tuple[Firing, ...] = ()
    interval: str = "1m"
    """Time between two samples."""
    step: str = "1m"
    """Time between two evaluations; `at` is a multiple of it. Coarser is faster."""
    inactive: bool = False
    """The alert is not even pending, so that one evaluation tells, whatever its `for` is."""


Cases = Callable[[], tuple[Case, ...]]
"""The cases of an alert, made when somebody asks: of many services they are most of the work, and who deploys
rules alone needs none."""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alerting rule with its proof."""

    name: str
    expr: str
    severity: Severity
    team: str
    summary: str
    description: str
    cases: Cases
    hold: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """Further labels, as `service`; values may be templates over `$labels`."""
    runbook: str | None = None
    """Path or URL of the runbook page; `docs/runbooks/<name>.md` if absent."""


@dataclass(frozen=True)
class Recording:
    """A recording rule."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Query:
    """An expression over recorded series and the samples it must give (labels as promtool writes them)."""

    name: str
    series: Series
    at: str
    expr: str
    samples: tuple[tuple[str, float], ...]
    interval: str = "1m"
    step: str = "1m"


@dataclass(frozen=True)
class Group:
    """Rules evaluated one after the other, every `interval`."""

    name: str
    interval: str
    rules: tuple[Alert | Recording, ...]


@dataclass(frozen=True)
class RuleFile:
    """One file of rules: `rules/<name>.yml`, with its tests in `tests/<name>.yml`."""

    name: str
    groups: tuple[Group, ...]
    queries: Callable[[], tuple[Query, ...]] = tuple
    """Made when somebody asks, as cases are."""

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """All alerting rules of the file, in order."""
        return tuple(rule for group in self.groups for rule in group.rules if isinstance(rule, Alert))


def annotations(spec: Spec, site: Site, alert: Alert) -> dict[str, str]:
    """An alert's annotations: summary, description, and the runbook as a link where a base is known."""
    runbook = alert.runbook or f"docs/runbooks/{alert.name}.md"
    if not runbook.startswith(("http://", "https://")):
        runbook = runbooks(spec, site) + runbook
    return {"summary": alert.summary, "description": alert.description, "runbook": runbook}


def labels(alert: Alert) -> dict[str, str]:
    """An alert's own labels, sorted; those of its group are added by the engine."""
    return dict(sorted({**alert.labels, "severity": alert.severity, "team": alert.team}.items()))


def to_native(spec: Spec, site: Site, file: RuleFile) -> dict[str, Any]:
    """A rule file as Prometheus reads it."""
    return {
        "groups": [
            {
                "name": group.name,
                "interval": group.interval,
                "labels": dict(sorted(spec.environment.labels.items())),
                "rules": [_rule(spec, site, rule) for rule in group.rules],
            }
            for group in file.groups
        ]
    }


def steady(spec: Spec, expr: str, aggregation: str = "max") -> str:
    """The expression without the labels that its group puts over it anyway: the same result where there is
    one series, and one where those of before a change are still found beside the new ones."""
    inner = expr.strip("\n").replace("\n", "\n  ")
    return f"{aggregation} without ({', '.join(sorted(spec.environment.labels))}) (\n  {inner}\n)"


def _rule(spec: Spec, site: Site, rule: Alert | Recording) -> dict[str, Any]:
    if isinstance(rule, Recording):
        recorded: dict[str, Any] = {"record": rule.record, "expr": rule.expr}
        if rule.labels:
            recorded["labels"] = dict(sorted(rule.labels.items()))
        return recorded
    native: dict[str, Any] = {"alert": rule.name, "expr": steady(spec, rule.expr)}
    if rule.hold:
        native["for"] = rule.hold
    return native | {"labels": labels(rule), "annotations": annotations(spec, site, rule)}


def filled(template: str, firing: Firing) -> str:
    """A label's or annotation's template as the engine will show it for `firing`. Knows `$labels.x` and one
    `$value`, which is all that the built-in alerts use."""
    text = re.sub(r"{{ \$labels\.(\w+) }}", lambda match: firing.labels.get(match[1], ""), template)
    return re.sub(r"{{ \$value[^}]* }}", lambda _: firing.value, text)


def number(value: float | Decimal) -> str:
    """A number as PromQL reads it, without an exponent or the noise of binary fractions."""
    text = format(Decimal(str(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(amount: int) -> str:
    """Milliseconds as a Prometheus duration in the largest unit that divides them, as in '90s'."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", MINUTE), ("s", 1_000)):
        if amount % size == 0 and amount >= size:
            return f"{amount // size}{unit}"
    return f"{amount}ms" if amount else START


def later(*durations: str) -> str:
    """The sum of durations, rounded up to whole minutes: when a test looks."""
    total = sum(milliseconds(item) for item in durations)
    return duration(-(-total // MINUTE) * MINUTE)


def flat(value: float, minutes: int = 600) -> str:
    """A gauge that stays, as promtool writes it."""
    return f"{number(value)}x{minutes}"


def lasting(value: float, at: str) -> str:
    """A gauge that stays until some time after `at`."""
    return flat(value, max(600, milliseconds(at) // MINUTE + 10))


def counter(*segments: tuple[int, float | None]) -> str:
    """A counter that rises by `step` for `samples` samples, segment after segment, as promtool writes it;
    None instead of a step leaves the samples out.

    Steps are rounded so that sums are exact in binary: a sum that comes out a hair too low at the end of a
    segment would look like a reset, and double the counter."""
    total = 0.0
    parts = ["0"]
    for samples, step in segments:
        if step is None:
            parts.append(f"_x{samples}")
            continue
        rise = float(round(step)) if step >= 100_000 else round(step * 1024) / 1024
        parts.append(f"{number(total + rise)}+{number(rise)}x{samples - 1}")
        total += rise * samples
    return " ".join(parts)


def fine_interval(window: str) -> str:
    """A sample interval for tests that divides `window` into at least four parts; at most a minute."""
    whole = milliseconds(window)
    if whole % MINUTE == 0 and whole >= 4 * MINUTE:
        return "1m"
    parts = next((number for number in range(4, 12) if whole % number == 0), 1)
    return duration(whole // parts)
