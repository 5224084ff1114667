"""A node of a store that leaves: first its copies are in place on those that stay, and its vote is taken."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.vsi.memory import MemoryReach, World, machine_in
from tests.vsi.test_interrupted import apply, request_of
from tests.vsi.test_settled import ASKED, THREE, Clock, node
from vsi import departing, leaving
from vsi.errors import DeployError
from vsi.leaving import StoreError
from vsi.machine import Machine
from vsi.reach import Answer, Get
from vsi.records import Request
from vsi.settled import NODES, Say

GB = 1 << 30
Place = tuple[str, str, int]
"""Index, node, bytes."""


@dataclass
class Cluster:
    """A store that moves a copy off a node that is left out whenever it is asked for its copies, as long as
    another node that has none of that index can take it."""

    places: list[Place]
    """The first of an index is its primary."""
    nodes: list[dict[str, str]] = field(default_factory=lambda: list(THREE))
    missing: list[str] = field(default_factory=list)
    """Indices of which a copy has no place."""
    free: dict[str, int] = field(default_factory=dict)
    moves: bool = True
    votes_taken: bool = True
    excluded: str = ""
    retired: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    known: bool = True

    @property
    def names(self) -> set[str]:
        return {node["name"] for node in self.nodes}

    def __call__(self, method: str, path: str, body: str) -> Answer:
        if not self.known:
            return Answer(401)
        if method != "GET":
            self.log.append(f"{method} {path} {body}".strip())
            return self.write(method, path, json.loads(body) if body else None)
        found: Any = {
            NODES: self.nodes,
            leaving.EXCLUDED: self.settings(),
            leaving.RETIRED: {
                "metadata": {
                    "cluster_coordination": {
                        "voting_config_exclusions": [{"node_name": name} for name in self.retired]
                    }
                }
            },
            leaving.ROOM: [{"node": n, "disk.avail": str(self.free.get(n, 90 * GB))} for n in self.names]
            + [{"node": "UNASSIGNED", "disk.avail": None}],
        }.get(path)
        if path == leaving.COPIES:
            found = self.shards()
            if self.moves:
                self.move()
        assert found is not None, path
        return Answer(200, json.dumps(found).encode())

    def write(self, method: str, path: str, body: Any) -> Answer:
        if path == leaving.SETTINGS:
            self.excluded = body["persistent"][leaving.EXCLUDE] or ""
        elif method == "DELETE":
            self.retired = []
        elif not self.votes_taken:
            return Answer(500, b"timed out")
        else:
            names = path.partition("node_names=")[2].partition("&")[0].split(",")
            self.retired = [*self.retired, *(name for name in names if name not in self.retired)]
        return Answer(200, b"{}")

    def settings(self) -> dict[str, Any]:
        if not self.excluded:
            return {}
        exclude = {"exclude": {"_name": self.excluded}}
        return {"persistent": {"cluster": {"routing": {"allocation": exclude}}}}

    def shards(self) -> list[dict[str, Any]]:
        seen: set[str] = set()
        rows: list[dict[str, Any]] = []
        for index, name, size in self.places:
            kind = "r" if index in seen else "p"
            seen.add(index)
            rows.append(
                {"index": index, "shard": "0", "prirep": kind, "state": "STARTED", "node": name}
                | {"store": str(size)}
            )
        return rows + [
            {"index": index, "shard": "0", "prirep": "r", "state": "UNASSIGNED", "node": None, "store": None}
            for index in self.missing
        ]

    def move(self) -> None:
        out = self.excluded.split(",")
        for at, (index, name, size) in enumerate(self.places):
            others = {there for one, there, _ in self.places if one == index}
            able = sorted(self.names - others - {*out})
            if name in out and able:
                self.places[at] = (index, able[0], size)
                return

    def on(self, name: str) -> list[str]:
        return [index for index, there, _ in self.places if there == name]


def away(cluster: Say, *names: str, seconds: float = 30) -> list[str]:
    """What was told while nodes left."""
    told: list[str] = []
    clock = Clock()
    leaving.move_away(cluster, names, seconds, told.append, clock, clock.sleep)
    return told


def refused(cluster: Say, *names: str) -> str:
    with pytest.raises(StoreError) as error:
        away(cluster, *names)
    return str(error.value)


def test_copies_are_moved_then_the_vote_is_taken() -> None:
    cluster = Cluster([("a", "h3", GB), ("b", "h3", GB), ("c", "h1", GB)])
    told = away(cluster, "h3")
    assert cluster.on("h3") == []
    assert told == [
        "2 copies not yet on h1, h2: a shard 0, b shard 0",
        "1 copies not yet on h1, h2: b shard 0",
    ]
    assert (cluster.excluded, cluster.retired) == ("h3", ["h3"])
    assert [line.partition("?")[0] for line in cluster.log] == [
        'PUT /_cluster/settings {"persistent": {"cluster.routing.allocation.exclude._name": "h3"}}',
        "POST /_cluster/voting_config_exclusions",
    ]


def test_as_many_copies_are_waited_for_as_there_are_nodes_for_them() -> None:
    """Of three copies on three nodes two stay; a primary whose copy is elsewhere does not move."""
    cluster = Cluster([("a", "h3", GB), ("a", "h1", GB), ("a", "h2", GB)])
    assert away(cluster, "h3") == []


def test_two_leave_three_together() -> None:
    cluster = Cluster([("a", "h3", GB), ("a", "h2", GB), ("b", "h1", GB), ("b", "h2", GB)])
    assert away(cluster, "h2", "h3") == ["1 copies not yet on h1: a shard 0"]
    assert cluster.on("h1") == ["a", "b"]
    assert (cluster.excluded, cluster.retired) == ("h2,h3", ["h2", "h3"])


def test_a_copy_that_is_missing_is_waited_for() -> None:
    cluster = Cluster([("a", "h1", GB)], missing=["a"], moves=False)
    assert "1 copies not yet on h1, h2: a shard 0, and for 30 s no further one" in refused(cluster, "h3")
    assert (cluster.excluded, cluster.retired) == ("", []), "as before"


def test_nodes_without_room_are_told_at_once() -> None:
    full = dict.fromkeys(("h1", "h2"), 4 * GB)
    cluster = Cluster([("a", "h3", 5 * GB)], free=full)
    assert refused(cluster, "h3").endswith("a shard 0. They are 5.0 GB, and there is room for 2.0 GB")
    assert cluster.excluded == ""
    assert away(Cluster([("a", "h3", GB)], free=full), "h3")


def test_a_vote_that_cannot_be_taken_lets_nobody_go() -> None:
    cluster = Cluster([], votes_taken=False)
    assert "voting_config_exclusions answers 500" in refused(cluster, "h3")
    assert cluster.excluded == ""


def test_what_others_left_out_stays_so() -> None:
    cluster = Cluster([], excluded="h2", retired=["h2"])
    away(cluster, "h3")
    assert cluster.excluded == "h2,h3"
    leaving.welcome(cluster, {"h3"})
    assert (cluster.excluded, cluster.retired) == ("h2", ["h2"])


def test_nothing_is_written_for_who_never_left() -> None:
    cluster = Cluster([])
    leaving.welcome(cluster, {"h1", "h2", "h3"})
    assert cluster.log == []


def test_nobody_else_is_there() -> None:
    assert "no other node" in refused(Cluster([("a", "h1", GB)], nodes=THREE[:1]), "h1")


def test_a_store_that_does_not_answer_is_waited_for_and_given_up() -> None:
    cluster = Cluster([])
    calls = iter(range(3))

    def hiccup(method: str, path: str, body: str) -> Answer:
        return Answer(503) if path == NODES and next(calls, None) is not None else cluster(method, path, body)

    assert away(hiccup, "h3") == ["/_cat/nodes answers 503"]
    assert "/_cat/nodes answers 503, and for 30 s" in refused(
        lambda method, path, body: Answer(503) if path == NODES else cluster(method, path, body), "h3"
    )


URL = ASKED.url


@dataclass(frozen=True)
class NodeReach(MemoryReach):
    """Of a host with a node of the cluster, which answers as long as its process runs; peers do always."""

    cluster: Cluster = field(kw_only=True)
    me: str = field(kw_only=True)

    def get(self, request: Get, timeout: float) -> Answer:
        if request.url.startswith("https://peer"):
            return self.say(request, "https://peer")
        if request.url.startswith(URL):
            if "opensearch" not in self.world.processes:
                return Answer(fault="ConnectionRefusedError")
            return self.say(request, URL)
        return super().get(request, timeout)

    def say(self, request: Get, url: str) -> Answer:
        return self.cluster(request.method, request.url.removeprefix(url), request.body)


def request(members: tuple[str, ...], host: str = "h3", **more: Any) -> Request:
    unit = node(members=members, **more)
    asked = ASKED.model_copy(update={"peers": ("https://peer",), "seconds": 1}) if members else None
    process = unit.process.model_copy(update={"settled": asked})
    unit = unit.model_copy(update={"place": host, "process": process})
    return request_of(unit).model_copy(update={"host": host})


def machine(world: World, cluster: Cluster, me: str = "h3") -> Machine:
    return replace(machine_in(world), reach=NodeReach(world, cluster=cluster, me=me))


def standing(members: tuple[str, ...] = ("h1", "h2", "h3"), host: str = "h3") -> World:
    world = World()
    apply(world, request(members, host))
    world.begin()
    return world


@pytest.fixture(autouse=True)
def last_planned(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    """Where units were last planned."""
    planned: dict[str, tuple[str, ...]] = {"opensearch": ("h1", "h2")}
    monkeypatch.setattr(departing, "_planned", lambda _, unit: planned.get(unit, ()))
    monkeypatch.setattr(departing, "_ended", set())
    monkeypatch.setattr(leaving, "PAUSE_SECONDS", 0.01)
    return planned


def test_a_node_whose_role_is_gone_is_stopped_when_its_copies_are_elsewhere() -> None:
    world, cluster = standing(), Cluster([("a", "h3", GB)])
    told: list[str] = []
    departing.before_removal(machine(world, cluster), request(("h1", "h2", "h3")), told.append)
    assert cluster.on("h3") == []
    assert world.processes == {}
    assert (cluster.excluded, cluster.retired) == ("", []), "another of that name may come"
    assert told == [
        "opensearch waits: 1 copies not yet on h1, h2: a shard 0",
        "stopping opensearch, whose copies are in place on other hosts",
    ]


def test_a_node_that_cannot_go_runs_as_before_and_the_error_says_why() -> None:
    world, cluster = standing(), Cluster([("a", "h3", GB)], moves=False)
    with pytest.raises(DeployError) as error:
        departing.before_removal(machine(world, cluster), request(("h1", "h2", "h3")), print)
    assert str(error.value).startswith(
        "opensearch: not taken away from h3, where it runs as before: 1 copies not yet on h1, h2: a shard 0"
    )
    assert "run `obs up toys` again" in str(error.value)
    assert "opensearch" in world.processes
    assert cluster.excluded == ""


def test_a_removal_that_was_cut_off_after_the_stop_is_finished() -> None:
    world, cluster = standing(), Cluster([("a", "h1", GB)], nodes=THREE[:2], excluded="h3", retired=["h3"])
    world.processes.clear()
    departing.before_removal(machine(world, cluster), request(("h1", "h2", "h3")), print)
    assert (cluster.excluded, cluster.retired) == ("", [])


def test_a_node_that_does_not_run_and_alone_may_have_something_stays() -> None:
    world, cluster = standing(), Cluster([], nodes=THREE[:2], missing=["a"])
    world.processes.clear()
    with pytest.raises(
        DeployError, match=r"takes no part in the store, and may alone have a shard 0. Start it"
    ):
        departing.before_removal(machine(world, cluster), request(("h1", "h2", "h3")), print)


def test_where_the_whole_store_goes_nothing_is_moved(last_planned: dict[str, tuple[str, ...]]) -> None:
    for planned in ((), ("h1", "h2", "h3")):
        last_planned["opensearch"] = planned
        world, cluster = standing(), Cluster([("a", "h3", GB)])
        departing.before_removal(machine(world, cluster), request(("h1", "h2", "h3")), print)
        assert cluster.log == []


def test_one_that_waits_lets_go_when_the_others_are_removed_too(
    last_planned: dict[str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stack is destroyed of which a node could not leave before."""
    monkeypatch.setattr(leaving, "PAUSE_SECONDS", 30)
    world, cluster = standing(), Cluster([("a", "h3", GB)], moves=False)

    def others(words: str) -> None:
        assert words.startswith("opensearch waits")
        last_planned["opensearch"] = ("h1", "h2")
        departing.before_removal(machine(world, cluster, "h1"), request(("h1", "h2", "h3"), "h1"), print)

    departing.before_removal(machine(world, cluster), request(("h1", "h2", "h3")), others)
    assert cluster.on("h3") == ["a"]


