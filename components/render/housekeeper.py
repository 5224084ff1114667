"""Settings of `agents.housekeeper`, which deletes what is older than the stack wants it kept."""

from collections.abc import Mapping
from typing import Any

from components.inventory import BY_NAME, password_of
from components.render import opensearch_store, tls
from components.render.document import Document, Documents
from components.render.scrape_jobs import READER, kind_of
from components.running import Health, Running, ours
from components.site import Site
from components.spec import Spec
from components.spec.base import milliseconds

PROGRAM = BY_NAME["housekeeper"]


def render(spec: Spec, site: Site, archive: Mapping[str, str] | None = None) -> Documents:
    """`settings.json`: which daily indices there are, and for how many days each is kept; and into which
    bucket the days of logs go before they are deleted, where there is an archive."""
    of_tenants = opensearch_store.tenants(spec)
    places = _places(spec) if not of_tenants else []
    for tenant, own in of_tenants.items():
        of = kind_of(tenant)
        places += [(f"{kind}{of}", prefix, date, days) for kind, prefix, date, days in _places(own)]
    first, *further = site.urls("opensearch")
    settings = {
        "url": first,
        **({"further": further} if further else {}),
        "ca": site.store_ca,
        "user": PROGRAM.user,
        "password_file": site.secret(PROGRAM.password),
        "host": site.host("housekeeper"),
        "port": site.port("housekeeper"),
        "interval_seconds": 3600,
        "retry_seconds": 60,
        "store_metrics": "opensearch" in spec.metrics.exporters,
        "labels": spec.environment.labels,
        "indices": [
            {"kind": kind, "prefix": prefix, "date_format": date, "days": days}
            for kind, prefix, date, days in places
        ],
        **({"archive": {**archive, **_reader(site)}} if archive else {}),
        **tls.login(site),
        **({"readers": _readers(site, of_tenants)} if of_tenants else {}),
    }
    return {"settings.json": Document(settings, "json")}


def _readers(site: Site, of_tenants: Mapping[str, Spec]) -> list[dict[str, Any]]:
    """The tenants of a store, each with the password that its reader has there: of others it is told
    nothing, not even that they are."""
    return [
        {
            "user": f"{tenant}-{READER}",
            "password_file": site.secret(password_of(f"{tenant}-{READER}")),
            "kinds": [f"{kind}{kind_of(tenant)}" for kind, *_ in _places(own)],
        }
        for tenant, own in of_tenants.items()
    ]


def _reader(site: Site) -> dict[str, str]:
    """Who reads records: the housekeeper may only delete them."""
    return {"user": READER, "password_file": site.secret(password_of(READER))}


def _places(spec: Spec) -> list[tuple[str, str, str, int]]:
    """Kind, prefix, how a date is written, and days, of what a stack keeps."""
    logs, traces = _days(spec.logging.retention), _days(spec.tracing.retention)
    dotted, dashed = "%Y.%m.%d", "%Y-%m-%d"
    return [
        ("logs", spec.logging.index.prefix, dotted, logs),
        ("rejected", opensearch_store.rejected_prefix(spec), dotted, logs),
        ("spans", opensearch_store.span_prefix(spec), dashed, traces),
        ("span-services", opensearch_store.service_prefix(spec), dashed, traces),
    ]


def _days(duration: str) -> int:
    return milliseconds(duration) // 86_400_000


def running(spec: Spec, site: Site) -> Running:
    """Beside the store."""
    asks = [password_of(f"{tenant}-{READER}") for tenant in opensearch_store.tenants(spec)]
    asks += tls.passwords(site)
    return ours(
        "agents.housekeeper",
        Health("housekeeper", "/health"),
        60,
        secrets=(PROGRAM.password, *asks),
        needs=("opensearch",),
    )
