"""Settings of `agents.housekeeper`, which deletes what is older than the stack wants it kept."""

from components.inventory import BY_NAME
from components.render import opensearch_store
from components.render.document import Document, Documents
from components.running import Health, Running, ours
from components.site import Site
from components.spec import Spec
from components.spec.base import milliseconds

PROGRAM = BY_NAME["housekeeper"]


def render(spec: Spec, site: Site) -> Documents:
    """`settings.json`: which daily indices there are, and for how many days each is kept."""
    logs = _days(spec.logging.retention)
    traces = _days(spec.tracing.retention)
    dotted, dashed = "%Y.%m.%d", "%Y-%m-%d"
    places = (
        ("logs", spec.logging.index.prefix, dotted, logs),
        ("rejected", opensearch_store.rejected_prefix(spec), dotted, logs),
        ("spans", opensearch_store.span_prefix(spec), dashed, traces),
        ("span-services", opensearch_store.service_prefix(spec), dashed, traces),
    )
    first, *further = site.urls("opensearch")
    settings = {
        "url": first,
        **({"further": further} if further else {}),
        "ca": site.ca,
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
    }
    return {"settings.json": Document(settings, "json")}


def _days(duration: str) -> int:
    return milliseconds(duration) // 86_400_000


def running(spec: Spec, site: Site) -> Running:
    """Beside the store."""
    del spec, site
    return ours(
        "agents.housekeeper",
        Health("housekeeper", "/health"),
        60,
        secrets=(PROGRAM.password,),
        needs=("opensearch",),
    )
