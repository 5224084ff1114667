"""Asking servers of a host over a stream that the host itself opens; so it sees what its own programs see."""

import base64
import contextlib
import http.client
import re
import secrets
import socket
import ssl
from collections.abc import Iterator
from pathlib import PurePath
from urllib.parse import urlsplit

from vsi.errors import Unreachable
from vsi.reach import Answer, Get, Look
from vsi.ssh import look, mux, shell, words
from vsi.ssh.master import Master

_HOST = re.compile(r"[A-Za-z0-9.:_-]+")
MOST = 4_000_000
"""So much of an answer is read."""


def get(master: Master, request: Get, timeout: float) -> Answer:
    """Status and body, or the name of what went wrong."""
    parts = urlsplit(request.url)
    host, tls = parts.hostname or "127.0.0.1", parts.scheme == "https"
    try:
        headers, authority = _given(master, request)
        with _stream(master, host, parts.port or (443 if tls else 80), timeout) as stream:
            connection = http.client.HTTPConnection(host, parts.port, timeout=timeout)
            connection.sock = stream
            if request.certificate_file:
                raise ValueError(f"{request.certificate_file}: no key is taken from a host")
            if tls:
                context = ssl.create_default_context(cadata=authority)
                connection.sock = context.wrap_socket(stream, server_hostname=host)
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            body, kind = request.data
            connection.request(request.method, path, body, headers | kind)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(MOST))
    except Unreachable:
        raise
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Answer(fault=_name(error))


def _given(master: Master, request: Get) -> tuple[dict[str, str], str | None]:
    """Headers and authority; a round trip only where files of the host are named."""
    file = "" if request.password else request.password_file
    wanted = tuple(filter(None, (file, request.ca_file)))
    texts = _texts(master, wanted) if wanted else {}
    headers = {}
    if request.user and (request.password or file):
        password = request.password or texts[file]
        word = base64.b64encode(f"{request.user}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {word}"
    return headers, texts.get(request.ca_file)


def _texts(master: Master, wanted: tuple[str, ...]) -> dict[str, str]:
    """What stands in files of the host, all of which are there."""
    root, what = PurePath("/"), Look(read=wanted)
    found = look.facts(root, shell.ask(master, look.script(root, what)).output)
    texts = {path: data.decode() for path in wanted if (data := found.data(path)) is not None}
    if missing := [path for path in wanted if path not in texts]:
        raise FileNotFoundError(missing[0])
    return texts


def greet(master: Master, host: str, port: int, said: bytes, timeout: float) -> Answer:
    """What a server says to some words; nothing is waited for if there are none."""
    try:
        with _stream(master, host, port, timeout) as stream:
            stream.sendall(said)
            return Answer(body=stream.recv(1024) if said else b"")
    except Unreachable:
        raise
    except OSError as error:
        return Answer(fault=_name(error))


@contextlib.contextmanager
def _stream(master: Master, host: str, port: int, timeout: float) -> Iterator[socket.socket]:
    """A connection that the host makes; OSError if it makes none."""
    try:
        stream, control = master.stream(host, port, timeout)
    except mux.Refused:
        if "administratively prohibited" not in master.log():
            raise ConnectionRefusedError from None
        with _by_bash(master, host, port, timeout) as stream:
            yield stream
        return
    with control, stream:
        yield stream


# Of a host whose SSH server forwards nothing (AllowTcpForwarding no): its bash connects.
_CONNECT = (
    "sh -c 'command -v bash >/dev/null || { echo WORD none; exit; }; "
    'exec bash -c "exec 3<>/dev/tcp/HOST/PORT || exit 1; echo WORD yes; exec 4<&0; '
    "cat <&4 >&3 & exec cat <&3\"'"
)


@contextlib.contextmanager
def _by_bash(master: Master, host: str, port: int, timeout: float) -> Iterator[socket.socket]:
    if not _HOST.fullmatch(host):
        raise ConnectionRefusedError
    word = secrets.token_hex(16)
    command = _CONNECT.replace("WORD", word).replace("HOST", host).replace("PORT", str(port))
    with master.talk(command) as stream:
        stream.settimeout(timeout)
        seen = b""
        while not seen.endswith(b"\n") or word.encode() not in seen:
            byte = stream.recv(1)
            if not byte:
                raise ConnectionRefusedError
            seen += byte
        if seen.endswith(b" none\n"):
            why = "its SSH server forwards no connections. Set `AllowTcpForwarding local` in its sshd_config"
            raise words.unreachable(master.connection, why)
        yield stream


def _name(error: Exception) -> str:
    return "TimeoutError" if isinstance(error, TimeoutError) else type(error).__name__
