"""A change that fails: what stood before runs again, and is not lost however often a run is killed."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.vsi.memory import PATHS, Killed, World, machine_in
from tests.vsi.test_interrupted import ALPHA, apply, check_converged, request_of, standing, unit_of
from vsi.errors import DeployError, Unreachable
from vsi.reach import Look
from vsi.records import Applied, Request, read_applied
from vsi.unit import HostUnit

BACK = "Rolled back: local runs alpha with the version and configuration from before again"
BAD = {
    "command": request_of(unit_of(command=("serve", "broken"))),
    "engine": request_of(unit_of(command=("broken", "alpha"), engines=("toy",)), engines={"toy": "toy 2"}),
    "configuration, restarted": request_of(unit_of(text="broken", reload=None)),
    "configuration, reloaded": request_of(unit_of(text="broken")),
    "other files": request_of(unit_of(text="broken", reload=None, files={"rules/new.yml": "n"})),
    "setup": request_of(unit_of(text="unwelcome")),
    "what it needs": request_of(unit_of(text="two", needs=("beta@local",))),
    "with another secret": request_of(unit_of(command=("serve", "broken")), hook="another-value"),
}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reload that fails is told at once."""
    monkeypatch.setattr("vsi.ready.RELOAD_SECONDS", 0)


def record(world: World) -> Applied:
    found = read_applied(machine_in(world).reach, "alpha")
    assert found is not None
    return found


def fail(world: World, request: Request, last: int | None = None) -> str:
    with pytest.raises(DeployError) as failure:
        apply(world, request, last)
    return failure.value.message


def killed(before: Callable[[], World], request: Request, last: int) -> World | None:
    """None if it failed before it could be killed."""
    world = before()
    try:
        apply(world, request, last)
    except Killed:
        return world
    except DeployError:
        return None
    raise AssertionError("it should have failed")


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_stood_before_runs_again_and_the_next_run_tries_again(bad: Request) -> None:
    world = standing(ALPHA)
    before = record(world)

    said = fail(world, bad)
    assert BACK in said
    check_converged(world, ALPHA)
    assert record(world).model_copy(update={"started": None, "setup": ""}) == before.model_copy(
        update={"started": None, "setup": ""}
    )
    assert not world.below(PATHS.unit("alpha").previous)
    assert BACK in fail(world, bad), "the cause is still there"
    mended = request_of(unit_of(text="three", command=("serve", "better")))
    apply(world, mended)
    check_converged(world, mended)


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_killed_anywhere_the_next_run_knows_what_stood_before(bad: Request) -> None:
    """The same again, which fails again; what stood before; or what is right at last."""
    mended = request_of(unit_of(text="three", command=("serve", "better")))
    world = standing(ALPHA)
    fail(world, bad)
    for last in range(1, len(world.moments) + 1):
        stopped = killed(lambda: standing(ALPHA), bad, last)
        assert stopped is not None
        at = f"killed after step {last}, {stopped.moments[-1]!r}"
        for wanted in (bad, ALPHA, mended):
            world = copy.deepcopy(stopped)
            if wanted is bad:
                assert BACK in fail(world, bad), at
            else:
                apply(world, wanted)
            try:
                check_converged(world, ALPHA if wanted is bad else wanted)
            except AssertionError as error:
                raise AssertionError(f"{at}, then {wanted.unit.process.command}") from error


def test_killed_twice_it_still_knows() -> None:
    bad = BAD["command"]
    world = standing(ALPHA)
    fail(world, bad)
    count = len(world.moments)
    for first in range(1, count + 1):
        once = killed(lambda: standing(ALPHA), bad, first)
        assert once is not None
        for second in range(1, count + 4, 3):
            twice = killed(partial(copy.deepcopy, once), bad, second)
            if twice is not None:
                assert BACK in fail(twice, bad)
                check_converged(twice, ALPHA)


def test_a_process_that_its_own_reload_left_alone_is_not_ended() -> None:
    world = standing(ALPHA)
    pid = world.processes["alpha"].pid
    fail(world, BAD["configuration, reloaded"])
    assert world.processes["alpha"].pid == pid


def test_a_first_one_that_fails_has_nothing_to_go_back_to() -> None:
    world = World()
    for _ in range(2):
        assert "olled back" not in fail(world, BAD["command"])
        assert not record(world).complete
    apply(world, ALPHA)
    check_converged(world, ALPHA)


def test_where_nothing_starts_any_more_both_are_told() -> None:
    world = standing(ALPHA)
    world.sick = True
    said = fail(world, request_of(unit_of(command=("serve", "better"))))
    assert "Not rolled back: its previous version does not come up on local either: its process is" in said
    assert not record(world).complete

    assert "Not rolled back" in fail(world, request_of(unit_of(command=("serve", "best"))))
    world.sick = False
    assert BACK in fail(world, BAD["command"])
    check_converged(world, ALPHA)


def test_what_is_repaired_has_nothing_to_go_back_to() -> None:
    """What a hand broke is no version of anything."""
    world = standing(ALPHA)
    world.write(str(PATHS.unit("alpha").conf / "app.conf"), b"4001 by hand")
    apply(world, request_of(unit_of(), hook="another-value"))
    assert "keep" not in world.moments


def test_a_host_that_is_gone_is_told_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world = standing(ALPHA)

    def gone(*_: object) -> None:
        raise Unreachable("h1", "cannot be reached")

    monkeypatch.setattr("vsi.deploy.wait_ready", gone)
    assert fail(world, request_of(unit_of(text="two"))) == "cannot be reached"
    assert record(world).before == {}
    monkeypatch.undo()
    apply(world, ALPHA)
    check_converged(world, ALPHA)


def test_engines_that_may_be_gone_back_to_are_named_by_the_record() -> None:
    """By its text others know that an artifact is in use."""
    old = request_of(unit_of(engines=("toy",)), engines={"toy": "key-1"})
    new = request_of(unit_of(engines=("toy",), command=("serve", "broken")), engines={"toy": "key-2"})
    stopped = 0
    for last in range(1, 30):
        world = killed(lambda: standing(old), new, last)
        if world is None:
            break
        stopped += 1
        facts = machine_in(world).reach.look(Look(read=("units/alpha/applied.json",)))
        assert b"key-1" in (facts.data("units/alpha/applied.json") or b""), world.moments[-1]
    assert stopped > 10


def test_a_process_that_was_told_nothing_is_not_restarted_for_a_set_up_that_failed() -> None:
    """A node of a store would take its copies away."""

    def unit(**more: Any) -> HostUnit:
        made = unit_of(reload=None, **more)
        process = made.process.model_copy(update={"setup_only_files": ("setup/",)})
        return made.model_copy(update={"process": process})

    world = standing(request_of(unit(files={"setup/role": "reads"})))
    before = world.processes["alpha"].pid
    assert BACK in fail(world, request_of(unit(files={"setup/role": "unwelcome"})))
    assert world.processes["alpha"].pid == before
    assert world.settings["alpha"]["setup/role"] == b"reads"
