"""The translation between plan, Pulumi inputs and requests; and what `read` finds."""

import json
from typing import Any

import pulumi
import pytest

from components.plan import Secret
from tests.vsi.conftest import Place
from vsi.carry_out import ApplyFailed
from vsi.inputs import inputs_of, request_of
from vsi.provider import UnitProvider
from vsi.unit import HostUnit

VALUE = "s3cret-Value-of-a-hook"
SECRETS = (
    Secret(name="hook", source="environment", key="HOOK"),
    Secret(name="made", source="generated", key=""),
)


def props_of(place: Place, unit: HostUnit, engines: dict[str, str] | None = None) -> dict[str, Any]:
    plan = place.plan(secrets=SECRETS, tls_names=("admin",))
    props = inputs_of(plan, unit, engines or {name: f"{name} 1" for name in unit.engines})
    return props | ({"secret_hook": VALUE} if "hook" in unit.secrets else {})


def rich(place: Place, text: str = "one") -> HostUnit:
    return place.unit(
        text=text,
        files={"rules/gateway.yml": "a: 1\n", "LICENSE": "x", "secret_note.txt": "y"},
        checks=(("test", "-f", "LICENSE"), ("true",)),
        setup=("true",),
        engines=(),
        secrets=("hook", "made"),
        process={"environment": (("A", "b"),), "stop_signal": "INT", "restart_files": ("LICENSE",)},
    )


def test_inputs_and_back(place: Place) -> None:
    unit = rich(place).model_copy(update={"engines": ("prometheus",), "needs": ("beta@local", "gamma@other")})
    props = props_of(place, unit)
    assert {"app.conf", "rules/gateway.yml", "./LICENSE", "./secret_note.txt"} <= set(props)
    assert props["needs"] == ["beta", "gamma@other"]
    request = request_of(props)
    assert request.unit == unit
    assert request.secrets == SECRETS
    assert request.values == {"hook": VALUE}
    assert request.engines == {"prometheus": "prometheus 1"}
    assert VALUE not in json.dumps(inputs_of(place.plan(secrets=SECRETS), unit, request.engines))

    # only texts, lists and maps of texts
    def texts(value: Any) -> bool:
        if isinstance(value, dict):
            return all(texts(item) for item in value.values())
        return all(texts(item) for item in value) if isinstance(value, list) else isinstance(value, str)

    assert texts(props)


def test_diff_names_any_difference_and_replaces_nothing(place: Place) -> None:
    provider, olds = UnitProvider(), props_of(place, rich(place))
    assert provider.diff("x", olds, dict(olds)).changes is False
    for news in (
        props_of(place, rich(place, "two")),
        {**olds, "plan_version": "1"},
        {**olds, "rules/b.yml": ""},
    ):
        result = provider.diff("x", olds, news)
        assert (result.changes, result.replaces) == (True, [])


def test_check_refuses_before_anything_is_changed(place: Place) -> None:
    provider, props = UnitProvider(), props_of(place, rich(place))
    assert provider.check({}, props).failures == []
    for change, words in (
        ({"../x": "", "a/../../b": ""}, "expected a path below the conf folder"),
        ({"unit": "A B"}, "expected small letters"),
        ({"secrets": {"hook": "nowhere:x"}}, "source: Input should be"),
    ):
        (failure,) = provider.check({}, {**props, **change}).failures
        assert words in failure.reason
        assert VALUE not in failure.reason
    del props["process"]
    assert [f.reason for f in provider.check({}, props).failures] == ["input 'process' is missing"]
    assert provider.check({}, {**props, "secret_hook": pulumi.runtime.rpc.UNKNOWN}).failures == []


def test_life_of_a_resource(place: Place) -> None:
    provider, props = UnitProvider(), props_of(place, rich(place))
    assert provider.read("toys/local/alpha", props).id == ""
    created = provider.create({**props, "__provider": "p"})
    assert (created.id, created.outs) == ("toys/local/alpha", props)
    assert place.served() == "one"

    calm = provider.read(created.id, {**props, "__provider": "p"})
    assert (calm.id, calm.outs, calm.inputs) == (created.id, props, None)

    place.conf().write_text("by hand")
    place.conf("LICENSE").unlink()
    place.conf("rules/more.yml").write_text("12345")
    (place.state.secrets / "hook").write_text("other")
    (place.state.secrets / "made").unlink()
    place.supervisor.stop("alpha")
    found = provider.read(created.id, props)
    assert found.outs == found.inputs
    assert found.outs is not None
    assert found.outs["app.conf"] == "by hand"
    assert "./LICENSE" not in found.outs
    assert found.outs["rules/more.yml"] == "not planned, 5 bytes"
    assert found.outs["secrets"] == {"hook": "changed on the host", "made": "missing on the host"}
    assert found.outs["secret_hook"] == VALUE
    assert found.outs["process_state"] == "stopped"
    assert provider.diff(created.id, found.outs, props).changes

    assert provider.update(created.id, found.outs, props).outs == props
    assert provider.read(created.id, props).inputs is None
    provider.delete(created.id, props)
    assert provider.read(created.id, props).id == ""


def test_unit_that_was_left_half_done_counts_as_drifted(place: Place) -> None:
    provider, unit = UnitProvider(), place.unit(setup=("sh", "-c", "echo not today; exit 1"))
    props = props_of(place, unit)
    with pytest.raises(ApplyFailed, match="alpha: setup failed:\nnot today"):
        provider.create(props)
    assert provider.read("x", props).outs["process_state"] == "running, last apply did not finish"  # type: ignore[index]


def test_failure_is_one_message_without_secrets(place: Place) -> None:
    unit = place.unit(secrets=("hook",), checks=(("sh", "-c", "cat ../../../secrets/hook; exit 1"),))
    with pytest.raises(ApplyFailed) as failure:
        UnitProvider().create(props_of(place, unit))
    assert str(failure.value) == (
        "alpha: check 1 (sh) rejected the new configuration; the running one is untouched:\n***"
    )
    assert failure.value.__cause__ is None


def test_pickles_by_reference() -> None:
    from pulumi.dynamic.dynamic import serialize_provider

    assert len(serialize_provider(UnitProvider())) < 100
