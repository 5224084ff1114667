"""What all alerts on the stack itself share: the owning team, and ways to say when a counter grew."""

from dataclasses import dataclass

from components.render.rules import Alert, Case, Firing, Series
from components.spec import Spec
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
        """An alert with the team and service filled in."""
        own = {"service": self.service}
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
