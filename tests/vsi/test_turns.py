"""Members of a program that replace each other: one after the other, and none after one that failed."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.vsi.memory import Killed, World, machine_in
from tests.vsi.test_interrupted import check_converged, request_of, standing, unit_of
from tests.waiting import until
from vsi import deploy, renewal
from vsi.carry_out import ApplyFailed
from vsi.errors import DeployError
from vsi.inputs import inputs_of
from vsi.machine import Machine
from vsi.provider import UnitProvider
from vsi.records import Request
from vsi.turns import Member, Turns
from vsi.unit import HostPlan

HOSTS = ("h1", "h2", "h3")


def member(host: str, hosts: tuple[str, ...] = HOSTS) -> Member:
    return Member("dev", "prometheus", host, hosts)


def yes() -> bool:
    return True


def no() -> bool:
    return False


class Watched:
    """Changes that tell how many are under way, and end when they are let."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.pool = ThreadPoolExecutor(8)
        self.under_way: list[str] = []
        self.ends = {host: threading.Event() for host in HOSTS}
        self.failing: set[str] = set()

    def begin(self, host: str, serves: Callable[[], bool] = yes) -> Future[None]:
        return self.pool.submit(self.turns.take, member(host), serves, lambda: self._change(host))

    def _change(self, host: str) -> None:
        self.under_way.append(host)
        assert self.ends[host].wait(20)
        self.under_way.remove(host)
        if host in self.failing:
            raise ApplyFailed("prometheus: it ends")

    def is_alone(self, host: str) -> bool:
        return self.under_way == [host]

    def waiting(self) -> list[str]:
        (found,) = self.turns._rounds.values()
        return sorted(found.waiting)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_one_after_another_in_the_order_of_the_inventory(watched: Watched) -> None:
    first = watched.begin("h1")
    until(lambda: watched.under_way == ["h1"])
    rest = [watched.begin("h3"), watched.begin("h2")]
    until(lambda: watched.waiting() == ["h2", "h3"])
    for host in HOSTS:
        until(partial(watched.is_alone, host))
        watched.ends[host].set()
    for done in (first, *rest):
        done.result(20)


def test_after_one_that_failed_nobody_is_touched(watched: Watched) -> None:
    watched.failing = {"h1"}
    first = watched.begin("h1")
    until(lambda: watched.under_way == ["h1"])
    rest = [watched.begin("h2"), watched.begin("h3")]
    until(lambda: watched.waiting() == ["h2", "h3"])
    watched.ends["h1"].set()
    with pytest.raises(ApplyFailed, match=r"it ends\nNot changed in this run: prometheus on h2, h3\."):
        first.result(20)
    for host, refused in zip(("h2", "h3"), rest, strict=True):
        with pytest.raises(ApplyFailed, match=f"not changed on {host}, where it runs as before: it failed"):
            refused.result(20)
    assert watched.under_way == []


def test_what_does_not_serve_goes_at_once_and_who_serves_waits_for_it(watched: Watched) -> None:
    """As a cluster of which none is ready before the others are there."""
    down = [watched.begin("h2", no), watched.begin("h3", no)]
    until(lambda: sorted(watched.under_way) == ["h2", "h3"])
    up = watched.begin("h1")
    until(lambda: watched.waiting() == ["h1"])
    for host in ("h2", "h3"):
        watched.ends[host].set()
    for done in down:
        done.result(20)
    until(lambda: watched.under_way == ["h1"])
    watched.ends["h1"].set()
    up.result(20)


def test_other_programs_and_those_that_are_alone_wait_for_nobody(watched: Watched) -> None:
    first = watched.begin("h1")
    until(lambda: watched.under_way == ["h1"])
    assert watched.turns.take(Member("dev", "jaeger", "h1", HOSTS), yes, lambda: 1) == 1
    assert watched.turns.take(Member("dev", "prometheus", "h9", ()), yes, lambda: 2) == 2
    watched.ends["h1"].set()
    first.result(20)


def test_who_serves_is_changed_when_the_others_can_do_without_it() -> None:
    done: list[str] = []
    turns = Turns()
    for host, serves in (("h1", no), ("h2", yes)):
        turns.take(member(host), serves, lambda: done.append("changed"), lambda: done.append("settled"))
    assert done == ["changed", "settled", "changed"]
    turns.take(member("h9", ()), yes, lambda: done.append("alone"), lambda: done.append("settled"))
    assert done[3:] == ["alone"]


def test_what_they_cannot_do_without_stays_with_all_after_it(watched: Watched) -> None:
    def never() -> None:
        raise ApplyFailed("prometheus: a copy is missing")

    with pytest.raises(
        ApplyFailed, match=r"copy is missing\nNot changed in this run: prometheus on h2, h3\."
    ):
        watched.turns.take(member("h1"), yes, lambda: watched.under_way.append("h1"), never)
    with pytest.raises(ApplyFailed, match="not changed on h2, where it runs as before: it failed on h1"):
        watched.begin("h2").result(20)
    assert watched.under_way == []


