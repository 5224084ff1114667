"""What is waited for before a node of a store is changed: that every copy of its data is in place."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.vsi.memory import MemoryReach, World, machine_in
from tests.vsi.test_interrupted import apply, request_of, standing, unit_of
from vsi.errors import DeployError
from vsi.inputs import inputs_of
from vsi.inputs import request_of as request_from
from vsi.machine import Machine
from vsi.reach import Answer, Get
from vsi.records import Request
from vsi.settled import HEALTH, NODES, SHARDS, VOTES, Unsettled, restarts, settle, unsettled, wait_settled
from vsi.unit import HostPlan, HostUnit, Settled

NODE = {"name": "h1", "version": "2.19.6", "node.role": "dim"}
THREE = [NODE, {**NODE, "name": "h2"}, {**NODE, "name": "h3"}]


def shard(node: str | None, kind: str = "r", state: str = "STARTED", index: str = "logs") -> dict[str, Any]:
    return {
        "index": index,
        "shard": "0",
        "prirep": kind,
        "state": state if node else "UNASSIGNED",
        "node": node,
    }


@dataclass
class Store:
    """A cluster as it answers: what is counted follows from the shards."""

    shards: list[dict[str, Any]]
    nodes: list[dict[str, str]] = field(default_factory=lambda: list(THREE))
    status: int = 200
    votes: int = 3
    asked: list[str] = field(default_factory=list)

    def __call__(self, path: str) -> Answer:
        self.asked.append(path)
        if self.status != 200:
            return Answer(self.status, b"no")
        votes = {"metadata": {"cluster_coordination": {"last_committed_config": ["id"] * self.votes}}}
        said = {HEALTH: self.health(), SHARDS: self.shards, NODES: self.nodes, VOTES: votes}
        return Answer(200, json.dumps(said[path]).encode())

    def health(self) -> dict[str, Any]:
        states = [row["state"] for row in self.shards]
        primaries = [row["state"] for row in self.shards if row["prirep"] == "p"]
        serving = ("STARTED", "RELOCATING")
        red = not all(state in serving for state in primaries)
        whole = all(state in serving for state in states)
        return {
            "status": "red" if red else "green" if whole else "yellow",
            "number_of_nodes": len(self.nodes),
            "unassigned_shards": states.count("UNASSIGNED"),
            "initializing_shards": states.count("INITIALIZING"),
            "relocating_shards": states.count("RELOCATING"),
        }


def words_of(store: Callable[[str], Answer]) -> str:
    found = unsettled(store, 3)
    return found.words if found else ""


def test_a_whole_cluster_is_asked_once() -> None:
    store = Store([shard("h1", "p"), shard("h2")])
    assert unsettled(store, 3) is None
    assert store.asked == [HEALTH]


@pytest.mark.parametrize(
    ("shards", "words"),
    [
        ([shard("h1", "p"), shard(None)], "yellow, of 3 nodes, 1 copies missing (logs shard 0)"),
        ([shard("h1", "p"), shard("h2", state="INITIALIZING")], "yellow, of 3 nodes, 1 being made or moved"),
        ([shard("h1", "p", "RELOCATING"), shard("h2")], "green, of 3 nodes, 1 being made or moved"),
        ([shard(None, "p"), shard("h2")], "red, of 3 nodes, 1 copies missing (all of logs shard 0)"),
        ([shard("h1", "p", "INITIALIZING")], "red, of 3 nodes, 1 being made or moved"),
        (
            [row for name in "abcde" for row in (shard("h1", "p", index=name), shard(None, index=name))],
            "5 copies missing (a shard 0, b shard 0, c shard 0 and 2 more)",
        ),
    ],
)
def test_what_is_not_in_place_is_told(shards: list[dict[str, Any]], words: str) -> None:
    assert words in words_of(Store(shards))


def test_a_copy_more_than_there_are_nodes_is_not_waited_for() -> None:
    alone = Store([shard("h1", "p"), shard(None)], THREE[:1])
    each = Store([shard("h1", "p"), shard("h2"), shard(None)], THREE[:2])
    other = Store(
        [shard("h1", "p"), shard("h2"), shard(None), shard("h1", "p", index="b"), shard(None, index="b")]
    )
    other.nodes = THREE[:2]
    assert unsettled(alone, 1) is None
    assert unsettled(each, 2) is None
    assert "1 copies missing (b shard 0)" in words_of(other)


def test_nodes_without_data_hold_no_copies() -> None:
    managers = [{**node, "node.role": "m"} for node in THREE[1:]]
    assert unsettled(Store([shard("h1", "p"), shard(None)], [NODE, *managers]), 3) is None


def test_a_majority_has_to_be_left() -> None:
    """Of three, one is away, and its copies have been made anew on the others."""
    there = THREE[:2]
    whole = [shard("h1", "p"), shard("h2")]
    store = Store(whole, there)
    assert (
        words_of(store)
        == "the cluster is green, of 2 nodes, and shall have 3: without one more, no majority is left"
    )
    assert store.asked == [HEALTH, VOTES]
    copies = [*whole, shard(None)]
    assert "yellow, of 2 nodes, and shall have 3: without one more" in words_of(Store(copies, there))
    five = [{**NODE, "name": f"h{at}"} for at in range(4)]
    assert unsettled(Store(whole, five, votes=5), 5) is None

    def untold(path: str) -> Answer:
        return Answer(403) if path == VOTES else store(path)

    assert "how many may vote, it does not tell" in words_of(untold)


@pytest.mark.parametrize(("there", "votes", "members"), [(1, 1, 3), (3, 3, 5), (2, 3, 2)])
def test_a_cluster_that_grows_or_was_made_smaller_waits_for_no_further_nodes(
    there: int, votes: int, members: int
) -> None:
    """Others may come only when this one has changed; one that left the inventory never."""
    assert unsettled(Store([shard("h1", "p"), shard("h2")], THREE[:there], votes=votes), members) is None


def test_an_older_node_takes_no_copy_of_a_newer_one() -> None:
    """Half-way through an upgrade: what was made on the first that has the new version."""
    shards = [shard("h1", "p"), shard(None)]
    newer = {**NODE, "version": "2.100.0"}
    assert unsettled(Store(shards, [newer, *THREE[1:]]), 3) is None
    assert "1 copies missing" in words_of(Store(shards, [newer, {**newer, "name": "h2"}, THREE[2]]))
    assert "1 copies missing" in words_of(Store(shards, [NODE, {**newer, "name": "h2"}, THREE[2]]))


def test_who_does_not_answer_is_not_settled() -> None:
    assert unsettled(Store([], status=503), 3) == Unsettled("/_cluster/health answers 503")
    assert unsettled(Store([], status=401), 3) == Unsettled("/_cluster/health answers 401", shut_out=True)
    assert unsettled(lambda _: Answer(fault="TimeoutError"), 3) == Unsettled(
        "/_cluster/health answers TimeoutError"
    )
    assert unsettled(lambda _: Answer(200, b"<html>"), 3) is not None

    def half(path: str) -> Answer:
        return Store([shard("h1", "p"), shard(None)])(path) if path == HEALTH else Answer(403)

    assert "1 copies missing; which, it does not tell" in words_of(half)


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def waited(
    steps: Iterator[list[dict[str, Any]]], seconds: float
) -> tuple[Unsettled | None, float, list[str]]:
    """How a wait ended, when, and what it told; a step of the store each time that it is asked."""
    store, clock, told = Store([]), Clock(), list[str]()

    def ask(path: str) -> Answer:
        if path == HEALTH:
            store.shards = next(steps, store.shards)
        return store(path)

    return wait_settled(ask, 3, seconds, told.append, clock, clock.sleep), clock.now, told


def missing(count: int) -> list[dict[str, Any]]:
    names = [f"day-{number}" for number in range(9)]
    copies = [shard(None if at < count else "h2", index=name) for at, name in enumerate(names)]
    return [*(shard("h1", "p", index=name) for name in names), *copies]


def test_it_waits_as_long_as_copies_come_into_place_and_tells_each_step_once() -> None:
    steps = [missing(count) for count in (8, 8, 6, 6, 3, 0)]
    found, seconds, told = waited(iter(steps), 12)
    assert found is None
    assert seconds == 25
    assert [words.partition("nodes, ")[2][:8] for words in told] == ["8 copies", "6 copies", "3 copies"]


def test_it_ends_when_no_further_copy_comes() -> None:
    found, seconds, _ = waited(iter([missing(8), missing(4), missing(5), missing(4)]), 30)
    assert found is not None
    assert "4 copies missing" in found.words
    assert seconds == 40


def test_a_cluster_that_never_answers_is_given_up_too() -> None:
    clock = Clock()
    found = wait_settled(Store([], status=503), 3, 30, lambda _: None, clock, clock.sleep)
    assert found == Unsettled("/_cluster/health answers 503")
    assert clock.now == 35


ASKED = Settled(
    url="https://192.0.2.1:9200",
    user="exporter",
    password_secret="hook",
    ca="{secrets}/tls/ca.pem",
    seconds=0,
)
PLANNED = "value-of-hook"


@dataclass(frozen=True)
class AskedReach(MemoryReach):
    """Of a host with a node of a cluster that knows one password."""

    store: Store = field(default_factory=lambda: Store([shard("h1", "p"), shard(None)]))
    password: str = PLANNED

    def get(self, request: Get, timeout: float) -> Answer:
        if not request.url.startswith(ASKED.url):
            return super().get(request, timeout)
        assert (request.user, request.ca_file) == ("exporter", "/state/toys/secrets/tls/ca.pem")
        password = request.password
        if not password:
            file = self.world.files.get(request.password_file)
            if file is None:
                return Answer(fault="FileNotFoundError")
            password = file.data.decode()
        return self.store(request.url.removeprefix(ASKED.url)) if password == self.password else Answer(401)


def node(**more: Any) -> HostUnit:
    """A toy that restarts for a file, but not for what its set-up brings in."""
    unit = unit_of("opensearch", reload=None, **more)
    process = unit.process.model_copy(update={"settled": ASKED, "setup_only_files": ("setup/",)})
    return unit.model_copy(update={"process": process})


def place(**more: Any) -> tuple[World, Machine]:
    world = standing(request_of(node()))
    return world, machine_of(world, **more)


def machine_of(world: World, **more: Any) -> Machine:
    return replace(machine_in(world), reach=AskedReach(world, **more))


def half_done() -> World:
    """The node serves, but its first set-up failed: it knows no users."""
    world = World()
    with pytest.raises(DeployError, match="setup failed"):
        apply(world, request_of(node(files={"setup/role": "unwelcome"})))
    world.begin()
    return world


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a wait by the real clock, whose deadline is over at once."""
    monkeypatch.setattr("vsi.settled.PAUSE_SECONDS", 0)


