"""Who has a port of this machine."""

import contextlib
import socket
from collections.abc import Collection

import psutil

from vsi.reach import Holder
from vsi.ssh.ports import NEAR


def is_free(port: int) -> bool:
    """Whether a server could listen there now, on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def holders(ports: Collection[int]) -> dict[int, Holder]:
    """Who has which of the ports. Other users' process ids are unknown unless we are root. A listener counts
    before a connection, which holds a port just as well."""
    listeners: dict[int, list[int | None]] = {}
    near: dict[int, list[int | None]] = {}
    others: dict[int, int | None] = {}
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            port = connection.laddr.port if connection.laddr else 0
            if port not in ports:
                continue
            if connection.status == psutil.CONN_LISTEN:
                listeners.setdefault(port, []).append(connection.pid)
                if connection.laddr and connection.laddr.ip in NEAR:
                    near.setdefault(port, []).append(connection.pid)
            else:
                others.setdefault(port, connection.pid)
    found = {}
    for port in ports:
        free = is_free(port)
        pids = listeners.get(port, [])
        if free and not pids:
            continue
        pid = next((pid for pid in pids if pid), None) if pids else others.get(port)
        outgoing = not pids and port in others
        found[port] = Holder(
            tuple(dict.fromkeys(pids)),
            pid,
            _command(pid),
            outgoing,
            free,
            tuple(dict.fromkeys(near.get(port, []))),
        )
    return found


def _command(pid: int | None) -> str:
    with contextlib.suppress(psutil.Error):
        if pid is not None:
            return " ".join(psutil.Process(pid).cmdline())[:100]
    return ""
