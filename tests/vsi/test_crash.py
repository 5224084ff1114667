"""Killed at any point: the next run converges, nothing runs twice, no lock stays."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from components.plan import Secret
from tests.vsi.conftest import Place
from tests.waiting import until
from vsi.local.processes import is_alive
from vsi.records import read_all, read_applied
from vsi.unit import HostUnit

pytestmark = pytest.mark.engine
VALUE, KEY = "s3cret-Value-of-a-hook", "PRIVATE KEY"


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if is_alive(pid)]


def supervisor_pid(place: Place) -> int:
    return int(place.supervisor.pid_file.read_text())


def test_killed_process_is_started_again(place: Place) -> None:
    place.apply()
    pid = place.pid()
    os.kill(pid, signal.SIGKILL)
    until(lambda: place.program().state == "RUNNING" and place.pid() != pid)
    until(lambda: place.served() == "one")
    assert (len(place.running()), place.starts()) == (1, 2)
    until(lambda: place.supervisor.exits() == {"alpha": 1})


def test_child_of_a_killed_start_script_does_not_stay(place: Place) -> None:
    """A wrapper that forks its engine: what is left of it would hold the port and run twice."""
    place.apply(place.unit(arguments=("--fork",)))
    leader = place.pid()
    child = next(pid for pid in place.running() if pid != leader)
    os.kill(leader, signal.SIGKILL)
    until(lambda: not is_alive(child))
    until(lambda: place.program().state == "RUNNING" and place.pid() != leader)
    until(lambda: place.served() == "one")
    assert len(place.running()) == 2


def test_killed_supervisor_takes_all_with_it_and_all_come_back_once(place: Place) -> None:
    wrapper = place.unit("wrapper", arguments=("--fork",))
    units = [wrapper, place.unit("beta", needs=("wrapper@local",)), place.unit("alpha")]
    for unit in units:
        place.apply(unit)
    before = place.running()
    assert len(before) == 4
    os.kill(supervisor_pid(place), signal.SIGKILL)
    until(lambda: alive(before) == [])
    result = place.apply(units[2])
    assert result.action == "start"
    states = place.supervisor.programs()
    assert {name for name, program in states.items() if program.running} == {"alpha", "beta", "wrapper"}
    assert len(place.running()) == 4
    assert [place.starts(name) for name in ("alpha", "beta", "wrapper")] == [2, 2, 2]


def test_stopped_supervisor_is_replaced(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsi.local.supervisor.ANSWER_SECONDS", 0.3)
    place.apply()
    old = supervisor_pid(place)
    os.kill(old, signal.SIGSTOP)
    place.apply()
    assert not is_alive(old)
    assert len(place.running()) == 1


@contextlib.contextmanager
def silence(place: Place, questions: int | None) -> Iterator[list[socket.socket]]:
    """Nobody answers at the supervisor's socket, as on an overloaded machine, while its process works on;
    after some questions, if any number is given, it is itself again. What was asked meanwhile."""
    descriptor = os.open(place.state.supervisor, os.O_PATH)  # its path may be too long for a socket
    path = Path("/proc/self/fd") / str(descriptor) / "s.sock"
    aside = path.with_suffix(".aside")
    os.link(path, aside)
    asked: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path.with_suffix(".new")))
        server.listen(100)
        path.with_suffix(".new").replace(path)

        def listen() -> None:
            with contextlib.suppress(OSError):  # closed
                while True:
                    asked.append(server.accept()[0])
                    if len(asked) == questions:
                        aside.rename(path)

        threading.Thread(target=listen, daemon=True).start()
        try:
            yield asked
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for question in asked:
                question.close()
            aside.unlink(missing_ok=True)
            os.close(descriptor)


def test_supervisor_that_is_slow_is_left_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsi.local.supervisor.ANSWER_SECONDS", 0.2)
    place.apply()
    before = supervisor_pid(place), place.pid()
    with silence(place, questions=4) as asked:
        assert place.apply().action == "none"
        assert len(asked) == 4
    assert (supervisor_pid(place), place.pid()) == before
    with silence(place, questions=4) as asked:
        place.supervisor.start("alpha")
        assert len(asked) == 4
    assert (supervisor_pid(place), place.pid()) == before


def test_supervisor_that_stays_silent_is_replaced(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsi.local.supervisor.ANSWER_SECONDS", 0.2)
    monkeypatch.setattr("vsi.local.supervisor.SILENT_SECONDS", 1)
    place.apply()
    old = supervisor_pid(place)
    with silence(place, questions=None):
        place.apply()
    assert not is_alive(old)
    assert len(place.running()) == 1


def test_supervisor_outlives_the_apply_and_holds_nothing_of_it(place: Place) -> None:
    os.environ["TOP_SECRET"] = "of the caller"
    try:
        assert place.answer(place.run(place.request()))["ok"]
    finally:
        del os.environ["TOP_SECRET"]
    process = psutil.Process(supervisor_pid(place))
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    for pid in (process.pid, place.pid()):
        assert "TOP_SECRET" not in Path("/proc", str(pid), "environ").read_text()
        links = []
        for link in Path("/proc", str(pid), "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                links.append(os.readlink(link))
        assert not [target for target in links if target.endswith(".lock")]


def steps_of(process: subprocess.Popen[bytes], count: int) -> None:
    """Read `count` lines of progress."""
    assert process.stderr is not None
    for _ in range(count):
        process.stderr.readline()


@pytest.mark.parametrize("steps", [1, 4, 6, 9, 12])
def test_apply_killed_at_any_step_is_finished_by_the_next(place: Place, steps: int) -> None:
    def unit(text: str) -> HostUnit:
        files = {"rules/b.yml" if text == "old" else "rules/a.yml": text}
        return place.unit(
            text=text, files=files, checks=(("grep", "-q", ".", "app.conf"),),
            setup=("cp", "app.conf", "../data/set"),
            secrets=("made",),
        )  # fmt: skip

    made = {"secrets": ({"name": "made", "source": "generated", "key": ""},), "tls_names": ("admin",)}
    if steps in (4, 9):
        place.apply(unit("old"), **made)
    process = place.run(place.request(unit("new"), **made))
    steps_of(process, steps)
    process.kill()
    process.communicate()
    result = place.apply(unit("new"), **made)
    assert result.pid == place.pid()
    assert (place.served(), (place.state.unit("alpha").data / "set").read_text()) == ("new", "new")
    assert sorted(p.name for p in place.conf("").rglob("*.yml")) == ["a.yml"]
    assert len(place.running()) == 1
    assert not place.state.unit("alpha").staged.exists()
    assert sorted(p.name for p in place.state.secrets.iterdir()) == ["made", "tls"]
    record = read_applied(place.machine.reach, "alpha")
    assert record is not None
    assert record.complete
    assert place.apply(unit("new"), **made).action == "none"


@pytest.mark.parametrize(("file", "mark"), [("hook", VALUE), ("tls/ca.key", KEY), ("tls/admin.key", KEY)])
def test_what_is_secret_never_lies_in_tmp_and_a_kill_leaves_it_nowhere(
    place: Place, tmp_path: Path, file: str, mark: str
) -> None:
    """Killed while pyinfra's temporary file holds it: the copy that comes next hangs."""
    tools, tmp, copying = tmp_path / "tools", tmp_path / "tmp", tmp_path / "copying"
    tools.mkdir()
    tmp.mkdir()
    (tools / "cp").write_text(
        f"#!/bin/sh\ncase $2 in *secrets/{file}.new) echo $$ > {copying}.1 && mv {copying}.1 {copying}\n"
        'exec sleep 600;; *) exec /bin/cp "$@";; esac\n'
    )
    (tools / "cp").chmod(0o700)

    def found(folder: Path) -> list[str]:
        files = [path for path in folder.rglob("*") if path.is_file() and mark in path.read_text()]
        return sorted(str(path.relative_to(folder)) for path in files)

    request = place.request(
        place.unit(secrets=("hook",)),
        secrets=(Secret(name="hook", source="environment", key="HOOK"),),
        values={"hook": VALUE},
        tls_names=("admin",),
    )
    path = f"{tools}:{os.environ['PATH']}"
    process = place.run(request, PATH=path, TMPDIR=str(tmp))
    until(copying.exists, "the copy has begun")
    process.kill()
    process.communicate()
    os.kill(int(copying.read_text()), signal.SIGKILL)
    assert found(tmp) == []
    assert [path for path in found(place.state.root) if path.startswith("units/alpha/scratch/")] != []
    assert place.answer(place.run(request, TMPDIR=str(tmp)))["ok"]
    assert list(tmp.iterdir()) == []
    assert {path.partition("/")[0] for path in found(place.state.root)} == {"secrets"}
    assert not place.state.unit("alpha").scratch.exists()


