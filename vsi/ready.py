"""Asks a process whether it serves, and whether it took its files over after a reload."""

import re
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from vsi.errors import DeployError
from vsi.keepers import Program
from vsi.machine import Machine
from vsi.reach import Answer, Get
from vsi.unit import HostUnit

_RELOAD = re.compile(
    r"^\w+_config_last_reload_(successful|success_timestamp_seconds)(?:\{[^}]*\})? ([0-9.e+]+)$", re.M
)

REDIS = (b"+PONG", b"-NOAUTH")
"""How Redis answers whoever greets it; the second where it asks for a password first."""


def probe(machine: Machine, unit: HostUnit, timeout: float = 3) -> str:
    """Why a unit is not ready, in a few words; '' if it is."""
    ready = unit.process.ready
    parts = urlsplit(ready.url)
    if parts.scheme in ("tcp", "redis"):
        asked, wanted = (b"PING\r\n", REDIS) if parts.scheme == "redis" else (b"", (b"",))
        answer = machine.reach.greet(parts.hostname or "127.0.0.1", parts.port or 0, asked, timeout)
        if answer.fault:
            return f"{ready.url}: {_reason(answer, timeout)}"
        return "" if answer.body.startswith(wanted) else f"{ready.url} answers {answer.body[:40]!r}"
    answer = _get(machine, unit, ready.url, timeout)
    if answer.status in ready.status:
        return ""
    return f"{ready.url} answers {_reason(answer, timeout) if answer.fault else answer.status}"


def silence(machine: Machine, unit: HostUnit, timeout: float = 3) -> str:
    """Why a running unit does not serve, in a few words; '' if it does. Asks further than `probe`, where a
    process that hangs would pass that."""
    problem = probe(machine, unit, timeout)
    if problem or unit.process.ready.answers is None:
        return problem
    answer = _get(machine, unit, unit.process.ready.answers, timeout)
    return f"{unit.process.ready.answers}: {_reason(answer, timeout)}" if answer.fault else ""


def _reason(answer: Answer, timeout: float) -> str:
    return f"nothing within {timeout:g} s" if answer.fault == "TimeoutError" else answer.fault


def _get(machine: Machine, unit: HostUnit, url: str, timeout: float) -> Answer:
    ready = unit.process.ready
    password = str(machine.paths.secrets / ready.password_secret) if ready.password_secret else ""
    authority = machine.tokens(unit.name).fill(ready.ca) if ready.ca else ""
    certificate = machine.tokens(unit.name).fill(ready.certificate) if ready.certificate else ""
    asked = Get(url, ready.user or "", password, authority, certificate_file=certificate)
    return machine.reach.get(asked, timeout)


LINE_LENGTH = 400
"""What an error shows of a line of log: some engines write very long ones."""


def last_lines(machine: Machine, name: str, count: int = 20) -> str:
    """The end of a unit's log, not masked."""
    return "\n".join(line[:LINE_LENGTH] for line in machine.keeper.last_words(name, count))


def wait_ready(machine: Machine, unit: HostUnit, tick: Callable[[str], None] = lambda _: None) -> float:
    """Wait until a unit serves; returns the seconds it took.

    Raises DeployError, with the last lines of its log, when the deadline passes, when its keeper gave it up,
    or when it ended four times. The log's lines are not masked."""
    begun = time.monotonic()
    deadline = begun + unit.process.ready.seconds
    starts: set[int] = set()
    pause = 0.05
    while True:
        program = machine.program(unit.name)
        reason = probe(machine, unit) if program and program.running else "its process does not run"
        if not reason:
            # the answer may be a stranger's, while our process is about to find its port taken
            after = machine.program(unit.name)
            reason = stranger(machine, unit)
            if after and program and after.pid == program.pid and after.state == "RUNNING" and not reason:
                return time.monotonic() - begun
            reason = reason or f"{unit.process.ready.url} answers, but its process {_words(after)}"
        if program and program.started:
            starts.add(program.started)
        if program is None or program.state in ("FATAL", "STOPPED", "UNKNOWN"):
            _fail(machine, unit, f"its process {_words(program)}")
        if len(starts) > 4:
            _fail(machine, unit, f"its process ended {len(starts) - 1} times")
        if time.monotonic() > deadline:
            _fail(machine, unit, f"not ready within {unit.process.ready.seconds} s: {reason}")
        tick(reason)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def stranger(machine: Machine, unit: HostUnit) -> str:
    """Who else listens on a unit's ready port, in a few words; '' if it is the unit itself."""
    port = urlsplit(unit.process.ready.url).port
    holder = machine.reach.ports({port}).get(port) if port else None
    pids = holder.listeners if holder else ()
    if not pids or machine.keeper.owned({pid for pid in pids if pid}, unit.name):
        return ""
    who = ", ".join(f"pid {pid}" if pid else "another user's" for pid in sorted(pids, key=str))
    return f"port {port} is held by another process ({who})"


def _words(program: Program | None) -> str:
    return f"is {program.state} ({program.message})" if program else "is not known to the supervisor"


def _fail(machine: Machine, unit: HostUnit, reason: str) -> None:
    other = stranger(machine, unit)
    reason = f"{reason}; {other}" if other and other not in reason else reason
    log = last_lines(machine, unit.name)
    raise DeployError(
        unit.name, f"{reason}. Last lines of its log:\n{log}" if log else f"{reason}. Its log is empty."
    )


RELOAD_SECONDS = 15.0


def wait_reloaded(machine: Machine, unit: HostUnit, since: float) -> str:
    """After a reload signal sent at `since` (epoch): wait until the process says that it took its files over.

    Engines of the Prometheus family say so in `*_config_last_reload_*` on `/metrics`; others say nothing and
    are believed. Returns '' or why the reload counts as failed."""
    parts = urlsplit(unit.process.ready.url)
    if not parts.scheme.startswith("http"):
        return probe(machine, unit)
    url = f"{parts.scheme}://{parts.netloc}/metrics"
    deadline = time.monotonic() + RELOAD_SECONDS
    while True:
        answer = _get(machine, unit, url, 3)
        found = dict(_RELOAD.findall(answer.body.decode(errors="replace")))
        if answer.fault:
            problem = f"{url}: {_reason(answer, 3)}"
        elif "successful" not in found:
            return ""
        else:
            problem = "it says that its last reload failed"
            taken = float(found.get("success_timestamp_seconds", since)) >= since - 1
            if float(found["successful"]) == 1 and taken:
                return ""
        if time.monotonic() > deadline:
            return problem
        time.sleep(0.1)
