"""A stack's keys as one Pulumi resource: its authority, the certificates, the generated passwords.

They are made in `check`, which alone is given what there was before: so they are inputs of the resource,
known in a preview too, and marked as secret, since the program gives an empty secret for each. What is
there is kept; only a replacement of the resource makes all of it anew.
"""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckResult,
    CreateResult,
    DiffResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from k8s import authority
from k8s.parts import StackKeys

CA, CA_KEY = "ca.pem", "ca.key"
_PREFIX = "secret_"
_PROVIDER = "__provider"


def made(olds: Mapping[str, Any], names: Mapping[str, list[str]], passwords: Iterable[str]) -> dict[str, str]:
    """The values of all keys: what there was, and what is new. `names`: those of each certificate."""

    def before(name: str) -> str:
        value = olds.get(f"{_PREFIX}{name}")
        return value if isinstance(value, str) else ""

    pair = (before(CA), before(CA_KEY))
    fresh = not all(pair)
    if fresh:
        pair = authority.make()
    found = {CA: pair[0], CA_KEY: pair[1]}
    for name, sans in names.items():
        certificate, key = before(f"{name}.pem"), before(f"{name}.key")
        if fresh or not key or authority.names_of(certificate) != {name, *sans}:
            certificate, key = authority.signed(pair, name, sans)
        found |= {f"{name}.pem": certificate, f"{name}.key": key}
    for name in passwords:
        found[name] = before(name) or secrets.token_urlsafe(24)
    return {f"{_PREFIX}{name}": value for name, value in found.items()}


class KeysProvider(ResourceProvider):
    """Makes what is missing. Nothing stands anywhere but in the state."""

    serialize_as_secret_always = False

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Fill in the values."""
        return CheckResult({**news, **made(olds, news["names"], news["passwords"])}, [])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """They are made already."""
        return CreateResult(f"{props['stack']}/keys", _outputs(props))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Anything that differs is an update in place."""
        keys = (set(olds) | set(news)) - {_PROVIDER}
        return DiffResult(changes=any(olds.get(key) != news.get(key) for key in keys), replaces=[])

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """They are made already."""
        return UpdateResult(_outputs(news))


def _outputs(props: Mapping[str, Any]) -> dict[str, Any]:
    """All inputs under their own keys: only so the engine marks the outputs of secret inputs as secret."""
    return {key: value for key, value in props.items() if key != _PROVIDER}


class Keys(Resource, module="k8s", name="StackKeys"):
    """The keys of a stack; `value` hands them on."""

    def __init__(self, part: StackKeys, opts: pulumi.ResourceOptions | None = None) -> None:
        names = {name: list(sans) for name, sans in part.certificates}
        files = [CA, CA_KEY, *(f"{name}.{kind}" for name in names for kind in ("pem", "key"))]
        self.held = frozenset([*files, *part.generated])
        empty = {f"{_PREFIX}{name}": pulumi.Output.secret("") for name in sorted(self.held)}
        props = {"stack": part.place, "names": names, "passwords": list(part.generated), **empty}
        super().__init__(KeysProvider(), part.id, props, opts)

    def value(self, name: str) -> pulumi.Output[str]:
        """The value of a password, or what a file of a certificate holds."""
        found: pulumi.Output[str] = self.__dict__[f"{_PREFIX}{name}"]
        return found
