"""What a socket of ours tells somebody without a certificate: each kind, for real, on loopback."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from obs.verify.stranger import why_open
from vsi.tls import renewed


@contextmanager
def listening(answer: bytes, wrap: Callable[[socket.socket], socket.socket]) -> Iterator[int]:
    """A server that takes connections, and says something to whoever gets so far."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    plain, _ = server.accept()
                except OSError:
                    return
                try:
                    with wrap(plain) as stream:
                        stream.recv(1000)
                        stream.sendall(answer)
                except OSError:
                    plain.close()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def tls(folder: Path, *, asks: bool) -> Callable[[socket.socket], socket.socket]:
    """TLS, with or without asking who is there."""
    for name, data in renewed({}, ("prometheus",)).items():
        (folder / name).write_bytes(data)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "prometheus.pem", folder / "prometheus.key")
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(folder / "ca.pem")
    return lambda plain: context.wrap_socket(plain, server_side=True)


def test_one_that_asks_for_a_certificate_is_closed(tmp_path: Path) -> None:
    with listening(b"HTTP/1.1 200 OK\r\n\r\n", tls(tmp_path, asks=True)) as port:
        assert why_open("127.0.0.1", port) == ""


def test_one_that_asks_for_a_password_is_closed(tmp_path: Path) -> None:
    with listening(b"HTTP/1.1 401 Unauthorized\r\n\r\n", tls(tmp_path, asks=False)) as port:
        assert why_open("127.0.0.1", port) == ""


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found", b"503 Service Unavailable"])
def test_one_that_answers_over_tls_without_asking_is_open(tmp_path: Path, status: bytes) -> None:
    with listening(b"HTTP/1.1 " + status + b"\r\n\r\n", tls(tmp_path, asks=False)) as port:
        assert why_open("127.0.0.1", port) == f"answers a stranger: 'HTTP/1.1 {status.decode()}'"


def test_one_that_answers_in_plain_is_open() -> None:
    with listening(b"HTTP/1.1 400 Bad Request\r\n\r\n", lambda plain: plain) as port:
        assert why_open("127.0.0.1", port).startswith("speaks in plain: b'HTTP/1.1 400")


def test_one_that_is_silent_in_plain_speaks_no_tls() -> None:
    with listening(b"", lambda plain: plain) as port:
        assert why_open("127.0.0.1", port) == "does not speak TLS"


def test_one_that_cannot_be_reached_is_not_called_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert why_open("127.0.0.1", port).startswith("cannot be reached to be judged")
