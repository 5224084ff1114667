"""Status, logs, stop and start, drift and preflight, all without a plan."""

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.vsi.conftest import Place, make_place
from tests.waiting import until
from vsi import host
from vsi.drift import read_machine
from vsi.errors import DeployError
from vsi.machine import machine_of
from vsi.ready import silence
from vsi.unit import Ready

pytestmark = pytest.mark.engine


def test_status_of_an_empty_stack(place: Place) -> None:
    assert host.status(machine_of("toys")) == []
    assert host.start(machine_of("toys")) == []
    host.stop(machine_of("toys"))
    assert not place.state.root.exists()


def test_drift_is_told_file_by_file(place: Place) -> None:
    place.apply(place.unit(files={"rules/a.yml": "a", "rules/b.yml": "b"}))
    (row,) = host.status(machine_of("toys"))
    assert (row.unit, row.state, row.pid, row.drift) == ("alpha", "running", place.pid(), "")
    assert row.ports == (place.ports["alpha"],)
    place.conf("rules/a.yml").write_text("by hand")
    place.conf("rules/b.yml").unlink()
    place.conf("rules/c.yml").write_text("new")
    place.conf("engine.keystore").write_text("not ours")
    place.state.unit("alpha").run.write_text("")
    place.supervisor.stop("alpha")
    (seen,) = read_machine(place.machine)
    assert (seen.changed, seen.missing, seen.extra) == (("rules/a.yml",), ("rules/b.yml",), ("rules/c.yml",))
    assert (seen.process_state, seen.pid, seen.program_changed, seen.drifted) == ("stopped", 0, True, True)
    (row,) = host.status(machine_of("toys"))
    assert row.drift == (
        "changed: rules/a.yml; missing: rules/b.yml; not planned: rules/c.yml; supervisor's file changed"
    )
    place.apply(place.unit(files={"rules/a.yml": "a", "rules/b.yml": "b"}))
    (again,) = read_machine(place.machine)
    assert not again.drifted


@pytest.mark.parametrize("asked", ["http", "tcp and http", "tcp", "redis"])
def test_a_program_that_does_not_answer_is_told_and_the_others_are_not(place: Place, asked: str) -> None:
    """Stopped by a signal: the kernel goes on taking connections for it."""
    port = place.unit().ports[0]
    ready = {
        "http": Ready(url=f"http://127.0.0.1:{port}/"),
        "tcp and http": Ready(url=f"tcp://127.0.0.1:{port}", answers=f"http://127.0.0.1:{port}/metrics"),
        "tcp": Ready(url=f"tcp://127.0.0.1:{port}"),
        "redis": Ready(url=f"redis://127.0.0.1:{port}"),
    }
    place.apply(place.unit(arguments=("--redis",), process={"ready": ready[asked]}))
    place.apply(place.unit("beta"))
    assert all(row.well for row in host.status(machine_of("toys")))
    os.kill(place.pid(), signal.SIGSTOP)
    rows = {row.unit: row for row in host.status(machine_of("toys"))}
    assert [rows["alpha"].state, rows["alpha"].well, rows["beta"].well] == ["running", False, True]
    assert f"kill -CONT {place.pid()}" in rows["alpha"].silence
    unit = place.unit(process={"ready": ready[asked]})
    if asked != "tcp":  # which only the process's state can tell
        assert "nothing within 0.2 s" in silence(place.machine, unit, timeout=0.2)
    os.kill(place.pid(), signal.SIGCONT)
    until(lambda: all(row.well for row in host.status(machine_of("toys"))), "it answers again")


def test_a_port_that_somebody_else_took_is_told(place: Place) -> None:
    """While its program is down, a stranger listens there, and would answer in its place."""
    place.apply(place.unit())
    place.apply(place.unit("beta"))
    place.supervisor.stop("alpha")
    port = place.ports["alpha"]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        rows = {row.unit: row for row in host.status(machine_of("toys"))}
    assert rows["alpha"].silence.startswith(f"port {port} is held by pid {os.getpid()}: ")
    assert rows["beta"].well


def test_a_program_that_answers_wrongly_is_told(place: Place) -> None:
    place.apply(place.unit(process={"ready": Ready(url=f"tcp://127.0.0.1:{place.unit().ports[0]}")}))
    port = place.ports["alpha"]
    for url, expected in (
        (f"http://127.0.0.1:{port}/missing", "answers 404"),
        (f"redis://127.0.0.1:{port}", "answers b'"),
        (f"http://127.0.0.1:{free_port()}/", "ConnectionRefusedError"),
        (f"redis://127.0.0.1:{free_port()}", "ConnectionRefusedError"),
    ):
        assert expected in silence(place.machine, place.unit(process={"ready": Ready(url=url)}))


def test_stop_and_start_follow_the_needs(place: Place) -> None:
    place.apply()
    place.apply(place.unit("beta", needs=("alpha@local",)))
    place.apply(place.unit("gamma"))
    heard: list[tuple[str, str]] = []
    host.stop(machine_of("toys"), ["beta", "alpha"], lambda *words: heard.append(words))
    assert [name for name, word in heard if word == "stopped"] == ["beta", "alpha"]
    assert {row.unit: row.state for row in host.status(machine_of("toys"))} == {
        "alpha": "stopped", "beta": "stopped", "gamma": "running",
    }  # fmt: skip
    heard.clear()
    assert host.start(machine_of("toys"), ["beta"], lambda *words: heard.append(words)) == []
    assert heard == [("alpha", "starting"), ("alpha", "ready"), ("beta", "starting"), ("beta", "ready")]
    with pytest.raises(DeployError, match="no unit 'delta' here; there are: alpha, gamma, beta"):
        host.stop(machine_of("toys"), ["delta"])


