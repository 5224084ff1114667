"""Alerts on scrapes: a target that does not answer, and one whose answer is not taken, in whole or in part.

A scrape fails as a whole when the target does not answer, when its text cannot be read, and when it exceeds
a limit. What Prometheus tells of itself keeps them apart: it has seen no sample of a target that did not
answer, and of a failed scrape the difference of samples before and after relabelling says nothing about
labels. So each cause raises its own alert alone.
"""

from dataclasses import dataclass

from components.render.rules import MINUTE, Alert, Case, Firing, Series, duration, lasting, later
from components.spec import Spec, milliseconds
from components.spec.base import Severity
from components.spec.metrics import Limits


@dataclass(frozen=True)
class Scraped:
    """What is scraped, and who hears of it."""

    selector: str
    """Matchers of its targets, in braces."""
    name: str
    """How alerts name it; may be a template over labels."""
    where: dict[str, str]
    """Labels of one such target, for the cases."""
    team: str
    service: str
    """The alerts' `service` label."""

    def series(self, metric: str, value: float, at: str) -> Series:
        """One series of the target that stays as it is until after `at`."""
        on_target = ",".join(f'{key}="{item}"' for key, item in sorted(self.where.items()))
        return ((f"{metric}{{{on_target}}}", lasting(value, at)),)

    def scrape(self, up: int, before: int, after: int, at: str = "5m") -> Series:
        """A target that has served `before` samples, of which relabelling and limits left `after`."""
        return (
            *self.series("up", up, at),
            *self.series("scrape_samples_scraped", before, at),
            *self.series("scrape_samples_post_metric_relabeling", after, at),
        )

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
        """An alert of the target's owner."""
        labels = {"service": self.service}
        return Alert(name, expr, severity, self.team, summary, description, cases, hold, labels)


def down(target: Scraped, severity: Severity, hold: str, why: str) -> Alert:
    """The target does not answer."""
    at = later(hold, "2m")
    bad = target.scrape(0, 0, 0, at)
    cases = [
        Case("down for long enough", bad, at, (Firing("0", target.where),)),
        Case("up", target.scrape(1, 100, 100, at), at),
        Case("answers, but the scrape is thrown away", target.scrape(0, 100, 99, at), at),
    ]
    return target.alert(
        "TargetDown",
        f"up{target.selector} == 0\nunless scrape_samples_scraped{target.selector} > 0",
        severity,
        f"{target.name} does not answer Prometheus",
        f"{{{{ $labels.instance }}}} of {target.name} has failed its scrapes for {hold} "
        f"(up is {{{{ $value }}}}){why}.",
        (*cases, *_too_early(bad, hold)),
        hold,
    )


def aborted(target: Scraped, severity: Severity, limits: Limits, hold: str) -> Alert:
    """The target answers, and all of it is thrown away, but not for its number of samples."""
    limit = limits.samples_per_scrape
    at = later(hold, "2m")
    bad = target.scrape(0, limit, limit, at)
    cases = [
        Case("thrown away", bad, at, (Firing("0", target.where),)),
        Case("taken", target.scrape(1, limit, limit, at), at),
        Case("does not answer", target.scrape(0, 0, 0, at), at),
        Case("too many samples", target.scrape(0, limit + 1, limit + 1, at), at),
    ]
    return target.alert(
        "ScrapeAborted",
        f"up{target.selector} == 0\nand scrape_samples_scraped{target.selector} > 0\n"
        f"unless scrape_samples_post_metric_relabeling{target.selector} > {limit}",
        severity,
        f"{target.name} answers, but its metrics are thrown away",
        f"All metrics of {{{{ $labels.instance }}}} of {target.name} have been thrown away for {hold} (up is "
        f"{{{{ $value }}}}): a series has more than {limits.labels_per_series} labels or a value longer than "
        f"{limits.label_value_length} bytes, or a line cannot be read. Prometheus' page of targets names the "
        "metric and the label.",
        (*cases, *_too_early(bad, hold)),
        hold,
    )


def too_many(target: Scraped, severity: Severity, limits: Limits) -> Alert:
    """The target serves more samples than it may, so all are thrown away."""
    limit = limits.samples_per_scrape
    above, at = target.scrape(0, limit + 1, limit + 1), target.scrape(1, limit, limit)
    return target.alert(
        "ScrapeLimitExceeded",
        f"scrape_samples_post_metric_relabeling{target.selector} > {limit}",
        severity,
        f"{target.name} serves more series than it may",
        # In full: the engine shows a million as 1e+06 otherwise.
        f'{{{{ $labels.instance }}}} of {target.name} serves {{{{ $value | printf "%.0f" }}}} samples; the '
        f"limit is {limit}, so all of them were thrown away.",
        (
            Case("above the limit", above, "5m", (Firing(str(limit + 1), target.where),)),
            Case("at the limit", at, "5m"),
        ),
    )


def forbidden(target: Scraped, spec: Spec) -> tuple[Alert, ...]:
    """Some of what the target serves is dropped for its labels; none where no label is forbidden."""
    labels = sorted(spec.metrics.forbidden_labels)
    if not labels:
        return ()
    return (
        target.alert(
            "ForbiddenLabelsDropped",
            f"scrape_samples_scraped{target.selector}\n"
            f"- scrape_samples_post_metric_relabeling{target.selector} > 0\nunless up{target.selector} == 0",
            "warning",
            f"{target.name} serves series with forbidden labels",
            f"{{{{ $value }}}} samples of {target.name} ({{{{ $labels.instance }}}}) were dropped in one "
            f"scrape, since they carry one of: {', '.join(labels)}.",
            (
                Case("seven samples dropped", target.scrape(1, 107, 100), "5m", (Firing("7", target.where),)),
                Case("nothing dropped", target.scrape(1, 100, 100), "5m"),
                Case("the scrape was aborted", target.scrape(0, 107, 100), "5m"),
            ),
        ),
    )


def _too_early(bad: Series, hold: str) -> tuple[Case, ...]:
    if milliseconds(hold) <= MINUTE:
        return ()
    return (Case("not yet for long enough", bad, duration(milliseconds(hold) - MINUTE)),)
