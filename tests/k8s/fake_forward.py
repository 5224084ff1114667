"""The cluster's side of a port-forward over a WebSocket, as the tests' cluster on loopback has it."""

import base64
import hashlib
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from websocket import ABNF

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def forward(handler: BaseHTTPRequestHandler, target: int | str) -> None:
    """Answer a request for a WebSocket, and carry to that port of this machine; a text is what went wrong
    instead."""
    key = handler.headers["sec-websocket-key"] + _MAGIC
    handler.send_response(101)
    handler.send_header("upgrade", "websocket")
    handler.send_header("connection", "Upgrade")
    accept = base64.b64encode(hashlib.sha1(key.encode(), usedforsecurity=False).digest()).decode()
    handler.send_header("sec-websocket-accept", accept)
    handler.send_header("sec-websocket-protocol", "v4.channel.k8s.io")
    handler.end_headers()
    handler.wfile.flush()
    asked = int(parse_qs(urlsplit(handler.path).query)["ports"][0])
    for channel in (b"\0", b"\1"):
        _send(handler, channel + struct.pack("<H", asked))
    if isinstance(target, str):
        _send(handler, b"\1" + target.encode())
    else:
        with socket.create_connection(("127.0.0.1", target)) as pod:
            threading.Thread(target=_back, args=(handler, pod), daemon=True).start()
            while piece := _received(handler):
                pod.sendall(piece[1:])
    _send(handler, b"", ABNF.OPCODE_CLOSE)
    handler.close_connection = True


def _back(handler: BaseHTTPRequestHandler, pod: socket.socket) -> None:
    while piece := pod.recv(4096):
        _send(handler, b"\0" + piece)
    _send(handler, b"", ABNF.OPCODE_CLOSE)


def _send(handler: BaseHTTPRequestHandler, data: bytes, opcode: int = ABNF.OPCODE_BINARY) -> None:
    handler.connection.sendall(ABNF(1, 0, 0, 0, opcode, 0, data).format())


def _received(handler: BaseHTTPRequestHandler) -> bytes:
    """The next frame's data; nothing at the end."""
    head = handler.rfile.read(2)
    if len(head) < 2 or head[0] & 15 == ABNF.OPCODE_CLOSE:
        return b""
    length = head[1] & 127
    if length > 125:
        form = "!H" if length == 126 else "!Q"
        (length,) = struct.unpack(form, handler.rfile.read(struct.calcsize(form)))
    mask = handler.rfile.read(4)
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(handler.rfile.read(length)))
