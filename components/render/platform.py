"""What all alerts on the stack itself share: the owning team, and ways to say when a counter grew."""

from dataclasses import dataclass, replace

from components.render.rules import MINUTE, Alert, Case, Firing, Series, counter, duration
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
        name: str,
        expr: str,
        severity: Severity,
        summary: str,
        description: str,
        cases: tuple[Case, ...],
        hold: str | None = None,
    ) -> Alert:
        """An alert with the team and service filled in. With `hold`, a case is added that does not hold for
        long enough: with the first case's data, which must make the expression true from the start."""
        own = {"service": self.service}
        if hold is not None and milliseconds(hold) >= MINUTE:
            first, at = cases[0], milliseconds(hold) - MINUTE
            cases = (*cases, replace(first, name="not yet for long enough", at=duration(at), fires=()))
        return Alert(name, expr, severity, self.team, summary, description, cases, hold, own)


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
    metrics: tuple[str, ...], series: str, labels: dict[str, str], window: str = "5m"
) -> tuple[Case, ...]:
    """The cases of an alert over `grew`: each counter growing, each appearing with its first event, none."""
    minutes = milliseconds(window) // MINUTE
    at = duration(2 * minutes * MINUTE)
    length = 3 * minutes
    growing = [
        Case(
            f"{metric} grows",
            ((f"{metric}{{{series}}}", counter((length, 1))),),
            at,
            (Firing(str(minutes), labels),),
        )
        for metric in metrics
    ]
    new = [
        Case(
            f"{metric} appears with its first event",
            ((f"{metric}{{{series}}}", f"_x{2 * minutes - 2} 7x{length}"),),
            at,
            (Firing("7", labels),),
        )
        for metric in metrics
    ]
    still = tuple((f"{metric}{{{series}}}", f"3x{length}") for metric in metrics)
    return (*growing, *new, Case("none grows", still, at))
