"""Orders: prices a cart, then pays for it and reserves its stock, both at once."""

import asyncio
import uuid

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demo._app import Service, run
from demo._calls import DependencyError, Json
from demo._logging import logger
from demo._metrics import exemplar
from demo._shop import BadRequest, Cart, answer, read_body
from demo._telemetry import span, traced
from demo.settings import Frozen, Settings


class Options(Frozen):
    """Orders has no options."""


def read_options(settings: Settings) -> Options:
    """What orders needs: where payments and inventory are. Raises SettingsError."""
    options = settings.parse_options(Options)
    settings.require_calls("payments", "inventory")
    return options


class Orders:
    """The endpoints, and what they count."""

    def __init__(self, service: Service) -> None:
        self._calls = service.calls
        self._total = service.metrics.counter("orders_total", "Orders, by what came of them.", ("result",))
        for result in ("accepted", "declined", "out_of_stock", "invalid", "failed"):
            self._total.labels(result=result)  # a series that appears late has no rate for its first event

    def _count(self, result: str) -> None:
        self._total.labels(result=result).inc(exemplar=exemplar())

    @traced("fulfil order")
    async def _fulfil(self, order_id: str, cart: Cart) -> tuple[tuple[int, Json], tuple[int, Json]]:
        bill = {"order_id": order_id, "cents": cart.cents()}
        pay = asyncio.create_task(self._calls.call("payments", "POST", "/payments", bill))
        goods = cart.model_dump(mode="json")
        reserve = asyncio.create_task(self._calls.call("inventory", "POST", "/reservations", goods))
        await asyncio.wait([pay, reserve])  # both: an abandoned call would leave its span open
        for error in [task.exception() for task in (pay, reserve)]:
            if error is not None:
                raise error
        return pay.result(), reserve.result()

    async def place(self, request: Request) -> Response:
        """`POST /orders`: a cart becomes an order, or a reason why not."""
        try:
            cart = await read_body(request, Cart)
        except BadRequest as error:
            self._count("invalid")
            return answer(422, error=str(error))
        if unknown := cart.unknown():
            self._count("invalid")
            return answer(422, error=f"items: the shop does not sell {', '.join(unknown)}")
        order_id = f"o-{uuid.uuid4().hex[:12]}"
        with span("price cart", cart__items=len(cart.items)) as current:
            cents = cart.cents()
            current.set_attribute("cart.cents", cents)
        try:
            (paid, payment), (reserved, stock) = await self._fulfil(order_id, cart)
        except DependencyError as error:
            self._count("failed")
            logger().error("order failed", order_id=order_id, dependency=error.name, reason=str(error))
            return answer(502, error=str(error), order_id=order_id)
        if paid == 402:
            self._count("declined")
            return answer(402, error=payment.get("error", "declined"), order_id=order_id)
        if reserved == 409:
            self._count("out_of_stock")
            return answer(409, error=stock.get("error", "out of stock"), order_id=order_id)
        if paid >= 400 or reserved >= 400:
            self._count("failed")
            return answer(502, error="payments or inventory refused the order", order_id=order_id)
        self._count("accepted")
        logger().info("order accepted", order_id=order_id, cents=cents, items=len(cart.items))
        return answer(201, order_id=order_id, cents=cents)

    async def products(self, _request: Request) -> Response:
        """`GET /products`: what inventory has."""
        try:
            _, stock = await self._calls.call("inventory", "GET", "/stock")
        except DependencyError as error:
            return answer(502, error=str(error))
        return answer(products=stock.get("stock", []))


def create_app(service: Service) -> Starlette:
    """The orders service; it calls payments and inventory."""
    read_options(service.settings)
    orders = Orders(service)
    return service.app(
        "Orders of the demo shop: prices a cart, pays for it and reserves its stock.",
        [
            Route("/orders", orders.place, methods=["POST"]),
            Route("/products", orders.products, methods=["GET"]),
        ],
    )


if __name__ == "__main__":
    run(create_app, read_options)
