"""The runtime's key, what is refused, and that it has what our programs import. Made for real in
tests/engine/test_runtime.py."""

import ast
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components import catalog
from components.engine import Engine, RuntimeSource
from engines import interpreter, packages, runtime
from engines.errors import EngineError
from engines.keys import key
from engines.lock import Lock
from engines.setting import this_platform
from engines.store import ROOT, Store
from obs.commands.engines import app

ENGINE = catalog.engine("runtime")
OTHER = "linux/arm64" if this_platform() == "linux/amd64" else "linux/amd64"


def source_of(engine: Engine = ENGINE) -> RuntimeSource:
    assert isinstance(engine.source, RuntimeSource)
    return engine.source


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with all that a runtime is made of."""
    for folder in (*source_of().programs, "docs/runbooks", "tools/runtime", "requirements"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / "checkout" / folder, ignore=ignore)
    return tmp_path / "checkout"


def key_of(root: Path, engine: Engine = ENGINE, platform: str | None = None) -> str | None:
    return key(engine, "source", platform or this_platform(), root / "tools", Lock({}))


@pytest.mark.parametrize(
    "name",
    [
        "agents/sink.py",
        "agents/pages_static/pages.css",
        "demo/new.py",
        "docs/runbooks/README.md",
        "tools/runtime/python",
        "tools/runtime/sitecustomize.py",
    ],
)
def test_the_key_depends_on_each_file(root: Path, name: str) -> None:
    before = key_of(root)
    assert before == key_of(root)
    with (root / name).open("a") as file:
        file.write("# changed\n")
    assert key_of(root) != before


@pytest.mark.parametrize(
    "name", ["agents/__pycache__/sink.pyc", "demo/.swp", "docs/picture.svg", "tools/x.py"]
)
def test_the_key_does_not_depend_on_what_does_not_go_along(root: Path, name: str) -> None:
    before = key_of(root)
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("something")
    assert key_of(root) == before


def test_the_key_depends_on_the_lock_of_what_goes_along_alone(root: Path) -> None:
    before, lock = key_of(root), root / "requirements" / "runtime.txt"
    _change(lock, "pulumi==", "pulumi==99.")
    assert key_of(root) == before
    digest = packages.locked(lock)["httpx"].hashes[0]
    _change(lock, digest, digest[:-4] + "0000")
    assert key_of(root) not in (before, None)


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_key_depends_on_the_interpreter_and_its_libraries(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {key_of(root)}
    monkeypatch.setattr(sys, "version", "3.99.0")
    keys.add(key_of(root))
    (tmp_path / "libssl.so.3").write_bytes(b"patched")
    runtime._parts_of.cache_clear()
    monkeypatch.setattr(interpreter, "libraries", lambda *_: {"libssl.so.3": tmp_path / "libssl.so.3"})
    keys.add(key_of(root))
    runtime._parts_of.cache_clear()
    assert len(keys - {None}) == 3


def test_packages_that_are_not_the_locks_are_refused(root: Path, tmp_path: Path) -> None:
    _change(root / "requirements" / "runtime.txt", "\nhttpx==", "\nhttpx==99.")
    store = Store(tmp_path / "cache", tools=root / "tools", engines=[ENGINE], lock=tmp_path / "lock")
    assert store.find("runtime") is None
    with pytest.raises(EngineError, match=r"httpx is \S+, locked is 99\.\S+\. Run `make setup`"):
        store.ensure(["runtime"])


def test_another_platform_is_refused_and_can_be_foreseen(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache", platform=OTHER)
    assert ENGINE.native_only
    assert catalog.engine("redis").native_only
    assert not catalog.engine("prometheus").native_only
    assert store.find("runtime") is None
    with pytest.raises(
        EngineError, match=rf"runtime \S+ cannot be had for {OTHER}:\n.*\n.*this machine's Python"
    ):
        store.ensure(["runtime"])


def test_only_who_names_it_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(Store, "ensure", lambda _store, names, **_: asked.append(list(names)))
    runner = CliRunner()
    assert runner.invoke(app, ["build"]).exit_code == 0
    assert runner.invoke(app, ["build", "runtime"]).exit_code == 0
    assert asked[0] == [engine.name for engine in catalog.ENGINES if not engine.on_demand]
    assert "runtime" not in asked[0]
    assert "prometheus" in asked[0]
    assert asked[1] == ["runtime"]


def test_it_has_every_package_that_our_programs_import() -> None:
    names: set[str] = set()
    for program in source_of().programs:
        for path in (ROOT / program).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    names |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names.add(node.module)
    ours = {*source_of().programs, *sys.stdlib_module_names}
    found = packages.closure(source_of().packages)
    there = {file.as_posix() for package in found.values() for file in package.files or []}
    ours |= {"boto3", "botocore"}  # of AWS alone, where the place brings them
    for name in sorted(name for name in names if name.partition(".")[0] not in ours):
        file = name.replace(".", "/")
        assert any(known == f"{file}.py" or known.startswith(f"{file}/") for known in there), name


def test_libraries_are_found_and_glibc_is_left_to_the_host() -> None:
    this = interpreter.this()
    found = interpreter.libraries(this.program, interpreter.modules(this))
    assert all(path.is_file() for path in found.values())
    assert not {name for name in found if name.startswith(("libc.so", "libm.so", "ld-linux", "libdl."))}
    uses = [path.name for path in interpreter.modules(this)]
    assert any(name.startswith("_ssl") for name in uses)
    assert not any(name.startswith(("_tkinter", "_curses", "readline", "_test")) for name in uses)


def test_modules_below_a_folder_with_a_blank_are_listed_too(tmp_path: Path) -> None:
    this = interpreter.this()
    folder = tmp_path / "a b:c"
    folder.mkdir()
    linked = [Path(shutil.copy(path, folder)) for path in interpreter.modules(this) if "_ssl" in path.name]
    assert (
        interpreter.libraries(this.program, linked).keys() >= interpreter.libraries(this.program, []).keys()
    )


def test_a_program_that_has_no_loader_is_refused(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\n")
    with pytest.raises(EngineError, match="is not a program that is linked dynamically"):
        interpreter.libraries(tmp_path / "script", [])


def test_the_glibc_that_is_needed_is_the_newest_that_any_file_names(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_bytes(b"\0GLIBC_2.9\0GLIBC_2.34\0")
    (tmp_path / "one.so").write_bytes(b"\0GLIBC_2.17\0")
    (tmp_path / "text").write_bytes(b"\0GLIBC_2.99\0")
    assert interpreter.needed_glibc(tmp_path) == "2.34"
