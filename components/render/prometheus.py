"""Prometheus' conf folder: its configuration, a file per scrape job, rules, and the tests of the rules.

The environment's labels (`env`, `cluster`, `region`, `team`) are target labels of each job, so that series in
the local store have them too. As `external_labels` they only fill what is missing, on alerts and on what is
sent elsewhere, so nothing is doubled; a label of that name which a target itself serves becomes `exported_`.

Series with a forbidden label are dropped whole. Never `labeldrop`: it would merge different series silently.
"""

from typing import Any

from components.render import scrape_jobs, tls
from components.render.document import Document, Documents
from components.render.scrape_jobs import Job, jobs
from components.rules import files as rules
from components.running import Health, Running, program
from components.site import Site, seen_from
from components.spec import Spec, milliseconds


def render(spec: Spec, site: Site) -> Documents:
    """All files by path relative to the conf folder, sorted: `prometheus.yml`, `scrape/<job>.yml`,
    `rules/<service>.yml`, `rules/platform-*.yml`, `rules/custom.yml`, `tests/<the same>.yml`."""
    return dict(sorted({**_configuration(spec, site), **rules.documents(spec, site)}.items()))


def untested(spec: Spec, site: Site) -> Documents:
    """The same without tests of rules: for where nothing runs them."""
    return dict(sorted({**_configuration(spec, site), **rules.untested(spec, site)}.items()))


def _configuration(spec: Spec, site: Site) -> Documents:
    config = {"prometheus.yml": Document(main(spec, site), "yaml"), **tls.web(site, "prometheus")}
    return {**config, **scrapes(spec, site)}


def scrapes(spec: Spec, site: Site) -> Documents:
    """`scrape/<job>.yml`: what is scraped, whoever does it."""
    by_file: dict[str, list[Job]] = {}
    for job in jobs(spec, site):
        by_file.setdefault(job.file, []).append(job)
    return {
        f"scrape/{name}.yml": Document(
            {"scrape_configs": [_scrape(spec, site, job) for job in members]}, "yaml"
        )
        for name, members in by_file.items()
    }


def running(spec: Spec, site: Site) -> Running:
    """Its rules are proven on the data that they bring before they replace those that run."""
    promtool = program("prometheus", "promtool")
    prove = ("{python}", "-m", "agents.rule_tests", "--promtool", promtool)
    return Running(
        command=(
            program("prometheus", "prometheus"),
            "--config.file=prometheus.yml",
            "--storage.tsdb.path={data}",
            *tls.flags(site, "prometheus"),
            *(("--enable-feature=exemplar-storage",) if spec.metrics.exemplars else ()),
            "--log.format=json",
        ),
        checks=(
            (promtool, "check", "config", "prometheus.yml"),
            (*prove, "--passed", "{cache}/rule-tests.json", "tests"),
        ),
        reload="SIGHUP",
        health=Health("prometheus", "/-/ready", seconds=120),
        secrets=scrape_jobs.secrets(spec, site),
        memory_mb=300,
    )


def main(spec: Spec, site: Site) -> dict[str, Any]:
    """`prometheus.yml` alone, for who has rules and jobs made in another form."""
    metrics = spec.metrics
    return {
        "global": {
            "scrape_interval": metrics.scrape_interval,
            "scrape_timeout": metrics.scrape_timeout,
            "evaluation_interval": metrics.evaluation_interval,
            "metric_name_escaping_scheme": "underscores",
            # the tier too, so that routes can tell production's alerts apart
            "external_labels": dict(
                sorted({**spec.environment.labels, "tier": spec.environment.tier, **_replica(site)}.items())
            ),
        },
        "alerting": {
            **_told_once(site),
            "alertmanagers": [
                {
                    **(_own(site) if site.tls("alertmanager") else {}),
                    "static_configs": [{"targets": list(site.dial_all("alertmanager"))}],
                }
            ],
        },
        "rule_files": ["rules/*.yml"],
        "scrape_config_files": ["scrape/*.yml"],
        "storage": {
            "tsdb": {"retention": {"time": metrics.retention.time, "size": _size(metrics.retention.size)}},
            "exemplars": {"max_exemplars": metrics.exemplars},
        },
    }


REPLICA = "replica"
"""The external label that tells apart what several Prometheis have seen of the same."""


def _replica(site: Site) -> dict[str, str]:
    return {REPLICA: site.name} if len(site.dial_all("prometheus")) > 1 else {}


def _told_once(site: Site) -> dict[str, Any]:
    """To Alertmanager an alert of several is one, since its labels are the same."""
    drop = [{"action": "labeldrop", "regex": REPLICA}]
    return {"alert_relabel_configs": drop} if _replica(site) else {}


def _size(size: str) -> str:
    """A size as Prometheus reads it: its units are powers of two under the names of powers of ten."""
    return size.replace("i", "")


def _own(site: Site, folder: str = "") -> dict[str, Any]:
    """How programs of the stack are asked that show a certificate of its authority."""
    files = tls.trusted(site, "prometheus").items()
    return {"scheme": "https", "tls_config": {key: seen_from(folder, path) for key, path in files}}


def _access(job: Job, site: Site) -> dict[str, Any]:
    if job.own_tls:
        return _own(site, "scrape")
    access = job.access
    asked: dict[str, Any] = {"scheme": "https"} if access.scheme == "https" else {}
    if access.ca is not None:
        asked["tls_config"] = {"ca_file": access.ca}
    if access.basic_auth is not None:
        login = access.basic_auth
        asked["basic_auth"] = {
            "username": login.username,
            "password_file": seen_from("scrape", site.secret(login.secret)),
        }
    return asked


def _scrape(spec: Spec, site: Site, job: Job) -> dict[str, Any]:
    metrics = spec.metrics
    scrape: dict[str, Any] = {"job_name": job.name, "metrics_path": job.path, **_access(job, site)}
    if job.interval is not None:
        scrape["scrape_interval"] = job.interval
        if milliseconds(job.interval) < milliseconds(metrics.scrape_timeout):
            scrape["scrape_timeout"] = job.interval
    limits = job.limits or metrics.limits
    scrape |= {
        "honor_labels": False,
        "honor_timestamps": True,
        "fallback_scrape_protocol": "PrometheusText0.0.4",
        "sample_limit": limits.samples_per_scrape,
        "label_limit": limits.labels_per_series,
        "label_value_length_limit": limits.label_value_length,
        "static_configs": _targets(spec, site, job),
    }
    drops: list[dict[str, Any]] = [
        {"source_labels": [label], "regex": ".+", "action": "drop"}
        for label in sorted(metrics.forbidden_labels)
    ]
    relabel = [*drops, *job.relabel]
    return scrape | ({"metric_relabel_configs": relabel} if relabel else {})


def _targets(spec: Spec, site: Site, job: Job) -> list[dict[str, Any]]:
    """The targets of a job, those of hosts with labels of their own apart."""
    found: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for address in job.target:
        labels = {**site.labels(address), **job.labels, **spec.environment.labels}
        found.setdefault(tuple(sorted(labels.items())), []).append(address)
    return [{"targets": targets, "labels": dict(labels)} for labels, targets in found.items()]
