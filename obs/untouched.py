"""What only looks or takes away writes no file of the user's, though the Pulumi CLI would: a stack that is
new to it gets its salt there, in a file that it makes if there is none."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SALT = "encryptionsalt"


@contextlib.contextmanager
def untouched(file: Path) -> Iterator[None]:
    """While inside, the file may get a salt; afterwards it is what it was, absent too. An edit by somebody
    else stays."""
    before = _read(file)
    try:
        yield
    finally:
        after = _read(file)
        if after is not None and after != before and _without_salt(after) == _without_salt(before or b""):
            if before is None:
                file.unlink()
            else:
                _replace(file, before)


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def _without_salt(data: bytes) -> Any:
    try:
        content = yaml.load(data, Loader=yaml.CSafeLoader)  # PyYAML's own: ten times as long
    except (yaml.YAMLError, UnicodeDecodeError):
        return data
    if isinstance(content, dict):
        return {key: value for key, value in content.items() if key != SALT} or None
    return content


def _replace(file: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(handle, "wb") as copy:
        copy.write(data)
    os.chmod(name, file.stat().st_mode & 0o7777)
    os.replace(name, file)
