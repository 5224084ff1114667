"""Payments: charges an amount, or declines it when it is above the limit. Calls nobody."""

import asyncio
import uuid
from typing import Annotated

from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demo._app import Service, run
from demo._logging import logger
from demo._metrics import exemplar
from demo._shop import BadRequest, answer, read_body
from demo._telemetry import traced
from demo.settings import Frozen, Settings

AMOUNT_BUCKETS = (5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)  # euros


class Options(Frozen):
    """``limit_cents``: larger amounts are declined. ``charge_ms``: how long the bank takes."""

    limit_cents: Annotated[int, Field(ge=1)] = 100_000
    charge_ms: Annotated[float, Field(ge=0, le=10_000)] = 8.0


class Payment(Frozen):
    """A charge for one order, in euro cents."""

    order_id: Annotated[str, Field(max_length=64)]
    cents: Annotated[int, Field(ge=1)]


def read_options(settings: Settings) -> Options:
    """The options. Raises SettingsError."""
    return settings.parse_options(Options)


def create_app(service: Service) -> Starlette:
    """The payments service."""
    options = read_options(service.settings)
    amounts = service.metrics.histogram(
        "payments_amount_euros", "Amounts asked for, by what came of it.", ("result",), AMOUNT_BUCKETS
    )

    @traced("charge at the bank")
    async def charge(payment: Payment) -> bool:
        await asyncio.sleep(options.charge_ms / 1000)
        return payment.cents <= options.limit_cents

    async def pay(request: Request) -> Response:
        try:
            payment = await read_body(request, Payment)
        except BadRequest as error:
            return answer(422, error=str(error))
        accepted = await charge(payment)
        result = "accepted" if accepted else "declined"
        amounts.labels(result=result).observe(payment.cents / 100, exemplar=exemplar())
        logger().info(f"payment {result}", order_id=payment.order_id, cents=payment.cents)
        if not accepted:
            return answer(402, error=f"cents: {payment.cents} is above the limit of {options.limit_cents}")
        return answer(201, payment_id=f"pay-{uuid.uuid4().hex[:12]}", cents=payment.cents)

    return service.app(
        "Payments of the demo shop: charges an amount.", [Route("/payments", pay, methods=["POST"])]
    )


if __name__ == "__main__":
    run(create_app, read_options)
