"""A real OpenSearch that several stacks share, and a real Jaeger of each: who knows every address and every
name of another, and has all of the own credentials, opens nothing of the other's."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult

from components.inventory import password_of
from components.render import jaeger
from components.render.opensearch_store import TENANT_USERS
from components.render.text import texts
from components.spec import Spec
from tests import specs
from tests.engine.node import Node, Program, bulk
from tests.engine.test_jaeger import identifier, spans
from tests.ports import free_base
from tests.waiting import until
from vsi.site import local_site

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

TENANTS = ("ana", "bo")
TODAY = datetime.now(UTC)
LOGS = f"logs-{TODAY:%Y.%m.%d}"
SPANS = f"jaeger-jaeger-span-{TODAY:%Y-%m-%d}"
SPAN = {"traceID": "f" * 32, "spanID": "f" * 16, "startTimeMillis": int(TODAY.timestamp() * 1000)}
SECRET = "only-bo-may-read-this"
"""What every record of the other tenant has."""


def store_spec(tenants: tuple[str, ...], base: int) -> Spec:
    """A store and nothing else."""
    made = specs.stack(
        deploy={"port_base": base, "opensearch_heap_mb": 512, "retain": False},
        metrics={"exporters": ["opensearch"]},
    )
    made |= {"services": [], "logging": {**made["logging"], "store": {"tenants": list(tenants)}}}
    return Spec.model_validate_json(json.dumps(made))


def head_spec(tenant: str, store: Node, base: int) -> Spec:
    """A stack that keeps its data there."""
    made = specs.stack(deploy={"port_base": base})
    elsewhere = {name: store.site.dial(name) for name in ("opensearch", "housekeeper")}
    shared = {"address": elsewhere["opensearch"], "housekeeper": elsewhere["housekeeper"], "tenant": tenant}
    made["logging"] |= {"index": {"prefix": f"{tenant}-logs"}, "store": shared}
    made["tracing"]["storage"] = {"index_prefix": f"{tenant}-jaeger"}
    return Spec.model_validate_json(json.dumps(made))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, engine_folder: Callable[[str], Path]) -> Iterator[Node]:
    """With a record of each tenant."""
    spec = store_spec(TENANTS, free_base(100))
    node = Node(spec, tmp_path_factory.mktemp("store"), engine_folder("opensearch"))
    try:
        node.start(seconds=300)
        node.setup()
        for tenant in TENANTS:
            written(node, tenant, f"{tenant}-{LOGS}", "1", SECRET if tenant == "bo" else "of ana")
            with node.client(f"{tenant}-jaeger") as client:
                [item] = bulk(client, [{"index": {"_index": f"{tenant}-jaeger-jaeger-span-write"}}, SPAN])[
                    "items"
                ]
                assert item["index"]["_index"] == f"{tenant}-{SPANS}", item
        yield node
    finally:
        node.stop()


def written(node: Node, tenant: str, index: str, identifier: str, message: str) -> None:
    """A record, sent as the tenant's collector sends it."""
    record = {"timestamp": TODAY.isoformat(), "message": message, "service": "orders"}
    with node.client(f"{tenant}-collector") as client:
        [item] = bulk(client, [{"create": {"_index": index, "_id": identifier}}, record])["items"]
        assert item["create"]["status"] == 201, item
    with node.admin() as admin:
        admin.post(f"/{index}/_refresh").raise_for_status()


def messages(node: Node, user: str, index: str) -> list[str]:
    with node.client(user) as client:
        found = client.get(f"/{index}/_search")
    assert found.status_code == 200, found.text
    return [hit["_source"]["message"] for hit in found.json()["hits"]["hits"]]


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_tenant_reads_what_it_wrote_by_pattern_too(store: Node, tenant: str) -> None:
    expected = [SECRET if tenant == "bo" else "of ana"]

    assert messages(store, f"{tenant}-reader", f"{tenant}-{LOGS}") == expected
    assert messages(store, f"{tenant}-reader", f"{tenant}-logs-*") == expected


