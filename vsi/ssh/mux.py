"""Speaks to an OpenSSH master by its socket, as `ssh -S` would, without a process for each command.

The protocol is OpenSSH's `PROTOCOL.mux`, version 4, unchanged since 5.4 (2010). Closing the socket ends what
was asked for, so that nothing is left of us when we end, however we do.
"""

import os
import socket
import struct
from dataclasses import dataclass

_VERSION = 4
_HELLO, _NEW_SESSION, _TERMINATE, _STREAM = 0x1, 0x10000002, 0x10000005, 0x10000008
_EXIT, _OPENED = 0x80000004, 0x80000006
_NO_ESCAPE = 0xFFFFFFFF


class NoMaster(Exception):
    """There is no master at the socket, or it ended: nothing was begun."""


class Refused(Exception):
    """The master lives, but the host opened no session or stream."""


def _text(words: str) -> bytes:
    data = words.encode("utf-8", "surrogateescape")
    return struct.pack(">I", len(data)) + data


@dataclass
class _Client:
    stream: socket.socket

    def send(self, *fields: int | str) -> None:
        body = b"".join(struct.pack(">I", f) if isinstance(f, int) else _text(f) for f in fields)
        self.stream.sendall(struct.pack(">I", len(body)) + body)

    def receive(self) -> tuple[int, bytes]:
        """The type of a message, and the rest."""
        (length,) = struct.unpack(">I", self._exactly(4))
        body = self._exactly(length)
        return struct.unpack(">I", body[:4])[0], body[4:]

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            more = self.stream.recv(count - len(found))
            if not more:
                raise NoMaster("the master closed its socket")
            found += more
        return found

    def expect_opened(self) -> None:
        kind, body = self.receive()
        if kind == _OPENED:
            return
        raise Refused(
            body[8:].decode(errors="replace") or f"message {kind:#x}"
        )  # of it: its number, a length


def _greeted(path: str, timeout: float) -> _Client:
    """A client that the master has greeted. NoMaster if there is none."""
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.settimeout(timeout)
    client = _Client(stream)
    try:
        stream.connect(path)
        kind, body = client.receive()
        if kind != _HELLO or struct.unpack(">I", body[:4])[0] != _VERSION:
            raise NoMaster(f"{path}: not a master of OpenSSH's mux protocol {_VERSION}")
        client.send(_HELLO, _VERSION)
    except OSError as error:
        stream.close()
        raise NoMaster(f"{path}: {error.strerror or error}") from None
    except BaseException:
        stream.close()
        raise
    return client


def alive(path: str) -> bool:
    """Whether a master answers there."""
    try:
        _greeted(path, 5).stream.close()
    except NoMaster:
        return False
    return True


def session(path: str, command: str, ends: tuple[int, int, int], timeout: float) -> socket.socket:
    """A command begun on the host, with our ends of stdin, stdout and stderr handed over; closing the socket
    that is returned ends it. Raises NoMaster, Refused or TimeoutError."""
    client = _greeted(path, timeout)
    try:
        try:
            # want a terminal, X11, an agent, a subsystem: none of them
            client.send(_NEW_SESSION, 1, "", 0, 0, 0, 0, _NO_ESCAPE, "", command)
            _hand_over(client.stream, ends)
        except ConnectionError as error:
            raise NoMaster(f"{path}: {error.strerror}") from None
        client.expect_opened()
    except BaseException:
        client.stream.close()
        raise
    return client.stream


def exit_code(master: socket.socket) -> int | None:
    """How the command of a session ended; None if the connection ended before it did."""
    client = _Client(master)
    try:
        master.settimeout(2)
        while True:
            kind, body = client.receive()
            if kind == _EXIT:
                return int(struct.unpack(">I", body[4:8])[0])
    except (OSError, NoMaster):
        return None


def stream(path: str, host: str, port: int, timeout: float) -> tuple[socket.socket, socket.socket]:
    """A TCP connection that the host makes to `host` and `port`: our end, and the master's socket, which
    ends it when it is closed. Raises NoMaster, Refused or TimeoutError."""
    client = _greeted(path, timeout)
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            try:
                client.send(_STREAM, 1, "", host, port)
                _hand_over(client.stream, (theirs.fileno(), theirs.fileno()))
            except ConnectionError as error:
                raise NoMaster(f"{path}: {error.strerror}") from None
        client.expect_opened()
        ours.settimeout(timeout)
    except BaseException:
        ours.close()
        client.stream.close()
        raise
    return ours, client.stream


def end(path: str) -> None:
    """Ask the master to end. Fine if there is none."""
    try:
        client = _greeted(path, 5)
    except NoMaster:
        return
    try:
        client.send(_TERMINATE, 1)
        client.receive()
    except (OSError, NoMaster):
        pass
    finally:
        client.stream.close()


def _hand_over(stream: socket.socket, descriptors: tuple[int, ...]) -> None:
    """One in a message, each with a byte, as OpenSSH's mm_send_fd does."""
    for descriptor in descriptors:
        socket.send_fds(stream, [b"\0"], [descriptor])


def pipes() -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Three pipes: our ends of stdin, stdout and stderr, and those to hand over."""
    stdin, stdout, stderr = os.pipe(), os.pipe(), os.pipe()
    return (stdin[1], stdout[0], stderr[0]), (stdin[0], stdout[1], stderr[1])
