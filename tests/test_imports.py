"""Who may import whom: what keeps the description pure and the targets apart.

The table is the rule (CONTRIBUTING.md says why). Where today's code is wider than that order asks, the row
says so; rows are narrowed, never widened in passing.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "agents",
    "aws",
    "cohorts",
    "components",
    "demo",
    "engines",
    "k8s",
    "obs",
    "plugins",
    "stacks",
    "targets",
    "vsi",
)

MAY_IMPORT: dict[str, set[str]] = {
    # The description knows no file, no host, no target.
    "components": {"components"},
    "components/spec": {"components.errors", "components.spec"},
    "components/site.py": {"components.spec"},
    "components/inventory.py": {"components.plan", "components.site", "components.spec"},
    "components/render": {"components"},
    "components/rules": {
        "components.render.document",
        "components.render.scrape_jobs",
        "components.render.sizes",
        "components.rules",
        "components.site",
        "components.spec",
    },
    "stacks": {"components", "stacks"},
    "engines": {"components.catalog", "components.engine", "components.errors", "engines"},
    # Targets lean on the description and on the cache of engines, never on each other or on the command line.
    "vsi": {"components", "engines", "vsi"},
    "k8s": {"components", "k8s"},
    "aws": {"components", "aws"},
    # Images are made of what the cache of engines has.
    "aws/account/docker.py": {"components", "engines", "aws"},
    "aws/contexts.py": {"components", "engines", "aws"},
    # Programs in pods are objects as the Kubernetes target has them; imported by a stack with pods alone.
    "aws/account/pods.py": {"components", "aws", "k8s"},
    "aws/account/running.py": {"components", "aws", "k8s"},
    "aws/manifests.py": {"components", "aws", "k8s"},
    "aws/resources/pods.py": {"components", "aws", "k8s"},
    # Programs that run beside the engines: a host gets them alone.
    "agents": {"agents"},
    "demo": {"demo"},
    "plugins": {"plugins"},
    # The registry imports a target by the name of its module, when it is asked for.
    "targets": {"components", "stacks", "targets"},
    # Stacks by the dozen: made from the description, placed by the registry, run by the command line.
    "cohorts": {"cohorts", "components", "stacks", "targets"},
    # Nobody above the registry knows a target by name.
    "obs": {"cohorts", "components", "engines", "obs", "plugins", "stacks", "targets"},
    "__main__.py": {"components", "targets"},
}


BY_TEXT = {"import_module", "__import__", "run_module"}
REGISTRY = ROOT / "targets" / "__init__.py"
"""The one module that imports by a name that is data."""


def _rule(file: Path) -> str:
    """The most specific row of the table for a file."""
    path = file.relative_to(ROOT).as_posix()
    return max((row for row in MAY_IMPORT if path == row or path.startswith(f"{row}/")), key=len)


def _imports(file: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of every import of ours in a file, those inside functions too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.split(".")[0] in PACKAGES)


def _by_text(text: str) -> list[str]:
    """Where modules are imported by a name that is data, which the table cannot see."""
    tree = ast.parse(text)
    found = {
        *((node.lineno, node.id) for node in ast.walk(tree) if isinstance(node, ast.Name)),
        *((node.lineno, node.name) for node in ast.walk(tree) if isinstance(node, ast.alias)),
        *((node.lineno, node.attr) for node in ast.walk(tree) if isinstance(node, ast.Attribute)),
    }
    return [f"line {line}: {name}" for line, name in sorted(found) if name in BY_TEXT]


def _breaks(row: str, imports: Iterator[tuple[int, str]]) -> list[str]:
    allowed = MAY_IMPORT[row]
    return [
        f"line {line}: {name}"
        for line, name in imports
        if not any(name == module or name.startswith(f"{module}.") for module in allowed)
    ]


FILES = [
    ROOT / "__main__.py",
    *(file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))),
]


@pytest.mark.parametrize("file", FILES, ids=[file.relative_to(ROOT).as_posix() for file in FILES])
def test_imports_stay_within_the_table(file: Path) -> None:
    assert _breaks(_rule(file), _imports(file)) == []


def test_an_import_against_the_table_is_seen() -> None:
    """Inside a function as well, and not by a name that only begins alike."""
    found = [(3, "components.plan.Plan"), (9, "vsi.plan.plan"), (12, "componentsx.y")]

    assert _breaks("components", iter(found)) == ["line 9: vsi.plan.plan", "line 12: componentsx.y"]


@pytest.mark.parametrize("file", FILES, ids=[file.relative_to(ROOT).as_posix() for file in FILES])
def test_only_the_registry_imports_by_text(file: Path) -> None:
    assert bool(_by_text(file.read_text(encoding="utf-8"))) == (file == REGISTRY)


@pytest.mark.parametrize(
    "text",
    [
        "importlib.import_module('vsi.plan')",
        "from importlib import import_module as get",
        "__import__('vsi.plan')",
        "runpy.run_module('vsi.apply')",
    ],
)
def test_an_import_by_text_is_seen(text: str) -> None:
    assert len(_by_text(text)) == 1


def test_every_package_has_a_row() -> None:
    packages = {file.parent.name for file in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}

    assert packages <= set(MAY_IMPORT)
