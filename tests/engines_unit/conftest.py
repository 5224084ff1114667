import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.engines_unit.toys import FAKE_GO


class FakeGo:
    """The stand-in compiler: how often it built, and how to make it wait or fail."""

    def __init__(self, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.notes = base / "builds"
        self.hold = base / "hold"
        self.folder = base / "fake-go"
        self.folder.mkdir()
        self._patch = monkeypatch
        program = self.folder / "go"
        program.write_text(FAKE_GO)
        program.chmod(0o755)
        monkeypatch.setenv("FAKE_GO_NOTES", str(self.notes))
        monkeypatch.setenv("FAKE_GO_HOLD", str(self.hold))
        monkeypatch.setenv("PATH", f"{self.folder}:/usr/bin:/bin")

    @property
    def builds(self) -> list[str]:
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    def remove(self) -> None:
        """The machine has no Go any more."""
        (self.folder / "go").unlink()
        self._patch.setenv("PATH", str(self.folder))


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OBS_ENGINE_CHANNEL", "OBS_ENGINE_MIRROR", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OBS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def fake_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    return FakeGo(tmp_path, monkeypatch)


class Mirror:
    """A file server on loopback, with the faults that real ones have."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.ranges = True
        self.break_after: list[int] = []
        """For each of the next answers, after how many bytes the connection breaks."""
        self.status: int | None = None
        self.asked: list[tuple[str, str, str | None]] = []
        """Method, path and Range of each request."""
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None: ...

            def do_HEAD(self) -> None:
                self._answer(body=False)

            def do_GET(self) -> None:
                self._answer(body=True)

            def _answer(self, body: bool) -> None:
                wanted = self.headers.get("Range")
                mirror.asked.append((self.command, self.path, wanted))
                content = mirror.files.get(self.path)
                if mirror.status or content is None:
                    self.send_response(mirror.status or 404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and mirror.ranges else 0
                if start and start >= len(content):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(content)}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                part = content[start:]
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                self.send_header("Content-Length", str(len(part)))
                self.end_headers()
                if body and mirror.break_after:
                    self.wfile.write(part[: mirror.break_after.pop(0)])
                    self.wfile.flush()
                    self.close_connection = True
                    self.connection.close()
                elif body:
                    self.wfile.write(part)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def gets(self) -> list[str | None]:
        """The Range of each GET."""
        return [wanted for method, _, wanted in self.asked if method == "GET"]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    served = Mirror()
    monkeypatch.setenv("OBS_ENGINE_MIRROR", served.url)
    yield served
    served.close()
