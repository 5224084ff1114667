"""Rules on the stack itself, owned by the platform team: a file per program, so that each can be found."""

from components.render.scrape_jobs import (
    PUSHED_JOB,
    SPAN_METRICS_JOB,
    pushed_limits,
    scraped,
    span_metrics_limits,
)
from components.rules import (
    alertmanager,
    certificates,
    clusters,
    collector,
    host,
    jaeger,
    journal,
    opensearch,
    prometheus,
    redis,
    retention,
)
from components.rules.model import Alert, Group, RuleFile
from components.rules.scrapes import Scraped, aborted, down, forbidden, too_many
from components.site import Site
from components.spec import Spec
from components.spec.base import Severity
from components.spec.metrics import Limits

_OF = {
    "alertmanager": ("alertmanager", alertmanager.alertmanager),
    "collector": ("collector-metrics", collector.collector),
    "host": ("node-exporter", host.host),
    "jaeger": ("jaeger-metrics", jaeger.jaeger),
    "journal": ("journal", journal.journal),
    "opensearch": ("opensearch", opensearch.opensearch),
    "prometheus": ("prometheus", prometheus.prometheus),
    "redis": ("redis-exporter", redis.redis),
    "retention": ("housekeeper", retention.retention),
}
"""File -> the listener without which there is nothing to judge, and what makes its alerts."""


def rule_files(spec: Spec, site: Site) -> tuple[RuleFile, ...]:
    """`platform-*` files, sorted; those of programs that the site does not have are absent."""
    alerts = {name: made(spec) for name, (listener, made) in _OF.items() if site.has(listener)}
    if "opensearch" not in spec.metrics.exporters:
        alerts.pop("opensearch", None)
    alerts["clusters"] = clusters.clusters(spec, site)
    if site.mutual and site.has("pages"):
        alerts["certificates"] = certificates.certificates(spec)
    if "alertmanager" not in alerts:
        alerts["dead-mans-switch"] = alertmanager.switch(spec)
    alerts["targets"] = targets(spec, site)
    return tuple(
        RuleFile(f"platform-{name}", (Group(f"platform-{name}", spec.metrics.evaluation_interval, members),))
        for name, members in sorted(alerts.items())
        if members
    )


def targets(spec: Spec, site: Site) -> tuple[Alert, ...]:
    """Whether the stack's own programs, and the targets of further scrape jobs, answer as they should."""
    limits = spec.metrics.limits
    severities: dict[str, Severity] = {page.job: page.down for page in scraped(site)}
    severities |= {job.name: "warning" for job in spec.metrics.scrape_jobs}
    every = sorted(severities)
    # What span metrics and pushed metrics bring is bounded elsewhere: their pages have limits of their own.
    bounded = {SPAN_METRICS_JOB: span_metrics_limits, PUSHED_JOB: pushed_limits}
    own = {job: limits_of(spec) for job, limits_of in bounded.items() if job in severities}
    ordinary = [job for job in every if job not in own]
    alerts: list[Alert] = []
    for severity in sorted(set(severities.values())):
        names = [job for job in every if severities[job] == severity]
        alerts.append(down(_scraped(spec, names, limits), severity))
    for jobs, bounds in ((ordinary, limits), *(([job], limits) for job, limits in own.items())):
        if jobs:
            target = _scraped(spec, jobs, bounds)
            judged: Severity = "warning" if jobs == ordinary else "critical"
            alerts += [aborted(target, judged), too_many(target, judged)]
    return (*alerts, *(forbidden(_scraped(spec, every, limits), spec) if every else ()))


def _scraped(spec: Spec, jobs: list[str], limits: Limits) -> Scraped:
    team, name = spec.alerting.platform_team, "{{ $labels.job }}"
    where = {"job": jobs[0], "owner": team}
    hold = spec.metrics.rules.target_down
    return Scraped(f'{{job=~"{"|".join(jobs)}"}}', name, where, team, name, limits, hold)
