"""What one logs in to servers with: values of secrets that are named, and never stand in a plan."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from components.spec.problem import MISSING, AsWritten, Problem, Refused
from components.target import FORGET_HOSTS, decrypted
from vsi.ssh.connection import Login

if TYPE_CHECKING:
    from pulumi.dynamic import ConfigureRequest


class Config(Protocol):
    """A stack's configuration, decrypted."""

    def get(self, key: str) -> str | None:
        """The value of a key; None if there is none."""


@dataclass(frozen=True)
class OfStack:
    """That of a stack, for whoever is no provider."""

    stack: str

    def get(self, key: str) -> str | None:
        """See `Config`."""
        return decrypted(self.stack, key)


def login_of(sources: Mapping[str, str], config: Config | None = None) -> Login:
    """The values, each from where its text `source:key` says. Refused with all that are not there."""
    values: dict[str, str] = {}
    problems = []
    for name, text in sorted(sources.items()):
        source, _, key = text.partition(":")
        if source == "environment":
            value, where = os.environ.get(key), f"the environment variable {key}"
        else:
            value = config.get(f"obs:{key}") if config else None
            where = f"obs:{key} of the stack's configuration (pulumi config set --secret obs:{key})"
        if value:
            values[name] = value
        else:
            expected = f"expected a value, in {where}, which is not set"
            problems.append(Problem((AsWritten(f"servers.{name}"),), MISSING, expected))
    if problems:
        raise Refused(problems)
    return Login(**values)


def given_up(host: str) -> bool:
    """Whether the user has given up a host: nothing on it is looked at or taken away any more."""
    return host in os.environ.get(FORGET_HOSTS, "").split()


class LoggedIn:
    """Of a provider: logs in to the hosts of its resources with what they name.

    It is no input of theirs: a new key is no change of what stands on a host."""

    _config: Config | None = None

    def configure(self, req: "ConfigureRequest") -> None:
        """Values may stand in the stack's configuration, which the Pulumi engine decrypts."""
        self._config = req.config

    def login(self, props: Mapping[str, Any]) -> Login:
        """What one logs in with to the host of a resource."""
        sources = props.get("login")
        return login_of(sources, self._config) if sources else Login()
