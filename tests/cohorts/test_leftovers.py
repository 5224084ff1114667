"""What is hidden of a head that is gone: `obs cohort destroy` lists it, with exit code 1 until it is gone."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace

import pytest

from cohorts import survivors
from tests.cohorts.test_commands import Scene
from tests.cohorts.test_commands import scene as scene

STACK = "cohort-otel-ana"
LISTENERS = survivors.listeners
"""As it is, before the scene makes it see nothing of whatever else runs here."""

Hidden = Callable[[Scene, pytest.MonkeyPatch], AbstractContextManager[str]]
"""Hides something; what of it is listed."""


@contextmanager
def _process(scene: Scene, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """One that nobody keeps, known by an argument alone."""
    del patch
    waits = "import sys; print('ready', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", waits, f"{scene.state}/{STACK}/units/x/conf"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, cwd="/", **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "ready\n"
        yield f"process  {process.pid}: "
        process.communicate("")


@contextmanager
def _port(scene: Scene, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """A socket of a process that names nothing of the head."""
    known = scene.record()
    assert known
    base = known.heads["ana@example.org"].port_base
    with socket.create_server(("127.0.0.1", 0)) as server:
        own = server.getsockname()[1]
        patch.setattr(survivors, "listeners", lambda: {base + 199: LISTENERS()[own]})
        yield f"port     {base + 199}, held by process "
    patch.setattr(survivors, "listeners", dict)


@contextmanager
def _file(scene: Scene, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """Beside what is ours, where a plain listing does not show it."""
    del patch
    folder = scene.state / ".cohorts/otel/heads/ana"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / ".notes"
    file.touch()
    yield f"file     {folder}"
    file.unlink()


@contextmanager
def _unit(scene: Scene, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """One that a target has recorded, and the cohort has not."""
    del scene
    target = SimpleNamespace(is_there=lambda stack: stack == STACK, units=lambda _: ["jaeger"])
    with patch.context() as there:
        there.setattr(survivors, "operating", lambda: iter([("local", target)]))
        yield "unit     jaeger"


@pytest.mark.parametrize("hidden", [_process, _port, _file, _unit], ids=lambda made: made.__name__)
def test_it_is_listed_until_it_is_gone(scene: Scene, monkeypatch: pytest.MonkeyPatch, hidden: Hidden) -> None:
    assert scene("create", str(scene.file)).exit_code == 0

    with hidden(scene, monkeypatch) as listed:
        for _ in range(2):
            told = scene("destroy", str(scene.file), "--yes")
            assert told.exit_code == 1
            assert f"{STACK}  {listed}" in told.stdout
            assert "1 things are still there" in told.stderr

    done = scene("destroy", str(scene.file), "--yes")
    assert done.exit_code == 0, done.output
    assert scene.record() is None
