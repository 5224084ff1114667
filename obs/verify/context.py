"""What every check is given: the stack, its interfaces, a clock, and the ways to wait and to undo."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from components.errors import SuiteError
from components.site import Site
from components.spec import Service, Spec
from components.target import Access
from obs.verify.clients import Clients, Http
from obs.verify.outcome import CheckFailed, NotYet, Stopped

T = TypeVar("T")

FAULT_MARGIN = 60.0  # seconds that a fault would outlive its check if verify were killed
UNDOING = 15.0  # seconds after the checks, within the run's, for ending the faults that are left


class Clock(Protocol):
    """Time, and waiting that an interruption ends."""

    def monotonic(self) -> float:
        """Seconds that only grow."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def wait(self, seconds: float) -> None:
        """Let time pass. Raises `Stopped` when the run was interrupted."""

    def stop(self) -> None:
        """Interrupt the run: every wait, now and later, raises."""


class WallClock:
    """The real clock."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def monotonic(self) -> float:
        """See `Clock`."""
        return time.monotonic()

    def now(self) -> float:
        """See `Clock`."""
        return time.time()

    def wait(self, seconds: float) -> None:
        """See `Clock`."""
        if self._stopped.wait(seconds):
            raise Stopped

    def stop(self) -> None:
        """See `Clock`."""
        self._stopped.set()


@dataclass(frozen=True)
class Sent:
    """One request to the shop and what came back. `seconds` is how long the answer took."""

    trace_id: str
    transaction_id: str
    status: int
    seconds: float


class Calm:
    """Checks that send requests which must neither fail nor be slow, until each says it has sent them.

    Faults that disturb requests wait for that."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._sending = set(names)
        self._lock = threading.Lock()

    def done(self, name: str) -> None:
        """This check sends nothing more that could be disturbed."""
        with self._lock:
            self._sending.discard(name)

    def sending(self) -> list[str]:
        """The checks that still send."""
        with self._lock:
            return sorted(self._sending)


@dataclass
class Context:
    """The run. `ends` is the deadline of its checks on the monotonic clock, and `whole` how many seconds they
    have from the start; `started` is that start since the epoch."""

    spec: Spec
    stack: str
    access: Access
    clients: Clients
    clock: Clock
    ends: float
    whole: float
    started: float
    say: Callable[[str], None] = lambda _text: None
    patience: int = 1
    """How many times as long to wait as a machine with nothing else to do needs."""
    calm: Calm = field(default_factory=Calm)
    probes: list[Sent] = field(default_factory=list)
    """Marked requests of the check `probes`, for those that follow them."""
    failing: list[Sent] = field(default_factory=list)
    """Requests that an injected error made fail."""
    errors_ended: float = 0.0
    """When the injected errors ended, on the monotonic clock."""
    drops: dict[str, float] = field(default_factory=dict)
    """What the collector had lost before this run, by metric."""
    faults: set[tuple[str, str]] = field(default_factory=set)
    """(service, fault) of the faults that are injected now."""

    @property
    def site(self) -> Site:
        """Where things are."""
        return self.access.site

    def left(self) -> float:
        """Seconds until the deadline of the checks."""
        return max(0.0, self.ends - self.clock.monotonic())

    def wait(self, what: str, look: Callable[[], T], seconds: float, every: float = 1.0) -> T:
        """Look until it does not raise `NotYet`, and return what it returns.

        After `seconds` times the run's patience, or at its deadline, the last `NotYet` becomes the failure,
        with the time waited. Any other exception ends the wait at once.
        """
        start = self.clock.monotonic()
        end = min(start + seconds * self.patience, self.ends)
        told = start
        while True:
            try:
                return look()
            except NotYet as missing:
                now = self.clock.monotonic()
                if now >= end:
                    found = f"{missing.found} (after {now - start:.0f} s)"
                    raise CheckFailed(missing.expected, found, missing.do) from None
                if now - told >= 10:
                    told = now
                    self.say(f"{what}: waiting for {missing.expected}; {end - now:.0f} s left")
            self.clock.wait(min(every, max(0.05, end - now)))

    def service(self, service: Service) -> Http:
        """The interface of a service with `run`."""
        return self.clients.service(service.name, self.site.service(service))

    def instances(self, service: Service) -> list[Http]:
        """Each instance of a service with `run`."""
        listener, ask = self.site.service(service), self.access.instances
        try:
            found = ask(service.name) if ask else listener.dial
        except SuiteError as error:
            raise CheckFailed(
                f"the instances of {service.name}", str(error), f"See `obs status {self.stack}`."
            ) from None
        return [self.clients.instance(service.name, address, tls=listener.tls) for address in found]

    @contextmanager
    def fault(self, service: Service, name: str, seconds: float, **parameters: object) -> Iterator[None]:
        """A fault of every instance of a demo service while the block lasts, at most `seconds` times patience
        and a margin.

        It is ended whatever happens in the block. Were this process killed, it would end by itself."""
        instances = self.instances(service)
        body = {"seconds": min(3600.0, seconds * self.patience + FAULT_MARGIN), **parameters}
        self.faults.add((service.name, name))
        try:
            for client in instances:
                answer = client.request("PUT", f"/faults/{name}", json=body)
                if answer.status_code != 200:
                    raise CheckFailed(
                        f"{service.name} to take the fault {name}",
                        f"{answer.status_code}: {answer.text[:300]}",
                        f"See `obs logs {service.name}`.",
                    )
            self.say(f"{service.name}: fault {name} injected")
            yield
        finally:
            self.clear(service.name, name)

    def clear(self, service: str, name: str) -> None:
        """End a fault; says so if it cannot be ended."""
        found = next(item for item in self.spec.services if item.name == service)
        problem = ""
        try:
            instances = self.instances(found)
        except CheckFailed as error:
            instances, problem = [], str(error)
        for client in instances:
            try:
                left = self.ends + UNDOING - self.clock.monotonic()
                answer = client.request("DELETE", f"/faults/{name}", left=left)
                problem = problem if answer.status_code == 200 else f"{answer.status_code}"
            except NotYet as error:
                problem = str(error)
        if problem:
            self.say(f"{service}: fault {name} could not be ended ({problem}); it ends by itself")
        else:
            self.faults.discard((service, name))
            self.say(f"{service}: fault {name} ended")

    def clear_all(self) -> None:
        """End what is left; for the end of a run."""
        for service, name in sorted(self.faults):
            self.clear(service, name)


__all__ = ["UNDOING", "Calm", "Clock", "Context", "Sent", "WallClock"]
