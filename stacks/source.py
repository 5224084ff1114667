"""YAML with places: every value knows the file and line it was read from, so that errors can name them.

Only what a stack file needs: no anchors, aliases or tags, and no scalar that Pulumi, which reads the same
file with another library, would take for something else.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer

from components.spec.problem import MISSING, AsWritten, KeyPath, Problem, Refused, show

MAX_BYTES = 1_000_000
MAX_DEPTH = 40


@dataclass(frozen=True)
class Located(Problem):
    """A problem and the place in a file where it stands."""

    where: str = ""
    """`file:line`"""

    @classmethod
    def at(cls, where: str, path: KeyPath, expected: str, value: object = MISSING) -> "Located":
        """A problem at a place."""
        return cls(path, value, expected, where=where)

    def __str__(self) -> str:
        return f"{self.where}: {super().__str__()}"


class StackFileError(Refused):
    """A stack file that cannot be used; `problems` holds every one, in the order of the file."""

    problems: Sequence[Located]

    def __init__(self, problems: Sequence[Located]) -> None:
        super().__init__(problems)


@dataclass(frozen=True)
class Node:
    """A value and where it stands. `value` is a dict of Nodes, a list of Nodes or a scalar."""

    value: Any
    where: str
    keys: dict[str, str]
    """For a mapping: where each key stands."""
    written: str | None = None
    """A scalar as it stands in the file, where that may differ from how its value is printed."""

    def shown(self) -> str:
        """The value for a message, as the file has it."""
        return show(self.value if self.written is None else AsWritten(self.written))

    def plain(self) -> Any:
        """The value without places; lists as tuples, as the strict model wants them."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return tuple(node.plain() for node in self.value)
        return self.value

    def at(self, path: KeyPath) -> "tuple[Node, str, bool]":
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


class _Scalars:
    """The scalars that YAML 1.2 and Pulumi's reader have in common."""

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        """A scalar; one with a tag of its own gets none of ours, and is refused."""
        event: Any = self.peek_event()  # type: ignore[attr-defined]
        explicit = event.tag not in (None, "!")
        if event.tag == "!":
            event.implicit = (True, False)  # libyaml takes an empty one for a text, as nobody else does
        node: yaml.ScalarNode = Composer.compose_scalar_node(self, anchor)  # type: ignore[arg-type]
        if explicit:
            node.tag = TAGGED
        return node


class _Loader(_Scalars, yaml.SafeLoader):
    """PyYAML's own, which finds better words for what is wrong."""


class _Fast(_Scalars, Composer, yaml.CSafeLoader):
    """The same behind libyaml, of which Pulumi's reader is a port: it reads a file of a hundred services in a
    quarter of the time."""

    def __init__(self, text: str) -> None:
        yaml.CSafeLoader.__init__(self, text)
        Composer.__init__(self)


