"""Which host, under which address, known by which keys; and what one logs in with."""

import base64
import binascii
import contextlib
import hashlib
import re

from pydantic import ConfigDict, Field, field_validator, model_validator

from components.plan import Frozen

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.@-]*\$?")
_ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*(%[A-Za-z0-9_.-]+)?|::[0-9A-Fa-f.:]*")
_OPENSSH, _UNLOCKED = b"openssh-key-v1\0", b"\0\0\0\4none"
_KIND = re.compile(r"[a-z0-9@.-]+")


class Connection(Frozen):
    """The way to one host. Holds no secret."""

    host: str
    """Its name in the stack."""
    address: str
    port: int = Field(default=22, ge=1, le=65535)
    user: str = "root"
    """Who is not root becomes it by sudo."""
    jump: "Connection | None" = None
    """The host through which this one is reached."""
    host_keys: tuple[str, ...] = ()
    """Its public keys, each `type base64`: any other key is refused."""

    @field_validator("host", "address", "user")
    @classmethod
    def _plain(cls, text: str, info: object) -> str:
        """They become words of a command line: an option, or a blank, would do something else."""
        name = getattr(info, "field_name", "")
        expected = {"host": _NAME, "user": _USER, "address": _ADDRESS}[name]
        if not expected.fullmatch(text):
            raise ValueError(f"{text!r} is no {name}")
        return text

    @field_validator("host_keys")
    @classmethod
    def _keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        """Without their comments."""
        return tuple(public_key(key) for key in keys)

    @model_validator(mode="after")
    def _short_way(self) -> "Connection":
        names, hop = [self.host], self.jump
        while hop is not None:
            names.append(hop.host)
            hop = hop.jump
        if len(set(names)) < len(names):
            raise ValueError(f"{' by way of '.join(names)}: a host cannot be its own jump host")
        return self

    @property
    def place(self) -> str:
        """For people: the host, and where it is."""
        return f"{self.host} ({self.user}@{self.address}, port {self.port})"


class Login(Frozen):
    """What one logs in with. Shows nothing of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: str | None = Field(default=None, repr=False)
    """The text of a private key without a passphrase; None for those of the user's SSH agent."""
    sudo_password: str | None = Field(default=None, repr=False)
    """None where root needs none."""


def is_locked(key: str) -> bool:
    """Whether a private key has a passphrase."""
    if "ENCRYPTED" in key:
        return True
    lines = [line.strip() for line in key.splitlines() if not line.startswith("-")]
    with contextlib.suppress(binascii.Error):
        blob = base64.b64decode("".join(lines))
        return blob.startswith(_OPENSSH) and not blob.startswith(_OPENSSH + _UNLOCKED)
    return False


def public_key(text: str) -> str:
    """`type base64` of a line of a public key file. ValueError if it is none."""
    words = text.split()
    if len(words) < 2 or not _KIND.fullmatch(words[0]):
        raise ValueError(
            f"{text!r}: expected a public key as in /etc/ssh/ssh_host_ed25519_key.pub: `type base64`"
        )
    try:
        blob = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        blob = b""
    size = int.from_bytes(blob[:4], "big")
    if blob[4 : 4 + size] != words[0].encode():
        raise ValueError(f"{words[0]} {words[1][:20]}…: this is not a whole public key of that type")
    return f"{words[0]} {words[1]}"


def fingerprint(key: str) -> str:
    """`SHA256:…` of a public key, as `ssh-keygen -l` says it."""
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
