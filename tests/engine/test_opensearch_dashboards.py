"""The two users of the store that come with OpenSearch Dashboards, at the real OpenSearch: what Dashboards
asks at its first start works, and what people may not do is refused. Nothing here can build Dashboards."""

from collections.abc import Iterator

import pytest

from components.render import opensearch_dashboards
from components.render.opensearch_store import EXPORTER
from tests import specs
from tests.engine.node import Node, bulk

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

DAY = "logs-2026.01.02"
SAVED = {"type": "index-pattern", "index-pattern": {"title": "logs-*", "timeFieldName": "timestamp"}}


@pytest.fixture(scope="module")
def store(opensearch: Node) -> Iterator[Node]:
    """The shop's store as a cluster with Dashboards has it set up; put back afterwards."""
    before = opensearch.spec
    shown = before.kubernetes.model_copy(update={"opensearch_dashboards": True})
    for secret in opensearch_dashboards.SECRETS:
        opensearch.new_password(secret)
    opensearch.write(before.model_copy(update={"kubernetes": shown}))
    opensearch.setup()
    with opensearch.client("collector") as client:
        record = {"timestamp": "2026-01-02T03:04:05Z", "message": "placed", "service": "orders"}
        bulk(client, [{"create": {"_index": DAY, "_id": "1"}}, record])
    yield opensearch
    opensearch.write(before)
    opensearch.setup()
    with opensearch.admin() as admin:
        admin.delete("/.kibana_1")
        admin.delete(f"/{DAY}")


@pytest.fixture
def started(store: Node) -> Node:
    """After what a migration of saved objects does at the first start: version of every node, templates, an
    index, an alias to it."""
    with store.admin() as admin:
        admin.delete("/.kibana_1")
    fields = {"title": {"type": "text"}, "timeFieldName": {"type": "keyword"}}
    properties = {"type": {"type": "keyword"}, "index-pattern": {"properties": fields}}
    mapping = {"dynamic": "strict", "properties": properties}
    with store.client(opensearch_dashboards.SERVER) as server:
        for method, path, body in (
            ("GET", "/_nodes?filter_path=nodes.*.version", None),
            ("GET", "/_cat/templates?format=json", None),
            ("PUT", "/.kibana_1", {"mappings": mapping}),
            ("POST", "/_aliases", {"actions": [{"add": {"index": ".kibana_1", "alias": ".kibana"}}]}),
            ("GET", "/_alias/.kibana", None),
            ("PUT", "/.kibana/_doc/index-pattern:logs?refresh=true", SAVED),
        ):
            answer = server.request(method, path, json=body)
            assert answer.is_success, f"{method} {path}: {answer.text}"
    return store


def test_its_server_finds_what_it_made_and_reads_no_log(started: Node) -> None:
    with started.client(opensearch_dashboards.SERVER) as server:
        assert server.get("/.kibana/_count").json()["count"] == 1
        assert server.get(f"/{DAY}/_search").status_code == 403


def test_people_read_logs_and_change_what_is_saved_and_nothing_else(started: Node) -> None:
    with started.client(opensearch_dashboards.VIEWER) as viewer:
        for method, path, body, status in (
            ("GET", "/_plugins/_security/authinfo", None, 200),
            ("GET", f"/{DAY}/_search", None, 200),
            ("GET", "/logs-*/_field_caps?fields=*", None, 200),
            ("GET", "/.kibana/_search", None, 200),
            ("PUT", "/.kibana/_doc/index-pattern:spans?refresh=true", SAVED, 201),
            ("DELETE", "/.kibana/_doc/index-pattern:spans", None, 200),
            ("DELETE", f"/{DAY}", None, 403),
            ("PUT", f"/{DAY}/_doc/2", {"message": "forged"}, 403),
            ("GET", "/_plugins/_security/api/internalusers", None, 403),
            ("GET", "/.opendistro_security/_search", None, 403),
            ("GET", "/_nodes/stats", None, 403),
        ):
            answer = viewer.request(method, path, json=body)
            assert answer.status_code == status, f"{method} {path}: {answer.text}"


def test_a_second_set_up_writes_nothing_and_without_it_both_are_gone(store: Node) -> None:
    assert store.setup().stdout == "nothing to change\n"
    shown = store.spec
    store.write(shown.model_copy(update={"kubernetes": specs.spec().kubernetes}))
    store.setup()
    for user in (opensearch_dashboards.SERVER, opensearch_dashboards.VIEWER):
        with store.client(user) as client:
            assert client.get("/_plugins/_security/authinfo").status_code == 401
    with store.client(EXPORTER) as client:
        assert client.get("/_cluster/health").status_code == 200
    store.write(shown)
    store.setup()
