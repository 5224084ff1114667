"""The program refuses a configuration that is not the file's, and secrets that are not there."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.plan import Secret
from components.spec.problem import Refused
from stacks.loader import KEY, stack_file
from targets.program import check_configuration, secret_values
from tests import specs
from tests.loops import event_loop
from vsi.plan import plan
from vsi.unit import HostPlan


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
    with pytest.raises(pulumi.RunError, match=r"stacks/Pulumi\.local\.yaml"):
        check_configuration("local", given)


def test_one_changed_leaf_is_refused(written: Any) -> None:
    changed = {**written, "environment": {**written["environment"], "cluster": "other"}}
    with pytest.raises(pulumi.RunError, match="config-file"):
        check_configuration("local", json.dumps(changed))


RECEIVERS = [
    {"name": "slack", "kind": "slack", "secret": "slack"},
    {"name": "pager", "kind": "pagerduty", "secret": "pager"},
    *specs.stack()["alerting"]["receivers"],
]
KEY_32 = "0123456789abcdefABCDEF0123456789"
HOOK = "https://hooks.slack.example/services/T0/B0/x"


@pytest.fixture
def loop() -> Iterator[None]:
    """An event loop, as the language host has one: outputs are futures of it, and an `asyncio.run` of
    another test leaves the thread without one."""
    with event_loop():
        yield


@pytest.fixture(params=["environment", "config"])
def given(loop: None, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The program's secrets with these values, from each place that they can come from."""

    def values(**texts: str | None) -> dict[str, Any]:
        monkeypatch.setattr(pulumi.runtime, "get_config", lambda key: texts.get(key.removeprefix("obs:")))
        for name, text in texts.items():
            monkeypatch.delenv(name, raising=False)
            if text is not None:
                monkeypatch.setenv(name, text)
        secrets = [{"name": name, "source": request.param, "key": name} for name in ("slack", "pager")]
        spec = specs.spec(secrets=secrets, alerting={"receivers": RECEIVERS})
        return secret_values(spec, plan(spec, "local"))

    return values


def test_good_secrets_are_taken(given: Callable[..., Any]) -> None:
    assert set(given(slack=f"{HOOK}\n", pager=KEY_32)) == {"slack", "pager"}


@pytest.mark.parametrize(
    ("slack", "told"),
    [
        (None, "is not set"),
        ("", "is set but empty"),
        (" \n", "is set but empty"),
        ("hunter2", "is none"),
        ("hooks.slack.example/services/hunter2", "is none"),
        ("ftp://hooks.slack.example/hunter2", "is none"),
        ("https:///hunter2", "is none"),
        ("https://hooks.slack.example:hunter2/", "is none"),
        ("https://hooks.slack.example/\nhttps://hunter2", "is none"),
        ("https://[hunter2", "is none"),
    ],
)
def test_a_webhook_that_cannot_work_is_named_and_not_shown(
    given: Callable[..., Any], slack: str | None, told: str
) -> None:
    with pytest.raises(Refused) as caught:
        given(slack=slack, pager=KEY_32)
    text = str(caught.value)
    assert text.startswith("secret slack: expected a receiver's URL")
    assert told in text
    assert "hunter2" not in text


def test_all_that_is_wrong_is_told_at_once(given: Callable[..., Any]) -> None:
    with pytest.raises(Refused) as caught:
        given(slack="", pager="https://events.pagerduty.example/")
    told = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in told] == ["secret pager", "secret slack"]
    assert "routing key" in told[0]


def test_a_secret_that_is_not_in_the_configuration_is_told_how_to_set() -> None:
    secret = Secret(name="slack", source="config", key="slack-hook")
    with pytest.raises(Refused, match="pulumi config set --secret obs:slack-hook -s local"):
        secret_values(specs.spec(), HostPlan(stack="local", parts=(), secrets=(secret,)))


def test_secrets_made_on_the_host_have_no_value_here() -> None:
    assert secret_values(specs.spec(), plan(specs.spec(), "local")) == {}


def test_the_program_only_wires() -> None:
    program = Path(stack_file("local")).parent.parent / "__main__.py"
    assert len(program.read_text().splitlines()) <= 40
