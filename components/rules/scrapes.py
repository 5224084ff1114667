"""Alerts on scrapes: a target that does not answer, and one whose answer is not taken, in whole or in part.

A scrape fails as a whole when the target does not answer, when its text cannot be read, and when it exceeds
a limit. What Prometheus tells of itself keeps them apart: it has seen no sample of a target that did not
answer, and of a failed scrape the difference of samples before and after relabelling says nothing about
labels. So each cause raises its own alert alone.
"""

from dataclasses import dataclass
from functools import cached_property

from components.rules.model import (
    INSTANCE,
    MINUTE,
    START,
    VALUE,
    WHOLE,
    Alert,
    Case,
    Firing,
    Series,
    lasting,
    later,
)
from components.spec import Spec, milliseconds
from components.spec.base import Severity
from components.spec.metrics import Limits


@dataclass(frozen=True)
class Scraped:
    """What is scraped, within which limits, and who hears of it."""

    selector: str
    """Matchers of its targets, in braces."""
    name: str
    """How alerts name it; may be a template over labels."""
    where: dict[str, str]
    """Labels of its targets but `instance`, for the cases."""
    team: str
    service: str
    """The alerts' `service` label."""
    limits: Limits
    hold: str
    """How long a scrape may fail before that is told."""

    @property
    def at(self) -> str:
        """When the cases look whether an alert fires."""
        return later(self.hold, "1m")

    @cached_property
    def scene(self) -> Series:
        """Targets of every kind beside one another. All answer as they should at first; from the first
        minute on each is as its instance says: whether it is up, the samples that it served, and those that
        relabelling left of them. Every alert on scrapes has to pick its own out of these."""
        limit = self.limits.samples_per_scrape
        few = min(100, limit)
        kinds = {
            "up": (1, few, few),
            "down": (0, 0, 0),
            "unreadable": (0, few, few - 1),
            "full": (1, limit, limit),
            "full-unreadable": (0, limit, limit),
            "too-many": (0, limit + 1, limit + 1),
            "forbidden": (1, few + 7, few),
            "forbidden-unreadable": (0, few + 7, few),
        }
        metrics = ("up", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling")
        found = []
        for kind, values in kinds.items():
            labels = ",".join(f'{key}="{value}"' for key, value in sorted(self.target(kind).items()))
            for metric, first, value in zip(metrics, (1, few, few), values, strict=True):
                found.append((f"{metric}{{{labels}}}", f"{first} {lasting(value, self.at)}"))
        return tuple(found)

    def target(self, kind: str) -> dict[str, str]:
        """The labels of the scene's target of a kind."""
        return {**self.where, "instance": f"{kind}:80"}

    @property
    def labels(self) -> dict[str, str]:
        """Of the alerts."""
        return {"service": self.service}

    def cases(self, fires: dict[str, str], hold: str | None = None) -> tuple[Case, ...]:
        """Of an alert that fires for these kinds of targets, with these values, and no other."""
        firing = tuple(Firing(value, self.target(kind)) for kind, value in fires.items())
        fire = Case(" and ".join(fires), self.scene, self.at, firing)
        silent = [Case("before", self.scene, START)]
        if hold is not None and milliseconds(hold) >= MINUTE:
            silent.append(Case("not yet for long enough", self.scene, hold))
        return fire, *silent


def down(target: Scraped, severity: Severity, why: str = "") -> Alert:
    """The target does not answer."""
    return Alert(
        name="TargetDown",
        expr=f"up{target.selector} == 0\nunless scrape_samples_scraped{target.selector} > 0",
        severity=severity,
        summary=f"{target.name} does not answer Prometheus",
        description=f"{INSTANCE} of {target.name} has failed its scrapes for {target.hold} "
        f"(up is {VALUE}){why}.",
        team=target.team,
        labels=target.labels,
        hold=target.hold,
        cases=lambda: target.cases({"down": "0"}, target.hold),
    )


def aborted(target: Scraped, severity: Severity) -> Alert:
    """The target answers, and all of it is thrown away, but not for its number of samples."""
    limits = target.limits
    return Alert(
        name="ScrapeAborted",
        expr=f"up{target.selector} == 0\nand scrape_samples_scraped{target.selector} > 0\n"
        f"unless scrape_samples_post_metric_relabeling{target.selector} > {limits.samples_per_scrape}",
        severity=severity,
        summary=f"{target.name} answers, but its metrics are thrown away",
        description=f"All metrics of {INSTANCE} of {target.name} have been thrown away for {target.hold} "
        f"(up is {VALUE}): a series has more than {limits.labels_per_series} labels or a value "
        f"longer than {limits.label_value_length} bytes, or a line cannot be read. Prometheus' page of "
        "targets names the metric and the label.",
        team=target.team,
        labels=target.labels,
        hold=target.hold,
        cases=lambda: target.cases(
            {"unreadable": "0", "full-unreadable": "0", "forbidden-unreadable": "0"}, target.hold
        ),
    )


def too_many(target: Scraped, severity: Severity) -> Alert:
    """The target serves more samples than it may, so all are thrown away."""
    limit = target.limits.samples_per_scrape
    return Alert(
        name="ScrapeLimitExceeded",
        expr=f"scrape_samples_post_metric_relabeling{target.selector} > {limit}",
        severity=severity,
        summary=f"{target.name} serves more series than it may",
        # In full: the engine shows a million as 1e+06 otherwise.
        description=f"{INSTANCE} of {target.name} serves {WHOLE} samples; the "
        f"limit is {limit}, so all of them were thrown away.",
        team=target.team,
        labels=target.labels,
        cases=lambda: target.cases({"too-many": str(limit + 1)}),
    )


def forbidden(target: Scraped, spec: Spec) -> tuple[Alert, ...]:
    """Some of what the target serves is dropped for its labels; none where no label is forbidden."""
    labels = sorted(spec.metrics.forbidden_labels)
    if not labels:
        return ()
    return (
        Alert(
            name="ForbiddenLabelsDropped",
            expr=f"scrape_samples_scraped{target.selector}\n"
            f"- scrape_samples_post_metric_relabeling{target.selector} > 0\nunless up{target.selector} == 0",
            severity="warning",
            summary=f"{target.name} serves series with forbidden labels",
            description=f"{VALUE} samples of {target.name} ({INSTANCE}) were dropped in one "
            f"scrape, since they carry one of: {', '.join(labels)}.",
            team=target.team,
            labels=target.labels,
            cases=lambda: target.cases({"forbidden": "7"}),
        ),
    )
