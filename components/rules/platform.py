"""What all alerts on the stack itself share: the owning team, and ways to say when a counter grew."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from components.rules.model import (
    COARSE,
    COARSE_INTERVAL,
    MINUTE,
    Alert,
    Case,
    Cases,
    Firing,
    Series,
    duration,
)
from components.spec import Spec, milliseconds
from components.spec.base import Severity


@dataclass(frozen=True)
class Platform:
    """Makes alerts of the platform team on one program."""

    spec: Spec
    service: str
    """The alerts' `service` label."""

    @property
    def team(self) -> str:
        """The owning team."""
        return self.spec.alerting.platform_team

    def alert(
        self,
        *,
        name: str,
        expr: str,
        severity: Severity,
        summary: str,
        description: str,
        cases: Cases,
        hold: str | None = None,
    ) -> Alert:
        """An alert with the team and service filled in. With `hold`, a case is added that does not hold for
        long enough: with the first case's data, which must make the expression true from the start."""
        own = {"service": self.service}
        if hold is not None and milliseconds(hold) >= MINUTE:
            cases = partial(_and_not_yet, cases, milliseconds(hold) - MINUTE)
        return Alert(
            name=name,
            expr=expr,
            severity=severity,
            team=self.team,
            summary=summary,
            description=description,
            cases=cases,
            hold=hold,
            labels=own,
        )


def _and_not_yet(cases: Cases, at: int) -> tuple[Case, ...]:
    """These, and the data of the first before the alert's time is over; milliseconds."""
    given = cases()
    return (*given, replace(given[0], name="not yet for long enough", at=duration(at), fires=()))


COUNTED = {"instance": "host:1", "job": "collector", "listed": "false"}
"""Labels of what the collector counts of each sender, beside those that name it."""


def pair(bad: Series, good: Series, at: str, firing: Firing, interval: str = "1m") -> tuple[Case, Case]:
    """The two cases that most alerts need: data under which it fires, and the nearest data without it."""
    return Case("fires", bad, at, (firing,), interval), Case("healthy", good, at, (), interval)


def grew(metrics: tuple[str, ...], selector: str, window: str, by: str) -> str:
    """True where one of the counters rose within `window`. Many counters of the collector appear only with
    their first event, which `increase` cannot see; so one that is new and not 0 counts as risen."""
    clauses = []
    for metric in metrics:
        series = f"{metric}{{{selector}}}"
        clauses.append(f"sum by ({by}) (increase({series}[{window}])) > 0")
        clauses.append(f"sum by ({by}) ({series} unless {series} offset {window}) > 0")
    return "\nor\n".join(clauses)


def growth_cases(
    metrics: tuple[str, ...],
    series: Mapping[str, str],
    labels: Mapping[str, str],
    window: str = "5m",
    coarse: bool = False,
) -> tuple[Case, Case]:
    """The cases of an alert over `grew`: none of the counters grows; each grows, and each appears with its
    first event. `series` are the counters' labels, `labels` those of the alert; side by side, the counters
    differ in one of them. The former is looked at after a window, the latter after two; or after as many
    coarse steps."""
    interval, step = (COARSE_INTERVAL, COARSE) if coarse else ("1m", "1m")
    samples = milliseconds(window) // milliseconds(interval)
    at = milliseconds(COARSE if coarse else window)
    first = at // milliseconds(interval)
    differing = "instance" if "instance" in labels else list(labels)[-1]
    shapes = {
        "still": f"3x{2 * first + 3}",
        "grows": f"3x{2 * first - samples} 4+1x{samples + 2}",
        "new": f"_x{2 * first - 1} 7x5",
    }
    data, firing = [], []
    for count, metric in enumerate(metrics, 1):
        for kind, values in shapes.items():
            this = {differing: f"{kind}-{count}"}
            text = ",".join(f'{name}="{value}"' for name, value in {**series, **this}.items())
            data.append((f"{metric}{{{text}}}", values))
            if kind != "still":
                firing.append(Firing("7" if kind == "new" else str(samples), {**labels, **this}))
    grow = Case("each counter grows or appears", tuple(data), duration(2 * at), tuple(firing), interval, step)
    return grow, replace(grow, name="none grows", at=duration(at), fires=())
