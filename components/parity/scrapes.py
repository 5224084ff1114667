"""Scrape jobs of a configuration of Prometheus, read back."""

from collections.abc import Set as AbstractSet
from typing import Any

from components.parity.written import ScrapeJob, drops_of


def scrape_job(
    world: dict[str, Any], job: dict[str, Any], of_places: AbstractSet[str] = frozenset()
) -> ScrapeJob:
    """An item of `scrape_configs`; `world`: what is said of all, `of_places`: labels that hosts have."""
    groups = job["static_configs"]
    common = dict(set.intersection(*(set(group["labels"].items()) for group in groups)))
    apart: dict[str, set[str]] = {}
    for group in groups:
        for name in group["labels"].keys() - common.keys():
            apart.setdefault(name, set()).add(group["labels"][name])
    for name in of_places & common.keys():
        apart[name] = {common.pop(name)}
    drops, relabel = drops_of(job.get("metric_relabel_configs", ()))
    login = job.get("basic_auth", {})
    return ScrapeJob(
        interval=job.get("scrape_interval", world["scrape_interval"]),
        timeout=job.get("scrape_timeout", world["scrape_timeout"]),
        path=job["metrics_path"],
        scheme=job.get("scheme", "http"),
        honor=(job["honor_labels"], job["honor_timestamps"]),
        fallback=job["fallback_scrape_protocol"],
        limits=(job["sample_limit"], job["label_limit"], job["label_value_length_limit"]),
        labels=dict(sorted(common.items())),
        targets={target for group in groups for target in group["targets"]},
        drops=drops,
        relabel=[*job.get("relabel_configs", ()), *relabel],
        username=login.get("username", ""),
        password=login.get("password_file", "").rpartition("/")[2],
        tls=job.get("tls_config", {}),
        place_labels=apart,
    )
