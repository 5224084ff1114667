"""The command line `obs`. Only what `--help` needs is imported here: what is slow waits for its command."""

import functools
import gc
import os
import sys
from collections.abc import Callable
from typing import Annotated, ParamSpec

import typer

P = ParamSpec("P")

HELP = """
Metrics, logging and tracing of an environment, described once in stacks/Pulumi.<env>.yaml.

\b
  obs up                   bring the environment `local` up on this machine
  obs preflight            what stands in its way there, and what to do
  obs preview              what `up` would change, file by file
  obs preview --all        all stacks side by side, without credentials
  obs drift --all          what is not as it was deployed
  obs status               what serves, and whether it is as it was deployed
  obs logs local jaeger -f follow the log of one unit
  obs verify               follow a request through metrics, logs and traces
  obs destroy              take it down; data is kept

\b
The same by hand:
  eval "$(obs env local)"; pulumi preview -s local

\b
Exit codes:
  0    all is well
  1    it failed, or something is not as it should be
  2    bad input: unknown environment, stack file, option
  3    another run holds the stack
  130  interrupted; the next run goes on from there
"""

app = typer.Typer(
    name="obs",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Env = Annotated[str, typer.Argument(metavar="ENV", help="Environment: stacks/Pulumi.<ENV>.yaml.")]


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of unexpected errors.")] = False,
) -> None:
    if debug:
        os.environ["OBS_DEBUG"] = "1"


def command(function: Callable[P, int | None]) -> Callable[P, None]:
    """Make a function a command of `obs`; see `guarded`."""
    return app.command()(guarded(function))


def guarded(function: Callable[P, int | None]) -> Callable[P, None]:
    """What a command runs: the function's result is the exit code, and no error shows a traceback."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from components.errors import SuiteError

        try:
            code = function(*args, **kwargs) or 0
            sys.stdout.flush()
        except SuiteError as error:
            from obs.console import err
            from obs.crash import mask

            if str(error):
                err.print(mask(str(error)), style="bad" if error.exit_code == 1 else "")
            code = error.exit_code
        except KeyboardInterrupt:
            code = 130
        except BrokenPipeError:  # nobody reads the results any more: nothing to be said
            code = 1
        except typer.Exit as leave:
            code = leave.exit_code
        except typer.Abort:
            code = 130
        except Exception as error:
            if os.environ.get("OBS_DEBUG"):
                raise
            from obs.crash import report

            report(error)
            code = 1
        raise typer.Exit(code)

    run.__annotations__["return"] = None
    return run


def main() -> None:
    """Entry point of the program `obs`."""
    # A command is mostly imports, which make objects that stay. To look for garbage among them after each
    # 700, as Python does by default, is a fifth of the time that they take.
    gc.set_threshold(50_000)
    from engines.proxy import exempt
    from obs.streams import secure

    secure()
    os.environ.update(exempt(os.environ))
    from obs.commands import archive, drift, host, preflight, stack, tools  # noqa: F401 - each adds its commands to `app`

    try:
        app()
    finally:
        # Python looks for garbage once more at its end, and would look at all of it: a quarter of a second.
        gc.freeze()
