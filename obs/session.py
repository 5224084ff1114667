"""A run of the engine on one stack: locked, interruptible, repaired first, its failures explained after."""

from collections.abc import Iterator
from contextlib import contextmanager

from obs.console import err, tell
from obs.crash import mask
from obs.errors import ObsError
from obs.lock import stack_lock
from obs.paths import state_folder
from obs.progress import Watcher
from obs.pulumi import Driver, EngineFailed


@contextmanager
def session(stack: str, command: str, wait: bool = False) -> Iterator[tuple[Driver, Watcher]]:
    """Lock the stack, repair what a killed run left, and give a driver and a watcher of its events.

    Locked if another run has the stack; ObsError, after telling why, if the engine fails.
    """
    with stack_lock(state_folder() / ".locks", stack, command, wait):
        driver, watcher = Driver(stack), Watcher()
        with driver.command.interruptible(tell):
            for what in driver.prepare():
                tell(f"cleared after a run that was cut off: {what}", "note")
            try:
                with watcher:
                    yield driver, watcher
            except EngineFailed as failure:
                explain(stack, command, watcher, failure)
                raise ObsError(f"obs {command} failed") from None


def explain(stack: str, command: str, watcher: Watcher, failure: EngineFailed) -> None:
    """Per failed unit: the engine's own message, where its log is, and what to do; `command` is what failed,
    without `obs`."""
    from vsi.paths import state_paths

    for unit, text in watcher.errors:
        message = mask(text)
        if unit is None:
            err.print(message)
            continue
        op = watcher.failed.get(unit)
        err.print(f"{unit}{f' ({op})' if op else ''}:", style="bad")
        for line in message.splitlines():
            err.print(f"  {line}")
        log = state_paths(stack).unit(unit).log
        if log.is_dir():
            err.print(f"  log: {log}  (obs logs {stack} {unit})", style="quiet")
    if watcher.failed:
        err.print(
            f"What went well stays. Correct the cause, then run again: obs {command}",
            style="note",
        )
    if not watcher.errors:
        err.print(mask(failure.output))
