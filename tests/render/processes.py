"""Starting an engine on loopback for a test, and waiting for what it does."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.waiting import until


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def started(command: Sequence[str], folder: Path, ready: str) -> Iterator[Path]:
    """Run a command in `folder` until the block ends; the block starts when the URL `ready` answers 200.

    Yields the file with its output, which also stands in the message if it does not get ready."""
    log = folder / OUTPUT
    with kept(command, folder) as process:
        try:
            until(lambda: process.poll() is not None or _answers(ready), f"{ready} answers")
            assert process.poll() is None, f"ended with {process.returncode}"
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text()[-3000:]}") from None
        yield log


OUTPUT = "output.log"


@contextmanager
def kept(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in `folder` until the block ends, its output in `OUTPUT` there."""
    with (folder / OUTPUT).open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            cwd=folder,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass
class Inbox:
    """What a receiver was sent: path and JSON body, in order."""

    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    largest: dict[str, int] = field(default_factory=dict)
    """Bytes of the largest body, by path."""
    port: int = 0

    def of(self, path: str) -> list[dict[str, Any]]:
        return [body for where, body in self.posts if where == path]


@contextmanager
def inbox(port: int) -> Iterator[Inbox]:
    """An HTTP receiver on loopback."""
    kept = Inbox(port=port)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.largest[self.path] = max(len(body), kept.largest.get(self.path, 0))
            kept.posts.append((self.path, json.loads(body)))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: ARG002 - the parent's signature
            return

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
