"""Where what a stack runs can be reached, for the end of `obs up`."""

from components.inventory import PROGRAMS
from components.plan import Plan
from components.site import Site
from components.spec import Spec

SHOWN = 8
"""Services that are listed; `obs status` lists all."""


def where(spec: Spec, plan: Plan, site: Site) -> list[tuple[str, str]]:
    """(what, address), the stack's own programs first, then where spans go, then the services."""
    rows = [
        (page.shows if row.name == "pages" else f"{page.shows} ({row.name})", site.url(row.api) + page.path)
        for row in sorted(PROGRAMS, key=lambda row: (row.name != "pages", row.name))
        for page in row.pages
        if site.has(row.api)
    ]
    rows += _receivers(site)
    run = [service for service in spec.services if service.name in site.services]
    rows += [(service.name, f"{site.service(service).url}/") for service in run[:SHOWN]]
    if len(run) > SHOWN:
        rows.append((f"{len(run) - SHOWN} more services", f"obs status {plan.stack}"))
    return rows


def _receivers(site: Site) -> list[tuple[str, str]]:
    """Where spans go: to the agent of the sender's own host, where agents take them."""
    found: list[tuple[str, str]] = []
    for program, what in (("collector-agent", "spans of a host go to"), ("collector", "send spans to")):
        listeners = ((f"{program}-otlp-{protocol}", protocol) for protocol in ("grpc", "http"))
        addresses = [f"{site.dial(name)} ({protocol})" for name, protocol in listeners if site.has(name)]
        if addresses:
            found.append((what, ", ".join(addresses)))
    return found


def text(rows: list[tuple[str, str]]) -> str:
    """The rows in two columns, for a terminal of 80."""
    width = max((len(what) for what, _ in rows), default=0)
    return "\n".join(f"  {what:<{width}}  {address}" for what, address in rows)
