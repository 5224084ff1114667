"""How metrics are fetched from an address: the same for services and for further scrape jobs."""

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import StringConstraints, model_validator

from components.spec.base import Like, Model, Name, Path


class BasicAuth(Model):
    """A login that the target asks for."""

    username: Annotated[
        str,
        Like(r"^[ -9;-~]+$", "a user's name: ASCII, without colons"),
        StringConstraints(max_length=200),
    ]
    secret: Name
    """Name of the secret that holds the password."""


class Access(Model):
    """How a target is asked."""

    scheme: Literal["http", "https"] = "http"
    ca: Path | None = None
    """For `https`: the file, on the host of Prometheus, with the authority that signed the target's
    certificate; the system's authorities if absent."""
    basic_auth: BasicAuth | None = None

    @model_validator(mode="after")
    def _ca_goes_with_https(self) -> Self:
        if self.ca is not None and self.scheme != "https":
            raise ValueError("expected `scheme: https` beside `ca`")
        return self


def same(address: str) -> str:
    """The address in the one form that all spellings of it share: `[0:0::1]:80` and `[::1]:80`."""
    host, _, port = address.rpartition(":")
    if host.startswith("["):
        host = f"[{ipaddress.IPv6Address(host[1:-1])}]"
    return f"{host.lower()}:{int(port)}"
