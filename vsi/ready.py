"""Asks a process whether it serves, and whether it took its files over after a reload."""

import base64
import contextlib
import http.client
import re
import socket
import ssl
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import psutil

from vsi.errors import DeployError
from vsi.paths import StatePaths, Tokens
from vsi.supervisor import Program, Supervisor
from vsi.unit import HostUnit, Ready

_RELOAD = re.compile(
    r"^\w+_config_last_reload_(successful|success_timestamp_seconds)(?:\{[^}]*\})? ([0-9.e+]+)$", re.M
)


def probe(state: StatePaths, unit: HostUnit, timeout: float = 3) -> str:
    """Why a unit is not ready, in a few words; '' if it is."""
    ready = unit.process.ready
    parts = urlsplit(ready.url)
    if parts.scheme in ("tcp", "redis"):
        asked, wanted = (b"PING\r\n", b"+PONG") if parts.scheme == "redis" else (b"", b"")
        try:
            with socket.create_connection(
                (parts.hostname or "127.0.0.1", parts.port or 0), timeout
            ) as stream:
                stream.sendall(asked)
                answer = stream.recv(1024) if wanted else b""
        except OSError as error:
            return f"{ready.url}: {_reason(error, timeout)}"
        return "" if answer.startswith(wanted) else f"{ready.url} answers {answer[:40]!r}"
    status, _ = _get(state, unit, ready.url, timeout)
    return "" if status in ready.status else f"{ready.url} answers {status}"


def silence(state: StatePaths, unit: HostUnit, timeout: float = 3) -> str:
    """Why a running unit does not serve, in a few words; '' if it does. Asks further than `probe`, where a
    process that hangs would pass that."""
    problem = probe(state, unit, timeout)
    if problem or unit.process.ready.answers is None:
        return problem
    status, _ = _get(state, unit, unit.process.ready.answers, timeout)
    return f"{unit.process.ready.answers}: {status}" if isinstance(status, str) else ""


def _reason(error: Exception, timeout: float) -> str:
    return f"nothing within {timeout:g} s" if isinstance(error, TimeoutError) else type(error).__name__


def _get(state: StatePaths, unit: HostUnit, url: str, timeout: float) -> tuple[int | str, bytes]:
    """Status, or why there is none, and body."""
    ready: Ready = unit.process.ready
    parts = urlsplit(url)
    tokens = Tokens(state, unit.name)
    headers = {}
    try:
        if ready.user is not None and ready.password_secret is not None:
            password = (state.secrets / ready.password_secret).read_text()
            word = base64.b64encode(f"{ready.user}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {word}"
        connection: http.client.HTTPConnection
        host = parts.hostname or "127.0.0.1"
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=tokens.fill(ready.ca) if ready.ca else None)
            connection = http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=context)
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=timeout)
        with contextlib.closing(connection):
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(4_000_000)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return _reason(error, timeout), b""


LINE_LENGTH = 400
"""What an error shows of a line of log: some engines write very long ones."""


def last_lines(state: StatePaths, name: str, count: int = 20) -> str:
    """The end of a unit's log, not masked."""
    path = state.unit(name).log / f"{name}.log"
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - 32_768))
            lines = stream.read().decode(errors="replace").splitlines()[-count:]
            return "\n".join(line[:LINE_LENGTH] for line in lines)
    except OSError:
        return ""


def wait_ready(state: StatePaths, unit: HostUnit, tick: Callable[[str], None] = lambda _: None) -> float:
    """Wait until a unit serves; returns the seconds it took.

    Raises DeployError, with the last lines of its log, when the deadline passes, when the supervisor gave it
    up, or when it ended four times. The log's lines are not masked."""
    supervisor = Supervisor(state)
    begun = time.monotonic()
    deadline = begun + unit.process.ready.seconds
    starts: set[int] = set()
    pause = 0.05
    while True:
        program = supervisor.program(unit.name)
        reason = probe(state, unit) if program and program.running else "its process does not run"
        if not reason:
            # the answer may be a stranger's, while our process is about to find its port taken
            after = supervisor.program(unit.name)
            reason = stranger(state, unit)
            if after and program and after.pid == program.pid and after.state == "RUNNING" and not reason:
                return time.monotonic() - begun
            reason = reason or f"{unit.process.ready.url} answers, but its process {_words(after)}"
        if program and program.started:
            starts.add(program.started)
        if program is None or program.state in ("FATAL", "STOPPED", "UNKNOWN"):
            _fail(state, unit, f"its process {_words(program)}")
        if len(starts) > 4:
            _fail(state, unit, f"its process ended {len(starts) - 1} times")
        if time.monotonic() > deadline:
            _fail(state, unit, f"not ready within {unit.process.ready.seconds} s: {reason}")
        tick(reason)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def stranger(state: StatePaths, unit: HostUnit) -> str:
    """Who else listens on a unit's ready port, in a few words; '' if it is the unit itself."""
    port = urlsplit(unit.process.ready.url).port
    found = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.laddr]
    pids = {c.pid for c in found if tuple(c.laddr)[1] == port}
    if not pids or any(pid and Supervisor(state).owns(pid, unit.name) for pid in pids):
        return ""
    who = ", ".join(f"pid {pid}" if pid else "another user's" for pid in sorted(pids, key=str))
    return f"port {port} is held by another process ({who})"


def _words(program: Program | None) -> str:
    return f"is {program.state} ({program.message})" if program else "is not known to the supervisor"


def _fail(state: StatePaths, unit: HostUnit, reason: str) -> None:
    other = stranger(state, unit)
    reason = f"{reason}; {other}" if other and other not in reason else reason
    log = last_lines(state, unit.name)
    raise DeployError(
        unit.name, f"{reason}. Last lines of its log:\n{log}" if log else f"{reason}. Its log is empty."
    )


RELOAD_SECONDS = 15.0


def wait_reloaded(state: StatePaths, unit: HostUnit, since: float) -> str:
    """After a reload signal sent at `since` (epoch): wait until the process says that it took its files over.

    Engines of the Prometheus family say so in `*_config_last_reload_*` on `/metrics`; others say nothing and
    are believed. Returns '' or why the reload counts as failed."""
    parts = urlsplit(unit.process.ready.url)
    if not parts.scheme.startswith("http"):
        return probe(state, unit)
    url = f"{parts.scheme}://{parts.netloc}/metrics"
    deadline = time.monotonic() + RELOAD_SECONDS
    while True:
        status, body = _get(state, unit, url, 3)
        found = dict(_RELOAD.findall(body.decode(errors="replace")))
        if isinstance(status, str):
            problem = f"{url}: {status}"
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
