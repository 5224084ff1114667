"""The version of what is made of a plan is raised when the code that makes it changes.

To write the digests anew: run this with `OBS_REGENERATE=1`.
"""

import ast
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import vsi.plan_version
from vsi.plan_version import PLAN_VERSION

ROOT = Path(__file__).parents[2]
START = ("vsi.apply", "vsi.inputs")
"""What puts one unit on a host, and what reads what is to be put there; all of `vsi` that they import has a
hand in it, but for these:"""
READ_ONLY = (
    "vsi.drift",
    "vsi.errors",
    "vsi.host",
    "vsi.local.logs",
    "vsi.local.survey",
    "vsi.preflight",
    "vsi.refresh",
    "vsi.servers.snapshot",
    "vsi.ssh.survey",
    "vsi.ssh.words",
)
"""What asks a host or tells of it, and makes nothing of a plan."""
FILE = Path(__file__).with_name("plan_version.json")
WHAT_TO_DO = (
    "the code that carries plans out changed. If it makes something else of the same plan than before, raise "
    "PLAN_VERSION in vsi/plan_version.py: running stacks would not be told otherwise. Then, in any case: "
    "OBS_REGENERATE=1 pytest tests/vsi/test_plan_version.py"
)


def _file(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _imported(tree: ast.AST) -> Iterator[str]:
    """Modules of `vsi` that a module imports, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "vsi" and _file(name))


def _plain(node: Any) -> Any:
    """A syntax tree as plain data, equal for equal code whatever the version of Python: without places, and
    without what is empty."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = {name: _plain(value) for name, value in ast.iter_fields(node) if value not in (None, [])}
    return [type(node).__name__, fields]


def digest(source: str) -> str:
    """Of what the code does: comments, docstrings and layout do not count."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not _is_prose(line)]  # type: ignore[attr-defined]
    return hashlib.sha256(json.dumps(_plain(tree)).encode()).hexdigest()


def _is_prose(line: ast.stmt) -> bool:
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
    )


def carriers() -> dict[str, str]:
    """Digest of each module that has a hand in carrying a plan out, by its path."""
    found: dict[str, str] = {}
    todo, without = list(START), {*READ_ONLY, vsi.plan_version.__name__}
    while todo:
        module = todo.pop()
        file = _file(module)
        assert file is not None
        name = file.relative_to(ROOT).as_posix()
        if name not in found and module not in without:
            source = file.read_text(encoding="utf-8")
            found[name] = digest(source)
            todo += _imported(ast.parse(source))
    return dict(sorted(found.items()))


def test_a_change_of_what_carries_plans_out_raises_the_version() -> None:
    now = carriers()
    if os.environ.get("OBS_REGENERATE") == "1":
        FILE.write_text(json.dumps({"version": PLAN_VERSION, "modules": now}, indent=1) + "\n")

    known = json.loads(FILE.read_text())
    names = known["modules"].keys() | now.keys()
    changed = sorted(name for name in names if known["modules"].get(name) != now.get(name))
    assert not changed, f"{', '.join(changed)}: {WHAT_TO_DO}"
    assert known["version"] == PLAN_VERSION, WHAT_TO_DO


def test_the_modules_that_put_files_in_place_and_start_processes_are_among_them() -> None:
    assert {"vsi/apply.py", "vsi/deploy.py", "vsi/operations.py", "vsi/program.py"} <= set(carriers())


def test_comments_and_docstrings_are_no_change() -> None:
    assert digest('def f(a):\n    """Say."""\n    return  a  # so\n') == digest("def f(a):\n    return a\n")


def test_another_statement_is_a_change() -> None:
    assert digest("def f(a):\n    return a\n") != digest("def f(a):\n    return a + 1\n")
