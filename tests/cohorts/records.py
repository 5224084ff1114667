"""Cohorts that were begun, and runners that run nothing, for tests."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cohorts.record import Entry, Record, State
from cohorts.work import DONE, Result, Told


def entry(number: int, state: State = "seated", base: int = 23000) -> Entry:
    return Entry(
        name=f"Person {number}",
        email=f"p{number}@example.org",
        slug=f"p{number}",
        port_base=base + 200 * number,
        state=state,
    )


def begun(*entries: Entry, parallel: int = 1, expires: datetime | None = None) -> Record:
    return Record(
        cohort="otel",
        target="local",
        template="local",
        expires=expires or datetime(2099, 1, 1, tzinfo=UTC),
        warn_seconds=86_400,
        parallel=parallel,
        file="otel.yaml",
        heads={one.key: one for one in entries},
    )


class Killed(BaseException):
    """What ends a run at once, as a SIGKILL would."""


class Pretended:
    """A runner whose stacks are names in a set."""

    def __init__(self, fails: set[str] | None = None, then: Callable[[str], None] | None = None) -> None:
        self.there: set[str] = set()
        self.calls: list[tuple[str, str]] = []
        self.most = 0
        self._fails = fails or set()
        self._then = then
        self._now = 0
        self._alone = threading.Lock()

    def up(self, stack: str, told: Told) -> Result:
        result = self._run("up", stack, told)
        if result.how == "done":
            self.there.add(stack)
        return result

    def down(self, stack: str, told: Told) -> Result:
        result = self._run("down", stack, told)
        if result.how == "done":
            self.there.discard(stack)
        return result

    def is_there(self, stack: str) -> bool:
        return stack in self.there

    def _run(self, what: str, stack: str, told: Told) -> Result:
        with self._alone:
            self._now += 1
            self.most = max(self.most, self._now)
            self.calls.append((what, stack))
        told("✓ created prometheus in 0.1 s")
        if self._then:
            self._then(stack)
        with self._alone:
            self._now -= 1
        return Result("failed", "it did not answer") if stack in self._fails else DONE


class Unseen:
    """A display that shows nothing."""

    def begin(self, stack: str, what: str) -> None: ...

    def step(self, stack: str, text: str) -> None: ...

    def end(self, stack: str, result: Result, seconds: float) -> None: ...


def text(number: int, more: str = "") -> str:
    """A stack file of a head."""
    return f"# cohort: otel\n# expires: 2099\nconfig:\n  obs:spec: {{number: {number}{more}}}\n"


def stack_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("Pulumi.*.yaml"))
