"""Commands that run the engine: up, preview, refresh, destroy."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from obs.cli import Env, command

if TYPE_CHECKING:
    from components.plan import Plan
    from components.spec import Spec
    from components.target import Run
    from obs.commands.previews import Shown
    from obs.diff import PartChange
    from obs.no_op import NoOp
    from obs.progress import Watcher

Wait = Annotated[bool, typer.Option("--wait", help="Wait for another run on the stack instead of exit 3.")]
Forget = Annotated[
    list[str] | None,
    typer.Option(
        "--forget-host",
        metavar="HOST",
        help="A host that left the inventory and is gone for good. Repeatable.",
    ),
]
OneEnv = Annotated[
    str | None,
    typer.Argument(metavar="[ENV]", help="Environment: stacks/Pulumi.<ENV>.yaml; `local` if absent."),
]
ChangedSince = Annotated[
    str | None,
    typer.Option(
        "--changed-since", metavar="REF", help="With --all: what changed since it went its own way from REF."
    ),
]
Sarif = Annotated[Path | None, typer.Option(metavar="FILE", help="With --all: write what breaks policy.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@command
def up(
    env: Env = "local",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; `local` never asks.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="End with `obs verify`.")] = False,
    wait: Wait = False,
    forget_host: Forget = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Start the Pulumi engine even if nothing has changed.")
    ] = False,
) -> int:
    """Bring an environment up, or bring it in line with its stack file. A second run changes nothing.

    obs up; obs up staging --yes; obs up --verify
    """
    from components.target import Lacks, Run
    from obs.console import tell
    from obs.departed import give_up
    from obs.describe import describe
    from obs.left import list_kept
    from obs.no_op import NoOp
    from obs.previews.deployed import remember
    from obs.session import look_ahead
    from obs.stand_in import standing
    from targets import target_of
    from targets.secret_values import check

    look_ahead(env)
    no_op = NoOp(env)
    spec, plan = describe(env)
    check(spec, plan)
    give_up(env, plan, forget_host or (), _ask)
    with standing(env, plan):
        _bring_engines(plan)
        if not (yes or env == "local" or (not refresh and no_op.holds(spec, plan))):
            _confirm(env, spec, plan)
        _preflight(spec, plan)
        watcher = _brought_up(Run(env, f"up {env}", wait), spec, plan, no_op, refresh)
    remember(spec, plan)
    done = ", ".join(f"{count} {op}d" for op, count in sorted(watcher.counts.items()))
    tell(f"{env} is up: {done or 'nothing to change'}", "good")
    list_kept(watcher.kept)
    if verify:
        from obs.commands.verify import run_verify

        return run_verify(env)
    from obs.console import out
    from obs.outputs import outputs_of
    from obs.where import text, where

    try:
        access = target_of(spec).access(spec, plan, outputs_of(env))
    except Lacks as error:  # it is up all the same
        tell(str(error))
        return 0
    out.print(text(where(spec, plan, access.site)))
    if access.note:
        tell(access.note)
    return 0


def _brought_up(run: "Run", spec: "Spec", plan: "Plan", no_op: "NoOp", refresh: bool) -> "Watcher":
    """What the Pulumi engine did, if it was started."""
    from obs.describe import engine_variables
    from obs.no_op import forget as forget_mark
    from obs.previews.deployed import forget
    from obs.session import look_ahead, session
    from targets import target_of

    operate = target_of(spec).operate
    alone = operate.alone(run, plan) if operate else nullcontext()
    running = session(run.stack, run.command, run.wait, plan, engine_variables(spec, plan))
    with running as (driver, watcher), alone:
        look_ahead(run.stack)  # again, where there was none or it is no longer true
        if refresh or not no_op.holds(spec, plan):
            forget(run.stack)  # until it ended well, it is not known what is there
            forget_mark(run.stack)
            look_ahead(run.stack)
            driver.up(watcher)
            no_op.remember(spec, plan)
    return watcher


@command
def preview(
    env: OneEnv = None,
    all_stacks: Annotated[
        bool, typer.Option("--all", help="All stacks by their descriptions, by the engine where it can.")
    ] = False,
    changed_since: ChangedSince = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the changes as JSON.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="With --all: print one comment for a pull request.")
    ] = False,
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="Exit 1 if anything would change.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Show every line, of new files too.")] = False,
    no_engine: Annotated[
        bool, typer.Option("--no-engine", help="With --all: by the descriptions alone.")
    ] = False,
    sarif: Sarif = None,
    forget_host: Forget = None,
) -> int:
    """Show what `up` would change, file by file. Changes nothing and starts nothing.

    obs preview; obs preview staging --expect-no-changes; obs preview --all --changed-since origin/main
    """
    from obs.commands import previews

    how = previews.Shown(as_json, as_markdown, full, expect_no_changes, not no_engine, sarif)
    if previews.asked_for_all(all_stacks, env, changed_since, how, forget_host):
        return previews.show_all(changed_since, how)
    return _preview(env or "local", how, forget_host)


def _preview(env: str, how: "Shown", forget_host: list[str] | None) -> int:
    from obs.console import print_json
    from obs.departed import give_up
    from obs.describe import describe
    from obs.session import look_ahead
    from obs.stand_in import standing
    from targets.secret_values import check

    look_ahead(env)
    spec, plan = describe(env)
    check(spec, plan)
    give_up(env, plan, forget_host or (), _ask)
    with standing(env, plan):
        _obstacles(spec, plan)
        _bring_engines(plan)
        found = _previewed(env, spec, plan)
    if how.as_json:
        print_json({"stack": env, "units": [change.as_json() for change in found]})
    else:
        from obs.draw import draw

        draw(found, how.full)
    return 1 if found and how.expect_no_changes else 0


@command
def refresh(env: Env = "local", wait: Wait = False) -> int:
    """Compare what runs with what was deployed, and remember the differences; `up` then repairs them."""
    from obs.console import tell
    from obs.describe import check_known
    from obs.session import look_ahead, session
    from obs.stand_in import standing

    check_known(env)
    with standing(env), _file_kept(env), session(env, f"refresh {env}", wait) as (driver, watcher):
        look_ahead(env)
        driver.refresh(watcher)
    if watcher.drifted:
        for part in watcher.drifted:
            tell(f"{watcher.parts.label(part)} is not as it was deployed; obs up {env} repairs it", "note")
    else:
        from obs.commands.host import NOTHING

        tell(f"{env}: everything is as it was deployed" if watcher.read else NOTHING.format(env=env), "good")
    return 0


@command
def destroy(env: Env = "local", yes: Yes = False, wait: Wait = False, forget_host: Forget = None) -> int:
    """Stop and remove everything of an environment. Data is kept where the stack says `retain`."""
    from components.target import Run
    from obs.console import tell
    from obs.departed import give_up
    from obs.describe import check_known, deployed_in, why_unreadable
    from obs.left import list_kept, list_protected, list_survivors
    from obs.no_op import forget as forget_mark
    from obs.paths import clear_put_together
    from obs.previews.deployed import forget
    from obs.session import session
    from obs.stand_in import standing

    check_known(env)
    if why := why_unreadable(env):
        tell(f"{why}\nTaking down what was recorded at the last deployment.", "note")
    if not yes:
        _ask(f"Take down everything of '{env}'?")
    give_up(env, None, forget_host or (), _ask)
    run, operate = Run(env, f"destroy {env}", wait), deployed_in(env)
    alone = operate.alone(run, None) if operate else nullcontext()
    taken_down = session(env, run.command, wait)
    with standing(env, down=True), _file_kept(env), taken_down as (driver, watcher), alone:
        driver.destroy(watcher)
        forget(env)
        forget_mark(env)
        clear_put_together(env)
        _remove_forgotten(env, yes)
        stays = driver.protected()
    tell(f"{env} is down{', but for what is protected' if stays else ''}", "good")
    operate = deployed_in(env)
    list_kept(operate.kept(env) if operate else ())
    list_protected(env, stays)
    if not why:
        list_survivors(env, {name for _, name in stays})
    return 0


def _file_kept(env: str) -> "AbstractContextManager[None]":
    from obs.untouched import untouched
    from stacks.loader import STACKS

    return untouched(STACKS / f"Pulumi.{env}.yaml")


def _remove_forgotten(env: str, yes: bool) -> None:
    """What still stands after the engine took away all that its state knows."""
    from components.errors import SuiteError
    from obs.console import tell
    from obs.describe import deployed_in
    from obs.errors import ObsError
    from obs.pulumi import environment, find_pulumi

    operate = deployed_in(env)
    if operate is None or not (left := sorted(operate.units(env))):
        return
    where = environment(env, find_pulumi())["PULUMI_BACKEND_URL"].partition("?")[0]
    tell(
        f"Pulumi's state in {where} does not know {', '.join(left)}, though "
        f"{'they were' if len(left) > 1 else 'it was'} deployed: it was lost, or is elsewhere "
        "(PULUMI_BACKEND_URL). What was recorded at the last deployment says how to take them down; secrets "
        "stay with kept data.",
        "note",
    )
    if not yes:
        _ask("Take them down by these records?")
    try:
        operate.remove(env, lambda unit: tell(f"removed {unit}"))
    except SuiteError as error:
        raise ObsError(f"{error}\nWhat is left stays recorded; run again: obs destroy {env}") from None


def _previewed(env: str, spec: "Spec", plan: "Plan") -> "list[PartChange]":
    from obs.console import tell
    from obs.errors import ObsError
    from obs.preview import Collector
    from obs.progress import Watcher
    from obs.pulumi import Driver, PulumiFailed
    from obs.session import check_passphrase, explain, look_ahead, parts_of
    from obs.untouched import untouched
    from stacks.loader import stack_file
    from targets import target_of

    check_passphrase(env)
    driver = Driver(env)
    parts = parts_of(driver, plan)
    watcher, collector = Watcher(parts, quiet=True), Collector(parts, target_of(spec).made_of)

    def both(event: Any) -> None:
        watcher(event)
        collector(event)

    with untouched(stack_file(env)), driver.command.interruptible(tell):
        driver.select()
        try:
            with watcher:
                look_ahead(env)
                driver.preview(both)
        except PulumiFailed as failure:
            explain(env, f"preview {env}", watcher, failure)
            raise ObsError(f"obs preview {env} failed") from None
    found = collector.found()
    for note in collector.notes:
        tell(note)
    return found


def _bring_engines(plan: "Plan") -> None:
    """Make sure that the plan's engines, and Pulumi's, are in the cache, telling what is fetched or built."""
    from engines.progress import Shown
    from engines.store import Store
    from obs.console import err
    from obs.providers import pulumi_home, to_bring
    from obs.pulumi import pulumi_on_path

    wanted = to_bring(plan.engines, pulumi_home())
    if pulumi_on_path() is None:
        wanted.add("pulumi")
    with Shown(err) as progress:
        Store().ensure(sorted(wanted), progress=progress)


def _preflight(spec: "Spec", plan: "Plan") -> None:
    """Tell what stands in the way in the stack's target, and what to do; ObsError if it would not come up."""
    from obs.errors import ObsError

    if _obstacles(spec, plan):
        raise ObsError("nothing was changed")


def _obstacles(spec: "Spec", plan: "Plan") -> bool:
    """Tell what stands in the way; whether the stack would not come up. Lesser things are told once."""
    from obs.console import tell
    from obs.notices import tell_new
    from targets import target_of

    ask = target_of(spec).preflight
    found = ask(plan) if ask else []
    for obstacle in found:
        if obstacle.fatal:
            tell(str(obstacle), "bad")
    tell_new(plan.stack, [str(obstacle) for obstacle in found if not obstacle.fatal])
    return any(obstacle.fatal for obstacle in found)


def _confirm(env: str, spec: "Spec", plan: "Plan") -> None:
    from obs.draw import draw

    found = _previewed(env, spec, plan)
    draw(found, full=False)
    if found:
        _ask(f"Change '{env}' like this?")


def _ask(question: str, otherwise: str = "Add --yes.") -> None:
    """Go on only after a yes; BadInput where nobody can be asked, with what to do otherwise."""
    import sys

    from obs.errors import BadInput, Interrupted

    if not sys.stdin.isatty():
        raise BadInput(f"{question} Nobody can be asked here. {otherwise}")
    if not typer.confirm(question):
        raise Interrupted("nothing was changed")
