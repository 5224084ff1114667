"""`obs` and `pulumi` over the real engine, cut off in every way: the next run converges."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.engine.project import SERVERS, Project
from tests.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]


@dataclass(frozen=True)
class Run:
    """A run of `obs up` that is going on."""

    project: Project
    log: Path

    def says(self, text: str) -> bool:
        return text in self.log.read_text()


POINTS: dict[str, Callable[[Run], object]] = {
    "the lock is taken": lambda run: (run.project.root / ".state/.locks/local.lock").read_text(),
    "the engine runs": lambda run: any("up" in line.split() for line in run.project.drivers()),
    "the engine has its lock": lambda run: run.project.locks(),
    "units are begun": lambda run: run.says("creating one"),
    "the first process runs": lambda run: any(run.project.servers().values()),
    "a unit is done": lambda run: run.says("✓ created"),
    "the second unit is begun": lambda run: run.says("creating two"),
}


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_the_next_run_converges(down: Project, tmp_path: Path, point: str) -> None:
    log = tmp_path / "up.log"
    process = down.start("up", log=log)
    reached = POINTS[point]
    until(lambda: reached(Run(down, log)) or process.poll() is not None, point, seconds=240)
    assert process.poll() is None, log.read_text()
    process.kill()
    process.wait()
    until(lambda: not down.drivers(), "the engine and its plugins end with obs")

    down.up()
    assert down.once_each()
    assert down.locks() == []
    assert "nothing to change" in down.up()
    assert not [*down.root.rglob("*.attrs")], (
        "files that a kill can leave empty, and the state unreadable with them"
    )


def test_a_hand_typed_run_that_was_killed_is_cleared_up_after(down: Project, tmp_path: Path) -> None:
    run = down.start("up", log=tmp_path / "up.log")
    until(down.locks, "the engine has its lock", seconds=240)
    engine = next(
        process
        for process in psutil.Process(run.pid).children(recursive=True)
        if process.name() == "pulumi" and "up" in process.cmdline()
    )
    engine.kill()
    assert run.wait(30) == 1
    until(lambda: not down.drivers(), "the plugins end with the engine")
    assert down.locks()
    down.up()
    assert down.once_each()
    assert down.locks() == []


def test_ctrl_c_lets_a_unit_that_was_begun_be_finished(down: Project, tmp_path: Path) -> None:
    """A terminal sends it to every process of the foreground; what changes the host must not get it.

    A unit that was just to be handed over fails with it, but nothing of that one is on the host."""
    log = tmp_path / "up.log"
    run = down.start("up", log=log)
    until(
        lambda: any("vsi.apply" in line for line in down.drivers()), "a unit is put on the host", seconds=240
    )
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait(60) == 130, log.read_text()
    said = log.read_text()
    assert "✓ created" in said
    for name in SERVERS:
        begun = (down.root / ".state" / "local" / "units" / name / "applied.json").exists()
        assert begun == (f"✓ created {name}" in said), said


def test_interrupted_twice_it_stops_at_once(down: Project, tmp_path: Path) -> None:
    log = tmp_path / "up.log"
    run = down.start("up", log=log)
    until(
        lambda: any("vsi.apply" in line for line in down.drivers()), "a unit is put on the host", seconds=240
    )
    run.send_signal(signal.SIGINT)
    until(lambda: b"once more to stop at once" in log.read_bytes(), "the first is heard")
    run.send_signal(signal.SIGINT)
    assert run.wait(60) == 130, log.read_text()
    assert down.drivers() == []
    assert b"Traceback" not in log.read_bytes()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_stops_cleanly(down: Project, tmp_path: Path, signum: signal.Signals) -> None:
    log = tmp_path / "up.log"
    run = down.start("up", log=log)
    until(lambda: b"creating one" in log.read_bytes(), "units are begun", seconds=240)
    os.kill(run.pid, signum)
    assert run.wait(60) == 130, log.read_text()
    assert b"Traceback" not in log.read_bytes()
    assert down.locks() == []
    until(lambda: not down.drivers(), "the engine and its plugins have ended")
    down.up()
    assert down.once_each()


def test_two_at_once(down: Project, tmp_path: Path) -> None:
    first = down.start("up", log=tmp_path / "first.log")
    lock = down.root / ".state" / ".locks" / "local.lock"
    until(lambda: f'"pid": {first.pid}' in lock.read_text(), "the first holds the lock", seconds=240)
    waiting = down.start("up", "--wait", log=tmp_path / "waiting.log")
    refused = down.obs("up")
    assert refused.returncode == 3
    assert f"process {first.pid}" in refused.stderr
    assert first.wait(240) == 0, (tmp_path / "first.log").read_text()
    assert waiting.wait(240) == 0, (tmp_path / "waiting.log").read_text()
    assert down.once_each()
