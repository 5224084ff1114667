"""Rules on the stack itself, owned by the platform team: a file per program, so that each can be found."""

from components.render import rules_collector, rules_metrics, rules_stores
from components.render.platform import Platform
from components.render.rules import Alert, Case, Firing, Group, RuleFile, flat
from components.render.rules_service import target_down_cases
from components.render.scrape_jobs import programs
from components.spec import Spec
from components.spec.base import Severity


def rule_files(spec: Spec) -> tuple[RuleFile, ...]:
    """`platform-*` files, sorted; those of exporters that the stack leaves out are absent."""
    exporters = spec.metrics.exporters
    alerts = {
        "alertmanager": rules_metrics.alertmanager(spec),
        "collector": rules_collector.collector(spec),
        "jaeger": rules_stores.jaeger(spec),
        "prometheus": rules_metrics.prometheus(spec),
        "retention": rules_stores.retention(spec),
        "targets": targets(spec),
    }
    if "node" in exporters:
        alerts["host"] = rules_metrics.host(spec)
    if "opensearch" in exporters:
        alerts["opensearch"] = rules_stores.opensearch(spec)
    if "redis" in exporters:
        alerts["redis"] = rules_metrics.redis(spec)
    return tuple(
        RuleFile(f"platform-{name}", (Group(f"platform-{name}", spec.metrics.evaluation_interval, members),))
        for name, members in sorted(alerts.items())
    )


def targets(spec: Spec) -> tuple[Alert, ...]:
    """Whether the stack's own programs, and the targets of further scrape jobs, answer as they should."""
    platform = Platform(spec, "{{ $labels.job }}")
    by_severity: dict[Severity, list[str]] = {}
    for program in programs(spec):
        by_severity.setdefault(program.down, []).append(program.job)
    by_severity.setdefault("warning", []).extend(job.name for job in spec.metrics.scrape_jobs)
    every = sorted(job for names in by_severity.values() for job in names)
    limits, hold = spec.metrics.limits, spec.metrics.rules.target_down
    alerts = [
        _down(platform, severity, sorted(names), hold) for severity, names in sorted(by_severity.items())
    ]
    these = f'{{job=~"{"|".join(every)}"}}'
    where = {"instance": "host:1", "job": every[0], "owner": platform.team}
    on_target = ",".join(f'{key}="{value}"' for key, value in sorted(where.items()))
    limit = limits.samples_per_scrape

    def scraped(before: int, after: int) -> tuple[tuple[str, str], ...]:
        return (
            (f"scrape_samples_post_metric_relabeling{{{on_target}}}", flat(after)),
            (f"scrape_samples_scraped{{{on_target}}}", flat(before)),
        )

    alerts.append(
        platform.alert(
            "ScrapeLimitExceeded",
            f"scrape_samples_post_metric_relabeling{these} > {limit}",
            "warning",
            "{{ $labels.job }} serves more series than it may",
            f"{{{{ $labels.instance }}}} serves {{{{ $value }}}} samples; the limit is {limit}, so "
            "all of them "
            "were thrown away.",
            (
                Case(
                    "above the limit", scraped(limit + 1, limit + 1), "5m", (Firing(str(limit + 1), where),)
                ),
                Case("at the limit", scraped(limit, limit), "5m"),
            ),
        )
    )
    if spec.metrics.forbidden_labels:
        alerts.append(
            platform.alert(
                "ForbiddenLabelsDropped",
                f"scrape_samples_scraped{these} - scrape_samples_post_metric_relabeling{these} > 0",
                "warning",
                "{{ $labels.job }} serves series with forbidden labels",
                "{{ $value }} samples of {{ $labels.job }} ({{ $labels.instance }}) were dropped in "
                "one scrape, "
                f"since they carry one of: {', '.join(sorted(spec.metrics.forbidden_labels))}.",
                (
                    Case("seven samples dropped", scraped(107, 100), "5m", (Firing("7", where),)),
                    Case("nothing dropped", scraped(100, 100), "5m"),
                ),
            )
        )
    return tuple(alerts)


def _down(platform: Platform, severity: Severity, names: list[str], hold: str) -> Alert:
    where = {"instance": "host:1", "job": names[0], "owner": platform.team}
    on_target = ",".join(f'{key}="{value}"' for key, value in sorted(where.items()))
    return platform.alert(
        "TargetDown",
        f'up{{job=~"{"|".join(names)}"}} == 0',
        severity,
        "{{ $labels.job }} does not answer Prometheus",
        f"{{{{ $labels.instance }}}} of {{{{ $labels.job }}}} has failed its scrapes for {hold} "
        "(up is {{ $value }}).",
        target_down_cases(on_target, Firing("0", where), hold),
        hold,
    )
