"""What resources of a stack gave, secrets in plain: asked of the Pulumi engine when somebody needs it."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pulumi.automation.errors import CommandError

from components.target import Outputs
from obs.errors import ObsError
from obs.paths import ROOT
from obs.pulumi import BoundPulumi, environment, find_pulumi


def outputs_of(stack: str) -> Outputs:
    """The outputs of a stack's resources, by the name of each; the state is decrypted once, if at all."""

    @lru_cache(maxsize=1)
    def resources() -> dict[str, Mapping[str, Any]]:
        pulumi = find_pulumi()
        command = ["stack", "export", "--show-secrets", "--stack", stack]
        try:
            said = BoundPulumi(pulumi).run(command, str(ROOT), environment(stack, pulumi)).stdout
        except CommandError as error:
            raise ObsError(f"the state of {stack!r} cannot be read: {error}") from None
        found = json.loads(said)["deployment"].get("resources") or ()
        return {item["urn"].rpartition("::")[2]: item.get("outputs") or {} for item in found}

    def ask(name: str) -> Mapping[str, Any]:
        if name not in resources():
            raise ObsError(f"{name} was not deployed. Run: obs up {stack}")
        return {key: _plain(value) for key, value in resources()[name].items()}

    return ask


def _plain(value: Any) -> Any:
    """A decrypted secret stands in the state as JSON text beside the engine's mark."""
    if isinstance(value, dict) and "plaintext" in value:
        return json.loads(value["plaintext"])
    return value
