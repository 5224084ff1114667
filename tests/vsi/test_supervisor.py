"""The supervisor of a stack: awkward folders, broken files, other users."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vsi.conftest import Place, make_place
from tests.waiting import until
from vsi import host
from vsi.errors import DeployError
from vsi.paths import state_paths
from vsi.preflight import preflight
from vsi.program import intact, prefix

pytestmark = pytest.mark.engine


AWKWARD = (
    "with blanks and & ä $HOME ;x #y",
    "x" * 90 + "/" + "y" * 90,
    'it\'s "quoted" `id` back\\slash ',
    "star* what? [a-z] {x,y} 100% %(here)s $(id)",
)


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_state_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for place in make_place(tmp_path / name, monkeypatch):
        place.apply(place.unit(files={"a file.yml": "x"}, setup=("cp", "a file.yml", "{data}/copy")))
        assert place.served() == "one"
        assert (place.state.unit("alpha").data / "copy").read_text() == "x"
        assert "loaded 'one'" in (place.state.unit("alpha").log / "alpha.log").read_text()
        assert place.apply(place.unit(text="two", files={"a file.yml": "x"})).action == "reload"
        pid = place.pid()
        place.apply(place.unit("beta"))
        assert place.pid() == pid
        place.remove()


@pytest.mark.parametrize("name", ["new\nline", "tab\tin it", "bell\a"])
def test_folders_that_cannot_be_written_down_are_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("OBS_STATE_DIR", f"/tmp/{name}")
    with pytest.raises(DeployError, match="Set OBS_STATE_DIR"):
        state_paths("toys")


@pytest.fixture
def standing(place: Place) -> Place:
    """One unit that runs, and its supervisor."""
    place.apply()
    return place


def unharmed(place: Place, before: tuple[int | None, int]) -> bool:
    """Whether it is still the same supervisor and the same process, found, and nothing to be done."""
    (row,) = host.status(place.machine)
    found = (row.state, row.pid) == ("running", before[1])
    return found and place.apply().action == "none" and both(place) == before


def both(place: Place) -> tuple[int | None, int]:
    return place.supervisor.pid(), place.pid()


@pytest.mark.parametrize("variable", ["XDG_RUNTIME_DIR", "TMPDIR", "HOME"])
def test_another_session_finds_the_same_supervisor(
    standing: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    before = both(standing)
    monkeypatch.setenv(variable, str(tmp_path))
    assert unharmed(standing, before)
    monkeypatch.delenv(variable)
    assert unharmed(standing, before)


@pytest.mark.parametrize("lost", [("s.sock",), ("supervisord.pid",), ("s.sock", "supervisord.pid")])
def test_what_is_lost_of_the_supervisor_ends_nothing(standing: Place, lost: tuple[str, ...]) -> None:
    before = both(standing)
    for name in lost:
        (standing.state.supervisor / name).unlink()
    assert unharmed(standing, before)
    until(lambda: all((standing.state.supervisor / name).exists() for name in lost))


def test_the_supervisors_whole_folder_may_be_lost(standing: Place) -> None:
    before = both(standing)
    shutil.rmtree(standing.state.supervisor)
    assert standing.apply().action == "none"
    assert unharmed(standing, before)
    standing.apply(standing.unit("beta"))
    assert both(standing) == before


def test_a_link_to_the_state_folder_is_the_same_stack(
    standing: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = both(standing)
    (tmp_path / "link").symlink_to(standing.base)
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path / "link"))
    assert unharmed(standing, before)


def test_processes_of_a_removed_state_folder_do_not_stay(standing: Place) -> None:
    old = standing.pid()
    shutil.rmtree(standing.state.root)
    assert standing.apply().action == "start"
    assert standing.running() == [standing.pid()] != [old]


def as_earlier_release(place: Place, run: Path) -> tuple[int | None, int]:
    """Start the unit under a supervisor as an earlier release started it: plain, its socket in `run`."""
    place.supervisor.end()
    config = place.supervisor.config
    config.write_text(
        f"[unix_http_server]\nfile = {run}/s.sock\nchmod = 0700\n"
        f"[supervisord]\nlogfile = {place.supervisor.log}\npidfile = {place.supervisor.pid_file}\n"
        "nodaemon = true\nidentifier = toys\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n"
        "[include]\nfiles = programs/*.conf\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "supervisor.supervisord", "-n", "-c", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "OBS_GUARD_ROOT": str(place.state.root)},
        cwd="/",
        start_new_session=True,
    )
    process.returncode = 0
    until(place.supervisor.awake, "it answers")
    assert place.apply().action == "start"
    return both(place)


def test_supervisor_of_an_earlier_release_is_found(place: Place, tmp_path: Path) -> None:
    place.apply()
    run = tmp_path / "run"
    run.mkdir()
    before = as_earlier_release(place, run)
    assert unharmed(place, before)
    place.apply(place.unit("beta"))
    assert both(place) == before
    place.supervisor.end()
    assert not run.exists()
    place.apply()
    assert (place.state.supervisor / "s.sock").exists()


def test_supervisor_of_an_earlier_release_whose_socket_was_swept_is_not_ended(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vsi.local.supervisor.SILENT_SECONDS", 1)
    place.apply()
    run = tmp_path / "run"
    run.mkdir()
    before = as_earlier_release(place, run)
    shutil.rmtree(run)
    (row,) = host.status(place.machine)
    assert (row.state, row.pid) == ("running", before[1])
    with pytest.raises(DeployError, match=r"Nothing was ended.*obs stop toys; obs start toys"):
        place.apply()
    assert [problem.key for problem in preflight(place.plan(place.unit()))] == ["supervisor"]
    assert both(place) == before

    host.stop(place.machine)
    assert place.running() == []
    assert host.start(place.machine) == []
    assert place.served() == "one"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_what_runs_as_another_user_is_not_taken_over(
    standing: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = both(standing)
    monkeypatch.setattr("vsi.local.processes.owner", lambda _pid: 65534)
    with pytest.raises(DeployError, match=r"belongs to user nobody \(65534\), and you are root"):
        standing.apply()
    assert [problem.key for problem in preflight(standing.plan(standing.unit()))] == ["user"]
    assert [(row.state, row.pid) for row in host.status(standing.machine)] == [("running", before[1])]


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
    place.supervisor.end()
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
    from components.plan import Pillar
    from vsi.unit import HostUnit, Process, Ready

    process = Process(command=("x",), ready=Ready(url="http://x/"), refuses_root=True)
    unit = HostUnit(name="x", place="local", pillar=Pillar.LOGGING, files=(), process=process, memory_mb=1)
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
