"""Every argument that the components give a resource exists in pulumi-aws.

mypy does not follow that package, which costs more than a minute and 2.4 GB; so the calls are read here, and
their keywords looked up where the classes are.
"""

import ast
import importlib
import inspect
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2] / "aws" / "resources"
FILES = sorted(ROOT.glob("*.py"))


def _modules(tree: ast.Module) -> dict[str, Any]:
    """What of pulumi_aws a file imports, by the name it has there."""
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "pulumi_aws":
            for alias in node.names:
                found[alias.name] = importlib.import_module(f"pulumi_aws.{alias.name}")
        if isinstance(node, ast.Import):
            found |= {
                item.asname: importlib.import_module(item.name)
                for item in node.names
                if item.name == "pulumi_aws" and item.asname
            }
    return found


def _calls(tree: ast.Module) -> Iterator[tuple[str, list[str], int]]:
    """(class as written, keywords, line) of each call of a class of pulumi_aws."""
    modules = _modules(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id in modules:
                yield (
                    f"{owner.id}.{node.func.attr}",
                    [item.arg for item in node.keywords if item.arg],
                    node.lineno,
                )


def _taken(of: Any) -> set[str]:
    """Names of what a class takes: of a resource, by each of its signatures."""
    made: Any = vars(of)["__init__"] if inspect.isclass(of) else of
    overloads = typing.get_overloads(made) or [made]
    return {name for one in overloads for name in inspect.signature(one).parameters}


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_every_argument_exists(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    modules = _modules(tree)
    for called, keywords, line in _calls(tree):
        module, name = called.split(".")
        taken = _taken(getattr(modules[module], name))
        assert set(keywords) <= taken, f"{file.name}:{line}: {called} takes no {set(keywords) - taken}"


def test_an_argument_that_is_none_is_found() -> None:
    from pulumi_aws import kms

    assert "enable_key_rotation" in _taken(kms.Key)
    assert "rotate" not in _taken(kms.Key)
