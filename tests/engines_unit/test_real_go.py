"""The real compiler, on a program of three lines."""

import shutil
import subprocess
from pathlib import Path

import pytest

from components.engine import GoSource
from engines.errors import EngineError
from engines.setting import this_platform
from engines.store import Store
from tests.engines_unit import toys

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("go") is None, reason="this machine has no Go"),
]

PROGRAM = """package main

var version = "none"

func main() { println(version) }
"""


def build(base: Path, program: str = PROGRAM) -> Path:
    toys.sources(base / "tools", "toy")
    (base / "tools" / "toy" / "main.go").write_text(program)
    (base / "tools" / "toy" / "go.sum").write_text("")
    engine = toys.built(source=GoSource("toy", (("toy", "."),), ldflags="-s -w -X main.version=1.0"))
    store = Store(
        base / "cache",
        engines=[engine],
        tools=base / "tools",
        lock=base / "lock.json",
        platform=this_platform(),
    )
    return store.ensure(["toy"])["toy"] / "bin" / "toy"


def test_builds_the_same_bytes_in_any_folder(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = build(tmp_path / "one"), build(tmp_path / "two")
    said = subprocess.run([one], capture_output=True, text=True, check=True)
    assert said.stderr == "1.0\n"
    assert one.read_bytes() == two.read_bytes()
    assert str(tmp_path).encode() not in one.read_bytes()


def test_what_the_compiler_says_is_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"(?s)go ended with 1.*undefined: nothing.*the whole log: "):
        build(tmp_path, PROGRAM.replace("println(version)", "nothing()"))
