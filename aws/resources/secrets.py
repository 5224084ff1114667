"""Values in Secrets Manager: those that are brought, and those that are made once."""

from collections.abc import Iterable, Mapping

import pulumi
from pulumi_aws import secretsmanager

from aws.resources.component import Component

LENGTH = 32
AWKWARD = "\"'\\`$&<>/@:#%?{}[]() "
"""Characters that some file or URL would have to escape."""


def kept(of: Component, name: str, called: str, value: pulumi.Input[str]) -> secretsmanager.SecretVersion:
    """A value that was brought."""
    return _version(of, name, called, value, [])


def brought(
    of: Component, given: Iterable[tuple[str, str]], values: Mapping[str, pulumi.Output[str]]
) -> list[secretsmanager.SecretVersion]:
    """Values that a program reads, but for those that another brought already."""
    return [
        kept(of, name, called, values[name])
        for name, called in given
        if f"secret/{name}" not in of.account.late
    ]


def generated(of: Component, name: str, called: str) -> secretsmanager.SecretVersion:
    """A password that AWS makes, once: what a later run is offered is ignored, so whoever needs the value
    takes it from the version, which has the first."""
    made = secretsmanager.get_random_password_output(
        password_length=LENGTH,
        exclude_characters=AWKWARD,
        require_each_included_type=True,
        opts=pulumi.InvokeOutputOptions(provider=of.account.provider),
    )
    return _version(of, name, called, pulumi.Output.secret(made.random_password), ["secret_string"])


def _version(
    of: Component, name: str, called: str, value: pulumi.Input[str], ignored: list[str]
) -> secretsmanager.SecretVersion:
    secret = secretsmanager.Secret(
        of.named(name),
        name=called,
        kms_key_id=of.account.late["key"],
        # One that waits for its end has its name still, and an `up` after a `destroy` could not make it.
        recovery_window_in_days=0,
        opts=of.options(),
    )
    of.account.late[f"secret/{name}"] = secret.arn
    return secretsmanager.SecretVersion(
        of.named(f"{name}-value"),
        secret_id=secret.id,
        secret_string=value,
        opts=of.options(ignore_changes=ignored),
    )
