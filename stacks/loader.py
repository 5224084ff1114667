"""From a stack file to the frozen spec, or to every problem at once.

`stacks/Pulumi.<stack>.yaml` is Pulumi's own file for the stack; our part of it is the key `obs:spec`. What
environments share stands in `stacks/base.yaml` and lies under it.
"""

import difflib
import os
import re
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from components.spec import Spec
from components.spec.consistency import Found
from stacks.source import Node, Problem, StackFileError, key_path, merge, parse, show

STACKS = Path(__file__).parent
KEY = "obs:spec"
PULUMI_KEYS = ("config", "encryptionsalt", "encryptedkey", "secretsprovider", "environment")
SENSITIVE = re.compile(r"secret|password|token|api_?key|credential|webhook|routing_?key", re.IGNORECASE)

__all__ = ["Problem", "StackFileError", "load", "load_node", "names", "stack_file"]


def names(folder: Path = STACKS) -> list[str]:
    """The stacks that have a file, sorted."""
    return sorted(file.name[len("Pulumi.") : -len(".yaml")] for file in folder.glob("Pulumi.*.yaml"))


def stack_file(stack: str, folder: Path = STACKS) -> Path:
    """The file of a stack; `StackFileError` naming those that exist if there is none."""
    file = folder / f"Pulumi.{stack}.yaml"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", stack) or not file.is_file():
        offered = ", ".join(names(folder)) or "none"
        problem = Problem(
            f"{folder.name}/", "stack", show(stack), f"expected a stack that has a file: {offered}"
        )
        raise StackFileError([problem])
    return file


Refusals = Callable[[Spec], list[Found]]
"""What a target cannot do of a spec, in the terms of `Spec.problems`."""


def _no_refusals(_: Spec) -> list[Found]:
    return []


def load(stack: str, folder: Path = STACKS, refusals: Refusals = _no_refusals) -> Spec:
    """The spec of a stack. Raises `StackFileError` with every problem, and with all that `refusals` finds."""
    return validate(load_node(stack, folder), refusals)


def load_node(stack: str, folder: Path = STACKS) -> Node:
    """The stack's `obs:spec` over the base file, with places, not yet validated."""
    file = stack_file(stack, folder)
    whole = parse(file, f"{folder.name}/{file.name}")
    if not isinstance(whole.value, dict):
        raise StackFileError(
            [Problem(whole.where, "", show(whole.plain()), "expected a mapping with `config`")]
        )
    problems = [
        Problem(
            whole.keys[key], key_path((key,)), "", f"unknown key; expected one of {', '.join(PULUMI_KEYS)}"
        )
        for key in whole.value
        if key not in PULUMI_KEYS
    ]
    config: Node | None = whole.value.get("config")
    if config is None or not isinstance(config.value, dict) or KEY not in config.value:
        where = config.where if config else whole.where
        problems.append(Problem(where, "config", "", f"expected a mapping with the key {KEY}"))
        raise StackFileError(problems)
    for key in config.value:
        if key.startswith("obs:") and key != KEY and not _is_secret(config.value[key]):
            expected = (
                f"expected settings under {KEY}, and nothing else but secrets (pulumi config set --secret)"
            )
            problems.append(Problem(config.keys[key], key_path(("config", key)), "", expected))
    spec: Node = config.value[KEY]
    if not isinstance(spec.value, dict):
        problems.append(Problem(spec.where, KEY, show(spec.plain()), "expected a mapping"))
    if problems:
        raise StackFileError(problems)
    base_file = folder / "base.yaml"
    if base_file.exists():
        base = parse(base_file, f"{folder.name}/{base_file.name}")
        if not isinstance(base.value, dict):
            raise StackFileError([Problem(base.where, "", show(base.plain()), "expected a mapping")])
        return merge(base, spec)
    return spec


def _is_secret(node: Node) -> bool:
    return isinstance(node.value, dict) and set(node.value) == {"secure"}


