"""Writes a plan's files to a folder, and never over something that it did not write itself."""

from pathlib import Path

from components.plan import Plan
from obs.errors import BadInput

MARKER = ".obs-render"
"""Lists, one a line, the files that were written, so that the next run may replace them and nothing else."""


def write(plan: Plan, folder: Path) -> list[str]:
    """Write every file into the folder of its part (`<part>/<path>`), of a plan for several places as
    `<place>/<part>/<path>`. Returns the names, sorted. The same plan gives the same bytes.

    BadInput, before anything is written, if the folder holds something that is not from an earlier run; and
    if it cannot be written.
    """
    try:
        return _write(plan, folder)
    except OSError as error:
        raise BadInput(
            f"--out {folder}: {error.strerror or error}; expected a folder that can be written"
        ) from None


def _write(plan: Plan, folder: Path) -> list[str]:
    files = plan.written
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"--out {folder}: expected a folder, found a file")
    marker = folder / MARKER
    earlier = set(marker.read_text(encoding="utf-8").splitlines()) if marker.exists() else set()
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()} - {MARKER}
    foreign = sorted(present - earlier)
    if foreign:
        raise BadInput(
            f"--out {folder}: expected an empty folder, or one that `obs render` wrote; "
            f"found {foreign[0]}{f' and {len(foreign) - 1} more' if len(foreign) > 1 else ''}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    # The list first: a run that is cut off must not leave files that the next one takes for foreign.
    _text(marker, sorted(earlier | files.keys()))
    for name, text in sorted(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    for name in sorted(present - files.keys()):
        (folder / name).unlink()
    for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()
    _text(marker, sorted(files))
    return sorted(files)


def _text(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
