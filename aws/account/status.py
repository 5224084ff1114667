"""`obs status` of an account: a row a part, all asked at once; one without an answer harms no other."""

from dataclasses import replace
from functools import partial

from aws.account.ask import Asking, at_once, trouble
from aws.account.health import Health, health
from aws.account.preflight import identity
from aws.parts import AwsPart, AwsPlan
from components.target import UnitStatus

WORST = ("missing", "unwell", "starting", "unreachable")
"""States in the order in which one hides another."""


def status(plan: AwsPlan, asking: Asking | None = None) -> list[UnitStatus]:
    """The parts of a plan, by name in its account. One row alone where the account cannot be asked."""
    asking = asking or Asking.of(plan)
    if obstacles := identity(plan, asking):
        row = UnitStatus.unreachable(plan.region, str(obstacles[0]))
        return [replace(row, managed=True, what_to_do=_what_to_do(plan.stack, "unreachable"))]
    parts = {part.id: part for part in plan.parts}
    calls = {id_: partial(health, plan, asking, part) for id_, part in parts.items()}
    return [_row(plan, parts[id_], answer) for id_, answer in at_once(calls, asking.deadline).items()]


def _row(plan: AwsPlan, part: AwsPart, answer: Health | Exception) -> UnitStatus:
    if isinstance(answer, Exception):
        state, words, drift = "unreachable", trouble(answer).words, ""
    else:
        states = {found.state for found in answer.found}
        state = next((state for state in WORST if state in states), "running")
        words, drift = _words(answer), answer.drift
    return UnitStatus(
        unit=part.id,
        pillar=part.pillar,
        state=state,
        silence=words,
        starting=state == "starting",
        pid=0,
        uptime=0,
        restarts=0,
        ports=(),
        drift=drift,
        managed=True,
        what_to_do=_what_to_do(plan.stack, state),
    )


def _words(of: Health) -> str:
    """What is not well, then the names of what is not there."""
    told = [found.words for found in of.found if found.state != "missing"]
    missing = ", ".join(found.words for found in of.found if found.state == "missing")
    return "; ".join([*told, *([f"not there: {missing}"] if missing else [])])


def _what_to_do(stack: str, state: str) -> str:
    return {
        "missing": f"make what is missing: obs up {stack}",
        "unwell": "see what each state means: docs/targets/aws.md#status",
        "starting": "give what starts some time, and ask again",
        "unreachable": f"see why AWS does not answer: obs preflight {stack}",
    }.get(state, "")
