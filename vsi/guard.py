"""Cleans up behind the supervisor. Run by the supervisor itself, as an event listener.

`setpriv --pdeathsig` reaches only the process that the supervisor started, not that one's children; a
wrapper that forks its engine would leave it running, and the next start would run it twice. So:

- when a program ends, what is left of its process group is killed;
- when the supervisor is gone (our stdin ends), every process of this stack is killed.

Standard library only: it is started as a file, in the supervisor's bare environment.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

KEEPER_VARIABLE = "OBS_KEEPER"
"""Set by every unit's run script to the state folder: how processes of a stack are recognised."""
UNIT_VARIABLE = "OBS_UNIT"


def processes_of(root: str, unit: str | None = None) -> list[int]:
    """Process ids of a stack, or of one unit of it, by the marks in their environment.

    Zombies have no environment and are not listed; processes of other users are skipped."""
    marks = {f"{KEEPER_VARIABLE}={root}".encode()}
    if unit is not None:
        marks.add(f"{UNIT_VARIABLE}={unit}".encode())
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                environment = Path("/proc", entry, "environ").read_bytes()
            except OSError:
                continue
            if marks <= set(environment.split(b"\0")):
                found.append(int(entry))
    return found


def kill_all(pids: list[int]) -> None:
    """SIGKILL each; one that is gone already is fine."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _fields(line: str) -> dict[str, str]:
    return dict(part.split(":", 1) for part in line.split() if ":" in part)


def main() -> None:
    """The event listener protocol: READY, a header line, its payload, RESULT."""
    root = os.environ["OBS_GUARD_ROOT"]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        sys.stdout.write("READY\n")
        sys.stdout.flush()
        header = sys.stdin.readline()
        if not header:
            break
        payload = _fields(sys.stdin.read(int(_fields(header)["len"])))
        pid = int(payload.get("pid", "0"))
        if pid > 1:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        sys.stdout.write("RESULT 2\nOK")
        sys.stdout.flush()
    deadline = time.monotonic() + 10
    while (pids := processes_of(root)) and time.monotonic() < deadline:
        kill_all(pids)


if __name__ == "__main__":
    main()
