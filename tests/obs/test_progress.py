"""The engine's events become lines, drift and reasons."""

import logging
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from components.plan import Part
from obs.parts import Parts
from obs.progress import TOLD, Watcher, plain
from vsi.unit import HostUnit

TYPE = "pulumi-python:dynamic/vsi:Unit"


def step(
    kind: str, op: str, name: str, old: Any = None, new: Any = None, type_: str = TYPE, place: str = "local"
) -> SimpleNamespace:
    empty = dict.fromkeys(
        ("diagnostic_event", "resource_pre_event", "res_outputs_event", "res_op_failed_event"), None
    )
    metadata = SimpleNamespace(
        op=op,
        urn=f"urn:pulumi:local::observability::{type_}::{name}@{place}",
        type=type_,
        old=SimpleNamespace(inputs=old) if old is not None else None,
        new=SimpleNamespace(inputs=new) if new is not None else None,
    )
    return SimpleNamespace(**{**empty, kind: SimpleNamespace(metadata=metadata)})


def message(text: str, severity: str = "error", urn: str | None = None) -> SimpleNamespace:
    event = SimpleNamespace(message=text, severity=severity, urn=urn, ephemeral=False)
    return SimpleNamespace(
        diagnostic_event=event, resource_pre_event=None, res_outputs_event=None, res_op_failed_event=None
    )


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(Watcher, "_line", lambda _self, _style, text: lines.append(text))
    monkeypatch.setattr("obs.progress.time.monotonic", lambda: 0.0)
    return lines


def test_what_is_done_is_told_and_counted(said: list[str]) -> None:
    watcher = Watcher(Parts([HostUnit]))
    watcher(step("resource_pre_event", "create", "jaeger"))
    watcher(step("res_outputs_event", "create", "jaeger"))
    assert said == ["creating jaeger", "✓ created jaeger in 0.0 s"]
    assert watcher.counts == {"create": 1}


def test_what_a_provider_tells_is_heard_while_the_engine_runs(said: list[str]) -> None:
    told = logging.getLogger(TOLD)
    with Watcher(Parts([HostUnit])) as watcher:
        told.info("%s: %s", "h1", "copying prometheus", extra={"part": "host@h1"})
        watcher.quiet = True
        told.info("nobody asked")
    told.info("nobody listens")
    assert said == ["h1: copying prometheus"]


def test_components_and_what_stays_the_same_are_not_told(said: list[str]) -> None:
    watcher = Watcher(Parts([HostUnit]))
    watcher(step("resource_pre_event", "same", "jaeger"))
    watcher(step("res_outputs_event", "same", "jaeger"))
    watcher(step("resource_pre_event", "create", "local", type_="obs:components:Metrics"))
    assert said == []


@pytest.mark.parametrize(
    ("op", "new", "drifted"),
    [
        ("refresh", {"a": "1"}, []),
        ("refresh", {"a": "2"}, ["jaeger@local"]),
        ("same", {"a": "1"}, []),
        ("update", {"a": "2"}, ["jaeger@local"]),
        ("delete", None, ["jaeger@local"]),
    ],
)
def test_a_refresh_that_finds_another_state_is_drift(
    said: list[str], op: str, new: dict[str, str] | None, drifted: list[str]
) -> None:
    watcher = Watcher(Parts([HostUnit]))
    watcher(step("resource_pre_event", "refresh", "jaeger", {"a": "1"}, {"a": "1"}))
    watcher(step("res_outputs_event", op, "jaeger", {"a": "1"}, new))
    assert watcher.drifted == drifted
    assert watcher.counts == {}


def test_a_failure_keeps_its_unit_operation_and_message_once(said: list[str]) -> None:
    watcher = Watcher(Parts([HostUnit]))
    urn = f"urn:pulumi:local::observability::{TYPE}::jaeger@local"
    watcher(step("resource_pre_event", "update", "jaeger"))
    for _ in range(2):
        watcher(message("error: Exception calling application: jaeger: no such field 'x'\n", urn=urn))
    watcher(message("update failed"))
    watcher(step("res_op_failed_event", "update", "jaeger"))
    assert watcher.failed == {"jaeger@local": "update"}
    assert watcher.errors == [("jaeger@local", "jaeger: no such field 'x'")]