class Pair:
    """Two hosts in memory with a Prometheus each, changed by the provider as the Pulumi engine has it do."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.worlds = {host: standing(self.request(host)) for host in HOSTS[:2]}
        self.served: list[int] = []
        lock = threading.Lock()

        def carry_out(action: str, request: Request) -> Any:
            assert action == "apply"
            world = self.worlds[request.host]
            moment = world.moment

            def counted(what: str) -> None:
                with lock:
                    self.served.append(sum(bool(it.processes) for it in self.worlds.values()))
                moment(what)

            world.begin()
            monkeypatch.setattr(world, "moment", counted)
            try:
                return deploy.apply(request, lambda _: None, machine_in(world))
            except DeployError as error:
                raise ApplyFailed(str(error)) from None
            finally:
                monkeypatch.setattr(world, "moment", moment)

        monkeypatch.setattr("vsi.provider.carry_out", carry_out)
        monkeypatch.setattr("vsi.provider.TURNS", Turns())
        monkeypatch.setattr("vsi.provider.machine_of", self.machine)
        self.asked = threading.local()

    def machine(self, *_: object) -> Machine:
        """That of the host of the thread."""
        return machine_in(self.worlds[self.asked.host])

    def request(self, host: str, **more: Any) -> Request:
        unit = unit_of("prometheus", members=HOSTS[:2], secrets=(), **more)
        unit = unit.model_copy(update={"place": host})
        return request_of(unit).model_copy(update={"host": host, "secrets": (), "values": {}})

    def up(self, **more: Any) -> list[str]:
        """What failed."""
        provider = UnitProvider()

        def update(host: str) -> None:
            self.asked.host = host
            request = self.request(host, **more)
            plan = HostPlan(stack="toys", parts=(request.unit,))
            provider.update("", {}, inputs_of(plan, request.unit, {}))

        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(update, host) for host in self.worlds]
        return [str(error) for run in runs if (error := run.exception())]


def test_an_upgrade_of_a_pair_leaves_one_serving_at_every_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(monkeypatch)
    assert pair.up(command=("serve", "better")) == []
    assert min(pair.served) == 1
    for host, world in pair.worlds.items():
        check_converged(world, pair.request(host, command=("serve", "better")))


def test_a_broken_upgrade_of_a_pair_stops_at_the_first_which_is_rolled_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = Pair(monkeypatch)
    before = {host: world.processes["prometheus"].pid for host, world in pair.worlds.items()}
    said = pair.up(command=("serve", "broken"))
    assert len(said) == 2
    (first,) = [text for text in said if "Rolled back: " in text]
    (second,) = [text for text in said if "where it runs as before" in text]
    assert "Not changed in this run: prometheus on h" in first
    assert min(pair.served) == 1
    same = [host for host, world in pair.worlds.items() if world.processes["prometheus"].pid == before[host]]
    assert len(same) == 1
    assert f"not changed on {same[0]}" in second
    for host, world in pair.worlds.items():
        check_converged(world, pair.request(host))
    monkeypatch.setattr("vsi.provider.TURNS", Turns())
    assert pair.up(command=("serve", "better")) == []


def renewed(world: World) -> None:
    """Another certificate lies where the unit's own is."""
    world.write("/state/toys/secrets/tls/alpha.pem", b"certificate of another day")


def with_certificate() -> tuple[World, Request]:
    """A unit that reloads and was started with one."""
    request = request_of(unit_of(certificates=("alpha",)))
    world = World()
    world.write("/state/toys/secrets/tls/alpha.pem", b"certificate")
    world.begin()
    deploy.apply(request, lambda _: None, machine_in(world))
    return world, request


def test_a_renewed_certificate_is_read_in_the_same_run_and_just_once() -> None:
    world, request = with_certificate()
    assert renewal.outdated(machine_in(world)) == []

    renewed(world)
    for last in (1, None):
        (record,) = renewal.outdated(machine_in(world))
        world.begin(last)
        asked = renewal.request_of(record, None, request.login)
        with pytest.raises(Killed) if last else nullcontext():
            assert renewal.renew(asked, print, machine_in(world)) == "reload"
    assert world.processes["alpha"].secrets == world.secrets()
    assert renewal.outdated(machine_in(world)) == []
    check_converged(world, request)


def test_a_process_that_was_given_its_certificate_as_a_credential_is_restarted_for_another() -> None:
    """It has those of its start: a reload would have it read the same again."""
    world, request = with_certificate()
    machine = replace(machine_in(world), credentials=True)
    renewed(world)
    (record,) = renewal.outdated(machine)

    assert renewal.renew(renewal.request_of(record, None, request.login), print, machine) == "restart"
    assert renewal.outdated(machine) == []


def test_a_unit_that_is_stopped_is_not_started_for_a_certificate() -> None:
    world, request = with_certificate()
    renewed(world)
    world.processes.clear()
    (record,) = renewal.outdated(machine_in(world))
    asked = renewal.request_of(record, None, request.login)
    assert renewal.renew(asked, print, machine_in(world)) == "none"
    assert world.processes == {}
