"""An apply or a removal that is killed after any of its steps: what stands then, and what the next does."""

import copy
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import pytest

from components.plan import Pillar, Secret
from tests.vsi.memory import PATHS, Killed, MemoryReach, World, machine_in
from vsi import deploy, removal
from vsi.errors import DeployError
from vsi.handover import vacate
from vsi.reach import Holder
from vsi.records import Applied, Request, file_digests, read_all, read_applied
from vsi.unit import HostUnit, Process, Ready

HOOK = Secret(name="hook", source="environment", key="HOOK")


def unit_of(name: str = "alpha", port: int = 4001, text: str = "one", **more: Any) -> HostUnit:
    """A toy that reloads, is checked, and has settings inside."""
    process = Process(
        command=more.pop("command", ("serve", name)),
        reload=more.pop("reload", "SIGHUP"),
        ready=Ready(url=f"http://127.0.0.1:{port}/", seconds=1),
    )
    files = {"app.conf": f"{port} {text}", "rules/a.yml": "a"} | more.pop("files", {})
    settings: dict[str, Any] = {
        "checks": (("judge", "app.conf"),),
        "setup": ("bring", "in"),
        "ports": (port,),
        "secrets": ("hook",),
    }
    return HostUnit(
        name=name,
        place="local",
        pillar=Pillar.METRICS,
        files=tuple(sorted(files.items())),
        process=process,
        memory_mb=1,
        **settings | more,
    )


def request_of(unit: HostUnit, hook: str = "value-of-hook", **more: Any) -> Request:
    return Request(stack="toys", host="local", unit=unit, secrets=(HOOK,), values={"hook": hook}, **more)


def apply(world: World, request: Request, last: int | None = None) -> deploy.Result:
    world.begin(last)
    return deploy.apply(request, lambda _: None, machine_in(world))


def standing(*requests: Request) -> World:
    """A world in which some units were applied."""
    world = World()
    for request in requests:
        apply(world, request)
    return world


def whole(world: World, record: Applied) -> bool:
    """Whether disk and process are as a record says."""
    name = record.unit.name
    conf, process = world.below(PATHS.unit(name).conf), world.processes.get(name)
    read = {path: data.decode() for path, data in process.files.items()} if process else {}
    disk = {path: data.decode() for path, data in conf.items()}
    return file_digests(disk) == record.files == file_digests(read)


def check_converged(world: World, request: Request) -> None:
    """All of a request holds: on disk, in the process, inside the engine, in the record."""
    unit, own = request.unit, PATHS.unit(request.unit.name)
    texts = {path: text.encode() for path, text in unit.files}
    process = world.processes[unit.name]
    record = read_applied(machine_in(world).reach, unit.name)
    assert world.below(own.conf) == texts
    assert process.files == texts
    assert process.script == machine_in(world).keeper.entry(unit).script.data
    assert process.secrets == world.secrets()
    assert world.settings[unit.name] == texts
    assert record is not None
    assert record.complete
    assert record.managed == tuple(sorted(texts))
    assert not world.below(own.staged)
    assert str(own.scratch) not in world.folders


@dataclass(frozen=True)
class Case:
    """What stood before, and what is wanted."""

    before: Callable[[], World]
    wanted: Request


ALPHA = request_of(unit_of())


def _keeper_died() -> World:
    world = standing(ALPHA, request_of(unit_of("beta", 4002)))
    world.awake, world.processes, world.taken = False, {}, {}
    return world


def _edited() -> World:
    world = standing(ALPHA)
    world.write(str(PATHS.unit("alpha").conf / "app.conf"), b"4001 by hand")
    return world


CASES = {
    "first": Case(World, ALPHA),
    "reload": Case(lambda: standing(ALPHA), request_of(unit_of(text="two"))),
    "restart": Case(lambda: standing(ALPHA), request_of(unit_of(text="two", reload=None))),
    "command": Case(lambda: standing(ALPHA), request_of(unit_of(command=("serve", "better")))),
    "engine": Case(lambda: standing(ALPHA), request_of(unit_of(engines=("toy",)), engines={"toy": "toy 2"})),
    "files": Case(
        lambda: standing(request_of(unit_of(files={"rules/old.yml": "o"}))),
        request_of(unit_of(files={"rules/new.yml": "n", "rules/a.yml": "b"})),
    ),
    "secret": Case(lambda: standing(ALPHA), request_of(unit_of(), hook="another-value")),
    "edited by hand": Case(_edited, ALPHA),
    "keeper died": Case(_keeper_died, request_of(unit_of(text="two"))),
    "port of a neighbour": Case(
        lambda: standing(ALPHA, request_of(unit_of("beta", 4002))), request_of(unit_of(port=4002))
    ),
}


