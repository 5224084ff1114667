"""One comment per pull request: made once, then written over; and what the workflow may do."""

import importlib.util
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from obs.paths import ROOT
from obs.previews.markdown import MARKER

VARIABLES = (
    "GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN", "PULL_REQUEST",
    "CI_API_V4_URL", "CI_PROJECT_ID", "CI_MERGE_REQUEST_IID", "GITLAB_TOKEN",
)  # fmt: skip


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("comment", ROOT / ".github" / "comment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Host:
    """A code host with the comments of one pull request."""

    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    refuses: bool = False


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body: dict[str, Any] = json.loads(self.rfile.read(length)) if length else {}
            made.requests.append((self.command, self.path, dict(self.headers)))
            answer: Any = {}
            if self.command == "GET":
                page = int(self.path.rpartition("page=")[2])
                answer = made.comments[(page - 1) * 100 : page * 100]
            elif self.command == "POST":
                made.comments.append({"id": len(made.comments) + 1, **body})
            else:
                made.comments[int(self.path.rpartition("/")[2]) - 1].update(body)
            data = json.dumps(answer).encode()
            self.send_response(403 if made.refuses else 200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = _any

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["github", "gitlab"])
def place(request: pytest.FixtureRequest, host: Host, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    given = {
        "github": {
            "GITHUB_API_URL": host.url,
            "GITHUB_REPOSITORY": "shop/observability",
            "GITHUB_TOKEN": "t",
            "PULL_REQUEST": "7",
        },
        "gitlab": {
            "CI_API_V4_URL": host.url,
            "CI_PROJECT_ID": "12",
            "CI_MERGE_REQUEST_IID": "7",
            "GITLAB_TOKEN": "t",
        },
    }[request.param]
    for name, value in {**given, "NO_PROXY": "*", "no_proxy": "*"}.items():
        monkeypatch.setenv(name, value)
    return str(request.param)


def test_it_is_made_once_and_then_written_over(place: str, host: Host, tmp_path: Path) -> None:
    host.comments += [{"id": number + 1, "body": "looks good"} for number in range(130)]
    report, script = tmp_path / "report.md", _script()
    for text in ("first", "second"):
        report.write_text(f"{MARKER}\n{text}\n", encoding="utf-8")
        assert script.main([str(report)]) == 0
    assert len(host.comments) == 131
    assert host.comments[130]["body"] == f"{MARKER}\nsecond\n"
    verb, path, _ = host.requests[-1]
    assert (verb, path) == {
        "github": ("PATCH", "/repos/shop/observability/issues/comments/131"),
        "gitlab": ("PUT", "/projects/12/merge_requests/7/notes/131"),
    }[place]


def test_what_the_host_refuses_is_told(
    place: str, host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host.refuses = True
    (tmp_path / "report.md").write_text(f"{MARKER}\n", encoding="utf-8")
    assert _script().main([str(tmp_path / "report.md")]) == 1, place
    assert "403" in capsys.readouterr().err


def test_what_it_was_not_given_is_bad_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert _script().main([]) == 2
    assert _script().main([str(tmp_path / "absent")]) == 2
    (tmp_path / "report.md").write_text(f"{MARKER}\n", encoding="utf-8")
    assert _script().main([str(tmp_path / "report.md")]) == 2
    assert "CI_PROJECT_ID: not set" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "\n", "Traceback (most recent call last):\n"])
def test_what_is_no_report_writes_over_nothing(place: str, host: Host, tmp_path: Path, text: str) -> None:
    host.comments.append({"id": 1, "body": "looks good"})
    (tmp_path / "report.md").write_text(text, encoding="utf-8")
    assert _script().main([str(tmp_path / "report.md")]) == 2, place
    assert host.comments == [{"id": 1, "body": "looks good"}]
    assert host.requests == []


def _yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_what_runs_the_code_of_a_pull_request_may_write_nothing() -> None:
    workflow = _yaml(".github/workflows/previews.yml")
    assert workflow["permissions"] == {"contents": "read"}
    preview, comment = workflow["jobs"]["preview"], workflow["jobs"]["comment"]
    assert "permissions" not in preview
    assert "secrets." not in json.dumps(workflow)
    assert preview["steps"][0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    assert comment["steps"][0]["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert "head.repo.full_name == github.repository" in comment["if"]


def test_every_place_runs_the_same_command() -> None:
    texts = [
        (ROOT / path).read_text(encoding="utf-8")
        for path in (".github/workflows/previews.yml", ".gitlab/previews.yml", ".pre-commit-config.yaml")
    ]
    assert all("obs preview --all --changed-since" in text and "--no-engine" in text for text in texts)
