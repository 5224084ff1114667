"""An event loop for tests with Pulumi's mocks, which take that of the thread; others leave it without one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def event_loop() -> Iterator[None]:
    """A loop of this thread's, for as long as it lasts."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()