def test_the_last_that_stays_has_everything_before_it_is_alone() -> None:
    world = standing(host="h1")
    cluster = Cluster([("a", "h3", GB), ("a", "h2", GB), ("b", "h1", GB)])
    here = machine(world, cluster, "h1")
    alone = request((), "h1", text="two")
    before = departing.before_change(here, alone, print)
    assert cluster.on("h1") == ["a", "b"]
    assert (cluster.excluded, cluster.retired) == ("h2,h3", ["h2", "h3"])
    departing.after_change(here, alone, before, print)
    assert (cluster.excluded, cluster.retired) == ("", [])


def test_the_last_that_stays_is_not_changed_before() -> None:
    world, cluster = standing(host="h1"), Cluster([("a", "h3", GB)], moves=False)
    with pytest.raises(DeployError, match="not made the only one, on h1, where it runs as before: 1 copies"):
        departing.before_change(machine(world, cluster, "h1"), request((), "h1"), print)
    assert cluster.excluded == ""


def test_a_host_that_comes_back_may_have_copies_again() -> None:
    """Its removal was cut off, and it is in the inventory again."""
    world, cluster = standing(("h1", "h2")), Cluster([], excluded="h3,x", retired=["h3"])
    here, new = machine(world, cluster, "h1"), request(("h1", "h2", "h3"), "h1")
    departing.after_change(here, new, departing.before_change(here, new, print), print)
    assert (cluster.excluded, cluster.retired) == ("x", [])
    again = Cluster([], excluded="h3")
    departing.after_change(machine(world, again), new.model_copy(update={"host": "h3"}), None, print)
    assert again.excluded == ""


def test_a_change_that_moves_nobody_asks_nothing() -> None:
    world, cluster = standing(), Cluster([], known=False)
    same = request(("h1", "h2", "h3"), text="two")
    told: list[str] = []
    departing.after_change(
        machine(world, cluster),
        same,
        departing.before_change(machine(world, cluster), same, print),
        told.append,
    )
    departing.after_change(machine(world, cluster), same, None, told.append)
    assert told == [], "a store that is new knows nobody yet"
