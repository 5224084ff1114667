"""Three nodes of a store, changed by the provider: none before the copies of the one before are in place."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.vsi.memory import MemoryReach, World, machine_in
from tests.vsi.test_interrupted import check_converged, request_of, standing
from tests.vsi.test_settled import ASKED, Store, node, shard
from vsi import deploy
from vsi.carry_out import ApplyFailed
from vsi.errors import DeployError
from vsi.inputs import inputs_of
from vsi.machine import Machine
from vsi.provider import UnitProvider
from vsi.reach import Answer, Get
from vsi.records import Request
from vsi.settled import HEALTH
from vsi.turns import Turns
from vsi.unit import HostPlan

HOSTS = ("h1", "h2", "h3")


@dataclass(frozen=True)
class NodeReach(MemoryReach):
    """Of a host with a node of the cluster."""

    cluster: "Cluster" = field(kw_only=True)

    def get(self, request: Get, timeout: float) -> Answer:
        if request.url.startswith(ASKED.url):
            return self.cluster.answer(request.url.removeprefix(ASKED.url))
        return super().get(request, timeout)


class Cluster:
    """A node that was changed has its copies again when it was asked for them three times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, empty: bool = False) -> None:
        self.lock = threading.Lock()
        self.asked = threading.local()
        self.missing = 0
        self.heals = True
        self.changed: list[tuple[str, int]] = []
        """Which host, and how many copies were missing then."""
        self.worlds = {host: World() if empty else standing(self.request(host)) for host in HOSTS}
        monkeypatch.setattr("vsi.provider.carry_out", self.carry_out)
        monkeypatch.setattr("vsi.provider.TURNS", Turns())
        monkeypatch.setattr("vsi.provider.machine_of", lambda *_: self.machine(self.asked.host))
        monkeypatch.setattr("vsi.settled.PAUSE_SECONDS", 0)

    def machine(self, host: str) -> Machine:
        world = self.worlds[host]
        return replace(machine_in(world), reach=NodeReach(world, cluster=self))

    def answer(self, path: str) -> Answer:
        with self.lock:
            if path == HEALTH and self.missing and self.heals:
                self.missing -= 1
            copies = [shard(None, index=str(number)) for number in range(self.missing)]
            return Store([shard("h1", "p"), *copies])(path)

    def carry_out(self, action: str, request: Request) -> Any:
        assert action == "apply"
        with self.lock:
            self.changed.append((request.host, self.missing))
        self.worlds[request.host].begin()
        try:
            done = deploy.apply(request, lambda _: None, self.machine(request.host))
        except DeployError as error:
            raise ApplyFailed(str(error)) from None
        with self.lock:
            self.missing += 3 if done.action in ("start", "restart") else 0
        return done

    def request(self, host: str, **more: Any) -> Request:
        unit = node(members=HOSTS, secrets=(), **more).model_copy(update={"place": host})
        return request_of(unit).model_copy(update={"host": host, "secrets": (), "values": {}})

    def up(self, **more: Any) -> list[str]:
        """What failed."""
        provider = UnitProvider()

        def update(host: str) -> None:
            self.asked.host = host
            request = self.request(host, **more)
            plan = HostPlan(stack="toys", parts=(request.unit,))
            provider.update("", {}, inputs_of(plan, request.unit, {}))

        with ThreadPoolExecutor(3) as pool:
            runs = [pool.submit(update, host) for host in HOSTS]
        return [str(error) for run in runs if (error := run.exception())]


def test_each_is_changed_when_the_copies_of_the_one_before_are_in_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = Cluster(monkeypatch)
    cluster.missing = 2
    patient(monkeypatch)
    assert cluster.up(command=("serve", "better")) == []
    assert sorted(cluster.changed) == [("h1", 0), ("h2", 0), ("h3", 0)]
    for host, world in cluster.worlds.items():
        check_converged(world, cluster.request(host, command=("serve", "better")))


def test_a_cluster_that_does_not_heal_is_touched_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(monkeypatch)
    cluster.heals = False
    said = cluster.up(command=("serve", "better"))
    assert len(cluster.changed) == 1
    (reason,) = [text for text in said if "3 copies missing" in text]
    assert "where it runs as before: the cluster is yellow" in reason
    assert "Not changed in this run: opensearch on h" in reason
    assert len(said) == 2


def test_what_is_only_brought_in_waits_for_no_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(monkeypatch)
    cluster.missing, cluster.heals = 5, False
    assert cluster.up(files={"setup/template": "new"}) == []
    assert sorted(cluster.changed) == [("h1", 5), ("h2", 5), ("h3", 5)]


@pytest.mark.parametrize("empty", [True, False])
def test_a_cluster_that_is_down_waits_for_nothing(monkeypatch: pytest.MonkeyPatch, *, empty: bool) -> None:
    """A first bring-up, and one after all of it ended."""
    cluster = Cluster(monkeypatch, empty=empty)
    for world in cluster.worlds.values():
        world.processes.clear()
    cluster.missing, cluster.heals = 9, False
    assert cluster.up(command=("serve", "better")) == []
    assert sorted(host for host, _ in cluster.changed) == list(HOSTS)


def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline of the toys is over at once; that of this one is not."""
    monkeypatch.setattr("tests.vsi.test_settled.ASKED", ASKED.model_copy(update={"seconds": 300}))