def validate(node: Node, refusals: Refusals = _no_refusals) -> Spec:
    """The spec that the node describes. Raises `StackFileError` with every problem, refusals among them."""
    problems: list[Problem] = []
    data = node.plain()
    _port_base(data, problems)
    spec, errors = _model(data)
    problems.extend(_problems(node, errors))
    touched: list[tuple[str | int, ...]] = []
    for _ in range(4):  # look past what is wrong, to report in one go what does not fit together
        if spec is not None or not errors:
            break
        paths = [_existing(data, tuple(error["loc"])) for error in errors]
        touched += paths
        data = _without(data, paths)
        if isinstance(data, dict):
            data.setdefault("environment", _ANY_ENVIRONMENT)
        spec, errors = _model(data)
    for path, value, expected in [*spec.problems(), *refusals(spec)] if spec is not None else []:
        if not any(_concerns(pruned, path) for pruned in touched):
            problems.append(_place(node, path, value, expected))
    if problems:
        raise StackFileError(sorted(set(problems), key=_order))
    assert spec is not None  # noqa: S101 - no problems, so there is one
    return spec


_ANY_ENVIRONMENT = {
    "name": "any", "tier": "dev", "target": "local", "cluster": "any", "region": "any", "team": "any",
}  # fmt: skip
"""Stands in for a broken one while looking for further problems; nothing refers to it."""


def _model(data: Any) -> tuple[Spec | None, list[Any]]:
    try:
        return Spec.model_validate(data), []
    except ValidationError as error:
        return None, error.errors(include_url=False)
    except RecursionError:
        return None, [{"loc": (), "type": "depth", "msg": "expected fewer levels of nesting", "input": None}]


def _port_base(data: Any, problems: list[Problem]) -> None:
    """OBS_PORT_BASE stands above the file, so that two checkouts can run side by side."""
    text = os.environ.get("OBS_PORT_BASE")
    if text is None or not isinstance(data, dict):
        return
    if not re.fullmatch(r"[0-9]{4,5}", text) or not 1024 <= int(text) <= 65000:
        expected = "expected a port from 1024 to 65000; unset it or correct it"
        problems.append(Problem("environment", "OBS_PORT_BASE", show(text), expected))
        return
    deploy = data.setdefault("deploy", {})
    if isinstance(deploy, dict):
        deploy["port_base"] = int(text)


