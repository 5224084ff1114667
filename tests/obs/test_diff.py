"""A preview shows what changes, and no secret."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from pulumi.runtime.rpc import UNKNOWN

from components.errors import SuiteError
from components.plan import Part
from obs.diff import MASK, SECRET_SIGNATURE, Change, PartChange, hidden, masked
from obs.diff import changes as changes_of
from obs.parts import Parts
from obs.preview import Collector
from vsi.unit import HostUnit

SECRET = {
    SECRET_SIGNATURE: "1b47061264138c4ac30d75fd1eb44270",
    "ciphertext": "v1:abc",
    "plaintext": '"hunter2"',
}
RULES = "".join(f"- alert: A{number}\n" for number in range(40))


def changes(old: dict[str, Any], new: dict[str, Any]) -> tuple[Change, ...]:
    return changes_of(old, new, HostUnit.file_of)


def by_name(found: tuple[Change, ...]) -> dict[str, Change]:
    return {change.name: change for change in found}


def test_equal_inputs_have_no_changes() -> None:
    assert changes({"a.yml": RULES, "token": SECRET}, {"a.yml": RULES, "token": SECRET}) == ()


def test_one_line_of_many_is_shown_with_its_neighbours_only() -> None:
    (change,) = changes({"rules/shop.yml": RULES}, {"rules/shop.yml": RULES.replace("A20\n", "B20\n")})
    assert (change.name, change.kind, change.file) == ("rules/shop.yml", "changed", True)
    assert [line for line in change.lines if line[0] in "+-"] == ["-- alert: A20", "+- alert: B20"]
    assert len(change.lines) == 1 + 3 + 2 + 3


def test_files_come_and_go_by_name() -> None:
    found = by_name(changes({"old.yml": "a\n", "same.yml": "x"}, {"new.yml": "b\nc\n", "same.yml": "x"}))
    assert {name: change.kind for name, change in found.items()} == {"new.yml": "new", "old.yml": "removed"}
    assert found["new.yml"].lines == ("@@ -0,0 +1,2 @@", "+b", "+c")


def test_settings_are_compared_entry_by_entry() -> None:
    old = json.dumps({"command": ["prometheus", "--web.listen-address=127.0.0.1:1"], "stop_seconds": 20})
    new = json.dumps({"stop_seconds": 30, "command": ["prometheus", "--web.listen-address=127.0.0.1:1"]})
    (change,) = changes({"process": old}, {"process": new})
    assert not change.file
    assert [line for line in change.lines if line[0] in "+-"] == [
        '-  "stop_seconds": 20',
        '+  "stop_seconds": 30',
    ]


def test_the_order_of_keys_in_json_is_no_change() -> None:
    assert changes({"process": '{"a": 1, "b": 2}'}, {"process": '{"b": 2, "a": 1}'}) == ()


def test_entries_of_a_mapping_stand_for_themselves() -> None:
    (change,) = changes(
        {"engines": {"prometheus": "k1", "jaeger": "j"}}, {"engines": {"prometheus": "k2", "jaeger": "j"}}
    )
    assert change.name == "engines: prometheus"
    assert not change.file


def test_the_provider_itself_is_not_shown() -> None:
    assert changes({"__provider": "a"}, {"__provider": "b"}) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"secret_hook": SECRET}, {}),
        ({}, {"secret_hook": SECRET}),
        ({"secret_hook": "hunter1-plain"}, {"secret_hook": SECRET}),
        ({"box": {"inner": SECRET}}, {"box": {"inner": MASK, "more": "x"}}),
        ({"list": [SECRET, "a"]}, {"list": [SECRET, "b"]}),
        ({"text": json.dumps({"deep": [SECRET]})}, {"text": json.dumps({"deep": [SECRET, 1]})}),
    ],
)
def test_a_secret_is_never_shown(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = changes(old, new)
    assert found
    text = json.dumps([change.lines for change in found])
    assert "hunter2" not in text
    assert "v1:abc" not in text
    assert "ciphertext" not in text
    assert SECRET_SIGNATURE not in text


def test_a_changed_secret_is_named_though_both_sides_are_hidden() -> None:
    inputs = {"secret_hook": SECRET, "a.yml": "a", "__provider": SECRET}
    assert hidden(inputs, HostUnit.file_of) == (
        Change("secret_hook", "changed", False, (f"-{MASK}", f"+{MASK}")),
    )
    step = SimpleNamespace(
        op="update",
        type="pulumi-python:dynamic/vsi:Unit",
        urn="urn:pulumi:local::observability::pulumi-python:dynamic/vsi:Unit::sink@local",
        old=SimpleNamespace(inputs=inputs),
        new=SimpleNamespace(inputs=inputs),
    )
    collector = Collector(Parts([HostUnit]))
    collector(SimpleNamespace(resource_pre_event=SimpleNamespace(metadata=step)))
    assert collector.found() == [PartChange("sink@local", "sink", "update", hidden(inputs, HostUnit.file_of))]


def test_masked_reaches_every_level() -> None:
    assert masked({"a": [{"b": SECRET}], "c": "text"}) == {"a": [{"b": MASK}], "c": "text"}


def event(urn: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> SimpleNamespace:
    step = SimpleNamespace(
        op="update",
        urn=f"urn:pulumi:local::observability::obs:components:ObservabilityStack${urn}",
        old=SimpleNamespace(inputs=old),
        new=SimpleNamespace(inputs=new),
    )
    return SimpleNamespace(resource_pre_event=SimpleNamespace(metadata=step))


def test_parts_of_one_name_on_two_hosts_both_show() -> None:
    collector = Collector(Parts([HostUnit]))
    for host in ("obs-2", "obs-1"):
        urn = f"pulumi-python:dynamic/vsi:Unit::prometheus@{host}"
        collector(event(urn, {"a.yml": "a"}, {"a.yml": host}))

    found = collector.found()
    assert [change.unit for change in found] == ["prometheus@obs-1", "prometheus@obs-2"]
    assert [change.changes[0].lines[-1] for change in found] == ["+obs-1", "+obs-2"]


class Release(Part):
    """As a part of another kind may be: one input is a file, the entries of another are files."""

    TOKENS: ClassVar[tuple[str, ...]] = ("kubernetes:helm.sh/v3:Release",)

    @classmethod
    def file_of(cls, key: tuple[str, ...]) -> str | None:
        if key[0] == "data" and len(key) == 2:
            return key[1]
        return "values.yaml" if key == ("values",) else None


def test_a_part_of_another_kind_shows_with_the_files_that_its_kind_knows() -> None:
    collector = Collector(Parts([HostUnit, Release]))
    old = {"values": {"a": {"b": 1}}, "data": {"x": "1"}, "chart": "prometheus", "version": "1"}
    new = {"values": {"a": {"b": 2}}, "data": {"x": "2"}, "chart": "prometheus", "version": "2"}
    collector(event("kubernetes:helm.sh/v3:Release::prometheus@monitoring", old, new))

    (change,) = collector.found()
    assert change.unit == "prometheus"
    assert [(item.name, item.file) for item in change.changes] == [
        ("values.yaml", True),
        ("version", False),
        ("x", True),
    ]
    assert change.changes[0].lines == ("@@ -1,2 +1,2 @@", " a:", "-  b: 1", "+  b: 2")


def test_what_is_no_part_does_not_show() -> None:
    collector = Collector(Parts([HostUnit]))
    collector(event("obs:components:Metrics::local-metrics", {}, {"a": "1"}))

    assert collector.found() == []


def test_a_file_and_a_setting_of_one_name_are_two() -> None:
    found = changes({"process": "a", "./process": "b"}, {"process": "c", "./process": "d"})

    assert [(change.name, change.file) for change in found] == [("process", False), ("process", True)]


class Metrics(Part):
    """A part that is a component, with resources below it."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Metrics",)

    @classmethod
    def file_of(cls, key: tuple[str, ...]) -> str | None:
        return key[1] if len(key) == 2 and key[0] == "files" else None


