"""Inventory: knows the stock and reserves it, in Redis or, without it, in memory."""

from typing import Annotated

from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demo._app import Service, run
from demo._logging import logger
from demo._shop import PRODUCTS, BadRequest, Cart, answer, read_body
from demo._stock import Stock
from demo._telemetry import traced
from demo.settings import Frozen, Settings


class Options(Frozen):
    """Pieces of each product at the start, and the level at which it is ordered again."""

    initial_stock: Annotated[int, Field(ge=1, le=1_000_000)] = 500
    restock_at: Annotated[int, Field(ge=0)] = 20


def read_options(settings: Settings) -> Options:
    """The options. Raises SettingsError."""
    return settings.parse_options(Options)


def create_app(service: Service) -> Starlette:
    """The inventory service; it uses Redis when the settings name one."""
    options = read_options(service.settings)
    stock = Stock(
        service.settings.redis,
        service.settings.redis_password(),
        dict.fromkeys(PRODUCTS, options.initial_stock),
        options.restock_at,
        service.metrics,
        service.faults,
    )
    reservations = service.metrics.counter(
        "inventory_reservations_total", "Reservations, by what came of them.", ("result",)
    )

    @traced("reserve stock")
    async def reserve_all(cart: Cart) -> str | None:
        return await stock.reserve(cart.quantities())

    async def reserve(request: Request) -> Response:
        try:
            cart = await read_body(request, Cart)
        except BadRequest as error:
            return answer(422, error=str(error))
        short = await reserve_all(cart)
        reservations.labels(result="short" if short else "reserved").inc()
        if short:
            logger().warning("not enough in stock", sku=short if short in PRODUCTS else "unknown")
            return answer(409, error=f"items: not enough of {short} in stock")
        logger().info("stock reserved", items=len(cart.items))
        return answer(201, reserved=cart.quantities())

    async def levels(_request: Request) -> Response:
        current = await stock.levels()
        return answer(
            stock=[
                {**product.model_dump(), "in_stock": current.get(sku, 0)} for sku, product in PRODUCTS.items()
            ]
        )

    return service.app(
        "Inventory of the demo shop: the stock, kept in Redis.",
        [Route("/reservations", reserve, methods=["POST"]), Route("/stock", levels, methods=["GET"])],
        background=[stock.watched],
        checks=stock.problems,
    )


if __name__ == "__main__":
    run(create_app, read_options)