READING = (
    ("GET", f"/bo-{LOGS}/_search"),
    ("GET", "/bo-logs-*/_search"),
    ("GET", f"/bo-{LOGS},ana-{LOGS}/_search"),
    ("GET", "/_search"),
    ("GET", "/_all/_search"),
    ("GET", "/*/_search?ignore_unavailable=true&allow_no_indices=true"),
    ("GET", "/*logs*/_search"),
    ("GET", f"/bo-{LOGS}/_doc/1"),
    ("GET", f"/bo-{LOGS}/_source/1"),
    ("GET", f"/bo-{LOGS}/_termvectors/1?fields=message"),
    ("GET", f"/bo-{LOGS}/_explain/1?q=message:only"),
    ("GET", f"/bo-{LOGS}/_count"),
    ("GET", f"/bo-{LOGS}/_mapping"),
    ("GET", f"/bo-{LOGS}/_settings"),
    ("GET", f"/bo-{LOGS}/_stats"),
    ("GET", f"/bo-{LOGS}/_field_caps?fields=*"),
    ("GET", f"/bo-{LOGS}/_validate/query?q=message:only"),
    ("POST", f"/bo-{LOGS}/_search/point_in_time?keep_alive=1m"),
    ("GET", "/bo-jaeger-jaeger-span-*/_search"),
    ("GET", "/bo-jaeger-jaeger-span-read/_search"),
    ("GET", "/_cat/indices"),
    ("GET", "/_cat/shards"),
    ("GET", "/_cat/aliases"),
    ("GET", "/_alias"),
    ("GET", "/_mapping"),
    ("GET", "/_stats"),
    ("GET", "/_cluster/state"),
    ("GET", "/_cluster/settings"),
    ("GET", "/_nodes/stats"),
    ("GET", "/_tasks?detailed=true"),
    ("GET", "/_template"),
    ("GET", "/_index_template"),
    ("GET", "/_ingest/pipeline"),
    ("GET", "/_snapshot"),
    ("GET", "/_search/point_in_time/_all"),
    ("GET", "/.opendistro_security/_search"),
    ("GET", "/_plugins/_security/api/internalusers"),
    ("GET", "/_plugins/_security/api/roles"),
    ("GET", "/_plugins/_security/api/internalusers/bo-reader"),
)
"""What would show something of the other's, or who and what there is."""

DISTURBING: tuple[tuple[str, str, Any], ...] = (
    ("PUT", f"/bo-{LOGS}/_doc/2", {"message": "forged"}),
    ("POST", f"/bo-{LOGS}/_update/1", {"doc": {"message": "forged"}}),
    ("DELETE", f"/bo-{LOGS}/_doc/1", None),
    ("DELETE", f"/bo-{LOGS}", None),
    ("DELETE", "/bo-*", None),
    ("DELETE", "/*", None),
    ("POST", f"/bo-{LOGS}/_delete_by_query", {"query": {"match_all": {}}}),
    ("POST", f"/bo-{LOGS}/_update_by_query", None),
    ("POST", f"/bo-{LOGS}/_close", None),
    ("POST", f"/bo-{LOGS}/_forcemerge", None),
    ("PUT", f"/bo-{LOGS}/_settings", {"index": {"blocks.write": True}}),
    ("PUT", f"/bo-{LOGS}/_mapping", {"properties": {"message": {"type": "text"}}}),
    ("PUT", "/bo-logs-2999.01.01", None),
    ("PUT", f"/ana-{LOGS}/_alias/bo-jaeger-jaeger-span-read", None),
    ("PUT", "/ana-logs-2999.01.01", {"aliases": {"bo-jaeger-jaeger-span-read": {}}}),
    ("PUT", "/ana-jaeger-jaeger-span-2999-01-01", {"aliases": {"bo-jaeger-jaeger-span-read": {}}}),
    ("POST", "/_aliases", {"actions": [{"remove_index": {"index": f"bo-{LOGS}"}}]}),
    ("POST", "/_reindex", {"source": {"index": f"bo-{LOGS}"}, "dest": {"index": "ana-logs-2999.01.03"}}),
    ("POST", f"/bo-{LOGS}/_clone/ana-logs-2999.01.04", None),
    ("PUT", "/_template/mine", {"index_patterns": ["bo-*"], "order": 999, "settings": {}}),
    ("PUT", "/_index_template/mine", {"index_patterns": ["bo-*"], "priority": 999, "template": {}}),
    ("DELETE", "/_index_template/obs-bo-logs", None),
    ("PUT", "/_ingest/pipeline/obs-bo-jaeger-span", {"processors": []}),
    ("DELETE", "/_ingest/pipeline/obs-bo-jaeger-span", None),
    ("PUT", "/_cluster/settings", {"transient": {"action.auto_create_index": "false"}}),
    ("PUT", "/_scripts/mine", {"script": {"lang": "painless", "source": "1"}}),
    ("DELETE", "/_search/scroll/_all", None),
    ("DELETE", "/_search/point_in_time/_all", None),
    ("POST", "/_tasks/_cancel", None),
    ("PUT", "/_plugins/_security/api/internalusers/bo-reader", {"password": "a-password-of-mine-now"}),
    ("DELETE", "/_plugins/_security/api/internalusers/bo-reader", None),
    ("PUT", "/_plugins/_security/api/rolesmapping/obs-bo-reader", {"users": ["ana-reader"]}),
)


