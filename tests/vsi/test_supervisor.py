"""The supervisor of a stack: awkward folders, broken files, other users."""

import os
import signal
from pathlib import Path

import pytest

from tests.vsi.conftest import Place, make_place
from tests.waiting import until
from vsi.errors import DeployError
from vsi.paths import runtime_dir, state_paths
from vsi.program import intact, prefix

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("name", ["with blanks and & ä $HOME", "x" * 90 + "/" + "y" * 90])
def test_awkward_state_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for place in make_place(tmp_path / name, monkeypatch):
        place.apply(place.unit(files={"a file.yml": "x"}, setup=("cp", "a file.yml", "{data}/copy")))
        assert place.served() == "one"
        assert (place.state.unit("alpha").data / "copy").read_text() == "x"
        assert len(str(runtime_dir(place.state.root) / "s.sock")) < 100
        assert place.apply(place.unit(text="two", files={"a file.yml": "x"})).action == "reload"
        place.remove()


@pytest.mark.parametrize("name", ["a;b ;c", "it's", "star*", "100%", "new\nline"])
def test_folders_that_cannot_be_written_down_are_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("OBS_STATE_DIR", f"/tmp/{name}")
    with pytest.raises(DeployError, match="Set OBS_STATE_DIR"):
        state_paths("toys")


def test_runtime_folder_of_someone_else_is_refused(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": "/tmp"}
    folder = runtime_dir(tmp_path, environ, create=True)
    try:
        folder.chmod(0o755)
        with pytest.raises(DeployError, match="is not a folder that only uid"):
            runtime_dir(tmp_path, environ)
        folder.rmdir()
        folder.symlink_to(tmp_path)
        with pytest.raises(DeployError, match="is not a folder that only uid"):
            runtime_dir(tmp_path, environ)
    finally:
        folder.unlink()


def test_broken_program_file_does_not_stop_the_others(place: Place) -> None:
    place.apply()
    place.apply(place.unit("beta"))
    pid = place.pid("alpha")
    programs = place.state.programs
    (programs / "beta.conf").write_text("[program:beta]\ncommand = \n%(broken\n")
    (programs / "stray.conf").write_text("no section\n")
    place.apply(place.unit("gamma"))
    assert place.pid("alpha") == pid
    assert place.supervisor.program("gamma") is not None
    place.apply(place.unit("beta"))
    assert intact((programs / "beta.conf").read_text())
    assert place.program("beta").running


def test_broken_program_file_does_not_stop_the_supervisor(place: Place) -> None:
    place.apply()
    place.apply(place.unit("beta"))
    place.supervisor.shutdown()
    (place.state.programs / "beta.conf").write_text("[program:beta\n")
    place.apply()
    assert place.program("alpha").running


def test_stop_ends_a_process_that_ignores_it(place: Place) -> None:
    stubborn = (
        "sh",
        "-c",
        "trap '' TERM; {python} " + str(Path(__file__).parent / "toy.py") + " $0 --fork & wait",
    )
    unit = place.unit()
    process = unit.process.model_copy(
        update={"command": (*stubborn, str(place.ports["alpha"])), "stop_seconds": 1}
    )
    place.apply(unit.model_copy(update={"process": process}))
    place.supervisor.stop("alpha")
    assert place.running() == []


def test_order_of_prefixes() -> None:
    from components.plan import Pillar, Process, Ready, Unit

    process = Process(command=("x",), ready=Ready(url="http://x/"), refuses_root=True)
    unit = Unit(name="x", pillar=Pillar.LOGGING, files=(), process=process, memory_mb=1)
    assert prefix(unit, 0)[0] == "unshare"
    assert prefix(unit, 0)[-4:] == prefix(unit, 1000) == ["setpriv", "--pdeathsig", "KILL", "--"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
def test_engine_that_refuses_root_runs_as_another_user_and_dies_with_the_supervisor(place: Place) -> None:
    place.apply(place.unit(process={"refuses_root": True}, arguments=("--fork",)))
    uid_map = Path("/proc", str(place.pid()), "uid_map").read_text().split()
    assert uid_map == ["1000", "0", "1"]
    before = place.running()
    assert len(before) == 2
    os.kill(int(place.supervisor.pid_file.read_text()), signal.SIGKILL)
    until(lambda: place.running() == [])
