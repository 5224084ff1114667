"""Who asks `obs` to stop does so by Ctrl-C, by a termination, or by closing the
terminal: one way to hear all three."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def handled(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Inside, `handle` is called for each of these signals; afterwards what was there before."""
    before = {signum: signal.signal(signum, handle) for signum in STOPS}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