@pytest.mark.parametrize("user", [f"ana-{user}" for user in TENANT_USERS])
def test_no_user_of_one_tenant_reads_anything_of_another(store: Node, user: str) -> None:
    with store.client(user) as client:
        answers = {f"{method} {path}": client.request(method, path) for method, path in READING}

    opened = {
        asked: answer.text[:200] for asked, answer in answers.items() if answer.status_code not in (403, 404)
    }
    assert opened == {}
    assert not [asked for asked, answer in answers.items() if SECRET in answer.text]


@pytest.mark.parametrize("user", [f"ana-{user}" for user in TENANT_USERS])
def test_no_user_of_one_tenant_changes_anything_of_another(store: Node, user: str) -> None:
    before = state_of(store)
    with store.client(user) as client:
        answers = {
            f"{method} {path}": client.request(method, path, json=body) for method, path, body in DISTURBING
        }

    taken = {
        asked: answer.text[:200]
        for asked, answer in answers.items()
        if answer.status_code not in (403, 404, 405)
    }
    assert taken == {}
    assert state_of(store) == before
    assert messages(store, "bo-reader", "bo-logs-*") == [SECRET]


def state_of(node: Node) -> dict[str, Any]:
    """Everything that may hold for others, as the administrator sees it."""
    security = "/_plugins/_security/api"
    kept = ("/_alias", "/_mapping", "/_template", "/_index_template", "/_ingest/pipeline")
    places = (*kept, "/_cluster/settings", f"{security}/internalusers", f"{security}/roles")
    with node.admin() as admin:
        return {place: admin.get(place).raise_for_status().json() for place in places}


@pytest.mark.parametrize(
    ("user", "index"),
    [("ana-collector", "ana-logs-2999.01.02"), ("ana-jaeger", "ana-jaeger-jaeger-span-2999-01-02")],
)
def test_no_index_has_more_shards_than_the_store_gives_it(store: Node, user: str, index: str) -> None:
    """Of 500, which the store would take half a minute for, while all wait."""
    with store.client(user) as client:
        answer = client.put(f"/{index}", json={"settings": {"number_of_shards": 500}})

    assert answer.status_code == 400
    assert "must be <= 1" in answer.text


@pytest.mark.parametrize("user", ["ana-collector", "ana-jaeger"])
def test_several_requests_in_one_reach_the_own_alone(store: Node, user: str) -> None:
    lines: list[dict[str, Any]] = [{"create": {"_index": f"bo-{LOGS}", "_id": "9"}}, {"message": "forged"}]
    with store.client(user) as client:
        [item] = bulk(client, lines)["items"]

    assert item["create"]["status"] == 403
    assert messages(store, "bo-reader", "bo-logs-*") == [SECRET]


def test_many_searches_in_one_show_the_own_alone(store: Node) -> None:
    body = "".join(
        f'{{"index": "{tenant}-{LOGS}"}}\n{{"query": {{"match_all": {{}}}}}}\n' for tenant in TENANTS
    )
    documents = {"docs": [{"_index": f"bo-{LOGS}", "_id": "1"}]}
    with store.client("ana-reader") as client:
        searched = client.post("/_msearch", content=body, headers={"Content-Type": "application/x-ndjson"})
        got = client.post("/_mget", json=documents)

    assert SECRET not in searched.text + got.text
    if searched.status_code == 200:
        assert [answer["status"] for answer in searched.json()["responses"]] == [200, 403]


def test_the_pipeline_of_another_takes_nothing_to_the_other(store: Node) -> None:
    """A tenant's Jaeger may name any pipeline; where that leads to is judged again."""
    before = store.documents("bo-jaeger-*")
    body = json.dumps({"index": {"_index": f"ana-{SPANS}"}}) + "\n" + json.dumps(SPAN) + "\n"
    with store.client("ana-jaeger") as client:
        answer = client.post(
            "/_bulk",
            params={"pipeline": "obs-bo-jaeger-span"},
            content=body,
            headers={"Content-Type": "application/x-ndjson"},
        )

    assert answer.status_code in (200, 403), answer.text
    if answer.status_code == 200:
        [item] = answer.json()["items"]
        assert item["index"]["status"] == 403, item
    assert store.documents("bo-jaeger-*") == before == 1


def test_a_search_that_goes_on_shows_its_user_alone_what_is_found(store: Node) -> None:
    """Who asked with its long, secret id was refused and ended it, as the store has it."""
    with store.client("bo-reader") as client:
        scroll = client.get(f"/bo-{LOGS}/_search", params={"scroll": "1m"}).json()["_scroll_id"]
    with store.client("ana-reader") as client:
        ended = client.request("DELETE", "/_search/scroll", json={"scroll_id": [scroll]})
        stolen = client.post("/_search/scroll", json={"scroll": "1m", "scroll_id": scroll})

    assert ended.status_code == 403
    assert stolen.status_code != 200
    assert SECRET not in stolen.text


