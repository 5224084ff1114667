"""What the Pulumi engine says of a value of a stack's configuration."""

from typing import Any

import pytest
from pulumi.automation import CommandResult
from pulumi.automation.errors import CommandError

from obs import configuration
from obs.errors import ObsError


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> list[CommandResult]:
    """What the engine will say."""
    answers: list[CommandResult] = []

    class Pulumi:
        def __init__(self, path: object) -> None:
            del path

        def run(self, command: list[str], *_: Any) -> CommandResult:
            assert command == ["config", "get", "obs:ssh-key", "--stack", "dev"]
            if answers[0].code:
                raise CommandError(answers[0])
            return answers[0]

    configuration.value.cache_clear()
    monkeypatch.setattr(configuration, "BoundPulumi", Pulumi)
    monkeypatch.setattr(configuration, "find_pulumi", lambda: "pulumi")
    monkeypatch.setattr(configuration, "environment", lambda *_: {})
    return answers


def test_a_value(said: list[CommandResult]) -> None:
    said.append(CommandResult("-----BEGIN\nabc\n", "", 0))
    assert configuration.value("dev", "obs:ssh-key") == "-----BEGIN\nabc"


@pytest.mark.parametrize(
    "words",
    ["configuration key 'obs:ssh-key' not found for stack 'dev'", "no stack named 'dev' found"],
)
def test_one_that_is_not_there(said: list[CommandResult], words: str) -> None:
    said.append(CommandResult("", f"error: {words}", 255))
    assert configuration.value("dev", "obs:ssh-key") is None


def test_one_that_cannot_be_decrypted_is_told(said: list[CommandResult]) -> None:
    said.append(CommandResult("", "error: incorrect passphrase", 255))
    with pytest.raises(ObsError, match="obs:ssh-key of the configuration of 'dev' cannot be read: "):
        configuration.value("dev", "obs:ssh-key")
