"""Servers that a stack goes to: where each is, how it is reached, and what it does."""

import base64
import binascii
import ipaddress
import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.functional_validators import AfterValidator

from components.spec.base import LabelName, LabelValue, Like, Model, Name, duplicates

Role = Literal["metrics", "alerting", "logs", "traces", "gateway", "agent", "demo"]
"""What a host does for its stack. Every host with a role is an agent too."""

_NUMBERS = re.compile(r"[0-9.]+")


def _address(value: str) -> str:
    if ":" not in value and not _NUMBERS.fullmatch(value):
        return value
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        version = "6" if ":" in value else "4"
        raise ValueError(
            f"expected an IPv{version} address, or a name with a letter; a port has a key of its own"
        ) from None
    if address.is_loopback or address.is_unspecified or address.is_multicast:
        raise ValueError("expected an address under which the other hosts reach this one")
    return value


def _host_key(value: str) -> str:
    kind, _, key = value.partition(" ")
    try:
        parts = _parts(base64.b64decode(key, validate=True))
    except binascii.Error:
        parts = []
    if len(parts) < 2 or parts[0] != kind.encode():
        raise ValueError("expected a whole key, of the kind that stands before it")
    return value


def _parts(key: bytes) -> list[bytes]:
    """What a key is made of, each part behind its length; nothing where it ends too early."""
    found: list[bytes] = []
    while key:
        end = 4 + int.from_bytes(key[:4], "big")
        if end > len(key):
            return []
        found.append(key[4:end])
        key = key[end:]
    return found


Address = Annotated[
    str,
    Like(
        r"^(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*|"
        r"(?=[0-9A-Fa-f.]*:)[0-9A-Fa-f:.]{2,45})$",
        "an IPv4 or IPv6 address or a name, as in '192.0.2.11', '2001:db8::11' or 'obs-1.example', without "
        "user and port, which have keys of their own",
    ),
    AfterValidator(_address),
]
"""Where a host is: under this address it is reached, and its programs listen."""

User = Annotated[
    str,
    Like(
        r"^[a-z_][a-z0-9_-]{0,31}$",
        "a user's name: lower-case letters, digits, underscores and hyphens, at most 32, first a letter",
    ),
]

HostKey = Annotated[
    str,
    Like(
        r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]{16,2000}={0,2}$",
        "a public key as in 'ssh-ed25519 AAAAC3Nza...': its kind, a blank and the key, as `ssh-keyscan` "
        "prints them after the name",
    ),
    AfterValidator(_host_key),
]
"""A key that a host shows to whoever connects."""

Port = Annotated[int, Field(ge=1, le=65535)]


class Host(Model):
    """One server."""

    name: Name
    address: Address
    user: User | None = None
    """Who logs in, if not `servers.user`."""
    port: Port | None = None
    """Of its SSH server, if not `servers.port`."""
    roles: tuple[Role, ...] = ()
    """What it does; with any of them it is an agent too. Without, nothing is put there: others are reached
    through it."""
    labels: dict[LabelName, LabelValue] = {}
    """On the series of what is scraped there."""
    jump: Name | None = None
    """The host through which this one is reached."""
    host_keys: tuple[HostKey, ...] = ()
    """The keys that it may show; any other is refused."""

    @model_validator(mode="after")
    def _roles_once(self) -> Self:
        if twice := duplicates(list(self.roles)):
            raise ValueError(f"expected each role once; twice: {', '.join(twice)}")
        return self

    @property
    def at(self) -> str:
        """Its address as it stands before a port: IPv6 in brackets."""
        return f"[{self.address}]" if ":" in self.address else self.address

    def does(self, role: Role) -> bool:
        """Whether it has a role; every one that has any is an agent."""
        return role in self.roles or (role == "agent" and bool(self.roles))


class Servers(Model):
    """The servers of a stack, and how one logs in there."""

    user: User = "root"
    """Who logs in; another than root needs sudo."""
    port: Port = 22
    """Of the SSH servers."""
    key: Name | None = None
    """Name of the secret with the private key; without, the keys of the SSH agent are tried."""
    sudo_password: Name | None = None
    """Name of the secret with the password that sudo asks for; without, it is to ask for none."""
    hosts: tuple[Host, ...] = ()

    def of_role(self, role: Role) -> tuple[Host, ...]:
        """The hosts that have a role, in the order given."""
        return tuple(host for host in self.hosts if host.does(role))


__all__ = ["Address", "Host", "HostKey", "Role", "Servers", "User"]
