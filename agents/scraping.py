"""Answering Prometheus in time, whatever the program that is asked for its numbers does.

A program that is stopped, or hangs, takes connections and says nothing. An exporter that waits for it misses
its own scrape: its series vanish instead of saying 0, and the alert that names the program cannot fire. So
what asks is given less time than Prometheus gives us, and asks in a thread that nobody has to wait for.
"""

import copy
import hmac
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Generic, TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric

from agents.login import ASKED, OPEN, REFUSAL, Login, Reader

T = TypeVar("T")

TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
"""In which Prometheus says when it gives a scrape up."""
_NO_MORE: Mapping[str, str] = {}
DEFAULT_SECONDS = 4.0
"""For a reader that does not say, such as a browser."""
SHARE = 0.6
"""Of that time, what may be spent on asking; the rest is for the answer and a busy machine."""


def patience(given: str | None) -> float:
    """How many seconds a scrape may spend on asking others, by the value of its TIMEOUT_HEADER."""
    try:
        seconds = float(given) if given else DEFAULT_SECONDS
    except ValueError:
        seconds = DEFAULT_SECONDS
    return SHARE * (seconds if 0 < seconds < 3600 else DEFAULT_SECONDS)


class InTime(Generic[T]):
    """A question that may hang, asked so that whoever waits for the answer does not.

    One question is under way at a time: one that hangs gathers no threads, and later callers wait for its
    answer, each for its own time."""

    def __init__(self, ask: Callable[[float], T]) -> None:
        """`ask` gets the seconds that it has; what it raises, the caller gets."""
        self._ask = ask
        self._lock = threading.Lock()
        self._answer: Future[T] | None = None

    def __call__(self, seconds: float) -> T | None:
        """The answer; None if there is none within `seconds`."""
        with self._lock:
            if self._answer is None or self._answer.done():
                self._answer = Future()
                target = threading.Thread(target=self._run, args=(self._answer, seconds), daemon=True)
                target.start()
            answer = self._answer
        try:
            return answer.result(seconds)
        except NotYet:
            return None

    def _run(self, answer: "Future[T]", seconds: float) -> None:
        try:
            answer.set_result(self._ask(seconds))
        except Exception as error:
            answer.set_exception(error)


class _Both:
    """What a registry holds, then what was asked for, as far as `reader` may know it: in the shape that
    `generate_latest` takes."""

    def __init__(
        self, registry: CollectorRegistry, asked: Iterable[Metric], reader: Login | None = None
    ) -> None:
        self.registry, self.asked = registry, asked
        self.kinds = ("", *reader.kinds) if isinstance(reader, Reader) else None

    def collect(self) -> Iterable[Metric]:
        for families in (self.registry.collect(), self.asked):
            for family in families:
                yield family if self.kinds is None else _of_kinds(family, self.kinds)


def _of_kinds(family: Metric, kinds: Sequence[str]) -> Metric:
    """A copy with the samples of these kinds: others may be reading the same one."""
    found = copy.copy(family)
    found.samples = [sample for sample in family.samples if sample.labels.get("kind", "") in kinds]
    return found


def serve(
    host: str,
    port: int,
    registry: CollectorRegistry,
    asked: Callable[[float], Iterable[Metric]],
    logins: Iterable[Login] = (),
) -> ThreadingHTTPServer:
    """A server for /metrics and /health, in a thread of its own. OSError if the port is taken, or there is no
    file of a password.

    `asked` gives the metrics that stand in no registry, within the seconds that it is told. With `logins`
    they are for who has one, to a `Reader` those of its kinds."""
    known = [(login.header(), login) for login in logins]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, who = self.path.partition("?")[0], self._who()
            if path not in OPEN and known and who is None:
                self._answer(401, "text/plain", REFUSAL.encode(), ASKED)
            elif path == "/metrics":
                both: Any = _Both(registry, asked(patience(self.headers.get(TIMEOUT_HEADER))), who)
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(both))
            elif path == "/health":
                self._answer(200, "application/json", b'{"status": "ok"}')
            else:
                self._answer(404, "text/plain", b"only /metrics and /health are here\n")

        def _who(self) -> Login | None:
            sent = self.headers.get("Authorization", "").encode("latin-1")
            return next((login for header, login in known if hmac.compare_digest(sent, header)), None)

        def _answer(self, status: int, kind: str, body: bytes, more: Mapping[str, str] = _NO_MORE) -> None:
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Scrapes are not worth a line each."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server
