"""The set-up's judgement of "equal" and its failures; what it does to a real store: tests/engine."""

import json
import time
from base64 import b64encode
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents import opensearch_setup
from agents.opensearch_setup import Setup, SetupError
from vsi import tls

WANTED = {
    "index_patterns": ["logs-2*"],
    "priority": 500,
    "template": {
        "settings": {"index.number_of_shards": "1", "index.query.default_field": ["message"]},
        "mappings": {"dynamic": False, "properties": {"message": {"type": "text", "norms": False}}},
    },
}
STORED = {
    "index_patterns": ["logs-2*"],
    "priority": 500,
    "composed_of": [],
    "template": {
        "settings": {"index": {"number_of_shards": "1", "query": {"default_field": ["message"]}}},
        "mappings": {"dynamic": "false", "properties": {"message": {"norms": False, "type": "text"}}},
    },
}


class Store:
    """A store that holds index templates and notes what is asked of it."""

    def __init__(self, templates: dict[str, Any]) -> None:
        self.templates = templates
        self.seen: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(f"{request.method} {request.url.path}")
        if request.method == "GET":
            rows = [{"name": name, "index_template": body} for name, body in self.templates.items()]
            return httpx.Response(200, json={"index_templates": rows})
        if request.method == "PUT" and "refused" in request.url.path:
            error = {"reason": "the mapping", "caused_by": {"reason": "of field x"}}
            return httpx.Response(400, json={"error": error})
        return httpx.Response(200, json={})

    def setup(self) -> Setup:
        transport = httpx.MockTransport(self)
        return Setup(httpx.Client(transport=transport, base_url="https://store"), "https://store")


def described(folder: Path, **templates: Any) -> Path:
    for name, body in templates.items():
        (folder / f"{name.replace('_', '-')}.json").write_text(json.dumps(body))
    return folder


def apply(setup: Setup, folder: Path) -> None:
    opensearch_setup.named_documents(setup, folder, "/_index_template", "index template")


def test_what_the_store_writes_differently_is_equal(tmp_path: Path) -> None:
    store = Store({"obs-logs": STORED})
    apply(store.setup(), described(tmp_path, obs_logs=WANTED))
    assert store.seen == ["GET /_index_template/obs-*"]


@pytest.mark.parametrize(
    "path",
    [
        ("priority",),
        ("index_patterns",),
        ("template", "settings", "index", "number_of_shards"),
        ("template", "mappings", "dynamic"),
        ("template", "mappings", "properties", "message", "type"),
    ],
)
def test_any_difference_is_written(tmp_path: Path, path: tuple[str, ...]) -> None:
    stored = json.loads(json.dumps(STORED))
    place = stored
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = ["other"] if path == ("index_patterns",) else "other"
    store = Store({"obs-logs": stored})
    apply(store.setup(), described(tmp_path, obs_logs=WANTED))
    assert store.seen[1:] == ["PUT /_index_template/obs-logs"]


def test_something_added_in_the_store_is_a_difference(tmp_path: Path) -> None:
    stored = json.loads(json.dumps(STORED))
    stored["template"]["mappings"]["properties"]["extra"] = {"type": "keyword"}
    store = Store({"obs-logs": stored})
    apply(store.setup(), described(tmp_path, obs_logs=WANTED))
    assert store.seen[1:] == ["PUT /_index_template/obs-logs"]


def test_ours_without_a_file_is_removed(tmp_path: Path) -> None:
    store = Store({"obs-logs": STORED, "obs-gone": STORED})
    setup = store.setup()
    apply(setup, described(tmp_path, obs_logs=WANTED))
    assert setup.changes == ["removed index template obs-gone"]


@pytest.mark.parametrize("changed", ["tenant_permissions", "index_permissions", "cluster_permissions"])
def test_a_role_with_other_permissions_is_written_anew(changed: str) -> None:
    """Those for what people save in OpenSearch Dashboards too."""
    wanted = {
        "description": opensearch_setup.MANAGED,
        "cluster_permissions": ["cluster:monitor/main"],
        "index_permissions": [{"index_patterns": ["logs-2*"], "allowed_actions": ["read"]}],
        "tenant_permissions": [{"tenant_patterns": ["global_tenant"], "allowed_actions": ["write", "read"]}],
    }
    same = {"tenant_patterns": ["global_tenant"], "allowed_actions": ["read", "write"]}
    stored = {**wanted, "reserved": False, "tenant_permissions": [same]}

    def changes(there: dict[str, Any]) -> list[str]:
        transport = httpx.MockTransport(lambda _request: httpx.Response(200, json={"obs-viewer": there}))
        setup = Setup(httpx.Client(transport=transport, base_url="https://store"), "https://store")
        opensearch_setup.roles(setup, {"obs-viewer": wanted})
        return setup.changes

    assert changes(stored) == []
    assert changes({**stored, changed: []}) == ["wrote role obs-viewer"]


