"""Two runs on the servers of one stack, from wherever: one at a time, and the other is told whose it is."""

import os
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from components.target import Busy, Run
from tests.vsi.ssh.server import Server
from vsi.machine import Machine
from vsi.servers import alone as subject
from vsi.servers import snapshot
from vsi.servers.machine import Server as ServerMachine
from vsi.servers.machine import server as machine_at
from vsi.ssh import holding
from vsi.ssh.connection import Login

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("lab_here")]


@pytest.fixture(autouse=True)
def hosts(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Machine]:
    """Those of the stack: one, for now."""
    found: dict[str, Machine] = {
        "h1": machine_at("dev", server.connection(host="h1"), Login(key=server.key), {})
    }
    monkeypatch.setattr(subject, "machines", lambda _: found)
    monkeypatch.setattr(subject, "_AGAIN_SECONDS", 0.05)
    return found


def elsewhere(server: Server, stack: str, held: ExitStack) -> None:
    """A run of somebody else: with a connection of its own, since locks are a process's."""
    other = machine_at(stack, server.connection(host="other"), Login(key=server.key), {})
    held.enter_context(holding.hold(other.reach.master, snapshot.RUNS, stack, 0, "`obs up` of ann@pc"))


def test_the_second_run_is_told_who_the_first_is(server: Server) -> None:
    with ExitStack() as held:
        elsewhere(server, "dev", held)
        refused = pytest.raises(Busy, match="'dev' is being changed on h1 by `obs up` of ann@pc")
        with refused as caught, subject.alone(Run("dev", "up dev"), None):
            pytest.fail("both are in")
        assert caught.value.exit_code == 3
        assert "--wait" in str(caught.value)
    with subject.alone(Run("dev", "up dev"), None):
        pass


def test_another_stack_on_the_same_host_is_no_concern_of_it(server: Server) -> None:
    with ExitStack() as held:
        elsewhere(server, "dev-2", held)
        with subject.alone(Run("dev", "up dev"), None):
            pass


def test_one_that_waits_goes_on_when_the_other_has_ended(server: Server) -> None:
    order: list[str] = []

    def second() -> None:
        with subject.alone(Run("dev", "up dev", wait=True), None):
            order.append("second")

    with ExitStack() as held:
        elsewhere(server, "dev", held)
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.5)
        order.append("first ends")
    waiting.join(30)

    assert order == ["first ends", "second"]


def test_when_a_lock_was_last_taken_is_told_to_who_asks_and_to_who_takes_it(
    server: Server, hosts: dict[str, Machine]
) -> None:
    machine = hosts["h1"]
    assert isinstance(machine, ServerMachine)
    reach, name = machine.reach, f"asked-{os.getpid()}"

    def told() -> str:
        return reach.run(holding.question(snapshot.RUNS, name)).output.strip()

    assert told() == "never"
    with holding.hold(reach.master, snapshot.RUNS, name) as before:
        assert (before, told()) == ("never", "")
    once = told()
    assert float(once) > 0
    with holding.hold(reach.master, snapshot.RUNS, name) as before:
        assert before == once
    assert told() not in ("", once)


def test_a_run_says_who_it_is(server: Server, hosts: dict[str, Machine]) -> None:
    with subject.alone(Run("dev", "destroy dev"), None):
        hosts.clear()
        hosts["h2"] = machine_at("dev", server.connection(host="h2"), Login(key=server.key), {})
        words = rf"on h2 by `obs destroy dev` of .+ \(process {os.getpid()}, since "
        with pytest.raises(Busy, match=words), subject.alone(Run("dev", "up dev"), None):
            pytest.fail("both are in")


def test_a_host_that_is_away_stops_nobody(server: Server, hosts: dict[str, Machine]) -> None:
    away = server.connection(host="away", port=1)
    hosts["away"] = machine_at("dev", away, Login(key=server.key), {})
    with subject.alone(Run("dev", "destroy dev"), None):
        pass