def refused(machine: Machine, request: Request) -> str:
    told: list[str] = []
    with pytest.raises(DeployError) as error:
        settle(machine, request, told.append)
    assert told[0].startswith("opensearch is changed later: the cluster is")
    return str(error.value)


@pytest.mark.usefixtures("no_pause")
def test_a_wait_in_vain_names_host_cluster_and_what_to_do() -> None:
    _, machine = place()
    said = refused(machine, request_of(node(text="two")))
    assert said.startswith("opensearch: not changed on local, where it runs as before: the cluster is yellow")
    assert "1 copies missing (logs shard 0), and for 0 s no further copy came into place" in said
    assert "https://192.0.2.1:9200/_cluster/allocation/explain as user exporter" in said
    assert "run `obs up toys` again" in said
    assert "`obs stop toys opensearch`, then `obs up toys`" in said
    assert PLANNED not in said


def test_a_store_in_balance_or_one_that_is_not_asked_is_no_wait() -> None:
    told: list[str] = []
    _, machine = place(store=Store([shard("h1", "p"), shard("h2")]))
    settle(machine, request_of(node(text="two")), told.append)
    _, machine = place()
    settle(machine, request_of(unit_of("opensearch", text="two")), told.append)
    assert told == []


@pytest.mark.usefixtures("no_pause")
def test_copies_that_only_move_hold_nothing_up_for_ever() -> None:
    told: list[str] = []
    _, machine = place(store=Store([shard("h1", "p", "RELOCATING"), shard("h2")]))
    settle(machine, request_of(node(text="two")), told.append)
    assert told[-1].startswith("opensearch is changed, since no copy is missing: the cluster is green")


