"""What a plan for servers holds beside the units: the stack's keys, and each host made ready for them."""

from typing import ClassVar

from components.plan import Frozen, Part
from vsi import keys


class StackKeys(Part):
    """The authority and the passwords of a stack, made once on the control machine: `keys@<stack>`."""

    TOKENS: ClassVar[tuple[str, ...]] = ("pulumi-python:dynamic/vsi:StackKeys",)

    name: str = "keys"
    generated: tuple[str, ...] = ()
    """Names of the secrets that are made up."""

    @classmethod
    def file_of(cls, key: tuple[str, ...]) -> str | None:
        """The certificate of the authority."""
        return keys.file_of(key[0]) if len(key) == 1 else None


class Certificate(Frozen):
    """One certificate of a host: its key never leaves the host."""

    name: str
    """`secrets/tls/<name>.pem` and `.key`, good for this name and for `localhost` too."""
    sans: tuple[str, ...] = ()
    """Names and addresses under which others reach what uses it."""


class HostReady(Part):
    """A host with what its units need: the engines, keys and certificates: `host@<host>`."""

    TOKENS: ClassVar[tuple[str, ...]] = ("pulumi-python:dynamic/vsi:HostReady",)

    name: str = "host"
    engines: tuple[str, ...] = ()
    """Catalogue names of what runs there."""
    certificates: tuple[Certificate, ...] = ()

    @classmethod
    def file_of(cls, key: tuple[str, ...]) -> str | None:
        """The certificate of the authority."""
        return keys.file_of(key[0]) if len(key) == 1 else None
