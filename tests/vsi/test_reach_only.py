"""Nothing in `vsi` touches a host but through a reach, or every host but this one would be out of reach."""

import ast
from pathlib import Path

import pytest

VSI = Path(__file__).parents[2] / "vsi"
ON_THE_HOST = {"guard.py", "keeper.py"}
"""Programs of their own that a host runs; the second is this machine's supervisor."""
REACHES = ("local", "ssh")
"""Folders that have a reach: they touch this machine, or the way to another."""
MODULES = {
    "fcntl", "filelock", "glob", "grp", "http", "importlib", "mmap", "platform", "psutil", "pwd", "shutil",
    "socket", "subprocess", "tempfile", "xmlrpc",
}  # fmt: skip
METHODS = {
    "chmod", "chown", "exists", "getatime", "getctime", "getloadavg", "getmtime", "getpgid", "getsize",
    "glob", "hardlink_to", "is_dir", "is_file", "is_mount", "is_symlink", "isdir", "isfile", "islink",
    "ismount", "iterdir", "kill", "killpg", "lexists", "listdir", "lstat", "makedirs", "mkdir", "open",
    "popen", "read_bytes", "read_text", "readlink", "rename", "renames", "rglob", "rmdir", "samefile",
    "scandir", "stat", "statvfs", "symlink", "symlink_to", "system", "touch", "truncate", "uname", "unlink",
    "utime", "walk", "write_bytes", "write_text",
}  # fmt: skip
OF_OS = {"access", "remove", "replace"}
"""Of `os` only: lists, texts and records of ours have such names too."""
BUILT_IN = {"open", "__import__", "exec", "eval"}
RUNS = {"carry_out.py"}
"""Starts the process that puts a unit on its host."""


def touches(text: str) -> list[str]:
    """Where a module would look at, or change, the machine that it runs on: called, or handed on by name."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")[0]
            taken = [
                alias.name for alias in node.names if module == "os" and alias.name in {*METHODS, *OF_OS}
            ]
            names = [node.module or ""] if module in MODULES else taken
        elif isinstance(node, ast.Name):
            names = [node.id] if node.id in BUILT_IN else []
        elif isinstance(node, ast.Attribute):
            names = [f".{node.attr}"] if node.attr in METHODS or _of_os(node) else []
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value] if node.value.startswith(("/proc", "/sys")) else []
        else:
            continue
        found += [f"line {node.lineno}: {name}" for name in names]
    return found


def _of_os(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "os" and node.attr in OF_OS


FILES = [
    file
    for file in sorted(VSI.rglob("*.py"))
    if file.name not in ON_THE_HOST and not any(file.is_relative_to(VSI / own) for own in REACHES)
]


@pytest.mark.parametrize("file", FILES, ids=[file.relative_to(VSI).as_posix() for file in FILES])
def test_a_host_is_touched_through_a_reach_only(file: Path) -> None:
    found = touches(file.read_text(encoding="utf-8"))
    if file.name in RUNS:
        assert [of.split(": ")[1] for of in found] == ["subprocess"]
    else:
        assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "open('x')",
        "Path('x').read_text()",
        "own.conf.exists()",
        "os.stat('x')",
        "import psutil",
        "def f():\n    from socket import create_connection",
        "Path('/proc/1/stat')",
        "import http.client",
        "shutil.rmtree\nimport shutil",
        "os.path.isfile('x')",
        "io.open('x')",
        "Path('x').open()",
        "read = Path.read_text",
        "look = open",
        "from os import listdir",
        "from os.path import exists",
        "import subprocess",
        "os.replace('x', 'y')",
        "importlib.import_module('psutil')\nimport importlib",
        "__import__('psutil')",
        "f'/proc/{pid}/stat'",
    ],
)
def test_what_would_touch_a_host_is_seen(text: str) -> None:
    assert len(touches(text)) == 1


def test_the_reach_of_this_machine_would_be_found_out() -> None:
    """The names that are looked for are those by which this machine is touched."""
    assert all(touches((VSI / "local" / f"{name}.py").read_text()) for name in ("files", "ports", "logs"))
