"""A stack of toys in a folder of its own: real supervisor, real processes, real pyinfra."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation

from components.plan import Pillar, Secret
from tests.engine.project import find_pulumi
from tests.ports import free_port
from vsi import deploy, removal
from vsi.guard import processes_of
from vsi.keepers import Program
from vsi.local.supervisor import Supervisor
from vsi.machine import Machine, machine_of
from vsi.paths import REPO, StatePaths, state_paths
from vsi.records import Request
from vsi.unit import HostPlan, HostUnit, Process, Ready

TOY = Path(__file__).parent / "toy.py"


@dataclass
class Place:
    """One stack and its folder."""

    base: Path
    stack: str = "toys"
    ports: dict[str, int] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)

    @property
    def state(self) -> StatePaths:
        return state_paths(self.stack)

    @property
    def machine(self) -> Machine:
        return machine_of(self.stack)

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.state)

    def unit(
        self,
        name: str = "alpha",
        text: str = "one",
        *,
        files: dict[str, str] | None = None,
        arguments: tuple[str, ...] = (),
        process: dict[str, Any] | None = None,
        **more: Any,
    ) -> HostUnit:
        """A toy that reloads on SIGHUP."""
        port = self.ports.setdefault(name, free_port())
        ready = Ready(url=f"http://127.0.0.1:{port}/", seconds=20)
        settings: dict[str, Any] = {
            "command": ("{python}", str(TOY), str(port), *arguments),
            "reload": "SIGHUP",
            "ready": ready,
            "stop_seconds": 5,
        }
        settings |= process or {}
        more = {"pillar": Pillar.METRICS, "memory_mb": 20, "ports": (port,)} | more
        contents = {"app.conf": text} | (files or {})
        return HostUnit(
            name=name,
            place="local",
            files=tuple(sorted(contents.items())),
            process=Process(**settings),
            **more,
        )

    def request(self, unit: HostUnit | None = None, **more: Any) -> Request:
        return Request(stack=self.stack, host="local", unit=unit or self.unit(), **more)

    def plan(self, *units: HostUnit, secrets: tuple[Secret, ...] = (), **more: Any) -> HostPlan:
        return HostPlan(stack=self.stack, parts=units, secrets=secrets, **more)

    def apply(self, unit: HostUnit | None = None, **more: Any) -> deploy.Result:
        """In this process, which is quicker than `run`."""
        self.steps = []
        return deploy.apply(self.request(unit, **more), self.steps.append)

    def remove(self, unit: HostUnit | None = None, **more: Any) -> tuple[removal.Kept, ...]:
        return removal.remove(self.request(unit, **more), self.steps.append)

    def run(self, request: Request, action: str = "apply", **environment: str) -> subprocess.Popen[bytes]:
        """`python -m vsi.apply`, started; its standard input is written and closed."""
        process = subprocess.Popen(
            [sys.executable, "-m", "vsi.apply", action],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=REPO,
            env={**os.environ, **environment},
        )
        assert process.stdin is not None
        process.stdin.write(request.model_dump_json().encode())
        process.stdin.close()
        process.stdin = None
        return process

    def answer(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        out, _ = process.communicate(timeout=120)
        found: dict[str, Any] = json.loads(out)
        return found

    def program(self, name: str = "alpha") -> Program:
        program = self.supervisor.program(name)
        assert program is not None
        return program

    def pid(self, name: str = "alpha") -> int:
        return self.program(name).pid

    def served(self, name: str = "alpha") -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}/", timeout=5) as answer:
            return str(answer.read().decode())

    def starts(self, name: str = "alpha") -> int:
        return len((self.state.unit(name).data / "starts").read_text().splitlines())

    def running(self, name: str | None = None) -> list[int]:
        return processes_of(str(self.state.root), name)

    def conf(self, path: str = "app.conf", name: str = "alpha") -> Path:
        return self.state.unit(name).conf / path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """An empty stack, stopped afterwards whatever happened."""
    yield from make_place(tmp_path / "state", monkeypatch)


def make_place(base: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("OBS_STATE_DIR", str(base))
    monkeypatch.setenv("PYTHONPATH", str(REPO))
    made = Place(base)
    yield made
    made.supervisor.end()
    assert made.running() == []
    assert not os.path.exists(made.supervisor.pid_file)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Options of a workspace with its own back end, and the plugin of dynamic providers on PATH."""
    cli = find_pulumi()
    if cli is None:
        pytest.skip("no pulumi on PATH or in the cache; `make engines` makes it")
    programs = tmp_path / "bin"
    programs.mkdir()
    plugin = programs / "pulumi-resource-pulumi-python"
    plugin.write_text(f'#!/bin/sh\nexec "{sys.executable}" -u -m pulumi.dynamic "$@"\n')
    plugin.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{cli.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "test")
    monkeypatch.setenv("PULUMI_SKIP_UPDATE_CHECK", "true")
    monkeypatch.setenv("PYTHONPATH", str(REPO))
    assert shutil.which("pulumi")
    backend = tmp_path / "backend"
    backend.mkdir()
    project = automation.ProjectSettings(
        "p", "python", backend=automation.ProjectBackend(f"file://{backend}")
    )
    return {"project_settings": project, "backend": backend}
