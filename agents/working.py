"""What our programs that work by themselves, and tell Prometheus of it, have in common: their end."""

import signal
import sys
import threading
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from agents.login import Login
from agents.scraping import serve

Work = Callable[[threading.Event], None]
"""Goes on until the event is set."""


def work(
    address: tuple[str, int],
    registry: CollectorRegistry,
    asked: Callable[[float], Iterable[Metric]] = lambda _: (),
    works: Iterable[Work] = (),
    *,
    patience: float = 0,
    logins: Iterable[Login] = (),
) -> int:
    """The exit code: 0 after SIGTERM or SIGINT, 1 if the port is taken, or the file of a login's password
    cannot be read, and then no work is begun. Each work is in a thread of its own, so that a signal waits for
    none that hangs: for each `patience` seconds."""
    host, port = address
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        server = serve(host, port, registry, asked, logins)
    except OSError as error:
        what = (
            f"{error.filename} cannot be read" if error.filename else f"{host}:{port} cannot be listened on"
        )
        sys.stderr.write(f"{what}: {error.strerror}\n")
        return 1
    threads = [threading.Thread(target=one, args=(stop,), daemon=True) for one in works]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(patience)
    server.shutdown()
    return 0
