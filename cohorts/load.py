"""From a cohort file to its model, or to every problem at once, each with its line."""

from collections.abc import Collection
from pathlib import Path

from pydantic import ValidationError

from cohorts.model import BUILT, Cohort
from components.spec.problem import Problem
from stacks.source import Located, StackFileError, parse
from stacks.words import describe_errors, located


def load(file: Path, stacks: Collection[str]) -> Cohort:
    """The cohort of a file; `stacks` are the names of the stacks that there are. Raises `StackFileError` with
    every problem."""
    node = parse(file, str(file))
    data = node.plain()
    if not isinstance(data, dict) or not data:
        words = f"expected a mapping with the keys {', '.join(Cohort.model_fields)}"
        raise StackFileError([Located.at(node.where, (), words)])
    try:
        cohort = Cohort.model_validate(data)
    except ValidationError as error:
        raise StackFileError(describe_errors(node, error.errors(include_url=False), Cohort)) from None
    if found := [located(node, problem) for problem in problems(cohort, stacks)]:
        raise StackFileError(found)
    return cohort


def name_in(file: Path) -> str:
    """The name of the cohort that a file describes, whatever else is wrong with it: what was made has to be
    taken down all the same. `StackFileError` if it has none."""
    node = parse(file, str(file))
    name = node.value.get("name") if isinstance(node.value, dict) else None
    if name is None or not isinstance(name.value, str):
        raise StackFileError([Located.at(node.where, ("name",), "missing; expected the cohort's name")])
    return name.value


def problems(cohort: Cohort, stacks: Collection[str]) -> list[Problem]:
    """What does not fit together, though each value does by itself."""
    found = []
    if cohort.target not in BUILT:
        words = f"cohorts on {cohort.target} are not built yet; expected one of: {', '.join(BUILT)}"
        found.append(Problem(("target",), cohort.target, words))
    if cohort.template not in stacks:
        words = f"expected a stack that has a file: {', '.join(sorted(stacks)) or 'none'}"
        found.append(Problem(("template",), cohort.template, words))
    seen: dict[str, int] = {}
    for index, person in enumerate(cohort.roster):
        if (first := seen.setdefault(person.key, index)) != index:
            words = f"expected each e-mail once: roster[{first}] has it too. Take one of the two out"
            found.append(Problem(("roster", index, "email"), person.email, words))
    return found
