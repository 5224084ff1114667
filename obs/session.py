"""A run of the engine on one stack: locked, interruptible, repaired first, its failures explained after."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from components.plan import Plan, name_of
from obs.console import err, tell
from obs.crash import mask
from obs.describe import deployed_in
from obs.errors import BadInput, ObsError
from obs.lock import stack_lock
from obs.parts import Parts, kinds
from obs.passphrase import PASSPHRASES, known
from obs.paths import state_folder
from obs.progress import Watcher
from obs.pulumi import Driver, PulumiFailed
from stacks.loader import STACKS


@contextmanager
def session(
    stack: str,
    command: str,
    wait: bool = False,
    plan: Plan | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[tuple[Driver, Watcher]]:
    """Lock the stack, repair what a killed run left, and give a driver and a watcher of its events. The plan,
    where there is one, helps to call parts by name; the variables are those of its target.

    Locked if another run has the stack; BadInput without what its secrets are encrypted with; ObsError, after
    telling why, if the engine fails.
    """
    check_passphrase(stack)
    with stack_lock(state_folder() / ".locks", stack, command, wait):
        driver = Driver(stack, variables)
        watcher = Watcher(parts_of(driver, plan))
        with driver.command.interruptible(tell):
            for what in driver.prepare():
                tell(f"cleared after a run that was cut off: {what}", "note")
            try:
                with watcher:
                    yield driver, watcher
            except PulumiFailed as failure:
                explain(stack, command, watcher, failure)
                raise ObsError(f"obs {command} failed") from None


def look_ahead(stack: str) -> None:
    """What the engine will have read of a stack is looked at before it asks, while other things are done.
    What was seen before the stack's locks were taken counts only if no other run had them since."""
    if operate := deployed_in(stack):
        operate.look_ahead(stack)


def check_passphrase(stack: str) -> None:
    """The Pulumi engine encrypts what is secret in its state, or does not start. The stack's file may be gone
    or broken: what runs is taken down all the same."""
    file = STACKS / f"Pulumi.{stack}.yaml"
    if known(stack) or any(name in os.environ for name in PASSPHRASES) or not file.is_file():
        return
    if re.search(r"^secretsprovider\s*:", file.read_text(encoding="utf-8", errors="replace"), re.MULTILINE):
        return
    raise BadInput(
        f"{PASSPHRASES[0]}: not set; expected the passphrase that encrypts the secrets of stack {stack} in "
        f"Pulumi's state. Export it (or {PASSPHRASES[1]}), or name another `secretsprovider` in {file.name}"
    )


def parts_of(driver: Driver, plan: Plan | None) -> Parts:
    """The parts of a stack: those that are planned, and those that are deployed."""
    parts = Parts(kinds(), (part.id for part in plan.parts) if plan else ())
    parts.learn(driver.deployed())
    return parts


def explain(stack: str, command: str, watcher: Watcher, failure: PulumiFailed) -> None:
    """Per failed part: the engine's own message, where its log is, and what to do; `command` is what failed,
    without `obs`. What is the same for several parts, as of a host that is down, is told once."""
    operate = deployed_in(stack)
    together: dict[tuple[str, str | None], list[str]] = {}
    for part, text in watcher.errors:
        if part is None:
            err.print(mask(text))
        else:
            together.setdefault((text, watcher.failed.get(part)), []).append(part)
    for (text, op), parts in together.items():
        labels = ", ".join(map(watcher.parts.label, parts))
        err.print(f"{labels}{f' ({op})' if op else ''}:", style="bad")
        for line in mask(text).splitlines():
            err.print(f"  {line}")
        for unit in map(name_of, parts):
            if operate and (log := operate.log(stack, unit)):
                err.print(f"  log: {log}  (obs logs {stack} {unit})", style="quiet")
    if watcher.failed:
        err.print(
            f"What went well stays. Correct the cause, then run again: obs {command}",
            style="note",
        )
    if not watcher.errors:
        err.print(mask(failure.output))
