"""The real OpenSearch with what we render: who may do what, what the mapping takes, how it is set up anew."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psutil
import pytest

from agents.housekeeper import Housekeeper, Metrics
from agents.store import Settings
from agents.store_metrics import StoreMetrics
from components.render import housekeeper
from components.render.text import texts
from tests import specs
from tests.engine.node import Node, bulk
from vsi import settled

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

DAY = "logs-2026.01.02"


@pytest.fixture(autouse=True)
def _clean(opensearch: Node) -> Iterator[None]:
    yield
    with opensearch.admin() as admin:
        for pattern in ("logs-2*", "logs-rejected-2*", "jaeger-jaeger-*"):
            rows = admin.get(f"/_cat/indices/{pattern}", params={"format": "json", "h": "index"}).json()
            for row in rows:
                admin.delete(f"/{row['index']}")


def record(**fields: Any) -> dict[str, Any]:
    return {
        "timestamp": "2026-01-02T03:04:05.123456789Z",
        "log_level": "INFO",
        "message": "The order was placed",
        "service": "orders",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        **fields,
    }


def create(node: Node, user: str, identifier: str, body: dict[str, Any], index: str = DAY) -> int:
    """Status of one bulk item."""
    with node.client(user) as client:
        action = {"create": {"_index": index, "_id": identifier}}
        [item] = bulk(client, [action, body])["items"]
    return int(item["create"]["status"])


def hits(node: Node, query: dict[str, Any], index: str = DAY) -> list[dict[str, Any]]:
    with node.admin() as admin:
        admin.post(f"/{index}/_refresh").raise_for_status()
        found = admin.post(f"/{index}/_search", json={"query": query}).json()
        return [hit["_source"] for hit in found["hits"]["hits"]]


@pytest.mark.parametrize("path", ["/", "/_search", "/_cluster/health", "/_plugins/_security/api/roles"])
def test_nobody_gets_in_without_a_name(opensearch: Node, path: str) -> None:
    with opensearch.client(None) as client:
        assert client.get(path).status_code == 401


def test_a_wrong_password_is_refused(opensearch: Node) -> None:
    with opensearch.client(None) as client:
        assert client.get("/", auth=("collector", "not-the-password")).status_code == 401
        assert client.get("/", auth=("admin", "admin")).status_code == 401


@pytest.mark.parametrize(
    ("user", "method", "path", "status"),
    [
        ("collector", "GET", f"/{DAY}/_search", 403),
        ("collector", "DELETE", f"/{DAY}", 403),
        ("collector", "PUT", f"/{DAY}/_settings", 403),
        ("collector", "GET", "/_plugins/_security/api/internalusers", 403),
        ("collector", "GET", "/.opendistro_security/_search", 403),
        ("collector", "GET", "/jaeger-jaeger-span-2026-01-02/_search", 403),
        ("jaeger", "GET", f"/{DAY}/_search", 403),
        ("jaeger", "DELETE", "/jaeger-jaeger-span-2026-01-02", 403),
        ("reader", "GET", f"/{DAY}/_search", 200),
        ("reader", "GET", "/_cat/indices/logs-2*", 200),
        ("reader", "GET", "/_cluster/health", 200),
        ("reader", "DELETE", f"/{DAY}", 403),
        ("reader", "GET", "/.opendistro_security/_search", 403),
        ("housekeeper", "GET", f"/{DAY}/_search", 403),
        ("housekeeper", "DELETE", "/.opendistro_security", 403),
        ("housekeeper", "GET", "/_nodes/stats", 200),
        ("exporter", "GET", "/_nodes/stats", 200),
        ("exporter", "GET", "/_all/_stats", 200),
        ("exporter", "GET", settled.HEALTH, 200),
        ("exporter", "GET", settled.SHARDS, 200),
        ("exporter", "GET", settled.NODES, 200),
        ("exporter", "GET", settled.VOTES, 200),
        ("exporter", "GET", f"/{DAY}/_search", 403),
        ("exporter", "DELETE", f"/{DAY}", 403),
    ],
)
def test_each_user_may_do_no_more_than_its_work(
    opensearch: Node, user: str, method: str, path: str, status: int
) -> None:
    assert create(opensearch, "collector", "1", record()) == 201
    with opensearch.client(user) as client:
        body = {"index": {"number_of_replicas": "1"}} if method == "PUT" else None
        assert client.request(method, path, json=body).status_code == status


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_the_collector_cannot_change_or_delete_a_record(opensearch: Node, operation: str) -> None:
    create(opensearch, "collector", "1", record())
    lines: list[dict[str, Any]] = [{operation: {"_index": DAY, "_id": "1"}}]
    if operation == "update":
        lines.append({"doc": {"message": "forged"}})
    with opensearch.client("collector") as client:
        [item] = bulk(client, lines)["items"]
    assert item[operation]["status"] == 403
    assert [hit["message"] for hit in hits(opensearch, {"match_all": {}})] == ["The order was placed"]


def test_the_same_record_sent_twice_is_stored_once(opensearch: Node) -> None:
    assert [create(opensearch, "collector", "1", record()) for _ in range(2)] == [201, 409]
    assert len(hits(opensearch, {"match_all": {}})) == 1


def test_a_record_that_does_not_fit_is_refused_alone(opensearch: Node) -> None:
    bodies = [record(), record(http_status="not a number"), record(http_status=200), record(timestamp="x")]
    lines = [
        line
        for number, body in enumerate(bodies)
        for line in ({"create": {"_index": DAY, "_id": str(number)}}, body)
    ]
    with opensearch.client("collector") as client:
        items = bulk(client, lines)["items"]
    assert [item["create"]["status"] for item in items] == [201, 400, 201, 400]
    assert "http_status" in items[1]["create"]["error"]["reason"]


def test_a_refused_record_always_finds_a_place(opensearch: Node) -> None:
    index = "logs-rejected-2026.01.02"
    for number, text in enumerate(["a line", '{"http_status": "not a number"}', "x" * 100_000, ""]):
        body = {"timestamp": "not a date", "message": text, "service": "orders"}
        body |= {"error.type": "mapper_parsing_exception", "error.reason": "failed to parse http_status"}
        assert create(opensearch, "collector", str(number), body, index) == 201
    assert len(hits(opensearch, {"term": {"error.type": "mapper_parsing_exception"}}, index)) == 4
    assert len(hits(opensearch, {"match": {"error.reason": "http_status"}}, index)) == 4


def test_a_field_that_is_not_named_is_kept_but_not_searched(opensearch: Node) -> None:
    create(opensearch, "collector", "1", record(cart={"items": [1, "two"]}, http_path="/cart"))
    [found] = hits(opensearch, {"term": {"http_path": "/cart"}})
    assert found["cart"] == {"items": [1, "two"]}
    assert found["timestamp"] == "2026-01-02T03:04:05.123456789Z"
    assert hits(opensearch, {"match": {"cart.items": "two"}}) == []
    with opensearch.admin() as admin:
        mapping = admin.get(f"/{DAY}/_mapping").json()[DAY]["mappings"]
    assert "cart" not in mapping["properties"]


def test_records_are_found_by_words_trace_and_time(opensearch: Node) -> None:
    create(opensearch, "collector", "1", record())
    for query in (
        {"match": {"message": "placed"}},
        {"query_string": {"query": "order"}},
        {"term": {"trace_id": "0af7651916cd43dd8448eb211c80319c"}},
        {"range": {"timestamp": {"gte": "2026-01-02T03:04:05Z", "lt": "2026-01-02T03:04:06Z"}}},
    ):
        assert len(hits(opensearch, query)) == 1, query


@pytest.mark.parametrize("index", ["logs-today", "log-2026.01.02", "jaeger-spans-2026", "other"])
def test_no_index_comes_into_being_by_a_mistyped_name(opensearch: Node, index: str) -> None:
    assert create(opensearch, "collector", "1", record(), index) in (403, 404)
    with opensearch.admin() as admin:
        assert admin.head(f"/{index}").status_code == 404


def test_the_set_up_again_changes_nothing(opensearch: Node) -> None:
    assert opensearch.setup().stdout == "nothing to change\n"


def test_a_role_is_changed_without_a_restart(opensearch: Node) -> None:
    assert opensearch.program is not None
    before = opensearch.program.process.pid
    path = opensearch.conf / "setup/security/roles.json"
    text = path.read_text()
    edited = json.loads(text)
    edited["obs-collector"]["index_permissions"] = []
    path.write_text(json.dumps(edited))
    try:
        assert opensearch.setup().stdout == "wrote role obs-collector\n"
        assert create(opensearch, "collector", "1", record()) == 403
    finally:
        path.write_text(text)
        assert opensearch.setup().stdout == "wrote role obs-collector\n"
    assert create(opensearch, "collector", "1", record()) == 201
    assert (opensearch.program.process.pid, opensearch.program.alive()) == (before, True)


def test_a_template_edited_by_hand_is_repaired(opensearch: Node) -> None:
    with opensearch.admin() as admin:
        [found] = admin.get("/_index_template/obs-logs").json()["index_templates"]
        template = found["index_template"]
        template["template"]["mappings"]["properties"]["trace_id"] = {"type": "text"}
        admin.put("/_index_template/obs-logs", json=template).raise_for_status()
        admin.put(
            "/_ingest/pipeline/obs-jaeger-span", json={"description": "x", "processors": []}
        ).raise_for_status()
    assert opensearch.setup().stdout == "wrote pipeline obs-jaeger-span\nwrote index template obs-logs\n"


def test_what_is_ours_and_no_longer_described_goes_and_others_stay(opensearch: Node) -> None:
    api = "/_plugins/_security/api"
    with opensearch.admin() as admin:
        for name, description in (("ours", "managed by obs"), ("theirs", "of the billing team")):
            user = {"password": "a long enough password", "description": description}
            admin.put(f"{api}/internalusers/{name}", json=user).raise_for_status()
            role = {"cluster_permissions": ["cluster:monitor/main"], "description": description}
            admin.put(f"{api}/roles/{name}", json=role).raise_for_status()
        template = {"index_patterns": ["old-2*"], "template": {}}
        admin.put("/_index_template/obs-old", json=template).raise_for_status()
        admin.put("/_index_template/billing", json={**template, "priority": 7}).raise_for_status()
        try:
            printed = opensearch.setup().stdout
            assert printed == "removed role ours\nremoved user ours\nremoved index template obs-old\n"
            present = [admin.get(f"{api}/{kind}/theirs").status_code for kind in ("roles", "internalusers")]
            assert present == [200, 200]
            assert admin.get("/_index_template/billing").status_code == 200
        finally:
            admin.delete(f"{api}/internalusers/theirs")
            admin.delete(f"{api}/roles/theirs")
            admin.delete("/_index_template/billing")


def test_a_password_that_changed_in_its_file_is_set(opensearch: Node) -> None:
    old = (opensearch.state / "secrets/opensearch-reader").read_text()
    new = opensearch.new_password("opensearch-reader")
    with opensearch.client(None) as client:
        assert client.get("/", auth=("reader", new)).status_code == 401
        done = opensearch.setup()
        assert (done.stdout, done.stderr) == ("wrote user reader\n", "")
        assert client.get("/", auth=("reader", new)).status_code == 200
        assert client.get("/", auth=("reader", old)).status_code == 401


@pytest.mark.parametrize("content", [None, "", "short"])
def test_a_missing_or_bad_password_is_told_by_the_name_of_its_secret(
    opensearch: Node, content: str | None
) -> None:
    path = opensearch.state / "secrets/opensearch-exporter"
    kept = path.read_text()
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    try:
        done = opensearch.setup(check=False)
    finally:
        path.write_text(kept)
    assert done.returncode == 1
    assert "opensearch-exporter" in done.stderr or "user exporter" in done.stderr
    assert "Traceback" not in done.stderr
    for secret in (opensearch.state / "secrets").glob("opensearch-*"):
        assert secret.read_text() not in done.stdout + done.stderr


def test_a_changed_stack_reaches_new_and_existing_indices(opensearch: Node) -> None:
    create(opensearch, "collector", "1", record())
    before = opensearch.spec
    base = before.deploy.port_base
    fields = [{"name": "customer", "type": "keyword"}]
    opensearch.write(
        specs.spec(
            deploy={"port_base": base, "opensearch_heap_mb": 512},
            logging={"fields": fields, "index": {"replicas": 2, "refresh_interval": "2w"}},
        )
    )
    try:
        printed = opensearch.setup().stdout
        assert f"settings of {DAY}" in printed
        create(opensearch, "collector", "1", record(customer="c1"), "logs-2026.01.03")
        assert len(hits(opensearch, {"term": {"customer": "c1"}}, "logs-2026.01.03")) == 1
        with opensearch.admin() as admin:
            index = admin.get(f"/{DAY}/_settings?flat_settings=true").json()[DAY]["settings"]
        assert (index["index.number_of_replicas"], index["index.refresh_interval"]) == ("2", "14d")
        assert opensearch.setup().stdout == "nothing to change\n"
    finally:
        opensearch.write(before)
        opensearch.setup()


def test_spans_and_services_land_once_in_the_index_of_their_day(opensearch: Node) -> None:
    now = datetime.now(UTC)
    span = {
        "traceID": "1",
        "spanID": "2",
        "startTimeMillis": int(datetime(2026, 1, 2, 23, 59).timestamp() * 1e3),
    }
    lines: list[dict[str, Any]] = [
        {"index": {"_index": "jaeger-jaeger-span-write"}},
        span,
        {"index": {"_index": "jaeger-jaeger-span-write"}},
        span,
        {"index": {"_index": "jaeger-jaeger-service-write", "_id": "x"}},
        {"serviceName": "orders", "operationName": "GET /"},
    ]
    with opensearch.client("jaeger") as client:
        items = bulk(client, lines)["items"]
    names = [item["index"]["_index"] for item in items]
    assert names == ["jaeger-jaeger-span-2026-01-02"] * 2 + [f"jaeger-jaeger-service-{now:%Y-%m-%d}"]
    assert hits(opensearch, {"match_all": {}}, "jaeger-jaeger-span-read") == [span]
    assert hits(opensearch, {"match_all": {}}, "jaeger-jaeger-service-read") == [lines[-1]]


def test_retention_deletes_exactly_what_is_too_old(opensearch: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    today = date(2026, 3, 1)

    def day(days: int, separator: str) -> str:
        return f"{today - timedelta(days=days):%Y-%m-%d}".replace("-", separator)

    kept = [f"logs-{day(age, '.')}" for age in (-1, 0, 1, 14)]
    kept += [f"logs-rejected-{day(14, '.')}", f"jaeger-jaeger-span-{day(7, '-')}", "jaeger-jaeger-archive"]
    kept += [f"jaeger-jaeger-service-{day(7, '-')}", "logs-2020", f"logs-{day(400, '-')}", "logs-2020.1.1"]
    gone = [f"logs-{day(15, '.')}", f"logs-{day(400, '.')}", f"logs-rejected-{day(15, '.')}"]
    gone += [f"jaeger-jaeger-span-{day(8, '-')}", f"jaeger-jaeger-service-{day(8, '-')}"]
    with opensearch.admin() as admin:
        for name in kept + gone:
            body = {"settings": {"number_of_replicas": 0}}
            admin.put(f"/{name}", json=body).raise_for_status()
        folder = opensearch.state / "units/housekeeper/conf"
        folder.mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(folder)
        text = texts(housekeeper.render(opensearch.spec, opensearch.site))["settings.json"]
        settings = Settings.model_validate_json(text)
        metrics = Metrics(settings)
        assert sorted(Housekeeper(settings, metrics).round(today)) == sorted(gone)
        assert Housekeeper(settings, metrics).round(today) == []
        left = [name for name in kept + gone if admin.head(f"/{name}").status_code == 200]
        assert left == kept
        value = metrics.registry.get_sample_value
        assert value("obs_retention_deleted_indices_total", {"kind": "logs"}) == 2
        assert value("obs_retention_last_success_timestamp_seconds", {"kind": "spans"}) is not None
        scraped = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in StoreMetrics(settings)(10)
            for sample in family.samples
        }
        assert scraped["obs_store_indices", "logs"] == 4
        assert scraped["elasticsearch_cluster_health_up",] == 1
        assert scraped["elasticsearch_cluster_health_status", "green"] == 1
        assert scraped["elasticsearch_jvm_memory_max_bytes", "heap", "opensearch"] == 512 * 2**20


def test_it_listens_on_loopback_alone(opensearch: Node) -> None:
    assert opensearch.program is not None
    process = psutil.Process(opensearch.program.process.pid)
    family = [process, *process.children(recursive=True)]
    places = {
        (socket.laddr.ip, socket.laddr.port)
        for one in family
        for socket in one.net_connections(kind="inet")
        if socket.status == psutil.CONN_LISTEN
    }
    at = opensearch.site
    assert {port for _, port in places} == {at.port("opensearch"), at.port("opensearch-transport")}
    assert {address.removeprefix("::ffff:") for address, _ in places} == {"127.0.0.1"}


def test_it_writes_nothing_outside_its_unit(opensearch: Node) -> None:
    assert not list((opensearch.engine / "logs").glob("*"))
    assert not (opensearch.engine / "data").exists()
    assert os.listdir(opensearch.unit / "data")
