"""Rules on the stack itself, owned by the platform team: a file per program, so that each can be found."""

from components.render.scrape_jobs import (
    PUSHED_JOB,
    SPAN_METRICS_JOB,
    programs,
    pushed_limits,
    span_metrics_limits,
)
from components.rules import collector, metrics, stores
from components.rules.model import Alert, Group, RuleFile
from components.rules.scrapes import Scraped, aborted, down, forbidden, too_many
from components.spec import Spec
from components.spec.base import Severity
from components.spec.metrics import Limits


def rule_files(spec: Spec) -> tuple[RuleFile, ...]:
    """`platform-*` files, sorted; those of exporters that the stack leaves out are absent."""
    exporters = spec.metrics.exporters
    alerts = {
        "alertmanager": metrics.alertmanager(spec),
        "collector": collector.collector(spec),
        "jaeger": stores.jaeger(spec),
        "prometheus": metrics.prometheus(spec),
        "retention": stores.retention(spec),
        "targets": targets(spec),
    }
    if "node" in exporters:
        alerts["host"] = metrics.host(spec)
    if "opensearch" in exporters:
        alerts["opensearch"] = stores.opensearch(spec)
    if "redis" in exporters:
        alerts["redis"] = metrics.redis(spec)
    return tuple(
        RuleFile(f"platform-{name}", (Group(f"platform-{name}", spec.metrics.evaluation_interval, members),))
        for name, members in sorted(alerts.items())
    )


def targets(spec: Spec) -> tuple[Alert, ...]:
    """Whether the stack's own programs, and the targets of further scrape jobs, answer as they should."""
    limits = spec.metrics.limits
    by_severity: dict[Severity, list[str]] = {}
    for program in programs(spec):
        by_severity.setdefault(program.down, []).append(program.job)
    by_severity.setdefault("warning", []).extend(job.name for job in spec.metrics.scrape_jobs)
    every = sorted(job for names in by_severity.values() for job in names)
    # What span metrics and pushed metrics bring is bounded elsewhere: their pages have limits of their own.
    own = {SPAN_METRICS_JOB: span_metrics_limits(spec)}
    if spec.metrics.otlp:
        own[PUSHED_JOB] = pushed_limits(spec)
    ordinary = [job for job in every if job not in own]
    alerts: list[Alert] = []
    for severity, names in sorted(by_severity.items()):
        alerts.append(down(_scraped(spec, sorted(names), limits), severity))
    for jobs, bounds in ((ordinary, limits), *(([job], limits) for job, limits in own.items())):
        severity = "warning" if jobs == ordinary else "critical"
        target = _scraped(spec, jobs, bounds)
        alerts += [aborted(target, severity), too_many(target, severity)]
    return (*alerts, *forbidden(_scraped(spec, every, limits), spec))


def _scraped(spec: Spec, jobs: list[str], limits: Limits) -> Scraped:
    team, name = spec.alerting.platform_team, "{{ $labels.job }}"
    where = {"job": jobs[0], "owner": team}
    hold = spec.metrics.rules.target_down
    return Scraped(f'{{job=~"{"|".join(jobs)}"}}', name, where, team, name, limits, hold)
