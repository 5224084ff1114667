"""Runs the checks of a stack and undoes what they did, whatever happens."""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence

from components.errors import SuiteError
from components.spec import Spec
from components.target import Access, Lacks
from obs.verify.check import Check
from obs.verify.checks_state import losses
from obs.verify.clients import Clients
from obs.verify.context import UNDOING, Calm, Clock, Context, WallClock
from obs.verify.outcome import AGAIN, CheckFailed, NotApplied, Stopped
from obs.verify.report import Report, Result, Row
from obs.verify.suite import LAST, TRACKS

Progress = Callable[[str], None]


def _quiet(_text: str) -> None:
    """No progress."""


def run(
    spec: Spec,
    access: Access,
    *,
    stack: str,
    deadline_s: float = 300,
    patience: int = 1,
    progress: Progress = _quiet,
) -> Report:
    """Check a running stack; at most `deadline_s` seconds times `patience`, undoing included.

    `progress` gets a line now and then, from several threads. What is injected is undone, also when this is
    interrupted (KeyboardInterrupt goes on to the caller afterwards).
    """
    clock = WallClock()
    whole = deadline_s * patience - UNDOING
    ends = clock.monotonic() + whole
    try:
        clients = Clients(access, stack, left=lambda: ends - clock.monotonic())
    except CheckFailed as error:
        return Report(stack, (Row("stack present", "all", Result.FAILED, str(error), 0.0),), 0.0)
    with contextlib.closing(clients):
        ctx = Context(
            spec=spec,
            stack=stack,
            access=access,
            clients=clients,
            clock=clock,
            ends=ends,
            whole=whole,
            started=clock.now(),
            say=progress,
            patience=patience,
        )
        return run_checks(ctx)


def run_checks(
    ctx: Context, tracks: Sequence[Sequence[Check]] = TRACKS, last: Sequence[Check] = LAST
) -> Report:
    """Run the tracks at once, then the last checks; undo everything."""
    start = ctx.clock.monotonic()
    ctx.calm = Calm([check.name for track in tracks for check in track if check.calm])
    with contextlib.suppress(CheckFailed):  # without Prometheus the checks themselves say so
        ctx.drops = losses(ctx)
    rows: dict[str, Row] = {}

    def follow(track: Sequence[Check]) -> None:
        with contextlib.suppress(Stopped):
            for check in track:
                ctx.clock.wait(0)  # raises when the run was interrupted
                rows[check.name] = run_check(ctx, check)

    threads = [threading.Thread(target=follow, args=(track,), daemon=True) for track in tracks]
    try:
        for thread in threads:
            thread.start()
        _join(threads)
        follow(last)
    finally:
        if any(thread.is_alive() for thread in threads):
            ctx.say("interrupted: undoing what was injected")
            ctx.clock.stop()
            _join(threads, 15)
        ctx.clear_all()
    ordered = [rows[check.name] for track in (*tracks, last) for check in track]
    return Report(ctx.stack, tuple(ordered), ctx.clock.monotonic() - start)


def run_check(ctx: Context, check: Check) -> Row:
    """One row. Anything unforeseen in a check is a failure of that check, not of the run."""
    start = ctx.clock.monotonic()
    ctx.say(f"{check.name} ...")
    try:
        reason = check.why_not(ctx.spec)
        if reason is not None:
            result, text = Result.NOT_APPLIED, reason
        elif ctx.left() <= 0:
            raise CheckFailed(f"time for this check in the {ctx.whole:.0f} s of all", "none left", AGAIN)
        else:
            result, text = Result.PASSED, check.run(ctx)
    except (NotApplied, Lacks) as error:
        result, text = Result.NOT_APPLIED, str(error)
    except (CheckFailed, SuiteError) as error:
        result, text = Result.FAILED, str(error)
    except Stopped:
        raise
    except Exception as error:  # an answer of another shape than expected, say
        result, text = Result.FAILED, f"expected the check to end; found {type(error).__name__}: {error}."
    finally:
        ctx.calm.done(check.name)
    seconds = ctx.clock.monotonic() - start
    ctx.say(f"{check.name}: {result}")
    return Row(check.name, check.pillar, result, text, seconds)


def _join(threads: Sequence[threading.Thread], seconds: float | None = None) -> None:
    """Wait for threads in short steps, so that a signal is seen at once."""
    end = None if seconds is None else time.monotonic() + seconds
    for thread in threads:
        while thread.is_alive() and (end is None or time.monotonic() < end):
            thread.join(0.2)


__all__ = ["Clock", "Progress", "run", "run_check", "run_checks"]
