"""What is not as it was deployed, of one stack or of all."""

from typing import TYPE_CHECKING, Annotated

import typer

from obs.cli import command

if TYPE_CHECKING:
    from obs.previews.drift import Drift


@command
def drift(
    env: Annotated[
        str | None,
        typer.Argument(metavar="[ENV]", help="Environment: stacks/Pulumi.<ENV>.yaml; `local` if absent."),
    ] = None,
    all_stacks: Annotated[bool, typer.Option("--all", help="All stacks, in one report.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print it as one comment or issue, for CI.")
    ] = False,
) -> int:
    """Look for what is not as it was deployed, and remember nothing: `obs refresh` does. Exit 1 for any.

    obs drift; obs drift --all --json
    """
    from obs.console import print_json, raw
    from obs.describe import check_known
    from obs.errors import BadInput
    from obs.previews import drift as drifts
    from stacks.loader import names

    if as_json and as_markdown:
        raise BadInput("--markdown: expected it or --json, not both; take one of the two out")
    if all_stacks and env is not None:
        raise BadInput(f"ENV = '{env}': expected no environment beside --all; take one of the two out")
    if all_stacks:
        found = drifts.drift_of_all(names())
    else:
        stack = env or "local"
        check_known(stack)
        changed = drifts.drift_of(stack)
        found = [drifts.Drift(stack, tuple(change.as_json() for change in changed))]
    if as_json:
        print_json(drifts.as_json(found))
    elif as_markdown:
        raw(drifts.markdown(found))
    else:
        _draw(found)
    return 1 if any(one.parts or one.failed for one in found) else 0


def _draw(found: "list[Drift]") -> None:
    from obs.previews.drift import told_of
    from obs.previews.text import line

    for drift in found:
        style = "bad" if drift.failed or drift.parts else "note" if drift.lacks else "good"
        line(f"{drift.stack}: {drift.said}", style)
        for told in told_of(drift):
            line(told, "", 2)