def below(op: str, name: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> SimpleNamespace:
    """A step of a resource below the part `metrics`."""
    parent = "urn:pulumi:prod::observability::obs:aws:Metrics::metrics@eu"
    step = SimpleNamespace(
        op=op,
        urn=f"urn:pulumi:prod::observability::obs:aws:Metrics$aws:amp/a:A::{name}",
        old=None if old is None else SimpleNamespace(inputs=old, parent=parent),
        new=None if new is None else SimpleNamespace(inputs=new, parent=parent),
    )
    return SimpleNamespace(resource_pre_event=SimpleNamespace(metadata=step))


def test_what_changes_below_a_part_shows_as_the_parts() -> None:
    collector = Collector(Parts([Metrics]))
    collector(below("update", "log", {"days": 30, "name": "x"}, {"days": 7, "name": "x"}))
    collector(below("same", "key", {"a": "1"}, {"a": "1"}))
    collector(below("create-replacement", "task", {"text": "a"}, {"text": UNKNOWN}))
    collector(below("replace", "task", {"text": "a"}, {"text": UNKNOWN}))
    collector(below("create", "rules", None, {"data": "b"}))
    collector(below("update", "documents", {"content": "x" * 900}, {"content": "y" * 900}))

    (change,) = collector.found()
    assert (change.unit, change.op) == ("metrics", "update")
    assert [(item.name, item.kind, item.lines[-2:]) for item in change.changes] == [
        ("documents: content", "changed", ()),
        ("log: days", "changed", ("-30", "+7")),
        ("rules", "new", ()),
        ("task: text", "changed", ("-a", "+[known when it is made]")),
    ]


def test_what_comes_with_its_part_is_not_told_apart() -> None:
    collector = Collector(Parts([Metrics]))
    own = event("obs:aws:Metrics::metrics@eu", None, {"files": {"a.yml": "a"}})
    own.resource_pre_event.metadata.op = "create"
    collector(own)
    collector(below("create", "log", None, {"days": 30}))
    (change,) = collector.found()
    assert [item.name for item in change.changes] == ["a.yml"]


def test_what_a_place_makes_of_a_change_is_told_beside_it() -> None:
    def made(kind: type[Part], inputs: Mapping[str, Any]) -> dict[str, str]:
        assert kind is Release
        if inputs["version"] == "3":
            raise SuiteError("helm template prometheus failed: no such version")
        there = {} if inputs["version"] == "1" else {"Service web": "port: 9090\n"}
        return {"Deployment web": f"replicas: {inputs['version']}\n", "Role same": "x\n", **there}

    collector = Collector(Parts([HostUnit, Release]), made)
    for name, version in (("one", "2"), ("two", "3")):
        old, new = {"chart": name, "version": "1"}, {"chart": name, "version": version}
        collector(event(f"kubernetes:helm.sh/v3:Release::{name}@monitoring", old, new))

    one, two = collector.found()
    assert [(item.name, item.kind) for item in one.changes] == [
        ("version", "changed"),
        ("Deployment web", "changed"),
        ("Service web", "new"),
    ]
    assert one.changes[1].lines == ("@@ -1 +1 @@", "-replicas: 1", "+replicas: 2")
    assert [item.name for item in two.changes] == ["version"]
    assert collector.notes == [
        "two: what becomes of its objects is not known: helm template prometheus failed: no such version"
    ]
