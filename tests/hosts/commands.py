"""Programs of this machine that the lab runs."""

import os
import subprocess
from pathlib import Path

QUIET = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
"""All that a program of the lab gets of our environment, so that none of it leaks into a host."""


class LabError(Exception):
    """The lab could not do what was asked of it."""


def run(*command: str, timeout: float = 60, cwd: Path | None = None) -> str:
    """What a command wrote to its output. LabError with its errors if it failed."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            check=False,
            env=QUIET,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{' '.join(command)}: {error}") from None
    if done.returncode:
        raise LabError(f"{' '.join(command)}: {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def find(program: str) -> bool:
    """Whether there is such a program."""
    return any(os.access(f"{folder}/{program}", os.X_OK) for folder in QUIET["PATH"].split(":"))
