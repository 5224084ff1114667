"""What is wrong with a value, in the words of whoever wrote it: from pydantic's errors to problems."""

import difflib
import re
import types
import typing
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from components.spec import Servers, Spec
from components.spec.problem import MISSING, AsWritten, KeyPath, Problem, show
from stacks.servers import FILE
from stacks.source import Located, Node

SENSITIVE = re.compile(r"secret|password|token|api_?key|credential|webhook|routing_?key", re.IGNORECASE)
"""Keys whose text is not shown: somebody may have put the secret itself there."""
_KEYS = (("secrets",), ("servers",))
"""Sections in which the same is so of `key`."""
_LOGIN = re.compile(r"[^\s/@'\"]+:[^\s/@'\"]+@")
"""A name and a password in an address."""

_TYPES = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "model_type": "a mapping",
    "string_type": "text",
    "tuple_type": "a list",
}
"""Kind of an error -> what was expected there."""
_BOUNDS = {
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "literal_error": "{expected}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "too_long": "at most {max_length} entries",
    "too_short": "at least {min_length} entries",
}
"""The same, with the bounds that the error knows."""


def describe_errors(root: Node, errors: Iterable[Any], model: type[BaseModel] = Spec) -> list[Located]:
    """One problem a place: what a union's members each expected is said together. `model` is what `root` was
    held against."""
    found: dict[Located, list[str]] = {}
    for error in errors:
        problem = located(root, _from_error(error, model))
        found.setdefault(replace(problem, expected=""), []).append(problem.expected)
    result = []
    for place, expectations in found.items():
        if len(members := list(dict.fromkeys(expectations))) > 1:
            words = [member.removeprefix("expected ").partition(";")[0] for member in members]
            members = [f"expected {' or '.join(words)}"]
        result.append(replace(place, expected=members[0]))
    return result


def located(root: Node, problem: Problem) -> Located:
    """The problem at its place in the file, or at the nearest that is there, without the parts of the path
    that only the model has, and with a value that may be shown."""
    known: list[str | int] = []
    for part in problem.path:
        if root.at((*known, part))[2] or not _is_union_tag(part):
            known.append(part)
    path, value = tuple(known), problem.value
    node, where, exists = root.at(path)
    key = str(path[-1]) if path else ""
    if value is MISSING:
        return replace(Located.at(where, path, problem.expected), what_to_do=problem.what_to_do)
    if isinstance(value, str) and (SENSITIVE.search(key) or (path[:1] in _KEYS and key == "key")):
        shown = "(not shown)"
    else:
        shown = _LOGIN.sub("(not shown)@", node.shown() if exists and node.value == value else show(value))
    return Located(path, AsWritten(shown), problem.expected, problem.what_to_do, where)


def _from_error(error: Any, model: type[BaseModel]) -> Problem:
    path = tuple(
        part for part in error["loc"] if not (isinstance(part, str) and part.startswith("function-"))
    )
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    if kind == "missing":
        return Problem(path, MISSING, "missing; expected a value: this key is required")
    if kind == "extra_forbidden":
        return Problem(path, value, unknown_key(str(path[-1]), fields(path[:-1], model)))
    if kind == "value_error":
        whole = isinstance(value, dict | tuple)  # then the message names what is in it
        return Problem(path, MISSING if whole else value, str(context.get("error", error["msg"])))
    expected = _TYPES.get(kind) or _BOUNDS.get(kind, error["msg"]).format(**context)
    if kind == "string_type" and isinstance(value, int | float):
        expected += "; write it in quotes"
    if kind in ("int_type", "float_type", "bool_type") and isinstance(value, str) and _unquoted(value):
        expected += "; write it without quotes"
    return Problem(path, value, f"expected {expected}")


def _unquoted(text: str) -> bool:
    return re.fullmatch(r"[-+]?[0-9.]+|true|false", text) is not None


def unknown_key(key: str, offered: Iterable[str]) -> str:
    """What to say of a key that there is not."""
    offered = sorted(offered)
    near = difflib.get_close_matches(key, offered, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"unknown key; expected one of {', '.join(offered)}{hint}"


def _is_union_tag(part: str | int) -> bool:
    return isinstance(part, str) and (
        part in ("str", "int", "float", "bool", "[key]") or part.startswith(("constrained-", "literal["))
    )


def fields(path: KeyPath, root: type[BaseModel] = Spec) -> list[str]:
    """The keys that the model knows at a path."""
    model: Any = root
    for part in path:
        if isinstance(part, int):
            continue
        if not (isinstance(model, type) and issubclass(model, BaseModel)) or part not in model.model_fields:
            return []
        model = _inner(model.model_fields[part].annotation)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [*model.model_fields, *([FILE] if model is Servers else [])]


def _inner(annotation: Any) -> Any:
    """The model inside an annotation such as `tuple[Service, ...]` or `Slo | None`."""
    for argument in typing.get_args(annotation):
        if argument is Ellipsis or argument is types.NoneType:
            continue
        return _inner(argument)
    return annotation
