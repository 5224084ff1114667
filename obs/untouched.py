"""A preview writes no file of the user's, though the Pulumi CLI would: a new stack gets its salt there."""

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
    """While inside, the file may get a salt; afterwards it is what it was. An edit by somebody else stays."""
    before = file.read_bytes()
    try:
        yield
    finally:
        after = file.read_bytes() if file.exists() else before
        if after != before and _without_salt(after) == _without_salt(before):
            _replace(file, before)


def _without_salt(data: bytes) -> Any:
    try:
        content = yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError):
        return data
    return (
        {key: value for key, value in content.items() if key != SALT}
        if isinstance(content, dict)
        else content
    )


def _replace(file: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(handle, "wb") as copy:
        copy.write(data)
    os.chmod(name, file.stat().st_mode & 0o7777)
    os.replace(name, file)
