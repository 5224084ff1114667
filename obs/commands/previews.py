"""Previews of all stacks, and how they are shown. Their options stand at `obs preview`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from obs.errors import BadInput

if TYPE_CHECKING:
    from obs.previews.report import Report


@dataclass(frozen=True)
class Shown:
    """How a preview is told."""

    as_json: bool = False
    as_markdown: bool = False
    full: bool = False
    expect_no_changes: bool = False
    engine: bool = True
    """With all stacks, whether the engine is asked where it can be."""
    sarif: Path | None = None
    """With all stacks, the file for what is against a policy."""


def asked_for_all(
    all_stacks: bool, env: str | None, changed_since: str | None, how: Shown, forget: list[str] | None
) -> bool:
    """Whether all stacks are to be previewed; BadInput for options that do not go together."""
    if not all_stacks:
        for option, given in (
            ("--changed-since", changed_since is not None),
            ("--markdown", how.as_markdown),
        ):
            if given:
                raise BadInput(f"{option}: expected --all beside it; add --all, or take it out")
        return False
    if env is not None:
        raise BadInput(f"ENV = '{env}': expected no environment beside --all; take one of the two out")
    if forget:
        raise BadInput("--forget-host: expected one environment, not --all; preview that one by itself")
    if how.as_json and how.as_markdown:
        raise BadInput("--markdown: expected it or --json, not both; take one of the two out")
    return True


def show_all(changed_since: str | None, how: Shown) -> int:
    """Preview all stacks and print the report; the exit code (see `Report.exit_code`)."""
    from obs.previews.run import preview_all, with_engine

    report = preview_all(changed_since)
    if how.engine:
        report = with_engine(report)
    if how.sarif:
        _write_sarif(report, how.sarif)
    if how.as_json:
        from obs.console import print_json

        print_json(report.as_json())
    elif how.as_markdown:
        from obs.console import raw
        from obs.previews.markdown import markdown

        raw(markdown(report))
    else:
        from obs.previews.text import draw

        draw(report, how.full)
    return report.exit_code(how.expect_no_changes)


def _write_sarif(report: "Report", file: Path) -> None:
    from obs.previews.sarif import sarif

    try:
        file.write_text(json.dumps(sarif(report), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--sarif {file}: {error.strerror}; expected a file that can be written") from None
