"""Real engines for the tests of what they read."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from components.site import Site
from engines.store import Store


def program(engine: str, executable: str) -> str:
    """Path of an engine's program: from the folder OBS_ENGINES_BIN if it is there, else from the cache of
    engines. EngineError, saying how to get it, if it is in neither."""
    folder = os.environ.get("OBS_ENGINES_BIN")
    if folder and (path := Path(folder) / executable).is_file():
        return str(path)
    return str(Store().executable(engine, executable))


def write(folder: Path, files: dict[str, str]) -> Path:
    """Put rendered files into `folder`; returns it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`, both outputs in `stdout`; whoever calls looks at `returncode`."""
    return subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def alertmanager_command(at: Site) -> list[str]:
    """Alertmanager with what was rendered into the folder it is started in, its data beside that."""
    return [
        program("alertmanager", "alertmanager"),
        "--config.file=alertmanager.yml",
        "--storage.path=../data",
        "--cluster.listen-address=",
        f"--web.listen-address={at.dial('alertmanager')}",
    ]
