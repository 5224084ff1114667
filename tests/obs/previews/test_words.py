"""What a review says in words is what two descriptions have different, for changes that are drawn.

What differs is found here in another way: both sides flattened, key by key, and words read back as values.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.plan import Plan
from components.review.described import Described
from components.review.stack import StackReview, review
from components.review.step import Step
from components.spec import Spec
from obs.previews.describing import as_data
from tests.obs.previews.generated import Moment, Walk, copied

STACKS = ("dev-vsi", "local", "prod-aws", "staging-k8s")
"""One of each target."""
CHANGES = 13
"""Of each: 52."""
Names = tuple[str, ...]
Flat = dict[Names, Any]


def described(spec: Spec, planned: Plan) -> Described:
    """As a preview has it."""
    return Described.model_validate(as_data(spec, planned))


def _key(item: Any) -> str | None:
    return (
        next((item[key] for key in ("name", "record", "key") if key in item), None)
        if isinstance(item, dict)
        else None
    )


def _flat(data: Any, path: Names = ()) -> Iterator[tuple[Names, Any]]:
    """Every leaf by its keys; an item of a list of named things by its name."""
    keys = [_key(item) for item in data] if isinstance(data, list) else []
    if isinstance(data, dict) and data:
        for key, item in data.items():
            yield from _flat(item, (*path, key))
    elif keys and None not in keys and len(set(keys)) == len(keys):
        for key, item in zip(keys, data, strict=True):
            yield from _flat(item, (*path, str(key)))
    else:
        yield path, data


def _names(step: Step, data: Any) -> Names:
    """The place of a step, in which things have positions, by their names."""
    found: list[str] = []
    for key in step.path:
        named = isinstance(key, int) and _key(data[key]) is not None
        found.append(str(_key(data[key])) if named else str(key))
        data = data[key] if isinstance(key, int) else data.get(key)
    return tuple(found)


def _beside(data: Any, path: Names) -> Any:
    """What stands at names; None if nothing does."""
    for name in path:
        if isinstance(data, list):
            data = next((item for item in data if _key(item) == name), None)
        else:
            data = data.get(name) if isinstance(data, dict) else None
        if data is None:
            return None
    return data


_UNITS = {"day": "d", "hour": "h", "minute": "m", "h": "h", "s": "s", "ms": "ms"}


def _read_back(words: str) -> Any:
    """`30 days` as `30d`, `5 %` as 0.05, `8 GiB` as `8GiB`, `yes` as True."""
    if found := re.fullmatch(r"([\d.]+) %", words):
        return round(float(found[1]) / 100, 9)
    if found := re.fullmatch(r"(\d+) (day|hour|minute|week|s|ms)s?", words):
        return f"{found[1]}{_UNITS.get(found[2], found[2][0])}"
    if found := re.fullmatch(r"(\d+) ([KMGT]iB)", words):
        return f"{found[1]}{found[2]}"
    if words in ("yes", "no"):
        return words == "yes"
    try:
        return float(words)
    except ValueError:
        return words


def _same(words: str, given: Any) -> bool:
    if given is None or given in ([], {}):
        return words == "none"
    if isinstance(given, list) and all(isinstance(item, str) for item in given):
        return words == ", ".join(given)
    if isinstance(given, str | float | int):
        return bool(_read_back(words) == given or words == given)
    return True  # a thing of several settings is shown as JSON, shortened


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Any:
    return yaml.load(text, Loader=yaml.CSafeLoader)


def _rules(now: Described) -> dict[tuple[str, str], set[str]]:
    """(alert, service) -> all that is said of it."""
    found: dict[tuple[str, str], set[str]] = {}
    for part in now.parts:
        for path, text in part.files.items():
            if not path.endswith((".yml", ".yaml")) or path.startswith("tests/"):
                continue
            data = _parsed(text) if "alert:" in text else None
            data = data.get("spec", data) if isinstance(data, dict) else {}
            for rule in (rule for group in data.get("groups") or () for rule in group.get("rules", ())):
                if "alert" in rule:
                    labels = rule.get("labels", {})
                    told = [rule["expr"], rule.get("for", ""), labels.get("severity"), labels.get("team")]
                    found.setdefault((rule["alert"], labels.get("service", "")), set()).add(str(told))
    return found


def check_settings(found: StackReview, before: Spec, after: Spec) -> None:
    """Each setting that differs is told once, and nothing else; with its values."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    left, right = dict(_flat(old)), dict(_flat(new))
    apart = {key for key in left.keys() | right.keys() if left.get(key, ...) != right.get(key, ...)}
    told: list[Names] = []
    for step in found.steps:
        if not step.setting:
            continue
        path = _names(step, old if step.kind == "removed" else new)
        told.append(path)
        covered = {key for key in apart if key[: len(path)] == path or path[: len(key)] == key}
        assert covered, f"{step.line}: nothing differs at {path}"
        if step.kind == "changed":
            assert _same(step.before, _beside(old, path)), (step.line, _beside(old, path))
            assert _same(step.after, _beside(new, path)), (step.line, _beside(new, path))
        else:
            one, other = (old, new) if step.kind == "removed" else (new, old)
            assert _beside(one, path) is not None
            assert _beside(other, path) is None
    assert len(told) == len(set(told))
    for key in apart:
        covering = [path for path in told if key[: len(path)] == path or path[: len(key)] == key]
        by_rule = key[:2] == ("metrics", "rules") and any(s.about.startswith("alert ") for s in found.steps)
        assert covering or by_rule, f"{key}: {left.get(key)} -> {right.get(key)} is not told"


def check_alerts(found: StackReview, before: Described, after: Described) -> None:
    """An alert is told if, and only if, it is rendered differently."""
    old, new = _rules(before), _rules(after)
    apart = {
        name
        for name, service in old.keys() | new.keys()
        if old.get((name, service)) != new.get((name, service))
    }
    lines = [step.about for step in found.steps if step.about.startswith("alert ") and not step.setting]
    assert {re.findall(r"^alert (\w+)", line)[0] for line in lines} == apart


def check_parts(found: StackReview, before: Plan, after: Plan) -> None:
    """Parts are told if their plans differ."""
    old, new = ({part.id: part for part in planned.parts} for planned in (before, after))
    by_kind = {
        kind: {part.id for part in found.parts if part.kind == kind} for kind in ("new", "changed", "removed")
    }
    assert by_kind["new"] == new.keys() - old.keys()
    assert by_kind["removed"] == old.keys() - new.keys()
    same = {
        identity
        for identity in old.keys() & new.keys()
        if old[identity] == new[identity]
        and before.settings_of(old[identity]) == after.settings_of(new[identity])
    }
    assert by_kind["changed"] <= (old.keys() & new.keys()) - same


def check(before: Moment, after: Moment) -> None:
    """All of it."""
    one, other = described(before.spec, before.plan), described(after.spec, after.plan)
    found = review(one, other)
    check_settings(found, before.spec, after.spec)
    check_alerts(found, one, other)
    check_parts(found, before.plan, after.plan)
    losing = [bool(step.loses) for step in found.steps]
    assert losing == sorted(losing, reverse=True)
    assert not review(other, other).changes


@pytest.mark.parametrize("stack", STACKS)
def test_what_is_said_is_what_differs(stack: str, tmp_path: Path) -> None:
    walk = Walk(copied(tmp_path / "stacks", stack), stack, seed=1)
    for before, after in walk.changes(CHANGES):
        try:
            check(before, after)
        except AssertionError as error:
            error.add_note(f"{stack}: {after.said}")
            raise
