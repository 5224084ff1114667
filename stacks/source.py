"""YAML with places: every value knows the file and line it was read from, so that errors can name them.

Only what a stack file needs: YAML 1.2 core scalars, no anchors, aliases or tags.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 1_000_000
MAX_DEPTH = 40


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a stack file."""

    where: str
    """`file:line`"""
    key: str
    """Key path as people write it: `services[0].owner`; '' for the file as a whole."""
    value: str
    """The value as found, shortened; '' where there is none."""
    expected: str

    def __str__(self) -> str:
        key = f" {self.key}" if self.key else ""
        value = f" = {self.value}" if self.value else ""
        return f"{self.where}:{key}{value}{':' if key else ''} {self.expected}"


class StackFileError(Exception):
    """A stack file that cannot be used; `problems` holds every one, in the order of the file."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass(frozen=True)
class Node:
    """A value and where it stands. `value` is a dict of Nodes, a list of Nodes or a scalar."""

    value: Any
    where: str
    keys: dict[str, str]
    """For a mapping: where each key stands."""

    def plain(self) -> Any:
        """The value without places; lists as tuples, as the strict model wants them."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return tuple(node.plain() for node in self.value)
        return self.value

    def at(self, path: tuple[str | int, ...]) -> "tuple[Node, str, bool]":
        """The node at a path, its place, and whether the whole path exists; else the nearest one above."""
        node, where = self, self.where
        for part in path:
            if isinstance(node.value, dict) and isinstance(part, str) and part in node.value:
                where = node.keys.get(part, node.where)
                node = node.value[part]
            elif isinstance(node.value, list) and isinstance(part, int) and 0 <= part < len(node.value):
                node = node.value[part]
                where = node.where
            else:
                return node, where, False
        return node, where, True


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2: `on` and `2026-01-01` are text."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
    ("float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def parse(file: Path, name: str) -> Node:
    """The file's content with places; `name` is how messages call it. Raises `StackFileError`."""
    try:
        data = file.read_bytes()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise StackFileError([Problem(name, "", "", f"{reason}; expected a readable file")]) from None
    if len(data) > MAX_BYTES:
        raise StackFileError([Problem(name, "", f"{len(data)} bytes", f"expected at most {MAX_BYTES} bytes")])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise StackFileError([Problem(f"{name}:{line}", "", "", "expected UTF-8 text")]) from None
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        says = ", ".join(part for part in (error.context, error.problem) if part)
        raise StackFileError([Problem(where, "", "", f"expected valid YAML: {says}")]) from None
    except yaml.YAMLError as error:
        says = str(error).splitlines()[0]
        raise StackFileError([Problem(name, "", "", f"expected valid YAML: {says}")]) from None
    except RecursionError:
        raise StackFileError([Problem(name, "", "", "expected fewer levels of nesting")]) from None
    problems: list[Problem] = []
    seen: set[int] = set()
    node = _convert(root, name, (), seen, problems) if root is not None else Node({}, f"{name}:1", {})
    if problems:
        raise StackFileError(problems)
    return node


def _convert(
    node: yaml.Node, name: str, path: tuple[str | int, ...], seen: set[int], problems: list[Problem]
) -> Node:
    where = f"{name}:{node.start_mark.line + 1}"
    nothing = Node(None, where, {})
    if id(node) in seen:
        problems.append(
            Problem(where, key_path(path), "", "expected the value itself: aliases are not used here")
        )
        return nothing
    seen.add(id(node))
    if len(path) > MAX_DEPTH:
        problems.append(
            Problem(where, key_path(path[:6]) + "...", "", f"expected at most {MAX_DEPTH} levels")
        )
        return nothing
    if isinstance(node, yaml.ScalarNode):
        try:
            return Node(_scalar(node), where, {})
        except ValueError as error:
            problems.append(Problem(where, key_path(path), show(node.value), str(error)))
            return nothing
    if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.rsplit(":", 1)[1] not in ("map", "seq"):
        problems.append(Problem(where, key_path(path), node.tag, "expected no tag"))
        return nothing
    if isinstance(node, yaml.SequenceNode):
        items = [
            _convert(item, name, (*path, index), seen, problems) for index, item in enumerate(node.value)
        ]
        return Node(items, where, {})
    content: dict[str, Node] = {}
    keys: dict[str, str] = {}
    for key_node, value_node in node.value:
        at = f"{name}:{key_node.start_mark.line + 1}"
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag not in _KEY_TAGS:
            problems.append(Problem(at, key_path(path), "", "expected keys to be plain words"))
            continue
        key = str(key_node.value)
        if key in content:
            problems.append(
                Problem(at, key_path((*path, key)), "", f"expected once; it stands at {keys[key]} too")
            )
            continue
        keys[key] = at
        content[key] = _convert(value_node, name, (*path, key), seen, problems)
    return Node(content, where, keys)


_KEY_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:int")


def _scalar(node: yaml.ScalarNode) -> Any:
    text = str(node.value)
    match node.tag:
        case "tag:yaml.org,2002:str":
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise ValueError(
                    "expected text of whole characters, without surrogates (as '\\ud83d' is one)"
                )
            return text
        case "tag:yaml.org,2002:null":
            return None
        case "tag:yaml.org,2002:bool":
            return text.lower() == "true"
        case "tag:yaml.org,2002:int" if len(text) <= 20:
            return int(text)
        case "tag:yaml.org,2002:float":
            return float(text)
    raise ValueError("expected text, a number of ordinary size, true, false or null, without a tag")


def merge(base: Node, over: Node) -> Node:
    """`over` on top of `base`: mappings key by key, lists of named things by name, all else replaced."""
    if isinstance(base.value, dict) and isinstance(over.value, dict):
        content = dict(base.value)
        for key, node in over.value.items():
            content[key] = merge(content[key], node) if key in content else node
        return Node(content, over.where, {**base.keys, **over.keys})
    names, others = _names(base), _names(over)
    if names is not None and others is not None and others:
        items = [merge(node, others.pop(name)) if name in others else node for name, node in names.items()]
        return Node([*items, *others.values()], over.where, {})
    return over


def _names(node: Node) -> dict[str, Node] | None:
    """The items of a list of uniquely named things by name; None for anything else."""
    if not isinstance(node.value, list):
        return None
    found: dict[str, Node] = {}
    for item in node.value:
        name = item.value.get("name") if isinstance(item.value, dict) else None
        if name is None or not isinstance(name.value, str) or name.value in found:
            return None
        found[name.value] = item
    return found


def key_path(path: tuple[str | int, ...]) -> str:
    """A path as people write it."""

    def parts() -> Iterator[str]:
        for index, part in enumerate(path):
            if isinstance(part, int):
                yield f"[{part}]"
            else:
                shown = part if re.fullmatch(r"[\w:-]{1,60}", part, re.ASCII) else show(part)
                yield f".{shown}" if index else shown

    return "".join(parts())


def show(value: object) -> str:
    """A value for a message: printable, one line, at most 80 characters."""
    if isinstance(value, (dict, list, tuple)):
        return {dict: "a mapping", list: "a list", tuple: "a list"}[type(value)]
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = ascii(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."
