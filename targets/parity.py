"""The same description in two places: what each target writes of it, compared.

Of two stack files that say different things the targets' own differences are found by giving both targets one
description: that of the first stack, in the place of the second.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from components.errors import SuiteError
from components.parity.compare import Comparison, compare
from components.parity.content import Content, content
from components.plan import Plan
from components.spec import SecretSource, Service, Spec
from components.spec.problem import Problem
from targets import plan, refusals, target_of
from targets.declared import DECLARED

_PLACE = ("deploy", "servers", "kubernetes", "aws")
"""Sections that say where a stack goes, and nothing of what it does there."""


class NotComparable(SuiteError):
    """Two stacks that cannot be held against each other."""

    exit_code = 2


@dataclass(frozen=True)
class Parity:
    """What came out for two stacks."""

    comparison: Comparison
    described: str
    """The stack whose description both targets were given."""
    settings: tuple[tuple[str, str, str], ...]
    """What the stack files say differently: key, and the value of each."""


def parity(one: tuple[str, Spec], other: tuple[str, Spec]) -> Parity:
    """Compare two stacks, each a name and its spec. NotComparable if neither description fits the place of
    the other."""
    (first, here), (second, there) = one, other
    moved, refused = in_place_of(here, there)
    if not refused:
        described = first
        left, right = said(first, here), said(second, moved)
    else:
        back, also = in_place_of(there, here)
        if also:
            raise NotComparable(_neither(first, second, refused, also))
        described = second
        left, right = said(first, back), said(second, there)
    pair = frozenset((here.environment.target, there.environment.target))
    declared = [item for targets, item in DECLARED if targets == pair]
    return Parity(compare(left, right, declared), described, tuple(_settings(here, there)))


def said(stack: str, spec: Spec) -> Content:
    """What the files of a stack say, in the canonical form."""
    target = target_of(spec)
    if target.written is None:
        raise NotComparable(
            f"stack {stack}: target {target.name} has no `obs parity`; expected another stack"
        )
    made: Plan = plan(spec, stack)
    return content(target.written(spec, stack, made.written))


def in_place_of(spec: Spec, other: Spec) -> tuple[Spec, list[Problem]]:
    """A description with the place of another stack, and what is refused of it there."""
    places = {service.name: service for service in other.services}
    changed: dict[str, Any] = {name: getattr(other, name) for name in _PLACE}
    changed["environment"] = spec.environment.model_copy(update={"target": other.environment.target})
    changed["services"] = tuple(_service(service, places.get(service.name)) for service in spec.services)
    known = {secret.name for secret in spec.secrets}
    secrets = (*spec.secrets, *(secret for secret in other.secrets if secret.name not in known))
    made = spec.model_copy(update={**changed, "secrets": secrets})
    made = made.model_copy(update={"secrets": tuple(_asked_for(made))})
    return made, [*made.problems(), *refusals(made)]


def _asked_for(spec: Spec) -> list[SecretSource]:
    """The secrets that somebody needs: each stack names those of its own place."""
    idle = {
        problem.path[1]
        for problem in spec.problems()
        if problem.path[0] == "secrets" and len(problem.path) > 1
    }
    return [secret for position, secret in enumerate(spec.secrets) if position not in idle]


def _service(service: Service, place: Service | None) -> Service:
    """Where a service is found is the place's: its hosts, its pods, its log files. What the stack runs itself
    is where the stack puts it, also if the other only watches it."""
    if place is None or (service.run and not place.run):
        return service.model_copy(update={"hosts": (), "selector": {}})
    changed: dict[str, Any] = {"hosts": place.hosts, "selector": place.selector}
    if len(place.logs) == len(service.logs):
        changed["logs"] = tuple(
            own.model_copy(update={"path": theirs.path, "journal": theirs.journal})
            for own, theirs in zip(service.logs, place.logs, strict=True)
        )
    return service.model_copy(update=changed)


def _settings(one: Spec, other: Spec) -> list[tuple[str, str, str]]:
    """What two descriptions say differently but where they go; what only one has at all is one line."""
    left, right = (spec.model_dump(exclude={*_PLACE, "secrets"}, mode="json") for spec in (one, other))
    return list(_apart(left, right, ""))


def _apart(one: Any, other: Any, here: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            yield from _apart(one.get(key), other.get(key), f"{here}.{key}".lstrip("."))
    elif _named(one) and _named(other):
        left, right = ({item["name"]: item for item in items} for items in (one, other))
        for name in {**left, **right}:
            yield from _apart(left.get(name), right.get(name), f"{here}[{name}]")
    elif one != other:
        yield here, _shown(one), _shown(other)


def _named(items: Any) -> bool:
    return isinstance(items, list) and all(isinstance(item, dict) and "name" in item for item in items)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "there"
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)


def _neither(first: str, second: str, refused: list[Problem], also: list[Problem]) -> str:
    """In one message why, either way."""
    lines = [f"{first} and {second} cannot be compared: neither description fits the place of the other"]
    lines += [f"  {first} in the place of {second}: {problem}" for problem in refused]
    return "\n".join([*lines, *(f"  {second} in the place of {first}: {problem}" for problem in also)])
