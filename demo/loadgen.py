"""Load generator: the shop's visitors. It sends no trace context, as real visitors do not.

The rate is a schedule, not a loop that waits for answers: a slow shop gets the same number of visitors. What
exceeds ``concurrency`` is dropped and counted, so nothing piles up while the gateway is down.
"""

import asyncio
import random
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

import httpx
from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo._app import Service, run
from demo._logging import logger
from demo._metrics import LATENCY_BUCKETS
from demo._shop import PRODUCTS, BadRequest, read_body
from demo.settings import Frozen, Settings

Rate = Annotated[float, Field(ge=0, le=1000)]


class Options(Frozen):
    """``rate`` requests a second; ``jitter`` the share by which pauses vary; ``seed`` repeats a run."""

    rate: Rate = 5.0
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.3
    concurrency: Annotated[int, Field(ge=1, le=500)] = 20
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    checkout_ratio: Annotated[float, Field(ge=0, le=1)] = 0.7
    summary_seconds: Annotated[float, Field(gt=0)] = 30.0
    seed: int | None = None


class NewRate(Frozen):
    """Body of ``PUT /rate``."""

    rate: Rate


class Load:
    """The visitors: one task keeps the schedule, one task per request in flight."""

    def __init__(self, service: Service, options: Options) -> None:
        self.rate = options.rate
        self._options = options
        self._gateway = service.settings.calls["gateway"]
        self._client = service.client
        self._random = random.Random(options.seed)  # noqa: S311 - not for secrets
        self._free = options.concurrency
        self._running: set[asyncio.Task[None]] = set()
        self._since: Counter[str] = Counter()
        self._failing = False
        metrics = service.metrics
        self._requests = metrics.counter(
            "loadgen_requests_total", "Requests sent; code is none without an answer.", ("route", "code")
        )
        self._duration = metrics.histogram(
            "loadgen_request_duration_seconds", "As a visitor sees it.", ("route",), LATENCY_BUCKETS
        )
        self._dropped = metrics.counter(
            "loadgen_dropped_total", "Requests not sent because too many were waiting."
        )
        self._target = metrics.gauge("loadgen_target_rate", "Requests a second that are aimed at.")
        self._target.set(self.rate)

    def set_rate(self, rate: float) -> None:
        """Change the rate from the next request on."""
        self.rate = rate
        self._target.set(rate)
        logger().info("rate changed", rate=rate)

    def problems(self) -> dict[str, str]:
        """What /health says is wrong."""
        return {"gateway": "does not answer"} if self._failing else {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Visitors come while this is open."""
        tasks = [asyncio.create_task(self._schedule()), asyncio.create_task(self._summaries())]
        try:
            yield
        finally:
            for task in [*tasks, *self._running]:
                task.cancel()
            await asyncio.gather(*tasks, *self._running, return_exceptions=True)

    async def _schedule(self) -> None:
        while True:
            if self.rate <= 0:
                await asyncio.sleep(0.2)
                continue
            pause = 1 / self.rate
            pause *= 1 + self._random.uniform(-self._options.jitter, self._options.jitter)
            # In slices, so that a new rate does not wait for an old, long pause.
            planned, rate = time.monotonic() + pause, self.rate
            while (left := planned - time.monotonic()) > 0 and rate == self.rate:
                await asyncio.sleep(min(left, 0.2))
            if rate != self.rate:
                continue
            if self._free == 0:
                self._dropped.inc()
                self._since["dropped"] += 1
                continue
            self._free -= 1
            task = asyncio.create_task(self._visit())
            self._running.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._free += 1

    async def _visit(self) -> None:
        checkout = self._random.random() < self._options.checkout_ratio
        route = "/checkout" if checkout else "/products"
        started, code = time.perf_counter(), "none"
        with suppress(httpx.HTTPError, ssl.SSLError):
            answer = await self._client.request(
                "POST" if checkout else "GET",
                self._gateway + route,
                json=self._cart() if checkout else None,
                timeout=self._options.timeout_seconds,
            )
            code = str(answer.status_code)
        self._failing = code == "none"
        self._requests.labels(route=route, code=code).inc()
        self._duration.labels(route=route).observe(time.perf_counter() - started)
        self._since[code] += 1

    def _cart(self) -> dict[str, Any]:
        skus = self._random.sample(sorted(PRODUCTS), k=self._random.randint(1, 3))
        return {"items": [{"sku": sku, "quantity": self._random.randint(1, 3)} for sku in skus]}

    async def _summaries(self) -> None:
        while True:
            await asyncio.sleep(self._options.summary_seconds)
            counts, self._since = self._since, Counter()
            logger().info(
                "load summary",
                seconds=self._options.summary_seconds,
                target_rate=self.rate,
                sent=sum(n for code, n in counts.items() if code != "dropped"),
                dropped=counts["dropped"],
                in_flight=len(self._running),
                codes={code: n for code, n in sorted(counts.items()) if code != "dropped"},
            )


def read_options(settings: Settings) -> Options:
    """What the load generator needs: its options, and where the gateway is. Raises SettingsError."""
    options = settings.parse_options(Options)
    settings.require_calls("gateway")
    return options


def create_app(service: Service) -> Starlette:
    """The load generator; it calls gateway."""
    options = read_options(service.settings)
    load = Load(service, options)

    async def put_rate(request: Request) -> Response:
        try:
            load.set_rate((await read_body(request, NewRate)).rate)
        except BadRequest as error:
            return JSONResponse({"error": str(error)}, status_code=422)
        return JSONResponse({"rate": load.rate})

    async def get_rate(_request: Request) -> Response:
        return JSONResponse({"rate": load.rate})

    return service.app(
        "Load generator: the visitors of the demo shop.",
        [Route("/rate", get_rate, methods=["GET"]), Route("/rate", put_rate, methods=["PUT"])],
        background=[load.running],
        checks=load.problems,
    )


if __name__ == "__main__":
    run(create_app, read_options)
