"""Which alerts differ, by the rules that were rendered: so what the code decides is seen as what is set."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from components.review.described import Described
from components.review.masking import masked
from components.review.step import Kind, Step
from components.review.words import number, percent, value

_NUMBER = re.compile(r"(?<![\w.:])\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.:])")
_NAMED = 4
"""Services that a line names; of more it says how many."""


@dataclass(frozen=True)
class Rule:
    """An alerting rule, as an engine reads it."""

    name: str
    service: str
    """Whose it is, by its label; '' for the stack's own."""
    expr: str
    hold: str
    severity: str
    team: str
    shares: bool
    """Whether its value is shown as a percentage."""
    runbook: str = ""


def rules(described: Described) -> dict[tuple[str, str], list[Rule]]:
    """Every alerting rule of a stack by its name and service, whatever file it stands in."""
    found: dict[tuple[str, str], list[Rule]] = {}
    for part in described.parts:
        for path, text in part.files.items():
            if path.endswith((".yml", ".yaml")) and "alert:" in text and "tests/" not in path:
                for rule in _of_text(text):
                    found.setdefault((rule.name, rule.service), []).append(rule)
    return {key: list(dict.fromkeys(same)) for key, same in found.items()}  # a pair has each twice


@lru_cache(maxsize=1024)
def _of_text(text: str) -> tuple[Rule, ...]:
    """What two descriptions have alike, as they mostly do, is parsed once."""
    return tuple(_of_file(text))


def _of_file(text: str) -> Iterator[Rule]:
    try:
        data = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return
    data = data.get("spec", data) if isinstance(data, dict) else {}
    groups = data.get("groups") if isinstance(data, dict) else None
    for group in groups or ():
        for rule in group.get("rules", ()):
            if "alert" in rule:
                yield _rule(rule)


def _rule(rule: Mapping[str, Any]) -> Rule:
    labels, annotations = rule.get("labels", {}), rule.get("annotations", {})
    return Rule(
        str(rule["alert"]),
        str(labels.get("service", "")),
        str(rule.get("expr", "")),
        str(rule.get("for", "")),
        str(labels.get("severity", "")),
        str(labels.get("team", "")),
        "humanizePercentage" in str(annotations),
        str(annotations.get("runbook", "")),
    )


def alerts(before: Described, after: Described) -> list[Step]:
    """A step for each difference of an alert; what is the same for several services is one."""
    found: dict[tuple[str, str, Kind, str, str], list[str]] = {}
    old, new = rules(before), rules(after)
    for name, service in sorted(old.keys() | new.keys()):
        one, other = old.get((name, service), []), new.get((name, service), [])
        for what, kind, left, right in _differences(one, other):
            found.setdefault((name, what, kind, left, right), []).append(service)
    return [
        Step(f"alert {name}{_of(services)}{f': {what}' if what else ''}", kind, left, right)
        for (name, what, kind, left, right), services in found.items()
    ]


def _of(services: list[str]) -> str:
    named = [service for service in services if not service.startswith("{{") and service]
    if not named:
        return ""
    more = len(named) - _NAMED
    if more > 1:
        return f" of {', '.join(named[:_NAMED])} and {more} more services"
    return f" of {', '.join(named)}"


def _differences(old: list[Rule], new: list[Rule]) -> Iterator[tuple[str, Kind, str, str]]:
    if not old or not new:
        if old != new:
            yield "", "removed" if old else "new", "", ""
        return
    if len(old) != len(new):
        yield "variants", "changed", str(len(old)), str(len(new))
    for one, other in zip(old, new, strict=False):
        if one.expr != other.expr:
            yield _expression(one, other)
        if one.hold != other.hold:
            yield "fires after", "changed", value((), one.hold or "0s"), value((), other.hold or "0s")
        for what in ("severity", "team"):
            left, right = getattr(one, what), getattr(other, what)
            if left != right:
                yield what, "changed", left or "none", right or "none"


def _expression(one: Rule, other: Rule) -> tuple[str, Kind, str, str]:
    """As its limit, if nothing but one number differs."""
    left, right = _NUMBER.findall(one.expr), _NUMBER.findall(other.expr)
    if _NUMBER.sub("#", one.expr) == _NUMBER.sub("#", other.expr):
        apart = [pair for pair in zip(left, right, strict=True) if pair[0] != pair[1]]
        if len(set(apart)) == 1:
            before, after = map(float, apart[0])
            share = one.shares and max(before, after) < 1 and _compared(one.expr, apart[0][0])
            shown = percent if share else number
            what = "limit" if _compared(one.expr, apart[0][0]) else "a number in its expression"
            return what, "changed", shown(before), shown(after)
    shown_left, shown_right = (masked(" ".join(rule.expr.split())) for rule in (one, other))
    return "expression", "changed", _cut(shown_left), _cut(shown_right)


def _compared(expr: str, limit: str) -> bool:
    """Whether the number is what the expression's first comparison holds its value against."""
    found = re.search(r"(?:[<>]=?|[!=]=)\s*(?:bool\s+)?([\d.eE+-]+)", expr)
    return found is not None and found[1] == limit


def _cut(text: str, limit: int = 120) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."
