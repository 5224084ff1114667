"""What is scraped beside the services: the stack's own programs, and the jobs that the stack file adds."""

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from components.inventory import PROGRAMS, STORE, Metrics, password_of
from components.render import sizes
from components.render.opensearch_store import user_of
from components.site import LOGIN, Site
from components.spec import Service, Spec
from components.spec.metrics import Limits
from components.spec.scraping import Access, BasicAuth

PLAIN = Access()


@dataclass(frozen=True)
class Job:
    """One scrape job."""

    name: str
    file: str
    """`scrape/<file>.yml`; jobs of one service share a file."""
    target: tuple[str, ...]
    labels: dict[str, str]
    """Beside the environment's."""
    path: str = "/metrics"
    interval: str | None = None
    access: Access = field(default=PLAIN)
    own_tls: bool = False
    """Whether its targets show a certificate of the stack's authority."""
    relabel: tuple[dict[str, Any], ...] = field(default=())
    """Further `metric_relabel_configs`, after the forbidden labels' drops."""
    limits: Limits | None = None
    """Instead of the stack's."""


def scraped(site: Site) -> tuple[Metrics, ...]:
    """The pages of the stack's own programs that are scraped at a site, by job; several have one job where
    programs do the same work."""
    pages = [page for program in PROGRAMS for page in program.metrics if site.has(page.listener)]
    return tuple(sorted(pages, key=lambda page: page.job))


PUSHED_JOB = "collector-pushed"
PUSHED_INSTANCE: dict[str, Any] = {
    "source_labels": ["exported_instance"],
    "regex": "(.+)",
    "target_label": "instance",
}
"""Pushed metrics come from one address, too; a client may say which instance it is."""
SPAN_METRICS_JOB = "collector-spanmetrics"
SPAN_METRICS_SERVICE: dict[str, Any] = {
    "source_labels": ["service_name"],
    "regex": "(.+)",
    "target_label": "service",
}
"""Span metrics come from one address for all services; their own label says whose they are."""

HOUSEKEEPER_JOB = "housekeeper"
READER = "reader"
"""The user of the store that reads records, and of a shared one its tenant's numbers."""

OURS = frozenset(page.job for program in PROGRAMS if not program.engine for page in program.metrics)
"""Jobs of small programs of this project, which ask for the password where a site has one."""


def _login(site: Site) -> Access:
    return Access(basic_auth=BasicAuth(username=LOGIN, secret=site.password)) if site.password else PLAIN


def _asked_with(spec: Spec, site: Site, job: str) -> Access:
    """How a program of ours is asked: one of a store that is another stack's knows this one's reader."""
    if site.authority and job in STORE:
        return Access(basic_auth=BasicAuth(username=user_of(spec, READER), secret=password_of(READER)))
    return _login(site) if job in OURS else PLAIN


def kind_of(tenant: str) -> str:
    """What the housekeeper of a shared store adds to the `kind` of a tenant's data."""
    return f" of {tenant}"


def _own_kinds(tenant: str) -> tuple[dict[str, Any], ...]:
    """Of a shared store's data a tenant sees its own, named as they are in a store of its own."""
    own = {"source_labels": ["kind"], "regex": f"(.*){kind_of(tenant)}", "replacement": "$1"}
    return (
        {"source_labels": ["kind"], "regex": f"|.*{kind_of(tenant)}", "action": "keep"},
        {**own, "target_label": "kind"},
    )


def jobs(spec: Spec, site: Site) -> tuple[Job, ...]:
    """Every scrape job: services in the stack file's order, then programs, then further jobs."""
    platform = spec.alerting.platform_team
    found = [job for service in spec.services for job in service_jobs(service, site)]
    for name, pages in groupby(scraped(site), key=lambda page: page.job):
        listeners = [site.listeners[page.listener] for page in pages]
        targets = tuple(address for listener in listeners for address in listener.dial)
        own_tls = any(listener.tls for listener in listeners)
        access = _asked_with(spec, site, name)
        job = Job(name, name, targets, {"owner": platform}, access=access, own_tls=own_tls)
        if name == SPAN_METRICS_JOB:
            job = replace(job, relabel=(SPAN_METRICS_SERVICE,), limits=span_metrics_limits(spec))
        if name == PUSHED_JOB:
            job = replace(job, relabel=(PUSHED_INSTANCE,), limits=pushed_limits(spec))
        if name == HOUSEKEEPER_JOB and spec.logging.store.tenant:
            job = replace(job, relabel=_own_kinds(spec.logging.store.tenant))
        found.append(job)
    for further in spec.metrics.scrape_jobs:
        labels = {"owner": platform, **further.labels}
        found.append(
            Job(further.name, further.name, further.targets, labels, further.path, further.interval, further)
        )
    return tuple(found)


def span_metrics_limits(spec: Spec) -> Limits:
    """What the page of span metrics may bring: room for all that the collector lets through."""
    return _limits(sizes.span_series(spec))


def pushed_limits(spec: Spec) -> Limits:
    """What the page of pushed metrics may bring: room for all that the collector lets through."""
    return _limits(sizes.pushed(spec))


def _limits(room: sizes.SpanSeries | sizes.Pushed) -> Limits:
    return Limits.model_construct(
        samples_per_scrape=room.sample_limit,
        labels_per_series=room.label_limit,
        label_value_length=room.length_limit,
    )


def secrets(spec: Spec, site: Site) -> tuple[str, ...]:
    """The secrets with which targets are asked, by name, sorted."""
    asked = [job.access.basic_auth for job in jobs(spec, site)]
    return tuple(sorted({login.secret for login in asked if login}))


def service_jobs(service: Service, site: Site) -> list[Job]:
    """A job per metrics endpoint of a service: `<service>`, then `<service>/2` and so on."""
    labels = {"service": service.name, "owner": service.owner}
    return [
        Job(
            service.name if position == 1 else f"{service.name}/{position}",
            service.name,
            site.served(service, endpoint.address),
            labels,
            endpoint.path,
            endpoint.interval,
            endpoint,
            own_tls=_own_tls(service, endpoint.address, site),
        )
        for position, endpoint in enumerate(service.metrics, 1)
    ]


def _own_tls(service: Service, address: str | None, site: Site) -> bool:
    """Whether an endpoint is at the listener of a service with `run` that speaks TLS, however it is said."""
    own = site.services.get(service.name)
    return own is not None and own.tls and (not address or address in own.dial)
