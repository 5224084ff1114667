"""A stack's keys as one Pulumi resource: its authority, its generated passwords, the operator's certificate.

They are made in `check`, which alone is given what there was before: so they are inputs of the resource,
known in a preview too, and marked as secret, since the program gives an empty secret for each. What is there
is kept; only a replacement of the resource makes all of it anew.
"""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    Resource,
    UpdateResult,
)

from vsi.errors import DeployError
from vsi.keys import secret_key, secret_of
from vsi.paths import check_name
from vsi.resources import InPlace, outputs
from vsi.servers.authority import OPERATOR, Authority
from vsi.servers.parts import StackKeys

AUTHORITY = "ca.pem"
"""The one output that is no secret."""
AUTHORITY_KEY = "ca-key"
OPERATOR_CERTIFICATE, OPERATOR_KEY = f"{OPERATOR}.pem", f"{OPERATOR}.key"
OURS = (AUTHORITY_KEY, OPERATOR_CERTIFICATE, OPERATOR_KEY)
"""Names that no generated secret may have."""


def made(olds: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """The values of all keys: what there was, and what is new."""
    before = Authority(_text(olds, AUTHORITY), _text(olds, secret_key(AUTHORITY_KEY)))
    authority = before if before.whole else Authority.make()
    found = {AUTHORITY: authority.certificate, secret_key(AUTHORITY_KEY): authority.key}
    certificate, key = (_text(olds, secret_key(name)) for name in (OPERATOR_CERTIFICATE, OPERATOR_KEY))
    if authority is not before or not (certificate and key):
        certificate, key = authority.client()
    found |= {secret_key(OPERATOR_CERTIFICATE): certificate, secret_key(OPERATOR_KEY): key}
    for name in names:
        found[secret_key(name)] = _text(olds, secret_key(name)) or secrets.token_urlsafe(24)
    return found


def _text(props: Mapping[str, Any], key: str) -> str:
    value = props.get(key)
    return value if isinstance(value, str) else ""


class KeysProvider(InPlace):
    """Makes what is missing. Nothing stands anywhere but in the state."""

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Fill in the values."""
        names = [name for key in news if (name := secret_of(key)) is not None and name not in OURS]
        failures = []
        for name in names:
            try:
                check_name("secret", name)
            except DeployError as error:
                failures.append(CheckFailure("generated", error.message))
        return CheckResult({**news, **made(olds, names)}, failures)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """They are made already."""
        return CreateResult(f"{props['stack']}/keys", outputs(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """They are made already."""
        return UpdateResult(outputs(news))


class Keys(Resource, module="vsi", name="StackKeys"):
    """The keys of a stack; `secret_inputs` and `authority` hand them on."""

    def __init__(self, part: StackKeys, opts: pulumi.ResourceOptions | None = None) -> None:
        if taken := sorted(set(part.generated) & set(OURS)):
            raise DeployError(part.id, f"secret {taken[0]!r}: this name is taken by the stack's own keys")
        empty = {secret_key(name): pulumi.Output.secret("") for name in (*OURS, *part.generated)}
        super().__init__(KeysProvider(), part.id, {"stack": part.place, AUTHORITY: "", **empty}, opts)

    @property
    def authority(self) -> pulumi.Output[str]:
        """The certificate of the authority."""
        return self._output(AUTHORITY)

    def secret_inputs(self, names: Iterable[str]) -> dict[str, pulumi.Output[str]]:
        """The values of secrets, by name: of those among them that this resource holds."""
        held = {name: secret_key(name) for name in names}
        return {name: self._output(key) for name, key in held.items() if key in self.__dict__}

    def _output(self, key: str) -> pulumi.Output[str]:
        found: pulumi.Output[str] = self.__dict__[key]
        return found