def _existing(data: Any, loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The part of a path that exists in the data."""
    path: list[str | int] = []
    for part in loc:
        inside_map = isinstance(data, dict) and part in data
        inside_list = isinstance(data, tuple) and isinstance(part, int) and part < len(data)
        if not (inside_map or inside_list):
            break
        path.append(part)
        data = data[part]
    return tuple(path)


def _without(data: Any, paths: list[tuple[str | int, ...]], here: tuple[str | int, ...] = ()) -> Any:
    """The data without what stands at the paths."""
    if isinstance(data, dict):
        return {k: _without(v, paths, (*here, k)) for k, v in data.items() if (*here, k) not in paths}
    if isinstance(data, tuple):
        kept = [(i, v) for i, v in enumerate(data) if (*here, i) not in paths]
        return tuple(_without(v, paths, (*here, i)) for i, v in kept)
    return data


_SUSPECT = {
    ("alerting", "teams"): r"(owner|team)$",
    ("alerting", "receivers"): r"^secrets\b|receiver$",
    ("secrets",): r"secret$",
    ("services",): r"(?<!owner)$",
    ("tracing",): r"^tracing\b",
}
"""What other settings refer to, and the paths of problems that may only say that some of it was left out."""
_LOOKED_FOR = ("name", "run", "redis")
"""Keys inside them that other settings look for."""


def _concerns(pruned: tuple[str | int, ...], path: tuple[str | int, ...]) -> bool:
    """Whether a problem may only be there because something was left out of the look-past."""
    if path[: len(pruned)] == pruned:
        return True
    for top, suspect in _SUSPECT.items():
        inside = pruned[: len(top)] == top
        if inside and (len(pruned) <= len(top) + 1 or pruned[-1] in _LOOKED_FOR):
            return re.search(suspect, ".".join(map(str, path))) is not None
    return False


def _problems(root: Node, errors: list[Any]) -> list[Problem]:
    """One problem a place: what a union's members each expected is said together."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for error in errors:
        problem = _problem(root, error)
        found.setdefault((problem.where, problem.key, problem.value), []).append(problem.expected)
    result = []
    for (where, key, value), expectations in found.items():
        first, *others = dict.fromkeys(expectations)
        further = "".join(f" or {other.removeprefix('expected ')}" for other in others)
        result.append(Problem(where, key, value, first + further))
    return result


def _problem(root: Node, error: Any) -> Problem:
    loc = tuple(part for part in error["loc"] if not (isinstance(part, str) and part.startswith("function-")))
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return _place(root, loc, None, "missing; expected a value: this key is required", False)
    if kind == "extra_forbidden":
        offered = _fields(loc[:-1])
        near = difflib.get_close_matches(str(loc[-1]), offered, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return _place(root, loc, error["input"], f"unknown key; expected one of {', '.join(offered)}{hint}")
    if kind == "string_pattern_mismatch":
        return _place(root, loc, error["input"], _pattern_words(context["pattern"]))
    if kind == "value_error":
        return _place(root, loc, error["input"], str(context.get("error", error["msg"])))
    says = re.sub(r"^(Input|String|Value|Tuple|Dictionary|List) should ", "expected to ", error["msg"])
    says = re.sub(r"^expected to (be|have) ", r"expected " if "be" in says[:15] else r"expected to \1 ", says)
    says = says.replace("a valid tuple", "a list").replace("a valid dictionary", "a mapping")
    says = re.sub(r"a valid dictionary or instance of \w+|a mapping or instance of \w+", "a mapping", says)
    return _place(
        root, loc, error["input"], says.replace("a valid ", "a ").replace("a integer", "an integer")
    )


_PATTERNS = {
    r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$": "lower-case letters, digits, hyphens, first a letter, at most 40",
    r"^[A-Za-z0-9.-]{1,253}:[0-9]{1,5}$": "an address as in '127.0.0.1:8000'",
    r"^[a-zA-Z][a-zA-Z0-9_]{0,63}$": "a label name: letters, digits and underscores, first a letter",
    r"^[a-z_][a-z0-9_]*(\.[a-z0-9_]+)*$": (
        "a field name: lower-case letters, digits and underscores, first no digit; single dots between parts"
    ),
    r"^/[!-~]*$": "a path that starts with '/'",
}


def _pattern_words(pattern: str) -> str:
    return f"expected {_PATTERNS.get(pattern, f'text that matches {pattern}')}"


def _place(
    root: Node, loc: tuple[str | int, ...], value: object, expected: str, value_known: bool = True
) -> Problem:
    """The problem with the nearest place of its path, without the parts that only the model has."""
    path: list[str | int] = []
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        if root.at((*path, part))[2] or (last and not _is_union_tag(part)):
            path.append(part)
    _, where, _ = root.at(tuple(path))
    shown = show(value) if value_known else ""
    key = str(path[-1]) if path else ""
    if isinstance(value, str) and (SENSITIVE.search(key) or (path[:1] == ["secrets"] and key == "key")):
        shown = "(not shown)"
    return Problem(where, key_path(tuple(path)), shown, expected)


def _is_union_tag(part: str | int) -> bool:
    return isinstance(part, str) and (
        part in ("str", "int", "float", "bool", "[key]") or part.startswith(("constrained-", "literal["))
    )


def _order(problem: Problem) -> tuple[str, int, str, str]:
    file, _, line = problem.where.rpartition(":")
    return (file, int(line) if line.isdigit() else 0, problem.key, problem.value + problem.expected)


def _fields(path: tuple[str | int, ...]) -> list[str]:
    """The keys that the model knows at a path."""
    model: Any = Spec
    for part in path:
        if isinstance(part, int):
            continue
        if not (isinstance(model, type) and issubclass(model, BaseModel)) or part not in model.model_fields:
            return []
        model = _inner(model.model_fields[part].annotation)
    return sorted(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _inner(annotation: Any) -> Any:
    """The model inside an annotation such as `tuple[Service, ...]` or `Slo | None`."""
    for argument in typing.get_args(annotation):
        if argument is Ellipsis or argument is types.NoneType:
            continue
        return _inner(argument)
    return annotation
