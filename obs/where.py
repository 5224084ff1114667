"""Where what a stack runs can be reached, for the end of `obs up`."""

from components.plan import Plan
from components.spec import Spec
from vsi.site import local_site

SHOWN = 8
"""Services that are listed; `obs status` lists all."""

_KNOWN = (
    ("pages", "start page", "pages", "/"),
    ("pages", "metrics", "pages", "/explore"),
    ("pages", "traces", "pages", "/traces"),
    ("alertmanager", "alerts", "alertmanager", "/"),
    ("opensearch", "logs", "opensearch", "/"),
    ("sink", "notifications", "sink", "/"),
)
"""(unit, what it shows, listener, path): what a person can open. Prometheus and Jaeger have pages of
their own on one channel only; the stack's pages show what they hold on each."""


def where(spec: Spec, plan: Plan) -> list[tuple[str, str]]:
    """(what, address), the stack's own programs first, then where spans go, then the services."""
    site = local_site(spec)
    units = {part.name for part in plan.parts}
    rows = [
        (what if unit == "pages" else f"{what} ({unit})", f"{site.url(listener)}{path}")
        for unit, what, listener, path in _KNOWN
        if unit in units
    ]
    if "collector" in units:
        receivers = [
            text
            for opened, text in (
                (spec.tracing.otlp.grpc, f"{site.dial('collector-otlp-grpc')} (grpc)"),
                (spec.tracing.otlp.http, f"{site.dial('collector-otlp-http')} (http)"),
            )
            if opened
        ]
        rows.append(("send spans to", ", ".join(receivers)))
    run = [service for service in spec.services if service.run and service.name in units]
    rows += [(service.name, f"{site.service(service).url}/") for service in run[:SHOWN]]
    if len(run) > SHOWN:
        rows.append((f"{len(run) - SHOWN} more services", f"obs status {plan.stack}"))
    return rows


def text(rows: list[tuple[str, str]]) -> str:
    """The rows in two columns, for a terminal of 80."""
    width = max((len(what) for what, _ in rows), default=0)
    return "\n".join(f"  {what:<{width}}  {address}" for what, address in rows)
