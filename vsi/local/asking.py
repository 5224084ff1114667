"""Asking servers on this machine."""

import base64
import contextlib
import http.client
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from vsi.reach import Answer, Get

MOST = 4_000_000
"""So much of an answer is read."""


def get(request: Get, timeout: float) -> Answer:
    """Status and body, or the name of what went wrong."""
    parts = urlsplit(request.url)
    host = parts.hostname or "127.0.0.1"
    headers = {}
    try:
        if request.user and (request.password or request.password_file):
            password = request.password or Path(request.password_file).read_text()
            word = base64.b64encode(f"{request.user}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {word}"
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=request.ca_file or None)
            if request.certificate_file:
                certificate = Path(request.certificate_file)
                context.load_cert_chain(certificate, certificate.with_suffix(".key"))
            connection = http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=context)
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=timeout)
        with contextlib.closing(connection):
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            body, kind = request.data
            connection.request(request.method, path, body, headers | kind)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(MOST))
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Answer(fault=_name(error))


def greet(host: str, port: int, words: bytes, timeout: float) -> Answer:
    """What a server says to some words; nothing is waited for if there are none."""
    try:
        with socket.create_connection((host, port), timeout) as stream:
            stream.sendall(words)
            return Answer(body=stream.recv(1024) if words else b"")
    except OSError as error:
        return Answer(fault=_name(error))


def _name(error: Exception) -> str:
    return "TimeoutError" if isinstance(error, TimeoutError) else type(error).__name__