def test_it_is_asked_with_the_password_as_planned_or_as_it_was() -> None:
    """A new password is not known to the cluster before its first node; a first one not to the host."""
    whole = Store([shard("h1", "p"), shard("h2")])
    world, machine = place(store=whole)
    settle(machine, request_of(node(text="two"), hook="another-value"), print)
    world.files.pop("/state/toys/secrets/hook")
    settle(machine, request_of(node(text="two")), print)
    assert whole.asked == [HEALTH, HEALTH]


def test_who_is_shut_out_is_told_at_once_unless_it_is_a_repair() -> None:
    told: list[str] = []
    _, machine = place(password="of-another-stack")
    with pytest.raises(DeployError, match=r"where it runs as before: /_cluster/health answers 401\. While"):
        settle(machine, request_of(node(text="two")), told.append)
    settle(machine_of(half_done(), password="of-another-stack"), request_of(node()), told.append)
    assert told == [
        "opensearch is changed without knowing of its copies: user exporter, /_cluster/health answers 401"
    ]


def test_what_is_brought_into_the_running_node_is_no_restart() -> None:
    _, machine = place()
    assert not restarts(machine, request_of(node()))
    assert not restarts(machine, request_of(node(files={"setup/template": "new"})))


@pytest.mark.parametrize(
    "request_",
    [
        request_of(node(text="two")),
        request_of(node(command=("serve", "better"))),
        request_of(node(), hook="another-value"),
        request_of(node(), engines={"opensearch": "2"}),
        request_of(node(secrets=("hook", "more"))),
    ],
    ids=["file", "command", "secret", "version", "another secret"],
)
def test_what_ends_the_process_is_a_restart(request_: Request) -> None:
    _, machine = place()
    assert restarts(machine, request_)


def test_a_repair_is_taken_for_a_restart() -> None:
    assert restarts(machine_of(half_done()), request_of(node()))


def test_how_a_store_is_asked_is_an_input_and_none_of_units_without() -> None:
    unit = node(secrets=())
    props = inputs_of(HostPlan(stack="toys", parts=(unit,)), unit, {})
    assert request_from(props).unit == unit
    plain = unit_of(secrets=())
    assert "settled" not in inputs_of(HostPlan(stack="toys", parts=(plain,)), plain, {})["process"]
