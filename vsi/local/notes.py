"""Small files of the control machine itself, beside a stack's other state there."""

import os
import tempfile
from pathlib import Path


def read(path: Path) -> bytes | None:
    """What a file holds; None if there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def write(path: Path, data: bytes) -> None:
    """Replace it as a whole, for its owner alone, if it differs."""
    if read(path) == data:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, new = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.replace(new, path)


def remove(path: Path) -> None:
    """Fine if it is gone."""
    path.unlink(missing_ok=True)
