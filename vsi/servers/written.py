"""What is written for servers, read back: a folder for each host, and in it one for each program."""

import re
from collections.abc import Mapping
from typing import Any

from components.parity.scrapes import scrape_job
from components.parity.written import Written, load
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
            own = {name for host in spec.servers.hosts for name in host.labels}
            of_places = own - _said_labels(spec, job["job_name"])
            found.jobs.setdefault(job["job_name"], []).append(scrape_job(main["global"], job, of_places))
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
