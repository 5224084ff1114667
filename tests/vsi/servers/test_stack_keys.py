"""A stack's keys: made once, kept, and a secret wherever they go."""

from pathlib import Path
from typing import Any

import pulumi
import pytest
from cryptography import x509
from pulumi import automation

from vsi.errors import DeployError
from vsi.servers.authority import Authority
from vsi.servers.keys import Keys, KeysProvider, made
from vsi.servers.parts import StackKeys

CA, CA_KEY = "ca.pem", "secret_ca-key"


def asked(*names: str) -> dict[str, Any]:
    """What the program asks for."""
    return {"stack": "dev", CA: "", CA_KEY: "", **{f"secret_{name}": "" for name in names}}


def test_they_are_made_once() -> None:
    first = made({}, ["one", "two"])
    assert Authority(first[CA], first[CA_KEY]).whole
    assert len({first["secret_one"], first["secret_two"]}) == 2
    assert all(len(first[f"secret_{name}"]) == 32 for name in ("one", "two"))
    operator = x509.load_pem_x509_certificate(first["secret_operator.pem"].encode())
    operator.verify_directly_issued_by(x509.load_pem_x509_certificate(first[CA].encode()))
    assert made(first, ["one", "two"]) == first


def test_what_is_new_is_added_and_what_is_gone_is_dropped() -> None:
    first = made({}, ["one", "two"])
    second = made(first, ["two", "three"])
    assert set(second) == set(first) - {"secret_one"} | {"secret_three"}
    assert {key: second[key] for key in first if key in second} == {
        key: value for key, value in first.items() if key != "secret_one"
    }


@pytest.mark.parametrize(
    "spoilt", [{CA: "scribbled"}, {CA_KEY: ""}, {CA: None}, {CA_KEY: pulumi.runtime.rpc.UNKNOWN}]
)
def test_an_authority_that_signs_nothing_is_made_anew(spoilt: dict[str, Any]) -> None:
    first = made({}, ["one"])
    second = made({**first, **spoilt}, ["one"])
    assert Authority(second[CA], second[CA_KEY]).whole
    assert second[CA] != first[CA]
    assert second["secret_operator.pem"] != first["secret_operator.pem"]
    assert second["secret_one"] == first["secret_one"]


def test_the_provider_fills_in() -> None:
    provider = KeysProvider()
    first = provider.check({}, asked("one")).inputs
    assert first["stack"] == "dev"
    assert provider.create({**first, "__provider": "x"}).outs == first
    again = provider.check(first, asked("one")).inputs
    assert not provider.diff("", first, again).changes
    more = provider.check(first, asked("one", "two")).inputs
    assert provider.diff("", first, more).changes
    assert provider.update("", first, {**more, "__provider": "x"}).outs == more


def test_odd_names_are_refused() -> None:
    (failure,) = KeysProvider().check({}, asked("../one")).failures
    assert "secret name '../one'" in failure.reason
    with pytest.raises(DeployError, match="'ca-key': this name is taken"):
        Keys(StackKeys(place="dev", pillar="services", generated=("ca-key",)))


@pytest.mark.engine
def test_under_the_real_engine(stack: automation.LocalWorkspaceOptions, tmp_path: Path) -> None:
    generated = ["one", "two"]
    known: list[bool] = []

    def program() -> None:
        keys = Keys(StackKeys(place="dev", pillar="services", generated=tuple(generated)))
        held = keys.secret_inputs([*generated, "from elsewhere", "ca-key", "operator.key"])
        assert set(held) == {*generated, "ca-key", "operator.key"}
        for name, output in held.items():
            pulumi.export(name, output)
            output.apply(lambda value: known.append(bool(value)))
        pulumi.export(CA, keys.authority)

    made = automation.create_stack("dev", "p", program, opts=stack)
    heard: list[str] = []
    made.preview(on_output=heard.append, diff=True)
    assert known == [True] * 4  # a unit's preview needs to know them
    first = made.up(on_output=heard.append).outputs
    assert Authority(first[CA].value, first["ca-key"].value).whole
    assert {name for name, output in first.items() if not output.secret} == {CA}

    assert made.up(on_output=heard.append).summary.resource_changes == {"same": 2}
    assert made.refresh(on_output=heard.append).summary.resource_changes == {"same": 2}

    generated[:] = ["two", "three"]
    preview = made.preview(on_output=heard.append, diff=True).stdout
    assert "+ secret_three" in preview
    assert "[secret]" in preview
    second = made.up(on_output=heard.append).outputs
    kept = {name: output.value for name, output in second.items() if name != "three"}
    assert kept == {name: output.value for name, output in first.items() if name != "one"}

    urn = f"urn:pulumi:dev::p::{StackKeys.TOKENS[0]}::keys@dev"
    third = made.up(on_output=heard.append, replace=[urn]).outputs
    assert not {output.value for output in third.values()} & {output.value for output in second.values()}

    values = {out.value for outs in (first, second, third) for name, out in outs.items() if name != CA}
    text = "".join(file.read_text(errors="replace") for file in tmp_path.rglob("*.json") if file.is_file())
    assert "secret_three" in text
    for value in values:
        for line in value.splitlines():
            assert line.startswith("-----") or line not in text
            assert line.startswith("-----") or line not in "".join(heard)
    made.destroy(on_output=heard.append)
