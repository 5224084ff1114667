"""Prometheus as an agent: it scrapes what is scraped everywhere, and sends it to where somebody else keeps
samples and judges rules, as Amazon Managed Service for Prometheus does.

Scrape jobs, limits and labels are those of `components.render.prometheus`.
"""

from typing import Any

from components.render import prometheus, scrape_jobs
from components.render.document import Document, Documents
from components.running import Health, Running, program
from components.site import Site
from components.spec import Spec


def render(spec: Spec, site: Site, url: str, region: str) -> Documents:
    """`prometheus.yml` and `scrape/<job>.yml`. `url` takes remote writes, signed for a region of AWS; it may
    be a token."""
    metrics = spec.metrics
    written: dict[str, Any] = {"url": url, "sigv4": {"region": region}}
    main = {
        "global": {
            "scrape_interval": metrics.scrape_interval,
            "scrape_timeout": metrics.scrape_timeout,
            "metric_name_escaping_scheme": "underscores",
            "external_labels": dict(
                sorted({**spec.environment.labels, "tier": spec.environment.tier}.items())
            ),
        },
        "scrape_config_files": ["scrape/*.yml"],
        "remote_write": [written],
    }
    return {"prometheus.yml": Document(main, "yaml"), **prometheus.scrapes(spec, site)}


def running(spec: Spec, site: Site) -> Running:
    """It keeps what could not be sent yet."""
    return Running(
        command=(
            program("prometheus", "prometheus"),
            "--agent",
            "--config.file=prometheus.yml",
            "--storage.agent.path={data}",
            "--log.format=json",
        ),
        checks=((program("prometheus", "promtool"), "check", "config", "--agent", "prometheus.yml"),),
        health=Health("prometheus", "/-/ready"),
        secrets=scrape_jobs.secrets(spec, site),
        memory_mb=300,
    )
