"""Clocks for tests: time that passes by waiting only, and time that passes faster."""

import time
from collections.abc import Callable

from obs.verify.context import WallClock
from obs.verify.outcome import Stopped

EPOCH = 1_780_000_000.0


class FakeClock:
    """Time that passes only by waiting; the world takes a step with it."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.step: Callable[[], None] = lambda: None
        self.stopped = False

    def monotonic(self) -> float:
        return 5000.0 + self.elapsed

    def now(self) -> float:
        return EPOCH + self.elapsed

    def wait(self, seconds: float) -> None:
        if self.stopped:
            raise Stopped
        self.elapsed += seconds
        self.step()

    def stop(self) -> None:
        self.stopped = True


class FastClock(WallClock):
    """Time that passes by itself, ten times as fast: for checks that run side by side."""

    FACTOR = 10.0

    def __init__(self, step: Callable[[], None]) -> None:
        super().__init__()
        self.step = step
        self.elapsed = 0.0
        self._start = time.monotonic()

    def monotonic(self) -> float:
        return (time.monotonic() - self._start) * self.FACTOR + self.elapsed

    def now(self) -> float:
        return EPOCH + self.monotonic()

    def wait(self, seconds: float) -> None:
        super().wait(seconds / self.FACTOR)
        self.step()
