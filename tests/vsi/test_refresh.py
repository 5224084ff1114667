"""What a refresh finds, and how often it asks: on a machine in memory."""

import pytest

from tests.vsi.memory import PATHS, World, machine_in
from tests.vsi.test_interrupted import request_of, standing, unit_of
from vsi.drift import read_machine
from vsi.refresh import Differences, Expected, differences

UNIT = unit_of()
EXPECTED = Expected("alpha", dict(UNIT.files), ("hook",), {"hook": "value-of-hook"})
CONF = PATHS.unit("alpha").conf


@pytest.fixture
def world() -> World:
    """One unit, as it was planned."""
    made = standing(request_of(UNIT))
    made.begin()
    return made


def found(world: World) -> Differences:
    seen = differences(machine_in(world), EXPECTED)
    assert seen is not None
    return seen


def test_a_unit_that_is_as_planned_is_found_so_in_one_look(world: World) -> None:
    assert found(world) == Differences(process_state="running")
    assert world.looks == 1


def test_all_units_of_a_host_are_found_in_one_look(world: World) -> None:
    for name, port in (("beta", 4002), ("gamma", 4003)):
        world.files |= standing(request_of(unit_of(name, port))).files
    world.begin()

    assert [seen.unit for seen in read_machine(machine_in(world))] == ["alpha", "beta", "gamma"]
    assert world.looks == 1


def test_a_changed_file_is_told_with_its_text(world: World) -> None:
    world.write(str(CONF / "app.conf"), b"4001 by hand")

    assert found(world).files == {"app.conf": "4001 by hand"}


def test_a_file_that_is_gone_is_named(world: World) -> None:
    del world.files[str(CONF / "rules/a.yml")]

    assert found(world).gone == ("rules/a.yml",)


def test_a_file_that_an_engine_would_read_too_is_told_by_its_size(world: World) -> None:
    world.write(str(CONF / "rules/b.yml"), b"12345")
    world.write(str(CONF / "keystore"), b"the engine's own")

    assert found(world).files == {"rules/b.yml": "not planned, 5 bytes"}


def test_a_secret_that_differs_is_named_and_not_shown(world: World) -> None:
    world.write(str(PATHS.secrets / "hook"), b"s3cret of another")

    seen = found(world)
    assert seen.secrets == {"hook": "changed on the host"}
    assert "s3cret" not in repr(seen)


def test_a_secret_that_is_gone_is_named(world: World) -> None:
    del world.files[str(PATHS.secrets / "hook")]

    assert found(world).secrets == {"hook": "missing on the host"}


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (PATHS.programs / "alpha.conf", "running, supervisor's program file changed"),
        (PATHS.unit("alpha").run, "running, run script changed"),
    ],
)
def test_what_starts_a_unit_is_compared(world: World, file: object, words: str) -> None:
    world.write(str(file), b"other")

    assert found(world).process_state == words


def test_a_file_that_others_can_read_is_told(world: World) -> None:
    world.files[str(CONF / "app.conf")].mode = 0o644

    assert found(world).process_state == "running, access: app.conf mode 0644"


def test_a_process_that_does_not_run_is_told(world: World) -> None:
    machine_in(world).keeper.stop("alpha")

    assert found(world).process_state == "stopped"


def test_a_unit_that_is_not_there_is_gone() -> None:
    assert differences(machine_in(World()), EXPECTED) is None
