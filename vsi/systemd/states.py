"""What `systemctl show` says of the units of a stack, as programs."""

import calendar
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from vsi.keepers import Program, State
from vsi.systemd.places import shown_to

PROPERTIES = (
    "Id",
    "LoadState",
    "LoadError",
    "ActiveState",
    "SubState",
    "Job",
    "MainPID",
    "NRestarts",
    "Result",
    "ExecMainCode",
    "ExecMainStatus",
    "ExecMainStartTimestamp",
    "WorkingDirectory",
)
ASK = f'date +%s; exec env TZ=UTC LC_ALL=C systemctl show --no-pager -p {",".join(PROPERTIES)} -- "$@"'
"""Shell text: the time, then what is known of the units that the arguments name."""

START_SECONDS = 1
"""So long a process counts as starting: to systemd it runs as soon as it is there, but it may not listen to
signals yet, and end by one."""

_ACTIVE: Mapping[str, State] = {
    "active": "RUNNING",
    "reloading": "RUNNING",
    "refreshing": "RUNNING",
    "activating": "STARTING",
    "deactivating": "STOPPING",
    "failed": "FATAL",
    "inactive": "STOPPED",
}
_STEPS = {
    200: "its folder cannot be entered",
    203: "its script cannot be run",
    209: "its log cannot be written",
    217: "it cannot get a user",
    226: "its view of the host cannot be made",
    238: "its data folder cannot be made",
    240: "its log folder cannot be made",
    243: "its secrets cannot be read",
}
"""What systemd could not do before the script ran, by the exit status that it then gives."""


@dataclass(frozen=True)
class Shown:
    """One unit as systemd shows it."""

    program: Program
    restarts: int


def shown_in(output: str, stack: str) -> dict[str, Shown]:
    """The units of a stack in what `ASK` said, by name. A unit that only others mention is not there."""
    now, _, rest = output.partition("\n")
    found = {}
    for block in re.split(r"\n\s*\n", rest.strip()):
        row = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        name = _unit_of(row, stack)
        if name:
            program = _program(name, row, int(now))
            found[name] = Shown(program, int(row.get("NRestarts") or 0) + (program.state == "BACKOFF"))
    return found


def _unit_of(row: Mapping[str, str], stack: str) -> str:
    """The name of a unit of ours; '' for another's. Without its file, nothing but its name tells."""
    if shown := shown_to(row.get("WorkingDirectory", "")):
        return shown[1] if shown[0] == stack else ""
    there = row.get("LoadState") not in (None, "not-found", "masked")
    match = re.fullmatch(f"obs-{re.escape(stack)}-(.+)\\.service", row.get("Id", ""))
    return match[1] if match and (there or row.get("ActiveState") not in (None, "inactive")) else ""


def _program(name: str, row: Mapping[str, str], now: int) -> Program:
    state, started = _state(row), _seconds(row.get("ExecMainStartTimestamp", ""))
    if state == "RUNNING" and 0 <= now - started < START_SECONDS:
        state = "STARTING"
    pid = int(row.get("MainPID") or 0)
    return Program(
        name=name,
        state=state,
        pid=pid,
        started=started,
        now=now,
        message=f"pid {pid}" if state == "RUNNING" and pid else _message(row),
    )


def _state(row: Mapping[str, str]) -> State:
    active, sub = row.get("ActiveState", ""), row.get("SubState", "")
    if active == "activating" and sub.startswith("auto-restart"):
        return "BACKOFF"
    if active in ("inactive", "failed") and row.get("Job", "0") not in ("", "0"):
        return "STARTING"
    return _ACTIVE.get(active, "UNKNOWN")


def _message(row: Mapping[str, str]) -> str:
    """Why a unit does not run, in a few words."""
    if error := row.get("LoadError", "").strip():
        return f"systemd does not take its unit file: {error.partition(' ')[2].strip(chr(34)) or error}"
    result, code, status = (row.get(key, "") for key in ("Result", "ExecMainCode", "ExecMainStatus"))
    if result == "oom-kill":
        return "it was ended for its use of memory"
    if result == "timeout":
        return "it did not end in time, and was killed"
    if result == "start-limit-hit":
        return "it was started too often"
    if code == "1" and status.isdigit():
        return _STEPS.get(int(status), f"it ended with {status}")
    if code in ("2", "3"):
        return f"it was ended by signal {status}"
    return row.get("SubState", "")


def _seconds(text: str) -> int:
    """Epoch seconds of `Sat 2026-11-28 16:15:50 UTC`; 0 if it never was."""
    try:
        return calendar.timegm(time.strptime(text.partition(" ")[2], "%Y-%m-%d %H:%M:%S UTC"))
    except ValueError:
        return 0
