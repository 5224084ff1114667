"""A cluster's interface on loopback that answers what a test puts there, and refuses as a real one does."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from k8s.parts import Cluster
from tests.k8s.fake_forward import forward

TOKEN = "of-the-test"
NAMESPACE = "observability"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class FakeCluster:
    """Answers by path: JSON, a text, or (status, message). `denied` holds verbs with resources, as in
    "create secrets"."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.denied: set[str] = set()
        self.knows: Callable[[str], bool] = lambda token: token == TOKEN
        """Whose token it takes."""
        self.answers: dict[str, Any] = {
            "/version": {"major": "1", "minor": "34+"},
            f"/api/v1/namespaces/{NAMESPACE}": {"status": {"phase": "Active"}},
            "/api/v1/nodes": items(node("one")),
            "/api/v1/persistentvolumes": items(),
            "/apis/storage.k8s.io/v1/storageclasses": items(default("fast", "storageclass")),
            "/apis/networking.k8s.io/v1/ingressclasses": items(default("nginx", "ingressclass")),
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions": items(),
            f"/api/v1/namespaces/{NAMESPACE}/secrets": items(),
        }
        self.deleted: list[str] = []
        self.refused: dict[str, Any] = {}
        """Path -> what DELETE answers there."""
        self.forwards: dict[str, int | str] = {}
        """Pod:port -> the port of this machine that a forward leads to, or what goes wrong."""
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    @property
    def where(self) -> Cluster:
        """For a plan or a record."""
        return Cluster(kubeconfig=str(self.kubeconfig()), context="test", namespace=NAMESPACE)

    def kubeconfig(self, **user: Any) -> Path:
        """A kubeconfig whose context `test` leads here."""
        file = self.folder / "kubeconfig"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.server.server_port}"}},
            ],
            "users": [{"name": "u", "user": user or {"token": TOKEN}}],
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
        }
        file.write_text(yaml.safe_dump(config))
        return file

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the server calls it so
                url = urlsplit(self.path)
                query = parse_qs(url.query)
                fake.asked.append((url.path, query))
                kind, _, token = self.headers.get("authorization", "").partition(" ")
                if kind != "Bearer" or not fake.knows(token):
                    self.answer((401, "Unauthorized"))
                    return
                if url.path.endswith("/portforward"):
                    target = fake.forwards.get(f"{url.path.split('/')[-2]}:{query['ports'][0]}")
                    if target is not None:
                        forward(self, target)
                        return
                found = fake.answers.get(url.path, (404, f"{url.path} not found"))
                self.answer(found(query) if callable(found) else found)

            def do_DELETE(self) -> None:
                url = urlsplit(self.path)
                fake.deleted.append(url.path)
                self.answer(fake.refused.get(url.path, {}))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                asked = body["spec"]["resourceAttributes"]
                allowed = f"{asked['verb']} {asked['resource']}" not in fake.denied
                self.answer({"status": {"allowed": allowed}})

            def answer(self, found: Any) -> None:
                status = 200
                if isinstance(found, tuple):
                    status, found = found[0], {"kind": "Status", "message": found[1]}
                text = found if isinstance(found, str) else json.dumps(found)
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                """Not to standard error."""

        return Handler


@contextmanager
def fake_cluster(folder: Path) -> Iterator[FakeCluster]:
    """One, until the block ends."""
    fake = FakeCluster(folder)
    fake.thread.start()
    try:
        yield fake
    finally:
        fake.server.shutdown()
        fake.server.server_close()


def items(*found: Any) -> dict[str, Any]:
    """A list of objects."""
    return {"items": list(found)}


def default(name: str, kind: str) -> dict[str, Any]:
    """A class that is the cluster's default."""
    note = {f"{kind}.kubernetes.io/is-default-class": "true"}
    return {"metadata": {"name": name, "annotations": note}}


def node(name: str, ready: str = "True", **spec: Any) -> dict[str, Any]:
    """A node of a cluster."""
    return {
        "metadata": {"name": name},
        "spec": spec,
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }
