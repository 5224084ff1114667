"""No file and no function longer than a reader takes in at once. What is a pure table is named here."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILE_LINES, FUNCTION_LINES = 400, 60
WRITTEN = ("agents", "aws", "benchmarks", "cohorts", "components", "demo", "engines", "k8s", "obs", "plugins")
FOLDERS = (*WRITTEN, "stacks", "targets", "tests", "tools", "vsi")
SUFFIXES = (".py", ".go", ".js", ".lua")
TABLES: frozenset[str] = frozenset()
"""`path:function` of functions that only list data."""

FILES = [
    ROOT / "__main__.py",
    *sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES),
]


@pytest.mark.parametrize("file", FILES, ids=[file.relative_to(ROOT).as_posix() for file in FILES])
def test_a_file_is_short(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= FILE_LINES


@pytest.mark.parametrize("file", [file for file in FILES if file.suffix == ".py"])
def test_each_function_is_short(file: Path) -> None:
    path = file.relative_to(ROOT).as_posix()
    long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= FUNCTION_LINES
        and f"{path}:{node.name}" not in TABLES
    }

    assert not long, f"longer than {FUNCTION_LINES} lines: {long}"
