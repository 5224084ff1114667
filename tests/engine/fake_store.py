"""A store that takes bulk requests and can be away: enough of OpenSearch to count what arrives.

Real HTTP on loopback; while away, its port refuses connections.
"""

import base64
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Document = dict[str, Any]
Refusal = Callable[[str, str, Document], int]
"""index, id, document -> status to refuse it with, or 0 to take it."""


class FakeStore:
    """Documents by (index, id). `conflicts` counts those that came again, `attempts` the bulk requests."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self.port = port
        self.documents: dict[tuple[str, str], Document] = {}
        self.conflicts = 0
        self.attempts = 0
        self.refuse: Refusal = lambda *_: 0
        self._credentials = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    def open(self) -> None:
        """Listen; what was stored before is still there."""
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                status, answer = store._answer(self)
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A collector that is killed resets its connections."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Be away: refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def count(self, prefix: str = "") -> int:
        """Documents in indices whose names begin so."""
        with self._lock:
            return sum(index.startswith(prefix) for index, _ in self.documents)

    def find(self, prefix: str = "") -> list[Document]:
        """Documents in indices whose names begin so."""
        with self._lock:
            return [doc for (index, _), doc in self.documents.items() if index.startswith(prefix)]

    def _answer(self, request: BaseHTTPRequestHandler) -> tuple[int, Any]:
        body = request.rfile.read(int(request.headers.get("Content-Length", "0")))
        if request.headers.get("Authorization") != self._credentials:
            return 401, {}
        if self._server is None:  # a connection that was kept open
            return 503, {}
        lines = body.splitlines()
        with self._lock:
            self.attempts += 1
            actions = zip(lines[::2], lines[1::2], strict=True)
            return 200, {"items": [self._create(json.loads(a), json.loads(d)) for a, d in actions]}

    def _create(self, action: Document, document: Document) -> Document:
        key = (action["create"]["_index"], action["create"]["_id"])
        if refused := self.refuse(*key, document):
            reason = {"type": "mapper_parsing_exception", "reason": "refused by the test"}
            return {"create": {"status": refused, "error": reason}}
        if key in self.documents:
            self.conflicts += 1
            return {"create": {"status": 409, "error": {"type": "version_conflict_engine_exception"}}}
        self.documents[key] = document
        return {"create": {"status": 201}}