def moments(case: Case) -> int:
    """How many there are in an apply that nobody interrupts."""
    world = case.before()
    apply(world, case.wanted)
    check_converged(world, case.wanted)
    return len(world.moments)


def killed(case: Case, last: int) -> World:
    world = case.before()
    with pytest.raises(Killed):
        apply(world, case.wanted, last)
    return world


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_apply_killed_after_any_step_is_finished_by_the_next(case: Case) -> None:
    for last in range(1, moments(case) + 1):
        world = killed(case, last)
        at = world.moments[-1]
        apply(world, case.wanted)
        try:
            check_converged(world, case.wanted)
        except AssertionError as error:
            raise AssertionError(f"killed after step {last}, {at!r}") from error


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"edited by hand", "keeper died"}))
def test_a_record_is_never_complete_unless_disk_and_process_are_as_it_says(name: str) -> None:
    """Else nobody would see what is missing. In the two other cases something is amiss from the start."""
    for last in range(1, moments(CASES[name]) + 1):
        world = killed(CASES[name], last)
        record = read_applied(machine_in(world).reach, "alpha")
        if record and record.complete:
            assert whole(world, record), f"killed after step {last}, {world.moments[-1]!r}"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_nothing_is_left_to_do_after_an_apply(case: Case) -> None:
    world = case.before()
    apply(world, case.wanted)
    before = {path: file.data for path, file in world.files.items()}, copy.deepcopy(world.processes)

    assert apply(world, case.wanted).action == "none"
    assert ({path: file.data for path, file in world.files.items()}, world.processes) == before


def test_what_a_check_rejects_leaves_everything_running() -> None:
    world = standing(ALPHA)
    before = copy.deepcopy((world.files, world.processes))
    with pytest.raises(DeployError, match="rejected the new configuration; the running one is untouched"):
        apply(world, request_of(unit_of(text="unknown option")))
    assert (world.files, world.processes) == before


def test_a_killed_apply_of_what_a_check_rejects_leaves_everything_running() -> None:
    for last in range(1, 20):
        world = standing(ALPHA)
        with pytest.raises((Killed, DeployError)):
            apply(world, request_of(unit_of(text="unknown option")), last)
        apply(world, ALPHA)
        check_converged(world, ALPHA)


@pytest.mark.parametrize("retain", [True, False])
def test_a_removal_killed_after_any_step_is_finished_by_the_next(retain: bool) -> None:
    request = request_of(unit_of(), retain=retain)

    def remove(world: World, last: int | None = None) -> None:
        world.begin(last)
        removal.remove(request, lambda _: None, machine_in(world))

    def before() -> World:
        world = standing(ALPHA)
        world.write(str(PATHS.unit("alpha").data / "kept"), b"data")
        return world

    world = before()
    remove(world)
    kept = {str(PATHS.unit("alpha").data / "kept")} if retain else set()
    for last in range(1, len(world.moments) + 1):
        world = before()
        with pytest.raises(Killed):
            remove(world, last)
        remove(world)
        assert set(world.files) == kept
        assert world.processes == {}
        assert read_all(machine_in(world).reach) == {}


def test_a_unit_that_listens_at_another_address_of_the_host_is_in_nobodys_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So does the front of a server, which serves the ports of all others at the host's own address: also
    where the other one has its port on loopback by now, from a run that was killed."""
    world = World()
    deploy.apply(request_of(unit_of("front", 4001)), lambda _: None, machine_in(world))
    world.begin()

    def elsewhere(near: tuple[int, ...]) -> object:
        def ports(_: MemoryReach, ports: Collection[int]) -> dict[int, Holder]:
            front = world.processes["front"].pid
            return {port: Holder((front, *near), front, free=not near, near=near) for port in ports}

        return ports

    for near in ((), (99_999,)):
        monkeypatch.setattr(MemoryReach, "ports", elsewhere(near))
        vacate(machine_in(world), unit_of("pages", 4002), {4002}, lambda _: None)

    assert "stopped front" not in world.moments
    assert "front" in world.processes