def test_start_after_a_reboot(place: Place) -> None:
    """Nothing but the state folder is left, and what needs a broken unit is not started."""
    place.apply()
    place.apply(place.unit("beta", needs=("alpha@local",)))
    place.apply(place.unit("gamma", process={"ready": place.unit("gamma").process.ready}))
    host.stop(machine_of("toys"))
    assert place.running() == []
    assert host.start(machine_of("toys")) == []
    assert len(place.running()) == 3
    pid = int(place.supervisor.pid_file.read_text())
    os.kill(pid, signal.SIGKILL)
    until(lambda: place.running() == [])
    place.state.unit("alpha").run.write_text("#!/bin/sh\necho out of order\nexit 1\n")
    failures = host.start(machine_of("toys"))
    assert [failure.unit for failure in failures] == ["alpha", "beta"]
    assert "out of order" in failures[0].message
    assert failures[1].message == "not started: it needs alpha"
    assert place.program("gamma").running


def test_following_ends_when_nobody_reads_any_more(place: Place) -> None:
    place.apply()
    answers = [False, True]
    found = list(host.logs(machine_of("toys"), ["alpha"], follow=True, lines=1, over=lambda: answers.pop(0)))
    assert found == [("alpha", "loaded 'one'")]
    assert answers == []


def test_logs_of_chosen_units_and_across_rotation(place: Place) -> None:
    place.apply(
        place.unit(arguments=("--say", "first words"), process={"log_max_bytes": 60, "log_backups": 1})
    )
    place.apply(place.unit("beta"))
    assert list(host.logs(machine_of("toys"), ["beta"])) == [("beta", "loaded 'one'")]
    assert ("alpha", "loaded 'one'") in list(host.logs(machine_of("toys")))
    stream = host.logs(machine_of("toys"), ["alpha"], follow=True, lines=0)
    seen: list[str] = []
    for number in range(8):
        place.conf().write_text(f"words number {number}")
        os.kill(place.pid(), signal.SIGHUP)
        _, line = next(stream)
        seen.append(line)
    assert seen == [f"loaded 'words number {number}'" for number in range(8)]
    assert (place.state.unit("alpha").log / "alpha.log.1").exists()


def test_preflight_finds_nothing_on_a_good_host(place: Place) -> None:
    unit = place.unit()
    assert host.preflight(place.plan(unit)) == []
    place.apply(unit)
    assert host.preflight(place.plan(unit)) == []  # its port is held, by itself
    assert host.preflight(place.plan(unit, place.unit("beta"))) == []


def test_preflight_tells_of_a_port_that_an_outgoing_connection_has(place: Place) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0],
    ):
        place.ports["alpha"] = port = client.getsockname()[1]
        problems = {problem.key: problem for problem in host.preflight(place.plan(place.unit()))}
    assert set(problems) == {f"port {port}", "deploy.port_base"}
    assert f"pid {os.getpid()}" in str(problems[f"port {port}"])
    assert "outgoing connection" in str(problems[f"port {port}"])
    assert problems["deploy.port_base"].value == f"ports {port} to {port}"
    assert not problems["deploy.port_base"].fatal


def test_preflight_names_what_is_missing(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", free_port()))
        stranger.listen(1)
        port = stranger.getsockname()[1]
        place.ports["alpha"] = port
        huge = place.unit("beta", memory_mb=10**9, engines=("opensearch",))
        monkeypatch.setattr("vsi.preflight.MAX_MAP_COUNT", 10**12)
        monkeypatch.setattr("vsi.preflight._DISK_MB_OPENSEARCH", 10**9)
        problems = {problem.key: problem for problem in host.preflight(place.plan(place.unit(), huge))}
    assert set(problems) == {f"port {port}", "memory", "disk", "vm.max_map_count"}
    assert f"pid {os.getpid()}" in str(problems[f"port {port}"])
    assert problems[f"port {port}"].expected == "expected free, for alpha"
    assert "beta" in problems["memory"].expected
    assert not problems["vm.max_map_count"].fatal
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = {problem.key for problem in host.preflight(place.plan(place.unit("beta")))}
    assert {"program setpriv", "program sha256sum"} <= missing


def test_two_units_on_one_port_are_named(place: Place) -> None:
    place.ports["beta"] = place.unit().ports[0]
    (problem,) = host.preflight(place.plan(place.unit(), place.unit("beta")))
    assert problem.value == "wanted by alpha and beta"


@pytest.mark.parametrize("name", ["a, b", 'say "a"', "${HOME}"])
def test_a_path_that_opensearch_would_misread_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for place in make_place(tmp_path / name, monkeypatch):
        store = place.unit(engines=("opensearch",))
        (problem,) = [p for p in host.preflight(place.plan(store)) if p.key == "state folder"]
        assert str(tmp_path / name) in str(problem)
        assert "OBS_STATE_DIR" in problem.what_to_do
        assert host.preflight(place.plan(place.unit())) == []
        assert not place.base.exists()
