"""When the certificates end that programs of the stack show to whoever dials them.

Measured at their sockets: what a process has read counts, not what lies in a file beside it."""

import asyncio
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

REMEMBERED = 600.0
"""Seconds: dates change rarely, and a handshake is no small thing."""
SECONDS = 3.0
"""For one of them. Who does not answer in time has no date; that it is away, others tell."""


class Certificates(Collector):
    """A gauge for each address, and one for the authority."""

    def __init__(self, addresses: Iterable[str], ca: str, own: tuple[str, str] | None) -> None:
        self._addresses = tuple(addresses)
        self._ca, self._own = ca, own
        self._asked = -REMEMBERED
        self._ends: dict[str, float] = {}

    async def ask(self) -> None:
        """All of them at once, unless that was done a moment ago."""
        if time.monotonic() - self._asked < REMEMBERED:
            return
        context = ssl.create_default_context(cafile=self._ca)
        context.check_hostname = False  # whose it is, those who use it judge
        if self._own:
            context.load_cert_chain(*self._own)
        found = await asyncio.gather(*(_end(address, context) for address in self._addresses))
        self._ends = {address: end for address, end in zip(self._addresses, found, strict=True) if end}
        for authority in context.get_ca_certs():
            self._ends["authority"] = ssl.cert_time_to_seconds(str(authority["notAfter"]))
        if len(self._ends) > len(self._addresses):  # who is away is asked again at the next scrape
            self._asked = time.monotonic()

    def collect(self) -> Iterator[Metric]:
        """What was found last."""
        ends = GaugeMetricFamily(
            "pages_certificate_not_after_seconds",
            "When the certificate ends that is shown at an address, in seconds since 1970.",
            labels=("address",),
        )
        for address, end in self._ends.items():
            ends.add_metric((address,), end)
        yield ends


async def _end(address: str, context: ssl.SSLContext) -> float | None:
    host, _, port = address.rpartition(":")
    with suppress(OSError, TimeoutError, ssl.SSLError):
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
        try:
            shown = writer.get_extra_info("peercert") or {}
            return ssl.cert_time_to_seconds(str(shown["notAfter"])) if "notAfter" in shown else None
        finally:
            writer.close()
    return None
