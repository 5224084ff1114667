"""From a stack file to the frozen spec, or to every problem at once.

`stacks/Pulumi.<stack>.yaml` is Pulumi's own file for the stack; our part of it is the key `obs:spec`. What
environments share stands in `stacks/base.yaml` and lies under it.
"""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError, create_model

from components.spec import Spec
from components.spec.base import Model
from components.spec.problem import MISSING, AsWritten, KeyPath, Problem
from stacks.servers import with_servers
from stacks.source import Located, Node, StackFileError, merge, parse
from stacks.words import describe_errors, located, unknown_key

STACKS = Path(__file__).parent
KEY = "obs:spec"
PULUMI_KEYS = ("config", "encryptionsalt", "encryptedkey", "secretsprovider", "environment")

__all__ = ["Located", "StackFileError", "load", "load_node", "names", "stack_file"]


def names(folder: Path = STACKS) -> list[str]:
    """The stacks that have a file, sorted."""
    return sorted(file.name[len("Pulumi.") : -len(".yaml")] for file in folder.glob("Pulumi.*.yaml"))


def stack_file(stack: str, folder: Path = STACKS) -> Path:
    """The file of a stack; `StackFileError` naming those that exist if there is none."""
    file = folder / f"Pulumi.{stack}.yaml"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", stack) or not file.is_file():
        offered = ", ".join(names(folder)) or "none"
        expected = f"expected a stack that has a file: {offered}"
        raise StackFileError([Located.at(f"{folder.name}/", ("stack",), expected, stack)])
    return file


Refusals = Callable[[Spec], list[Problem]]
"""What a target cannot do of a spec, in the terms of `Spec.problems`."""


def _no_refusals(_: Spec) -> list[Problem]:
    return []


def load(stack: str, folder: Path = STACKS, refusals: Refusals = _no_refusals) -> Spec:
    """The spec of a stack. Raises `StackFileError` with every problem, and with all that `refusals` finds."""
    return validate(load_node(stack, folder), refusals, stack)


def load_node(stack: str, folder: Path = STACKS) -> Node:
    """The stack's `obs:spec` over the base file, with places, not yet validated."""
    file = stack_file(stack, folder)
    whole = _parsed(file, f"{folder.name}/{file.name}")
    if not isinstance(whole.value, dict) or not whole.value:
        found = "is empty" if not whole.value else f"holds {whole.shown()}"
        expected = f"the file {found}; expected a mapping with the key `config`, and in it {KEY}"
        raise StackFileError([Located.at(whole.where, (), expected)])
    problems = [
        Located.at(whole.keys[key], (key,), unknown_key(key, PULUMI_KEYS))
        for key in whole.value
        if key not in PULUMI_KEYS
    ]
    config: Node | None = whole.value.get("config")
    if config is None or not isinstance(config.value, dict) or KEY not in config.value:
        where = whole.keys.get("config", whole.where)
        problems.append(Located.at(where, ("config",), f"expected a mapping with the key {KEY}"))
        raise StackFileError(problems)
    for key in config.value:
        if key.startswith("obs:") and key != KEY and not _is_secret(config.value[key]):
            expected = (
                f"expected settings under {KEY}, and nothing else but secrets (pulumi config set --secret)"
            )
            problems.append(Located.at(config.keys[key], ("config", key), expected))
    spec: Node = config.value[KEY]
    problems += _taken_for_secrets(spec)
    if not isinstance(spec.value, dict):
        expected = f"expected a mapping with the sections {', '.join(Spec.model_fields)}"
        problems.append(Located.at(config.keys[KEY], (KEY,), expected, AsWritten(spec.shown())))
    if problems:
        raise StackFileError(problems)
    base_file = folder / "base.yaml"
    if base_file.exists():
        base = parse(base_file, f"{folder.name}/{base_file.name}")
        if not isinstance(base.value, dict):
            raise StackFileError([Located.at(base.where, (), "expected a mapping", AsWritten(base.shown()))])
        spec = merge(base, spec)
    return with_servers(spec, folder)


