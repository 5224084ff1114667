"""Values of a stack's configuration, decrypted by the Pulumi engine when somebody needs one."""

from functools import lru_cache

from pulumi.automation.errors import CommandError

from obs.errors import ObsError
from obs.paths import ROOT
from obs.pulumi import BoundPulumi, environment, find_pulumi
from obs.session import check_passphrase


@lru_cache
def value(stack: str, key: str) -> str | None:
    """See `components.target.Decrypt`."""
    check_passphrase(stack)
    pulumi = find_pulumi()
    command = ["config", "get", key, "--stack", stack]
    try:
        said = BoundPulumi(pulumi).run(command, str(ROOT), environment(stack, pulumi)).stdout
    except CommandError as error:
        if any(words in str(error) for words in ("not found", "no stack named")):
            return None
        raise ObsError(f"{key} of the configuration of {stack!r} cannot be read: {error}") from None
    return said.removesuffix("\n")
