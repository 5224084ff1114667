"""Addresses that whoever verifies gives: a load balancer's, or those of port-forwards of their own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from components.errors import SuiteError
from components.inventory import BY_NAME
from components.site import Listener, Site
from components.target import Access, Reach


class NoAddress(SuiteError):
    """What was given leads nowhere."""

    exit_code = 2


@dataclass(frozen=True)
class Given:
    """Leads to what was given, and for all else where it led before."""

    addresses: Mapping[str, str]
    """Address of the site -> that which was given."""
    before: Reach | None

    def __call__(self, address: str) -> str:
        """See `Reach`."""
        if address in self.addresses:
            return self.addresses[address]
        return self.before(address) if self.before else address

    def why(self, address: str) -> str:
        """See `Reach`."""
        return self.before.why(address) if self.before and address not in self.addresses else ""


def given(access: Access, at: Iterable[str]) -> Access:
    """The access, with some asked elsewhere: each `NAME=HOST:PORT`. NoAddress for what is none."""
    addresses: dict[str, str] = {}
    for text in at:
        name, _, address = text.partition("=")
        host, _, port = address.rpartition(":")
        listener = _listener(access.site, name)
        if not (listener and host and port.isdigit()):
            raise NoAddress(
                f"--at {text}: expected NAME=HOST:PORT, with one of {', '.join(sorted(_names(access.site)))}"
            )
        addresses |= dict.fromkeys(listener.dial, address)
    if not addresses:
        return access
    ask = access.instances

    def instances(service: str) -> tuple[str, ...]:
        dial = access.site.services[service].dial
        return dial[:1] if dial[0] in addresses else ask(service) if ask else dial

    return replace(access, reach=Given(addresses, access.reach), instances=instances)


def _names(site: Site) -> set[str]:
    programs = {name for name, row in BY_NAME.items() if row.api and site.has(row.api)}
    return (
        programs | set(site.services) | {name for name in site.listeners if name.startswith("collector-otlp")}
    )


def _listener(site: Site, name: str) -> Listener | None:
    """That of a program that can be asked, of a service with `run`, or by its own name."""
    if name not in _names(site):
        return None
    if name in site.services:
        return site.services[name]
    return site.listeners[BY_NAME[name].api if name in BY_NAME else name]
