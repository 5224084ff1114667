"""What runs and does not listen where it should, or cannot since somebody else does, is drift."""

import socket
import subprocess
from dataclasses import dataclass, replace

import pytest

from tests.vsi.memory import MemoryReach, World, machine_in
from tests.vsi.test_interrupted import request_of, standing, unit_of
from vsi import listening, preflight
from vsi.keepers import Program
from vsi.listening import Listeners, heard, trouble
from vsi.reach import Holder, Survey
from vsi.refresh import Expected, Seen, differences, look
from vsi.unit import HostUnit, Ready

PORT = 4001
HERE: Listeners = frozenset({("127.0.0.1", PORT)})
NOBODY: Listeners = frozenset({("10.0.0.1", PORT), ("127.0.0.1", 22)})
"""The host's front has the same port under the host's address."""


def unit(url: str = f"http://127.0.0.1:{PORT}/ready") -> HostUnit:
    made = unit_of()
    return made.model_copy(update={"process": made.process.model_copy(update={"ready": Ready(url=url)})})


def program(state: str = "RUNNING", seconds: int = 600) -> Program:
    return Program("alpha", state, 7 if state == "RUNNING" else 0, 1000, 1000 + seconds, "")  # type: ignore[arg-type]


@dataclass(frozen=True)
class Held(MemoryReach):
    """A host on which somebody has the port."""

    pid: int = 99

    def ports(self, _: object) -> dict[int, Holder]:
        return {PORT: Holder((self.pid,), self.pid, "nc -l", near=(self.pid,))} if self.pid else {}


def told(
    listeners: Listeners | None, one: Program | None, *, pid: int = 99, of: HostUnit | None = None
) -> str:
    machine = replace(machine_in(World()), reach=Held(World(), pid))
    return trouble(machine, of or unit(), one, listeners)


def test_what_listens_is_well_wherever_that_reaches() -> None:
    for address in ("127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1"):  # noqa: S104 - compared
        assert told(frozenset({(address, PORT)}), program()) == ""
    store = unit(f"https://10.0.0.1:{PORT}/ready")
    assert told(NOBODY, program(), of=store) == ""


def test_what_runs_and_does_not_listen_is_told() -> None:
    assert told(NOBODY, program(), pid=0) == f"does not listen on port {PORT}"


@pytest.mark.parametrize("one", [program("BACKOFF"), program("STOPPED"), None])
def test_who_has_the_port_of_what_does_not_run_is_told(one: Program | None) -> None:
    assert told(HERE, one) == f"port {PORT} is held by pid 99: nc -l"
    assert told(NOBODY, one) == ""


def test_one_that_was_just_started_may_not_be_that_far() -> None:
    assert told(NOBODY, program(seconds=59)) == ""


def test_nothing_is_told_where_nobody_asked() -> None:
    assert told(None, program()) == ""


def test_a_refresh_tells_it_beside_the_state_of_the_process() -> None:
    one = unit()
    world = standing(request_of(one))
    machine = machine_in(world)
    expected = Expected("alpha", dict(one.files), ("hook",), {"hook": "value-of-hook"})
    seen = look(machine, expected)
    assert seen.program is not None
    old = replace(seen.program, now=seen.program.started + 999)

    def state(listeners: Listeners) -> str:
        found = differences(machine, expected, Seen(seen.facts, old, listeners))
        assert found is not None
        return found.process_state

    assert state(HERE) == "running"
    assert state(NOBODY) == f"running, does not listen on port {PORT}"


def test_a_real_kernel_tells_who_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            said = subprocess.run(listening.QUESTION, capture_output=True, text=True, check=True).stdout
            assert ("127.0.0.1", port) in heard(said)
    assert {address for address, found in heard(said) if found == port} == {"127.0.0.1"}


@pytest.mark.parametrize(("now", "told_of"), [(99, 1), (98, 0), (0, 0)])
def test_a_port_whose_holder_ended_while_it_was_asked_about_is_in_nobodys_way(now: int, told_of: int) -> None:
    """As one of the stack's own does that another run restarts at that moment."""
    seen = Survey(
        uid=0,
        programs=frozenset(),
        modules=frozenset(),
        files=frozenset(),
        folders=frozenset(),
        ports={PORT: Holder((99,), 99, "nc -l", near=(99,))},
        memory_mb=1000,
        disk_mb=1000,
        disk_at="/",
        disk_writable=True,
    )
    wanting = unit_of().model_copy(update={"ports": (PORT,)})
    machine = replace(machine_in(World()), reach=Held(World(), now))

    assert len(preflight.ports([wanting], machine, seen)) == told_of
