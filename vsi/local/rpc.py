"""How a stack's supervisor is reached: XML-RPC over a Unix socket that lies in the state folder.

It lies there, and not in a runtime or temporary folder, because those differ from one session to the next
and are swept: a login, `sudo` and `cron` must find the same supervisor. The kernel takes at most 107
characters of a socket's path, so the folder is opened and the socket named from there.
"""

import contextlib
import http.client
import os
import re
import socket
import xmlrpc.client
from pathlib import Path
from typing import Any

SOCKET = "s.sock"
"""Name of the socket in the supervisor's folder."""
_RECORDED = re.compile(r"^file = (/.+)$", re.M)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, folder: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._folder = folder

    def connect(self) -> None:
        self.sock = connect(self._folder, self.timeout)


class Transport(xmlrpc.client.Transport):
    """For `xmlrpc.client.ServerProxy`: speaks with the supervisor whose folder is given."""

    def __init__(self, folder: Path, timeout: float) -> None:
        super().__init__()
        self._folder, self._timeout = folder, timeout

    def make_connection(self, host: Any) -> http.client.HTTPConnection:  # noqa: ARG002
        return _UnixConnection(self._folder, self._timeout)


def connect(folder: Path, timeout: float | None) -> socket.socket:
    """A connection to the supervisor's socket; OSError where there is none, or nobody listens."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        with contextlib.suppress(FileNotFoundError):
            return _connected(f"/proc/self/fd/{descriptor}/{SOCKET}", timeout)
    finally:
        os.close(descriptor)
    elsewhere = earlier_socket(folder)
    if elsewhere is None:
        raise FileNotFoundError(f"{folder / SOCKET} is not there")
    return _connected(str(elsewhere), timeout)


def earlier_socket(folder: Path) -> Path | None:
    """Where the supervisor of an earlier release, which may still run, was told to listen."""
    try:
        found = _RECORDED.search((folder / "supervisord.conf").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if found is None or found[1].startswith("/proc/"):
        return None
    return Path(found[1].replace("%%", "%"))


def _connected(path: str, timeout: float | None) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.settimeout(timeout)
        made.connect(path)
    except BaseException:
        made.close()
        raise
    return made


def config_text(log: str, pid_file: str) -> str:
    """What the supervisor is told of itself. Every path begins at the working directory, so that no character
    of the state folder's matters."""
    here = "/proc/self/cwd/supervisor"
    user = "user = root\n" if os.geteuid() == 0 else ""
    return (
        "; Written at every start of the supervisor; programs stand in programs/.\n"
        f"[unix_http_server]\nfile = {here}/{SOCKET}\nchmod = 0700\n\n"
        f"[supervisord]\nlogfile = {here}/{log}\npidfile = {here}/{pid_file}\n"
        f"logfile_maxbytes = 5MB\nlogfile_backups = 1\nsilent = true\nnodaemon = true\n{user}"
        "identifier = obs\numask = 077\n\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\n"
        "[eventlistener:guard]\ncommand = /bin/sh supervisor/guard\n"
        "events = PROCESS_STATE_EXITED,PROCESS_STATE_STOPPED,PROCESS_STATE_BACKOFF\n"
        f"stderr_logfile = {here}/guard.log\nstderr_logfile_maxbytes = 1MB\n"
        "stdout_logfile = NONE\nbuffer_size = 1000\n\n"
        "[include]\nfiles = programs/*.conf\n"
    )