def _parsed(file: Path, name: str) -> Node:
    """The file's content; problems inside our part of it are named as the model's are, from that part on."""
    try:
        return parse(file, name)
    except StackFileError as error:
        inside = ("config", KEY)
        problems = [
            replace(problem, path=problem.path[2:] if problem.path[:2] == inside else problem.path)
            for problem in error.problems
        ]
        raise StackFileError(problems) from None


def _taken_for_secrets(node: Node, path: KeyPath = ()) -> list[Located]:
    """Mappings with the one key `secure`, which Pulumi takes for a secret wherever they stand, and would fail
    to decrypt."""
    if _is_secret(node) and isinstance(node.value["secure"].value, str):
        expected = (
            "expected another key beside or instead of 'secure': Pulumi takes a mapping with this one key "
            "for a secret of its own"
        )
        return [Located.at(node.keys["secure"], (*(path or (KEY,)), "secure"), expected)]
    if isinstance(node.value, dict):
        children = [((*path, key), child) for key, child in node.value.items()]
    elif isinstance(node.value, list):
        children = [((*path, index), child) for index, child in enumerate(node.value)]
    else:
        return []
    return [problem for place, child in children for problem in _taken_for_secrets(child, place)]


def _is_secret(node: Node) -> bool:
    return isinstance(node.value, dict) and set(node.value) == {"secure"}


def validate(node: Node, refusals: Refusals = _no_refusals, stack: str | None = None) -> Spec:
    """The spec that the node describes. Raises `StackFileError` with every problem, refusals among them.

    First each section by itself, then each check across sections that are valid, and where all are, what the
    target cannot do: so nothing is reported that only follows from something else."""
    data = node.plain()
    if not isinstance(data, dict):
        raise StackFileError([located(node, Problem((), data, "expected a mapping"))])
    problems: list[Located] = []
    _port_base(data, problems)
    sections = _sections(node, data, problems)
    spec = Spec.model_construct(None, **sections)
    found = spec.problems(sections)
    if stack is not None and "environment" in sections and spec.environment.name != stack:
        expected = f"expected '{stack}', the name of its file: Pulumi.{stack}.yaml"
        found.append(Problem(("environment", "name"), spec.environment.name, expected))
    if len(sections) == len(Spec.model_fields):
        found += refusals(spec)
    problems += [located(node, problem) for problem in found]
    if problems:
        raise StackFileError(sorted(set(problems), key=_order))
    return spec


_SECTIONS: dict[str, type[BaseModel]] = {
    name: create_model(name, __base__=Model, **{name: (field.annotation, field)})  # type: ignore[call-overload]
    for name, field in Spec.model_fields.items()
}
"""A model for each section, so that one can be judged without the others."""


def _sections(node: Node, data: Any, problems: list[Located]) -> dict[str, Any]:
    """The sections that are valid in themselves; what is wrong with the others is added to `problems`."""
    problems += [
        located(node, Problem((key,), MISSING, unknown_key(key, _SECTIONS)))
        for key in data
        if key not in _SECTIONS
    ]
    sections: dict[str, Any] = {}
    for name, model in _SECTIONS.items():
        try:
            section = model.model_validate({name: data[name]} if name in data else {})
        except ValidationError as error:
            problems += describe_errors(node, error.errors(include_url=False))
        except RecursionError:
            problems.append(located(node, Problem((name,), MISSING, "expected fewer levels of nesting")))
        else:
            sections[name] = getattr(section, name)
    return sections


def _port_base(data: Any, problems: list[Located]) -> None:
    """OBS_PORT_BASE stands above the file, so that two checkouts can run side by side."""
    text = os.environ.get("OBS_PORT_BASE")
    if text is None:
        return
    if not re.fullmatch(r"[0-9]{4,5}", text) or not 1024 <= int(text) <= 65000:
        expected = "expected a port from 1024 to 65000; unset it or correct it"
        problems.append(Located.at("environment", ("OBS_PORT_BASE",), expected, text))
        return
    deploy = data.setdefault("deploy", {})
    if isinstance(deploy, dict):
        deploy["port_base"] = int(text)


def _order(problem: Located) -> tuple[str, int, str, str]:
    file, _, line = problem.where.rpartition(":")
    return (file, int(line) if line.isdigit() else 0, problem.key, problem.shown + problem.expected)
