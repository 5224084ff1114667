"""Nothing in `vsi` touches a host but through a reach, or every host but this one would be out of reach."""

import ast
from pathlib import Path

import pytest

VSI = Path(__file__).parents[2] / "vsi"
ON_THE_HOST = {"guard.py", "keeper.py"}
"""Programs of their own that a host runs; the second is this machine's supervisor."""
MODULES = {"psutil", "socket", "http", "shutil", "tempfile", "glob", "filelock", "xmlrpc", "pwd", "fcntl"}
METHODS = {
    "access", "chmod", "exists", "getpgid", "glob", "is_dir", "is_file", "is_symlink", "iterdir",
    "kill", "killpg", "listdir", "lstat", "mkdir", "open", "read_bytes", "read_text", "rename",
    "rglob", "rmdir", "samefile", "scandir", "stat", "statvfs", "touch", "unlink", "walk",
    "write_bytes", "write_text",
}  # fmt: skip


def touches(text: str) -> list[str]:
    """Where a module would look at, or change, the machine that it runs on."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""] if (node.module or "").split(".")[0] in MODULES else []
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            names = ["open"] if node.func.id == "open" else []
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            names = [f".{node.func.attr}"] if node.func.attr in METHODS else []
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value] if node.value.startswith(("/proc", "/sys")) else []
        else:
            continue
        found += [f"line {node.lineno}: {name}" for name in names]
    return found


FILES = [
    file
    for file in sorted(VSI.rglob("*.py"))
    if file.name not in ON_THE_HOST and not file.is_relative_to(VSI / "local")
]


@pytest.mark.parametrize("file", FILES, ids=[file.relative_to(VSI).as_posix() for file in FILES])
def test_a_host_is_touched_through_a_reach_only(file: Path) -> None:
    assert touches(file.read_text(encoding="utf-8")) == []


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
    ],
)
def test_what_would_touch_a_host_is_seen(text: str) -> None:
    assert len(touches(text)) == 1


def test_the_reach_of_this_machine_would_be_found_out() -> None:
    """The names that are looked for are those by which this machine is touched."""
    assert all(touches((VSI / "local" / f"{name}.py").read_text()) for name in ("files", "ports", "logs"))
