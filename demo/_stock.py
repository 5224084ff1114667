"""The stock, kept in Redis, and in memory while Redis is away.

Redis holds one hash ``stock`` (sku -> pieces). Its absence must not close the shop: calls fall back to a copy
in memory at once, Redis is tried again once a second, and each change of state is logged once.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import httpx
from opentelemetry.trace import SpanKind
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from demo._faults import Faults
from demo._logging import logger
from demo._metrics import Metrics
from demo._telemetry import span

T = TypeVar("T")

KEY = "stock"
TIMEOUT = 1.0  # seconds; a Redis slower than this is treated as absent
CHECK_EVERY = 1.0  # seconds

# All or nothing: refuses with the first SKU that is short, else takes every quantity.
RESERVE = """
for i = 1, #ARGV, 2 do
  if tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '0') < tonumber(ARGV[i + 1]) then return ARGV[i] end
end
for i = 1, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], -ARGV[i + 1]) end
return ''
"""


class Stock:
    """Pieces by SKU. ``initial`` fills an empty store, and refills what falls to ``restock_at`` or below."""

    def __init__(
        self,
        url: str | None,
        password: str | None,
        initial: Mapping[str, int],
        restock_at: int,
        metrics: Metrics,
        faults: Faults,
    ) -> None:
        self._redis = None
        if url is not None:
            host = httpx.URL(url)
            self._host, self._port = host.host, host.port or 6379
            self._redis = Redis.from_url(
                url,
                password=password,
                decode_responses=True,
                socket_timeout=TIMEOUT,
                socket_connect_timeout=TIMEOUT,
                retry=Retry(NoBackoff(), 0),
            )
        self._initial = dict(initial)
        self._memory = dict(initial)
        self._restock_at = restock_at
        self._faults = faults
        self._up: bool | None = None
        self._synchronised = False
        self._gauge = metrics.gauge("inventory_stock_items", "Pieces in stock.", ("sku",))
        self._redis_up = metrics.gauge("inventory_redis_up", "1 while the stock is kept in Redis.")
        self._redis_up.set(0)
        self._show(self._memory)

    def problems(self) -> dict[str, str]:
        """What /health says is wrong."""
        if self._redis is None:
            return {"redis": "not configured; the stock is in memory and starts anew with the service"}
        if self._up is False:
            return {"redis": "does not answer; the stock is in memory until it does"}
        return {}

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Connect, and look after the connection until the service stops."""
        if self._redis is None:
            logger().warning("no Redis is configured; the stock is kept in memory")
            yield
            return
        await self._check()
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            await self._redis.aclose()

    async def levels(self) -> dict[str, int]:
        """Pieces by SKU."""

        async def read(redis: Redis) -> dict[str, int]:
            stored = await cast(Awaitable[dict[str, str]], redis.hgetall(KEY))
            return {sku: int(count) for sku, count in stored.items()}

        levels = await self._attempt("HGETALL", read)
        return self._memory if levels is None else self._remember(levels)

    async def reserve(self, quantities: Mapping[str, int]) -> str | None:
        """Take the pieces out of the stock; returns None, or the SKU of which there are not enough."""
        arguments = [str(part) for pair in quantities.items() for part in pair]

        async def take(redis: Redis) -> str:
            return cast(str, await redis.eval(RESERVE, 1, KEY, *arguments))

        short = await self._attempt("EVAL", take)
        if short is None:
            short = self._reserve_in_memory(quantities)
        if not short:
            await self._restock()
        return short or None

    def _reserve_in_memory(self, quantities: Mapping[str, int]) -> str:
        for sku, quantity in quantities.items():
            if self._memory.get(sku, 0) < quantity:
                return sku
        for sku, quantity in quantities.items():
            self._memory[sku] -= quantity
        self._show(self._memory)
        return ""

    async def _restock(self) -> None:
        refill: dict[Any, int] = {
            sku: self._initial[sku]
            for sku, count in (await self.levels()).items()
            if count <= self._restock_at and sku in self._initial
        }
        if not refill:
            return
        self._remember(self._memory | refill)
        logger().info("restocked", skus=sorted(refill))

        async def write(redis: Redis) -> bool:
            await redis.hset(KEY, mapping=refill)
            return True

        await self._attempt("HSET", write)

    async def _attempt(self, operation: str, action: Callable[[Redis], Awaitable[T]]) -> T | None:
        """Run one Redis command in a client span; None when Redis is away."""
        if self._redis is None or self._up is False:
            return None
        try:
            with span(
                f"{operation} {KEY}",
                kind=SpanKind.CLIENT,
                db__system__name="redis",
                db__operation__name=operation,
                db__collection__name=KEY,
                server__address=self._host,
                server__port=self._port,
            ):
                await self._faults.before_call("redis")
                return await action(self._redis)
        except (RedisError, OSError, TimeoutError) as error:
            self._set_up(False, type(error).__name__)
            return None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(CHECK_EVERY)
            await self._check()

    async def _check(self) -> None:
        assert self._redis is not None  # noqa: S101 - only called where it is configured
        try:
            await self._redis.ping()
            if not self._up:
                await self._synchronise(self._redis)
            self._set_up(True, "")
        except (RedisError, OSError, TimeoutError) as error:
            self._set_up(False, type(error).__name__)

    async def _synchronise(self, redis: Redis) -> None:
        """At first what Redis holds counts; when it comes back, what was sold meanwhile does."""
        if not self._synchronised:
            stored = await cast(Awaitable[dict[str, str]], redis.hgetall(KEY))
            self._remember(self._memory | {sku: int(count) for sku, count in stored.items()})
        levels: dict[Any, int] = dict(self._memory)
        await redis.hset(KEY, mapping=levels)
        self._synchronised = True

    def _set_up(self, up: bool, reason: str) -> None:
        self._redis_up.set(int(up))
        if up == self._up:
            return
        self._up = up
        if up:
            logger().info("Redis answers; the stock is kept there")
        else:
            logger().warning("Redis does not answer; the stock is kept in memory", reason=reason)

    def _remember(self, levels: Mapping[str, int]) -> dict[str, int]:
        self._memory = dict(levels)
        self._show(self._memory)
        return self._memory

    def _show(self, levels: Mapping[str, int]) -> None:
        for sku, count in levels.items():
            if sku in self._initial:  # Redis could hold anything; labels stay those of the shop
                self._gauge.labels(sku=sku).set(count)
