"""Committed outputs of the renderers, compared byte for byte.

`OBS_REGENERATE=1 pytest tests/render` writes them anew; the difference is then read in review.
"""

import difflib
import os
from pathlib import Path

import pytest

GOLDENS = Path(__file__).parent / "goldens"


def _read(folder: Path) -> dict[str, str]:
    """Every file below `folder` by its path relative to it, sorted; empty if the folder is absent."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes().decode() for path in paths}


def _write(folder: Path, files: dict[str, str]) -> None:
    for name in _read(folder).keys() - files.keys():
        (folder / name).unlink()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def check(name: str, files: dict[str, str]) -> None:
    """Fail unless `files` (relative path -> text) equals the golden folder `name`: same paths, same bytes.

    The failure shows one unified difference per file. With OBS_REGENERATE=1 the folder is rewritten.
    """
    folder = GOLDENS / name
    if os.environ.get("OBS_REGENERATE") == "1":
        _write(folder, files)
    expected = _read(folder)
    shown: list[str] = []
    for path in sorted(expected.keys() | files.keys()):
        old, new = expected.get(path), files.get(path)
        if old == new:
            continue
        shown += difflib.unified_diff(
            (old or "").splitlines(keepends=True),
            (new or "").splitlines(keepends=True),
            f"golden/{path}" if old is not None else "/dev/null",
            f"rendered/{path}" if new is not None else "/dev/null",
        )
        shown.append("\n")
    if expected != files:
        pytest.fail(
            f"goldens/{name} differs; if the change is wanted: OBS_REGENERATE=1 pytest tests/render\n"
            + "".join(shown[:400]),
            pytrace=False,
        )
