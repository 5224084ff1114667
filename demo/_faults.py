"""Faults on demand: ``PUT /faults/<name>`` starts one, it ends by itself, ``DELETE`` ends it early.

State is a table of name -> (parameters, deadline); what is past its deadline is simply not there any more, so
nothing has to run in order to end a fault. Only the flood of logs needs a task.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from opentelemetry import trace
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo import _fault_models as models
from demo._fault_models import FAULTS, Fault
from demo._logging import logger
from demo._telemetry import span

F = TypeVar("F", bound=Fault)
FLOOD_TICK = 0.05  # seconds between two bursts of the flood


class InjectedError(Exception):
    """Raised by the fault ``errors``; nobody handles it, as with a real bug."""


class CardLeakError(Exception):
    """Raised by the fault ``card-numbers`` so that the number reaches an exception's message."""


class Faults:
    """The active faults of one service.

    ``dependencies`` are the names that slow-dependency may slow down; ``clock`` gives seconds, monotonic.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        dependencies: Iterable[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._active: dict[str, tuple[Fault, float]] = {}
        self._dependencies = tuple(dependencies)
        self._clock = clock
        self._flood: asyncio.Task[None] | None = None
        registry.register(_CartItems(self))

    def get(self, name: str, kind: type[F]) -> F | None:
        """The fault's parameters while it is active."""
        entry = self._active.get(name)
        if entry is None or entry[1] <= self._clock():
            self._active.pop(name, None)
            return None
        fault = entry[0]
        return fault if isinstance(fault, kind) else None

    def start(self, name: str, fault: Fault) -> None:
        """Start, or start over with new parameters."""
        self._active[name] = (fault, self._clock() + fault.seconds)
        logger().warning("fault started", fault=name, **fault.model_dump())
        if name == "log-flood" and (self._flood is None or self._flood.done()):
            self._flood = asyncio.get_running_loop().create_task(self._run_flood())

    def clear(self, name: str | None = None) -> None:
        """End one fault, or all."""
        for key in [name] if name else list(self._active):
            if self._active.pop(key, None):
                logger().info("fault cleared", fault=key)

    def listing(self) -> dict[str, dict[str, object]]:
        """What is active, with the seconds that are left."""
        now = self._clock()
        return {
            name: {**fault.model_dump(), "seconds_left": round(deadline - now, 3)}
            for name, (fault, deadline) in sorted(self._active.items())
            if deadline > now
        }

    async def before_request(self) -> None:
        """Apply what concerns every business request. Raises InjectedError."""
        if latency := self.get("latency", models.Latency):
            await asyncio.sleep(latency.ms / 1000)
        if cards := self.get("card-numbers", models.CardNumbers):
            _leak(cards)
        errors = self.get("errors", models.Errors)
        if errors and random.random() < errors.ratio:  # noqa: S311 - not for secrets
            raise InjectedError("injected by the fault errors")

    async def before_call(self, dependency: str) -> None:
        """Apply what concerns a call to a dependency."""
        slow = self.get("slow-dependency", models.SlowDependency)
        if slow and slow.call == dependency:
            await asyncio.sleep(slow.ms / 1000)

    async def _run_flood(self) -> None:
        owed = 0.0
        while flood := self.get("log-flood", models.LogFlood):
            owed += flood.rate * FLOOD_TICK
            for number in range(int(owed)):
                write = logger().debug if number % 2 else logger().info
                write("flood of logs", fault="log-flood", filler="x" * 64)
            owed -= int(owed)
            await asyncio.sleep(FLOOD_TICK)

    def routes(self) -> list[Route]:
        """The HTTP side of it."""
        return [
            Route("/faults", self._list, methods=["GET"]),
            Route("/faults", self._clear, methods=["DELETE"]),
            Route("/faults/{name}", self._put, methods=["PUT"]),
            Route("/faults/{name}", self._clear, methods=["DELETE"]),
        ]

    async def _list(self, _request: Request) -> Response:
        return JSONResponse({"active": self.listing(), "known": sorted(FAULTS)})

    async def _clear(self, request: Request) -> Response:
        name = request.path_params.get("name")
        if name is not None and name not in FAULTS:
            return _unknown(name)
        self.clear(name)
        return JSONResponse({"active": self.listing()})

    async def _put(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in FAULTS:
            return _unknown(name)
        try:
            body = json.loads(await request.body() or b"{}")
            fault = FAULTS[name].model_validate(body)
        except ValidationError as error:
            problems = [
                f"{'.'.join(map(str, item['loc'])) or '(body)'}: {item['msg']} (value {item['input']!r:.80})"
                for item in error.errors(include_url=False)
            ]
            return JSONResponse({"error": "; ".join(problems)}, status_code=422)
        except ValueError as error:
            return JSONResponse({"error": f"(body): is not JSON: {error}"}, status_code=422)
        if isinstance(fault, models.SlowDependency):
            call = fault.call or self._default_dependency()
            if call not in self._dependencies:
                known = ", ".join(self._dependencies) or "nothing"
                text = f"call: this service does not call {call!r}; it calls {known}"
                return JSONResponse({"error": text}, status_code=422)
            fault = fault.model_copy(update={"call": call})
        self.start(name, fault)
        return JSONResponse({"active": self.listing()})

    def _default_dependency(self) -> str:
        if "payments" in self._dependencies or not self._dependencies:
            return "payments"
        return self._dependencies[0]


class _CartItems(Collector):
    """``shop_cart_items{user_id}``: there only while the fault is, gone with it."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def collect(self) -> Iterable[GaugeMetricFamily]:
        fault = self._faults.get("label-explosion", models.LabelExplosion)
        if fault is None:
            return
        family = GaugeMetricFamily("shop_cart_items", "Items in a user's cart.", labels=["user_id"])
        for number in range(fault.count):
            family.add_metric([f"user-{number:06d}"], number % 5 + 1)
        yield family


def _leak(cards: models.CardNumbers) -> None:
    plain, spaced, dashed = cards.forms()
    with span("charge card", card__number=plain, payment__note=f"card {spaced} of a customer") as current:
        current.add_event("card read", {"card": dashed, "detail": f"read {plain} at the till"})
        logger().info(f"charging card {spaced}", card=dashed, payment={"number": plain, "kind": "credit"})
        try:
            raise CardLeakError(f"card {dashed} was declined")
        except CardLeakError as error:
            current.record_exception(error)
            logger().exception("a card was declined")
    trace.get_current_span().set_attribute("customer.note", f"paid with {dashed}")


def _unknown(name: str) -> Response:
    text = f"name: {name!r} is not a fault; expected one of {', '.join(sorted(FAULTS))}"
    return JSONResponse({"error": text}, status_code=404)