def test_removal_empties_what_a_killed_apply_left(place: Place) -> None:
    place.apply()
    scratch = place.state.unit("alpha").scratch
    scratch.mkdir()
    (scratch / "tmpx").write_text(VALUE)
    place.remove(retain=True)
    assert not scratch.exists()
    assert place.state.unit("alpha").data.is_dir()


def test_removal_killed_is_finished_by_the_next(place: Place) -> None:
    place.apply()
    process = place.run(place.request(), "remove")
    steps_of(process, 2)
    process.kill()
    process.communicate()
    place.remove()
    assert place.running() == []
    assert read_all(place.machine.reach) == {}


def test_two_applies_at_once(place: Place) -> None:
    """Of one unit and of others: the same supervisor, every process once."""
    requests = [place.request(place.unit(name)) for name in ("alpha", "alpha", "beta", "gamma")]
    secrets = ({"name": "made", "source": "generated", "key": ""},)
    requests = [
        r.model_validate({**r.model_dump(), "secrets": secrets, "tls_names": ("admin",)}) for r in requests
    ]
    answers = [place.answer(process) for process in [place.run(request) for request in requests]]
    assert [answer["ok"] for answer in answers] == [True] * 4, answers
    assert sorted(answer["result"]["action"] for answer in answers[:2]) == ["none", "start"]
    assert len(place.running()) == 3
    assert [place.starts(name) for name in ("alpha", "beta", "gamma")] == [1, 1, 1]
    supervisors = [
        p.pid
        for p in psutil.process_iter(["cmdline"])
        if str(place.supervisor.config) in (p.info["cmdline"] or [])
    ]
    assert supervisors == [supervisor_pid(place)]