TAGGED = "tagged"
for _loader in (_Loader, _Fast):
    _loader.yaml_implicit_resolvers = {}
    for _tag, _pattern, _first in (
        ("bool", r"^(true|True|TRUE|false|False|FALSE)$", "tTfF"),
        ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
        ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
        ("float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", list("-+.0123456789")),
    ):
        _loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def parse(file: Path, name: str) -> Node:
    """The file's content with places; `name` is how messages call it. Raises `StackFileError`."""
    try:
        data = file.read_bytes()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise StackFileError([Located.at(name, (), f"{reason}; expected a readable file")]) from None
    if len(data) > MAX_BYTES:
        raise StackFileError(
            [Located.at(name, (), f"expected at most {MAX_BYTES} bytes", AsWritten(f"{len(data)} bytes"))]
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise StackFileError([Located.at(f"{name}:{line}", (), "expected UTF-8 text")]) from None
    return _read(text, name)


@lru_cache(maxsize=8)
def _read(text: str, name: str) -> Node:
    """A command and the program that it serves read the same files; nobody changes what was read."""
    try:
        root = _composed(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        says = ", ".join(part for part in (error.context, error.problem) if part)
        raise StackFileError([Located.at(where, (), f"expected valid YAML: {says}")]) from None
    except yaml.YAMLError as error:
        says = str(error).splitlines()[0]
        raise StackFileError([Located.at(name, (), f"expected valid YAML: {says}")]) from None
    except RecursionError:
        raise StackFileError([Located.at(name, (), "expected fewer levels of nesting")]) from None
    problems: list[Located] = []
    seen: set[int] = set()
    node = _convert(root, name, (), seen, problems) if root is not None else Node({}, f"{name}:1", {})
    if problems:
        raise StackFileError(problems)
    return node


def _composed(text: str) -> yaml.Node | None:
    """YAMLError in the words of PyYAML's own reader, unless it takes what libyaml refuses."""
    try:
        return yaml.compose(text, Loader=_Fast)
    except yaml.YAMLError:
        yaml.compose(text, Loader=_Loader)
        raise


def _convert(node: yaml.Node, name: str, path: KeyPath, seen: set[int], problems: list[Located]) -> Node:
    where = f"{name}:{node.start_mark.line + 1}"
    nothing = Node(None, where, {})
    if id(node) in seen:
        problems.append(Located.at(where, path, "expected the value itself: aliases are not used here"))
        return nothing
    seen.add(id(node))
    if len(path) > MAX_DEPTH:
        problems.append(Located.at(where, path[:6], f"expected at most {MAX_DEPTH} levels below"))
        return nothing
    if isinstance(node, yaml.ScalarNode):
        if _is_left_out(node, path):
            problems.append(Located.at(where, path, LEFT_OUT))
            return nothing
        try:
            value = _scalar(node)
        except ValueError as error:
            problems.append(Located.at(where, path, str(error), _as_written(node)))
            return nothing
        return Node(value, where, {}, None if isinstance(value, str) else _as_written(node))
    if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.rsplit(":", 1)[1] not in ("map", "seq"):
        problems.append(Located.at(where, path, "expected no tag", AsWritten(node.tag)))
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
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(Located.at(at, path, "expected keys to be plain words"))
            continue
        key = str(key_node.value)
        if reason := _why_no_key(key_node):
            problems.append(Located.at(at, (*path, key), reason))
            continue
        if key in content:
            problems.append(Located.at(at, (*path, key), f"expected once; it stands at {keys[key]} too"))
            continue
        keys[key] = at
        content[key] = _convert(value_node, name, (*path, key), seen, problems)
    return Node(content, where, keys)


def _why_no_key(node: yaml.ScalarNode) -> str | None:
    """Why a scalar cannot be a key; None if it can."""
    if _is_plain(node) and node.value == "<<":
        return "expected the settings themselves: merge keys are not used here"
    try:
        value = _scalar(node)
    except ValueError as error:
        return str(error)
    if isinstance(value, str) or (type(value) is int and str(value) == node.value):
        return None
    return "expected a word, in quotes: unquoted it is no text"


LEFT_OUT = (
    "expected a value, and none stands here: text that begins with '#' needs quotes, or it is a comment; "
    "for no value, write null"
)


def _is_left_out(node: yaml.ScalarNode, path: KeyPath) -> bool:
    """Whether a setting has no value at all, as in `channel: #shop-web`, which YAML reads as null. Whole
    sections are told of elsewhere, and what Pulumi's own keys may be is Pulumi's to say."""
    outside = 3 if path[:1] == ("config",) else 1
    return node.value == "" and _is_plain(node) and len(path) > outside


def _is_plain(node: yaml.ScalarNode) -> bool:
    return node.style in (None, "")


def _as_written(node: yaml.ScalarNode) -> str:
    """A scalar for a message: unquoted ones that are no text as the file has them."""
    text = str(node.value)
    written = _is_plain(node) and text and text.isprintable()
    return AsWritten(text if written else show(text if text else None))


_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,14})")
"""Whole numbers that a 64-bit float holds exactly: Pulumi passes numbers on as such."""
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(([Tt]|[ ]+)[0-9]{1,2}:[0-9]{1,2}(:[0-9.,]+)?.*)?")
_NUMBER = re.compile(
    r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][-+]?[01]+|0[oO]?[-+]?[0-7]+|[0-9]+|"
    r"(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)"
)
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def _scalar(node: yaml.ScalarNode) -> Any:
    """The value of a scalar; ValueError for one that another reader of YAML takes for another value."""
    text = str(node.value)
    if node.tag == TAGGED:
        raise ValueError("expected the value without a tag")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("expected text of whole characters, without surrogates (as '\\ud83d' is one)")
    if "\n" in text and text[0] in "\n\t":
        raise ValueError(
            "expected text whose first line is not empty and has no tab first: Pulumi alters such text"
        )
    if not _is_plain(node):
        return text
    if _TIMESTAMP.fullmatch(text):
        raise ValueError("expected it in quotes: Pulumi would read a point in time here")
    if _NO_NUMBER.fullmatch(text):
        raise ValueError("expected a number; if it is text, write it in quotes")
    match node.tag.rsplit(":", 1)[1]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int" if _DECIMAL.fullmatch(text):
            return int(text)
        case "float" if math.isfinite(float(text)):
            return float(text)
        case "str" if not (_NUMBER.fullmatch(text.replace("_", "")) and text[0] in "-+.0123456789"):
            return text
    raise ValueError(
        "expected a plain decimal number, since Pulumi would read another one here; if it is text, "
        "write it in quotes"
    )


def merge(base: Node, over: Node) -> Node:
    """`over` on top of `base`: mappings key by key, lists of named things by name, all else replaced."""
    if isinstance(base.value, dict) and isinstance(over.value, dict):
        content = dict(base.value)
        for key, node in over.value.items():
            content[key] = merge(content[key], node) if key in content else node
        return Node(content, over.where, {**base.keys, **over.keys})
    names = _names(base)
    if names is None or not isinstance(over.value, list) or not over.value:
        return over
    if not all(isinstance(item.value, dict) for item in over.value):
        return over
    items, more = list(base.value), []
    for item in over.value:
        name = item.value["name"].value if "name" in item.value else None
        place = names.pop(name, None) if isinstance(name, str) else None
        if place is None:  # new, or the second of its name, which the checks then tell
            more.append(item)
        else:
            items[place] = merge(items[place], item)
    return Node(items + more, over.where, {})


def _names(node: Node) -> dict[str, int] | None:
    """Name -> position in a list of uniquely named things; None for anything else."""
    if not isinstance(node.value, list):
        return None
    found: dict[str, int] = {}
    for position, item in enumerate(node.value):
        name = item.value.get("name") if isinstance(item.value, dict) else None
        if name is None or not isinstance(name.value, str) or name.value in found:
            return None
        found[name.value] = position
    return found
