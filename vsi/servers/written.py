"""What is written for servers, read back: a folder for each host, and in it one for each program."""

import re
from collections.abc import Mapping
from typing import Any

from components.parity.written import ScrapeJob, Written, drops_of, load
from components.site import Site
from components.spec import Spec
from vsi.servers.site import site_of

_APART = ("front", "node-exporter", "prometheus")
"""Programs whose files are nothing that is said of the stack: how a host is reached; or are read apart."""


def written(spec: Spec, stack: str, files: Mapping[str, str]) -> Written:
    """What the files say."""
    sites = [site_of(spec, stack, host) for host in spec.servers.hosts]
    found = Written(addresses={"": _addresses(spec, sites)}, folders=_folders(spec, sites[0]))
    main: dict[str, Any] = {}
    scraped: list[tuple[str, Any]] = []
    for path, text in files.items():
        place, program, file = path.split("/", 2)
        if program == "prometheus":
            if file == "prometheus.yml":
                main = load(text)
            elif file.startswith("scrape/"):
                scraped += [(place, job) for job in load(text)["scrape_configs"]]
            elif file.startswith("rules/"):
                name = file.removeprefix("rules/").removesuffix(".yml")
                found.rules[name] = load(text)["groups"]
        elif program == "opensearch":
            if file.startswith("setup/"):
                found.add(program, file, text)
        elif program not in _APART:
            found.add(program, file, text)
    if main:
        found.store = _store(main)
    first = scraped[0][0] if scraped else ""
    for place, job in scraped:
        if place == first:  # several Prometheis scrape the same
            found.jobs.setdefault(job["job_name"], []).append(_job(spec, main["global"], job))
    return found


def _store(main: dict[str, Any]) -> dict[str, Any]:
    world, tsdb = main["global"], main["storage"]
    return {
        "evaluation_interval": world["evaluation_interval"],
        "external_labels": {
            name: value for name, value in world["external_labels"].items() if name != "replica"
        },
        "names": world["metric_name_escaping_scheme"],
        "retention": tsdb["tsdb"]["retention"],
        "exemplars": tsdb["exemplars"]["max_exemplars"],
    }


def _job(spec: Spec, world: dict[str, Any], job: dict[str, Any]) -> ScrapeJob:
    groups = job["static_configs"]
    common = dict(set.intersection(*(set(group["labels"].items()) for group in groups)))
    apart: dict[str, set[str]] = {}
    for group in groups:
        for name in group["labels"].keys() - common.keys():
            apart.setdefault(name, set()).add(group["labels"][name])
    own = {name for host in spec.servers.hosts for name in host.labels}
    for name in own & common.keys() - _said_labels(spec, job["job_name"]):
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


def _said_labels(spec: Spec, job: str) -> set[str]:
    """Labels that the stack file itself gives a job."""
    return {name for item in spec.metrics.scrape_jobs if item.name == job for name in item.labels}


def _addresses(spec: Spec, sites: list[Site]) -> dict[str, str]:
    found = {
        address: f"{{{name}}}"
        for site in sites
        for name, listener in {**site.listeners, **site.services}.items()
        for address in (*listener.dial, listener.bind)
    }
    for service in spec.services:  # what is asked at a port of each host
        for endpoint in service.metrics:
            if endpoint.address and endpoint.address.startswith(":"):
                found |= {f"{host.at}{endpoint.address}": endpoint.address for host in spec.servers.hosts}
    return found


def _folders(spec: Spec, site: Site) -> list[tuple[str, str]]:
    run = [service for service in spec.services if service.run]
    logs = [(re.escape(site.log(service)), f"{{log of {service.name}}}") for service in run]
    return [*logs, (r"(?:\./)?(?:\.\./)+credentials\b", "{secrets}"), (r"\.\./data\b", "{data}")]
