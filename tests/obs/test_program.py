"""The program refuses a configuration that is not the file's, and secrets that are not there."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.plan import Plan, Secret
from obs.errors import BadInput
from obs.program import check_configuration, secret_values
from stacks.loader import KEY, stack_file


@pytest.fixture
def written() -> Any:
    return yaml.safe_load(stack_file("local").read_text())["config"][KEY]


def test_what_the_file_says_is_accepted_in_any_order(written: Any) -> None:
    check_configuration("local", json.dumps(written, sort_keys=True))


def test_numbers_and_booleans_may_come_as_the_engine_writes_them(written: Any) -> None:
    text = json.dumps(written).replace("21000", "21000.0")
    assert text != json.dumps(written)
    check_configuration("local", text)


@pytest.mark.parametrize("given", [None, "", "{}", "not json", '"text"', "[1]"])
def test_another_value_is_refused(given: str | None) -> None:
    with pytest.raises(BadInput, match=r"stacks/Pulumi\.local\.yaml"):
        check_configuration("local", given)


def test_one_changed_leaf_is_refused(written: Any) -> None:
    changed = {**written, "environment": {**written["environment"], "cluster": "other"}}
    with pytest.raises(BadInput, match="config-file"):
        check_configuration("local", json.dumps(changed))


def plan_with(secret: Secret) -> Plan:
    return Plan(stack="local", host="local", units=(), secrets=(secret,))


def test_a_secret_that_is_not_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_HOOK", raising=False)
    with pytest.raises(pulumi.RunError, match="SLACK_HOOK"):
        secret_values(plan_with(Secret(name="slack", source="environment", key="SLACK_HOOK")))


def test_a_secret_that_is_not_in_the_configuration_is_named() -> None:
    with pytest.raises(pulumi.RunError, match="pulumi config set --secret obs:slack-hook -s local"):
        secret_values(plan_with(Secret(name="slack", source="config", key="slack-hook")))


def test_secrets_made_on_the_host_have_no_value_here() -> None:
    assert secret_values(plan_with(Secret(name="admin", source="generated", key=""))) == {}


def test_the_program_only_wires() -> None:
    program = Path(stack_file("local")).parent.parent / "__main__.py"
    assert len(program.read_text().splitlines()) <= 40
