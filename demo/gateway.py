"""Gateway: where customers come in. It gives every request its transaction id and passes it on to orders."""

import html
import json

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from demo._app import Service, run
from demo._calls import DependencyError, Json
from demo._logging import logger
from demo._shop import PRODUCTS, BadRequest, Cart, answer, read_body
from demo._telemetry import traced
from demo.settings import Frozen, Settings


class Options(Frozen):
    """``trace_link``: address of a trace in the tracing UI, with ``{trace_id}`` in it; empty for no link."""

    trace_link: str = ""


def read_options(settings: Settings) -> Options:
    """What the gateway needs: its options, and where orders is. Raises SettingsError."""
    options = settings.parse_options(Options)
    settings.require_calls("orders")
    return options


def create_app(service: Service) -> Starlette:
    """The gateway; it calls orders, and inventory itself where it knows its address."""
    options = read_options(service.settings)
    near = "inventory" in service.settings.calls  # else orders asks it for us
    source = ("inventory", "GET", "/stock") if near else ("orders", "GET", "/products")

    @traced("checkout")
    async def place_order(cart: Cart) -> tuple[int, Json]:
        return await service.calls.call("orders", "POST", "/orders", cart.model_dump(mode="json"))

    async def checkout(request: Request) -> Response:
        try:
            cart = await read_body(request, Cart)
        except BadRequest as error:
            return answer(422, error=str(error))
        try:
            status, order = await place_order(cart)
        except DependencyError as error:
            logger().error("checkout failed", dependency=error.name, reason=str(error))
            return answer(502, error="the order could not be placed")
        if status >= 400:
            logger().warning("checkout refused", http_status=status, reason=order.get("error", ""))
            return answer(status, error=order.get("error", "refused"))
        logger().info("checkout done", order_id=order["order_id"], cents=order["cents"])
        return answer(200, order_id=order["order_id"], cents=order["cents"])

    async def products(_request: Request) -> Response:
        try:
            _, found = await service.calls.call(*source)
        except DependencyError as error:
            logger().error("products failed", dependency=error.name, reason=str(error))
            return answer(502, error="the products cannot be shown")
        return answer(products=found.get("products", found.get("stock", [])))

    return service.app(
        "The demo shop: a gateway in front of orders, payments and inventory.",
        [Route("/checkout", checkout, methods=["POST"]), Route("/products", products, methods=["GET"])],
        home=lambda _request: HTMLResponse(_page(service.settings.correlation_header, options.trace_link)),
    )


def _page(header: str, trace_link: str) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(p.name)}<td>{p.cents / 100:.2f} €"
        f'<td><input type=number min=0 max=20 value=0 name="{html.escape(p.sku)}" '
        f'aria-label="{html.escape(p.name)}">'
        for p in PRODUCTS.values()
    )
    values = json.dumps({"header": header, "link": trace_link}).replace("<", "\\u003c")
    return PAGE.replace("@ROWS@", rows).replace("@VALUES@", values)


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Demo shop</title>
<style>
 body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem;color:#1c2733}
 table{border-collapse:collapse;width:100%} td{padding:.4rem;border-bottom:1px solid #d8dee6}
 input[type=number]{width:4rem} button{font:inherit;padding:.5rem 1.2rem;margin-top:1rem}
 dl{background:#f2f5f9;padding:1rem;border-radius:.4rem} dd{margin:0 0 .4rem;font-family:monospace;word-break:break-all}
</style>
<h1>Demo shop</h1>
<p>Every request here leaves a metric, log lines and a trace. Below are the ids to find them by.</p>
<form id="cart"><table>@ROWS@</table>
<label><input type="checkbox" id="probe"> as a probe (its trace is always kept)</label><br>
<button>Check out</button></form>
<h2>Last request</h2>
<dl aria-live="polite"><dt>Result<dd id="result">none yet<dt>Trace id<dd id="trace">none yet
<dt>Transaction id<dd id="transaction">none yet</dl>
<p><a href="/products">products</a> · <a href="/health">health</a> · <a href="/metrics">metrics</a> ·
<a href="/faults">faults</a></p>
<script>
const values = @VALUES@, $ = id => document.getElementById(id);
$("cart").addEventListener("submit", async event => {
  event.preventDefault();
  const items = [...event.target.querySelectorAll("input[type=number]")]
    .filter(i => i.value > 0).map(i => ({sku: i.name, quantity: Number(i.value)}));
  const headers = {"content-type": "application/json"};
  if ($("probe").checked) headers["X-Obs-Probe"] = "1";
  try {
    const answer = await fetch("/checkout", {method: "POST", headers, body: JSON.stringify(items.length ? {items} : {})});
    const body = await answer.json(), trace = answer.headers.get("X-Trace-Id");
    $("result").textContent = answer.status + " " + (body.error || body.order_id + ", " + (body.cents / 100).toFixed(2) + " €");
    $("transaction").textContent = answer.headers.get(values.header);
    $("trace").textContent = trace;
    if (values.link) {
      const link = document.createElement("a");
      link.href = values.link.replace("{trace_id}", trace); link.textContent = trace;
      $("trace").replaceChildren(link);
    }
  } catch (error) { $("result").textContent = "no answer: " + error; }
});
</script></html>
"""  # noqa: E501 - markup


if __name__ == "__main__":
    run(create_app, read_options)
