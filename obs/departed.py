"""Hosts that left a stack. Those that can be reached are cleaned by the run; the others are asked about:
nobody but the user knows whether they come back."""

import os
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from components.target import FORGET_HOSTS, Departed
from obs.console import tell
from obs.errors import BadInput

if TYPE_CHECKING:
    from components.plan import Plan


def give_up(env: str, plan: "Plan | None", named: Sequence[str], ask: Callable[[str, str], None]) -> None:
    """Settle what becomes of each host that is known and not planned (without a plan, of each that is known):
    whoever carries the run out leaves those alone that are given up.

    BadInput for a host that is none of them. `ask` gets a question and what to do where nobody can be asked;
    it returns after a yes alone."""
    from obs.describe import deployed_in

    planned = {part.place for part in plan.parts} if plan else set()
    operate = deployed_in(env)
    found = operate.departed(env, planned) if operate else []
    _check(named, planned, found)
    for host in found:
        if host.place in named:
            continue
        if not host.why:
            if plan:
                tell(f"{host.place} left the inventory: what {env} has there is taken away", "note")
            continue
        left = "left the inventory and" if plan else "is to be cleaned and"
        ask(
            f"{host.place} {left} cannot be reached: {host.why}. Forget it, with all that stands there?",
            f"If it comes back, run this again then; if it is gone for good, add --forget-host {host.place}.",
        )
        named = [*named, host.place]
    for name in named:
        tell(f"{name} is forgotten: what stands there stays, and is looked after by nobody", "note")
    if named:
        os.environ[FORGET_HOSTS] = " ".join(named)


def _check(named: Collection[str], planned: Collection[str], found: Collection[Departed]) -> None:
    there = [host.place for host in found]
    for name in named:
        if name in planned:
            raise BadInput(f"--forget-host {name}: it is in the inventory; take it out there first")
        if name not in there:
            offered = ", ".join(there) or "none: no host left the inventory"
            raise BadInput(f"--forget-host {name}: expected one of: {offered}")