def test_parts_of_one_name_on_two_hosts_are_told_apart(said: list[str]) -> None:
    urns = [f"urn:pulumi:local::observability::{TYPE}::jaeger@{host}" for host in ("obs-1", "obs-2")]
    parts = Parts([HostUnit])
    parts.learn(urns)
    watcher = Watcher(parts)
    for host in ("obs-1", "obs-2"):
        watcher(step("resource_pre_event", "create", "jaeger", place=host))
    watcher(step("res_op_failed_event", "create", "jaeger", place="obs-1"))
    watcher(step("res_outputs_event", "create", "jaeger", place="obs-2"))

    assert watcher.failed == {"jaeger@obs-1": "create"}
    assert watcher.counts == {"create": 1}
    assert said == [
        "creating jaeger@obs-1",
        "creating jaeger@obs-2",
        "✗ jaeger@obs-1: create failed after 0.0 s",
        "✓ created jaeger@obs-2 in 0.0 s",
    ]


def test_a_release_is_followed_as_a_unit_is(said: list[str]) -> None:
    class Release(Part):
        TOKENS: ClassVar[tuple[str, ...]] = ("kubernetes:helm.sh/v3:Release",)

    watcher = Watcher(Parts([HostUnit, Release]))
    watcher(
        step(
            "resource_pre_event", "create", "jaeger", type_="obs:x$kubernetes:helm.sh/v3:Release", place="ns"
        )
    )

    assert said == ["creating jaeger"]


def test_a_preview_tells_of_nothing_done(said: list[str]) -> None:
    watcher = Watcher(Parts([HostUnit]), quiet=True)
    watcher(step("resource_pre_event", "create", "jaeger"))
    watcher(step("res_outputs_event", "create", "jaeger"))
    assert said == []


def test_the_remark_on_our_own_plugins_is_left_out(said: list[str]) -> None:
    watcher = Watcher(Parts([HostUnit]))
    watcher(
        message("using pulumi-language-python from $PATH at /x/plugins/pulumi-language-python", "warning")
    )
    watcher(message("something else", "warning"))
    assert said == ["something else"]


def test_colours_are_taken_out() -> None:
    assert plain("<{%reset%}>bad\x1b[31m!<{%fg 8%}>\n") == "bad!"


BELOW = "obs:aws:Metrics$aws:cloudwatch/logGroup:LogGroup"


def below(kind: str, op: str, old: dict[str, int] | None, new: dict[str, int] | None) -> SimpleNamespace:
    """A step of a log group below the part `metrics`."""
    parent = "urn:pulumi:prod::observability::obs:aws:Metrics::metrics@eu"
    found = step(kind, op, "prod-metrics-log", type_=BELOW)
    metadata = getattr(found, kind).metadata
    metadata.urn = f"urn:pulumi:prod::observability::{BELOW}::prod-metrics-log"
    metadata.old = old and SimpleNamespace(inputs=old, parent=parent)
    metadata.new = new and SimpleNamespace(inputs=new, parent=parent)
    return found


class Metrics(Part):
    """A part that is a component, with resources below it."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Metrics",)


@pytest.mark.parametrize(
    ("new", "drifted"), [({"days": 30}, []), ({"days": 7}, ["metrics@eu"]), (None, ["metrics@eu"])]
)
def test_what_a_refresh_finds_below_a_part_is_of_the_part(
    said: list[str], new: dict[str, int] | None, drifted: list[str]
) -> None:
    watcher = Watcher(Parts([Metrics]))
    watcher(below("resource_pre_event", "refresh", {"days": 30}, {"days": 30}))
    watcher(below("res_outputs_event", "refresh", {"days": 30}, new))
    assert watcher.drifted == drifted
    assert said == ["metrics: not as it was deployed"] * len(drifted)


def test_a_change_below_a_part_is_one_of_the_part(said: list[str]) -> None:
    with Watcher(Parts([Metrics])) as watcher:
        for kind in ("resource_pre_event", "res_outputs_event"):
            watcher(below(kind, "update", {"days": 30}, {"days": 7}))
    assert watcher.counts == {"update": 1}
    assert said == ["✓ updated metrics"]


def test_a_failure_below_a_part_is_one_of_the_part(said: list[str]) -> None:
    with Watcher(Parts([Metrics])) as watcher:
        event = below("resource_pre_event", "create", None, {"days": 30})
        watcher(event)
        watcher(message("no room", urn=event.resource_pre_event.metadata.urn))
        watcher(below("res_op_failed_event", "create", None, {"days": 30}))
    assert watcher.failed == {"metrics@eu": "create"}
    assert watcher.errors == [("metrics@eu", "no room")]
    assert watcher.counts == {}
    assert said == ["✗ metrics: create of prod-metrics-log failed"]
