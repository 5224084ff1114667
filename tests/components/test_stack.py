"""The tree that previews show, under Pulumi's own mocks."""

import contextvars
from collections.abc import Callable
from typing import Any

import pulumi
from pulumi.runtime import mocks

from components.plan import Part, Pillar
from components.stack import ObservabilityStack
from tests.loops import event_loop


class Made(mocks.Mocks):
    """Notes what is registered."""

    def __init__(self) -> None:
        self.names: list[tuple[str, str]] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.names.append((args.typ, args.name))
        return args.name, args.inputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:  # noqa: ARG002
        return {}, None


def made_by(program: Callable[[], object]) -> list[tuple[str, str]]:
    """(type, name) of what a program registers. In a context of its own, where Pulumi keeps its settings, and
    with an event loop of its own."""
    found = Made()

    def run() -> None:
        mocks.set_mocks(found)
        pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]

    with event_loop():
        contextvars.copy_context().run(run)
    return found.names


class Toy(Part):
    """A part that answers somewhere."""

    @property
    def url(self) -> str:
        return f"http://{self.place}/"


PAIR = (
    Toy(name="prometheus", place="obs-1", pillar=Pillar.METRICS),
    Toy(name="prometheus", place="obs-2", pillar=Pillar.METRICS, needs=("prometheus@obs-1",)),
    Toy(name="sink", place="obs-1", pillar=Pillar.ALERTING),
)


class Resource(pulumi.CustomResource):
    """What carries a toy out."""

    def __init__(self, part: Toy, opts: pulumi.ResourceOptions) -> None:
        super().__init__("toy:index:Part", part.id, {}, opts)


def test_a_pair_on_two_hosts_stands_in_the_tree_twice() -> None:
    made = made_by(lambda: ObservabilityStack("local", PAIR, Resource))

    assert sorted(made) == [
        ("obs:components:Alerting", "local-alerting"),
        ("obs:components:Metrics", "local-metrics"),
        ("obs:components:ObservabilityStack", "local"),
        ("toy:index:Part", "prometheus@obs-1"),
        ("toy:index:Part", "prometheus@obs-2"),
        ("toy:index:Part", "sink@obs-1"),
    ]


def test_what_a_part_needs_is_made_before_it() -> None:
    made = made_by(lambda: ObservabilityStack("local", PAIR, Resource))

    pair = [name for _, name in made if name.startswith("prometheus@")]
    assert pair == ["prometheus@obs-1", "prometheus@obs-2"]


def test_endpoints_are_told_apart() -> None:
    found: dict[str, str] = {}
    made_by(lambda: found.update(ObservabilityStack("local", PAIR, Resource).endpoints))

    assert found == {
        "prometheus@obs-1": "http://obs-1/",
        "prometheus@obs-2": "http://obs-2/",
        "sink": "http://obs-1/",
    }
