"""What the shop sells, and the shape of a cart: shared by the services, so that they agree."""

import json
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from demo._context import trace_id, transaction_id
from demo.settings import Frozen

M = TypeVar("M", bound=BaseModel)


class Product(Frozen):
    """One thing for sale; ``cents`` is the price in euro cents."""

    sku: str
    name: str
    cents: int


PRODUCTS = {
    product.sku: product
    for product in (
        Product(sku="mug", name="Mug with a trace on it", cents=1290),
        Product(sku="shirt", name="Shirt, three pillars", cents=2450),
        Product(sku="poster", name="Poster of a burn rate", cents=990),
        Product(sku="sticker", name="Sticker, five nines", cents=250),
        Product(sku="notebook", name="Notebook for incidents", cents=780),
    )
}


class Item(Frozen):
    """A line of a cart."""

    sku: Annotated[str, Field(max_length=40)]
    quantity: Annotated[int, Field(ge=1, le=1000)] = 1


class Cart(Frozen):
    """What a customer buys."""

    items: Annotated[tuple[Item, ...], Field(min_length=1, max_length=20)] = (Item(sku="mug"),)

    def unknown(self) -> list[str]:
        """The SKUs that the shop does not sell."""
        return sorted({item.sku for item in self.items} - PRODUCTS.keys())

    def cents(self) -> int:
        """What it costs, in euro cents. Raises KeyError for an unknown SKU."""
        return sum(PRODUCTS[item.sku].cents * item.quantity for item in self.items)

    def quantities(self) -> dict[str, int]:
        """Quantity by SKU, lines of the same SKU added up."""
        totals: dict[str, int] = {}
        for item in self.items:
            totals[item.sku] = totals.get(item.sku, 0) + item.quantity
        return totals


class BadRequest(Exception):
    """The body cannot be used; the text names the key."""


async def read_body(request: Request, model: type[M]) -> M:
    """The request's body as a model; an empty body means all defaults. Raises BadRequest."""
    body = await request.body()
    try:
        return model.model_validate(json.loads(body) if body else {})
    except ValidationError as error:
        problems = (
            f"{'.'.join(map(str, item['loc'])) or '(body)'}: {item['msg']}"
            for item in error.errors(include_url=False)
        )
        raise BadRequest("; ".join(problems)) from None
    except ValueError as error:
        raise BadRequest(f"(body): is not JSON: {error}") from None


def answer(status: int = 200, **content: Any) -> Response:
    """A JSON answer that names its trace and transaction, so that a customer's complaint can be followed."""
    return JSONResponse(
        {**content, "trace_id": trace_id(), "transaction_id": transaction_id()}, status_code=status
    )
