"""What the command line asks this machine without a plan: is a stack there, and what is kept of it."""

from pathlib import Path

import pytest

from vsi.target import is_there, kept, log


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a stack, which is not there yet."""
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path))
    return tmp_path / "toys"


def test_a_stack_that_was_never_here_is_not_there(state: Path) -> None:
    assert (is_there("toys"), kept("toys"), log("toys", "alpha")) == (False, [], "")
    assert not state.exists()


def test_units_are_there(state: Path) -> None:
    (state / "units").mkdir(parents=True)

    assert is_there("toys")


def test_folders_with_something_in_them_are_kept(state: Path) -> None:
    for folder in ("units/alpha/data", "units/beta/data", "units/gamma/conf", "secrets"):
        (state / folder).mkdir(parents=True)
    (state / "units/alpha/data/wal").mkdir()
    (state / "units/gamma/conf/app.conf").touch()
    (state / "secrets/made").touch()

    places = [item.place for item in kept("toys")]
    assert places == [str(state / "units/alpha/data"), str(state / "secrets")]


def test_the_folder_of_a_log_is_named_if_it_is_there(state: Path) -> None:
    (state / "units/alpha/log").mkdir(parents=True)

    assert log("toys", "alpha") == str(state / "units/alpha/log")
