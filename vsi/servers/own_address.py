"""A host that is written as a DNS name: what it makes of its own name. Its programs listen there.

Debian gives a host its own name as 127.0.1.1 (`/etc/hosts`), where no other host reaches it.
"""

import ipaddress


def command(address: str) -> tuple[str, ...]:
    """Writes what the host resolves an address to; nothing for one that needs no resolving."""
    return ("true",) if _ip(address) else ("getent", "ahosts", address)


def trouble(address: str, output: str) -> str:
    """What the host wrongly makes of its own name; '' if it will do, or cannot be told."""
    found = [word for line in output.splitlines() if (word := line.split(" ")[0])]
    loopback = next((word for word in found if (ip := _ip(word)) and ip.is_loopback), None)
    return f"{address} is {loopback} on the host itself, where no other reaches it" if loopback else ""


WHAT_TO_DO = "Write its IP address as `address`, or take the name out of that line in its /etc/hosts"


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