@contextmanager
def jaeger_of(tenant: str, store: Node, state: Path, executable: Path) -> Iterator[Spec]:
    """A head's own Jaeger over the shared store, laid out as the deploy lays it out."""
    spec = head_spec(tenant, store, free_base(100))
    site = local_site(spec)
    conf = state / "units/jaeger/conf"
    conf.mkdir(parents=True)
    for path, text in texts(jaeger.render(spec, site)).items():
        (conf / path).write_text(text)
    (state / "secrets").mkdir()
    (state / "secrets/opensearch-ca").write_bytes((store.tls / "ca.pem").read_bytes())
    password = (store.state / "secrets" / password_of(f"{tenant}-jaeger")).read_text()
    (state / "secrets/opensearch-jaeger").write_text(password)
    program = Program([str(executable), "--config", "jaeger.yaml"], conf, state / "jaeger.log")
    url = f"http://{site.dial('jaeger-health')}{jaeger.HEALTH_PATH}"

    def ready() -> bool:
        assert program.alive(), program.tail()
        return httpx.get(url).status_code == 200

    try:
        until(ready, f"the Jaeger of {tenant} serves", seconds=120)
        yield spec
    finally:
        program.stop(seconds=60)


def test_each_jaeger_finds_its_own_traces_alone(
    store: Node, tmp_path: Path, engine_program: Callable[[str, str], Path]
) -> None:
    executable = engine_program("jaeger", "jaeger")

    def ask(spec: Spec, path: str) -> httpx.Response:
        return httpx.get(f"http://{local_site(spec).dial('jaeger-query-http')}{path}", timeout=30)

    with (
        jaeger_of("ana", store, tmp_path / "ana", executable) as ana,
        jaeger_of("bo", store, tmp_path / "bo", executable) as bo,
    ):
        sent = spans("payments-of-bo", 1)
        endpoint = local_site(bo).dial("jaeger-otlp-grpc")
        exporter = OTLPSpanExporter(endpoint=endpoint, insecure=True, timeout=20)
        assert exporter.export(sent) is SpanExportResult.SUCCESS
        trace = f"/api/traces/{identifier(sent[0])}"
        found = f"/api/traces?service=payments-of-bo&tags={quote(json.dumps({'http.route': '/orders'}))}"

        def stored() -> int:
            return sum(len(one["spans"]) for one in ask(bo, trace).json().get("data") or [])

        until(lambda: stored() == 2, "bo finds the trace", seconds=60)
        services = until(
            lambda: ask(bo, "/api/services").json()["data"], "bo's services are listed", seconds=60
        )
        assert services == ["payments-of-bo"]
        assert len(ask(bo, found).json()["data"]) == 1, "found by a tag: the store has Jaeger's mappings"
        assert ask(ana, trace).status_code == 404
        assert not ask(ana, "/api/services").json()["data"]
    with store.admin() as admin:
        rows = admin.get("/_cat/indices/*jaeger*", params={"format": "json", "h": "index"}).json()
    names = {row["index"] for row in rows}
    assert f"bo-{SPANS}" in names
    assert all(name[-1].isdigit() for name in names), "all is in indices of a day"


def test_who_comes_and_who_goes_restarts_nothing_and_leaves_nothing(store: Node) -> None:
    assert store.setup().stdout == "nothing to change\n"
    process = store.program
    for user in TENANT_USERS:
        store.new_password(password_of(f"cy-{user}"))
    try:
        store.write(store_spec((*TENANTS, "cy"), store.spec.deploy.port_base))
        store.setup()
        written(store, "cy", f"cy-{LOGS}", "1", "of cy")
        assert messages(store, "cy-reader", "cy-logs-*") == ["of cy"]
    finally:
        store.write(store_spec(TENANTS, store.spec.deploy.port_base))
        for file in store.conf.glob("setup/*/obs-cy-*"):
            file.unlink()
        gone = store.setup().stdout

    assert f"removed index cy-{LOGS}" in gone
    with store.client("cy-reader") as client:
        assert client.get("/").status_code == 401
    with store.admin() as admin:
        left = "".join(
            admin.get(place).text
            for place in ("/_template", "/_index_template", "/_ingest/pipeline", "/_alias")
        )
    assert "cy-" not in left
    assert messages(store, "bo-reader", "bo-logs-*") == [SECRET]
    assert store.program is process
    assert process
    assert process.alive()
