"""Where things are: the repository and what `obs` itself writes."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from obs.errors import ObsError

ROOT = Path(__file__).resolve().parent.parent
"""The project: Pulumi.yaml, the program, the stack files."""
PLUGINS = ROOT / "plugins"
STATE_VARIABLE = "OBS_STATE_DIR"


def state_folder() -> Path:
    """The base of all state: OBS_STATE_DIR, else `.state` in the checkout. The engine's lies in it too."""
    return Path(os.environ.get(STATE_VARIABLE) or ROOT / ".state").absolute()


def clear_put_together(stack: str) -> None:
    """Remove what images of a stack were put together from, and Docker's configuration for pushing them, a
    copy of the user's with logins of other registries. They lie in the checkout, wherever state is."""
    folder = ROOT / ".state" / stack
    for name in ("docker", "images"):
        shutil.rmtree(folder / name, ignore_errors=True)
    with suppress(OSError):  # there is more in it, or no folder
        folder.rmdir()


@contextmanager
def writing(variable: str, path: Path) -> Iterator[None]:
    """Errors of writing to `path` as an ObsError that says which environment variable can name another."""
    try:
        yield
    except OSError as error:
        raise ObsError(
            f"{variable}: {error.filename or path}: {error.strerror}; expected a writable folder; "
            f"set {variable} to a folder of yours"
        ) from None


def put(file: Path, text: str) -> None:
    """Replace a small file of ours as a whole, for its owner alone. OSError if it cannot be written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(text)
    os.replace(name, file)


def made(folder: Path, variable: str) -> None:
    """Make a folder where there is none; ObsError, as of `writing`, if it cannot be written."""
    with writing(variable, folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
