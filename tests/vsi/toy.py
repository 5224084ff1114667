"""A server that stands in for an engine: reads `app.conf`, reads it again on SIGHUP, and counts its starts.

`python toy.py PORT [--fork] [--title] [--say TEXT] [--die] [--redis]`. / answers with the configuration it
works with, /metrics as engines of the Prometheus family do. A configuration `unreadable` fails a reload.
`--fork` serves from a child, as a start script that does not `exec`. `--die` says why and ends. `--redis`
answers PING.
"""

import ctypes
import os
import signal
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Settings:
    text = ""
    good = 1
    at = 0.0

    @classmethod
    def load(cls, *_: object) -> None:
        text = Path("app.conf").read_text()
        cls.good = 0 if text.startswith("unreadable") else 1
        if cls.good:
            cls.text, cls.at = text, time.time()
        print(f"loaded {text.strip()!r}", flush=True)


class Handler(BaseHTTPRequestHandler):
    def handle(self) -> None:
        """`PING` as Redis has it, without HTTP."""
        if self.connection.recv(4, socket.MSG_PEEK) == b"PING":
            self.wfile.write(b"+PONG\r\n" if "--redis" in sys.argv else b"-ERR\r\n")
            return
        super().handle()

    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404)
            return
        body = Settings.text
        if self.path == "/metrics":
            body = f"toy_config_last_reload_successful {Settings.good}\n"
            body += f"toy_config_last_reload_success_timestamp_seconds {Settings.at!r}\n"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


def hide_environment() -> None:
    """Overwrite our environment as /proc shows it, as programs do that set their own title."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = int(fields[47]), int(fields[48])
    ctypes.memset(begin, 0, end - begin)


def main() -> None:
    arguments = sys.argv[2:]
    if "--say" in arguments:
        print(arguments[arguments.index("--say") + 1], flush=True)
    if "--die" in arguments:
        print("cannot go on: " + Path("app.conf").read_text(), file=sys.stderr, flush=True)
        sys.exit(3)
    if "--title" in arguments:
        hide_environment()
    if "--fork" in arguments and os.fork():
        signal.pause()
    with Path("../data/starts").open("a") as stream:
        stream.write(f"{os.getpid()}\n")
    signal.signal(signal.SIGHUP, Settings.load)
    Settings.load()
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


if __name__ == "__main__":
    main()
