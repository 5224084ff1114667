"""The description names no address, no folder of a host and no target: those are a site's, and a target's."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from components.spec import Environment

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "components").rglob("*.py"))
TARGETS = get_args(Environment.model_fields["target"].annotation)
NAMES_TARGETS = ROOT / "components" / "spec" / "__init__.py"
"""Which targets there are is a field of the spec."""

SETTINGS = {
    "aws.py": ("10.20.0.0/16", "aws"),
    "cluster_engines.py": ("kubernetes",),
    "elsewhere.py": ("kubernetes",),
    "fluent_bit_forward.py": ("/var/run/fluent.sock",),
    "images.py": (
        "/etc/ssl/certs/ca-certificates.crt",
        "COPY otelcol /usr/bin/otelcol",
        "COPY runtime /opt/obs",
        "ENV PATH=/opt/obs/bin:/usr/local/bin:/usr/bin:/bin",
        "ENV PATH=/usr/bin",
        'ENTRYPOINT ["/opt/obs/bin/python"]',
        'ENTRYPOINT ["/usr/bin/otelcol"]',
        'RUN ["/opt/obs/bin/python", "-c", "import ssl, agents.task_files, demo.gateway"]',
    ),
    "of_settings.py": ("aws", "kubernetes"),
    "settings.py": ("aws",),
    "words.py": ("aws",),
}
"""Literals that are a setting's: the default of a stack's own network; a partition, an engine, and sections
of a stack file, which are no targets; a source of secrets; the socket that FireLens writes to; folders of an
image of ours, which are of no host."""

ADDRESS = re.compile(
    r"(?<![\d.])(\d{1,3}(\.\d{1,3}){3}(?![\d.])|127\.|10\.\d|192\.168)|\blocalhost\b|(?<!\w)::1\b|\[::\]"
)
FOLDER = re.compile(
    r"(^|[^\w.)}-])/(etc|home|mnt|opt|proc|root|run|srv|sys|tmp|usr|var)(/|$)|\.\./(\.\.|data|log)(/|$)|^~/"
)
LIBRARIES = {
    "abc", "base64", "binascii", "collections", "contextlib", "dataclasses", "decimal", "difflib", "enum",
    "fnmatch", "functools", "grafana_foundation_sdk", "graphlib", "hashlib", "importlib.resources",
    "ipaddress", "itertools", "json", "posixpath", "pulumi", "pydantic", "pydantic_core", "re", "re2",
    "string", "types", "typing", "yaml", "components",
}  # fmt: skip
"""What the description may use: nothing that opens files or sockets, starts programs or knows the time. Of
`importlib` the resources alone: code of the package that is not in Python."""


def _literals(text: str) -> Iterator[tuple[int, str]]:
    """(line, text) of every string but docstrings; of f-strings the parts that are written out."""
    tree = ast.parse(text)
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


def _told(text: str, targets: tuple[str, ...] = TARGETS, settings: tuple[str, ...] = ()) -> list[str]:
    """What a module says of places. An example in a message (`as in '...'`) says nothing."""
    return [
        f"line {line}: {literal!r}"
        for line, literal in _literals(text)
        if literal not in settings
        and (
            literal in targets
            or ((ADDRESS.search(literal) or FOLDER.search(literal)) and "as in '" not in literal)
        )
    ]


@pytest.mark.parametrize("file", FILES, ids=[file.relative_to(ROOT).as_posix() for file in FILES])
def test_no_address_no_folder_no_target(file: Path) -> None:
    targets = () if file == NAMES_TARGETS else TARGETS
    assert _told(file.read_text(encoding="utf-8"), targets, SETTINGS.get(file.name, ())) == []


def _reaches_out(text: str) -> list[str]:
    """What a module uses that is not pure."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Name) and node.id in (
            "open",
            "__import__",
            "exec",
            "eval",
            "input",
            "print",
        ):
            names = [node.id]
        else:
            continue
        found += [
            f"line {node.lineno}: {name}" for name in names if not {name, name.split(".")[0]} & LIBRARIES
        ]
    return found


@pytest.mark.parametrize("file", FILES, ids=[file.relative_to(ROOT).as_posix() for file in FILES])
def test_nothing_that_reaches_out(file: Path) -> None:
    found = _reaches_out(file.read_text(encoding="utf-8"))
    assert found == []


@pytest.mark.parametrize(
    "text",
    ["import os.path", "from pathlib import Path", "open('x')", "f = open", "def f():\n    import socket"],
)
def test_what_reaches_out_is_seen(text: str) -> None:
    assert len(_reaches_out(text)) == 1


@pytest.mark.parametrize(
    "literal",
    [
        '"127.0.0.1"',
        'f"127.0.0.{name}"',
        'f"{name}127.0.0.1"',
        '"http://" + "10.1.2.3"',
        '"[::]:9090"',
        '"~/.cache"',
        '"/proc/1"',
        'f"http://10.1.2.3:{port}"',
        '"bind localhost"',
        '"[::1]:9090"',
        '"0.0.0.0"',
        '"../../../secrets/tls/ca.pem"',
        '"dir ../data"',
        'f"{{file:/etc/obs/{name}}}"',
        '"/var/log/obs"',
        '"local"',
        '"kubernetes"',
    ],
)
def test_one_that_does_is_seen(literal: str) -> None:
    assert _told(f"def f(name, port):\n    return {literal}\n")


@pytest.mark.parametrize(
    "literal", ["\"expected a path, as in '/var/log/a.log'\"", '"/metrics"', '"1.2.3"', '"../rules/a.yml"']
)
def test_what_names_no_place_is_not(literal: str) -> None:
    assert _told(f'"""Of 127.0.0.1."""\nX = {literal}\n') == []