def test_a_refusal_tells_what_and_why(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"obs-refused: OpenSearch answered 400: the mapping: of field x"):
        apply(Store({}).setup(), described(tmp_path, obs_refused=WANTED))


def settings_file(folder: Path, **changes: Any) -> Path:
    for name, content in tls.renewed({}, ("admin",)).items():
        (folder / name).write_bytes(content)
    values = {
        "url": "https://127.0.0.1:9",
        "ca": str(folder / "ca.pem"),
        "certificate": str(folder / "admin.pem"),
        "key": str(folder / "admin.key"),
        "secrets": str(folder),
        "deadline_seconds": 0.1,
        **changes,
    }
    path = folder / "settings.json"
    path.write_text(json.dumps(values))
    return path


def test_where_no_certificate_is_given_it_logs_in(tmp_path: Path) -> None:
    path = settings_file(tmp_path, certificate="", key="", user="admin")
    (tmp_path / "opensearch-admin").write_text("of the master\n")
    settings = opensearch_setup.Settings.model_validate_json(path.read_text())
    with opensearch_setup.connected(settings) as client:
        request = client.build_request("GET", "/")
        assert client.auth is not None
        [signed] = [next(client.auth.auth_flow(request))]
    assert signed.headers["Authorization"] == f"Basic {b64encode(b'admin:of the master').decode()}"


def test_without_the_password_of_who_logs_in_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = settings_file(tmp_path, certificate="", key="", user="admin")
    assert opensearch_setup.main(["--settings", str(path)]) == 1
    assert "secret opensearch-admin: No such file" in capsys.readouterr().err


def test_an_absent_store_is_told_after_the_deadline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert opensearch_setup.main(["--settings", str(settings_file(tmp_path))]) == 1
    error = capsys.readouterr().err
    assert "https://127.0.0.1:9 did not serve within 0.1 s" in error


def test_a_missing_certificate_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = settings_file(tmp_path, certificate="nowhere.pem")
    assert opensearch_setup.main(["--settings", str(path)]) == 1
    assert "nowhere.pem" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{", "{}"])
def test_bad_settings_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    assert opensearch_setup.main(["--settings", str(tmp_path / "settings.json")]) == 2
    assert "settings.json" in capsys.readouterr().err


def test_a_store_that_is_busy_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    answers: list[httpx.Response | Exception] = [
        httpx.ConnectError("away"),
        httpx.Response(503),
        httpx.Response(409),
        httpx.Response(200),
    ]

    def store(_: httpx.Request) -> httpx.Response:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = httpx.Client(transport=httpx.MockTransport(store), base_url="https://store")
    setup = Setup(client, "https://store", deadline=time.monotonic() + 60)
    setup.put("role a", "/role", {})
    assert (setup.changes, answers) == (["wrote role a"], [])


class Indices:
    """A store that holds indices."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        if request.method == "DELETE":
            self.names.remove(name)
            return httpx.Response(200, json={})
        found = [one for one in self.names if fnmatchcase(one, name)]
        return httpx.Response(200, json=[{"index": one} for one in found])


def _forgotten(*names: str, delete: bool = True) -> list[str]:
    store = Indices(*names)
    client = httpx.Client(transport=httpx.MockTransport(store), base_url="https://store")
    prefixes = ("logs", "jaeger")
    tenants = opensearch_setup.Tenants(names=("ana",), prefixes=prefixes, delete=delete)
    opensearch_setup.forget(Setup(client, "https://store"), tenants)
    return store.names


def test_data_of_who_is_no_tenant_any_more_goes_and_nothing_else() -> None:
    own = ["ana-logs-2026.11.29", "ana-jaeger-jaeger-span-2026-11-29", ".opendistro_security", "x-other-2026"]

    assert _forgotten(*own, "bo-logs-2026.11.29", "bo-jaeger-jaeger-service-2026-11-29") == own


def test_data_that_is_to_be_kept_is() -> None:
    assert _forgotten("bo-logs-2026.11.29", delete=False) == ["bo-logs-2026.11.29"]
