"""The check on the stack's web pages: each opens, shows what runs, and is read by this machine only."""

from obs.verify.check import Check
from obs.verify.clients import Http
from obs.verify.context import Context
from obs.verify.outcome import CheckFailed

PAGES = ("/", "/explore", "/traces", "/alerts", "/targets", "/docs/runbooks/README.md")
READ = (
    "/api/prometheus/api/v1/query?query=up",
    "/api/prometheus/api/v1/alerts",
    "/api/alertmanager/api/v2/alerts",
    "/api/jaeger/api/services",
)


def pages(ctx: Context) -> str:
    """Every page that the start page leads to opens, and the engines' answers reach it; where nobody has to
    show who asks, another name for the machine is refused."""
    client, see = ctx.clients.pages, "See `obs logs pages`."
    told = client.json("GET", "/api/stack")
    named = {service["name"] for service in told["services"]}
    if missing := sorted({service.name for service in ctx.spec.services} - named):
        raise CheckFailed("every service on the start page", f"not there: {', '.join(missing)}", see)
    places = [*PAGES, *(f"/services/{name}" for name in sorted(named))]
    for path in places:
        answer = client.request("GET", path)
        if answer.status_code != 200 or "<main" not in answer.text:
            raise CheckFailed(f"the page {client.base}{path}", f"status {answer.status_code}", see)
    for path in READ:
        client.json("GET", path)
    others = [ctx.clients.alertmanager, *([ctx.clients.sink] if ctx.spec.alerting.sink else [])]
    for other in others:
        if (status := other.request("GET", "/").status_code) != 200:
            raise CheckFailed(
                f"the page {other.base}/, to which the start page leads", f"status {status}", see
            )
    if not ctx.site.tls("pages") and (stranger := _under_another_name(client)) != 403:
        raise CheckFailed("a request for another host name to be refused", f"status {stranger}", see)
    return f"{client.base}/ and {len(places) + len(others) - 1} pages that it leads to open"


def _under_another_name(client: Http) -> int:
    """As a web page elsewhere would ask, whose owner points its name here."""
    return client.request("GET", "/api/stack", headers={"Host": "another.example"}).status_code


OPEN = Check("pages open", "all", pages)
