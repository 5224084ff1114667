"""Two nodes of OpenSearch at two addresses of loopback are one store."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from components.site import Listener, Place, Site
from tests import specs
from tests.engine.node import Node
from tests.ports import free_base
from tests.waiting import until
from vsi import leaving
from vsi.reach import Answer
from vsi.servers.authority import Authority
from vsi.settled import unsettled
from vsi.site import FOLDERS

pytestmark = pytest.mark.engine

PLACES = {"one": "127.0.0.1", "two": "127.0.0.2"}


def keys(folder: Path, authority: Authority) -> None:
    """What a node has on its host: keys of its own, certificates that name both addresses."""
    folder.mkdir(parents=True)
    (folder / "ca.pem").write_text(authority.certificate)
    for name in ("opensearch", "admin"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (folder / f"{name}.pem").write_text(authority.sign(name, public.decode(), PLACES.values()))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


@pytest.fixture
def nodes(tmp_path: Path, engine_folder: Callable[[str], Path]) -> Iterator[dict[str, Node]]:
    spec = specs.spec(deploy={"opensearch_heap_mb": 512})
    authority, base, engine = Authority.make(), free_base(2), engine_folder("opensearch")
    hosts = {place: Place(address, {}) for place, address in PLACES.items()}
    made = {}
    for place, address in PLACES.items():
        listeners = {
            name: Listener(f"{address}:{port}", tuple(f"{at}:{port}" for at in PLACES.values()), tls=True)
            for port, name in enumerate(("opensearch", "opensearch-transport"), base)
        }
        site = Site(place, listeners, {}, FOLDERS, mutual=True, address=address, hosts=hosts)
        keys(tmp_path / place / "secrets/tls", authority)
        made[place] = Node(spec, tmp_path / place, engine, site)
    for node in made.values():
        node.launch()
    try:
        yield made
    finally:
        for node in made.values():
            node.stop()


def test_two_nodes_are_one_store_that_the_first_sets_up(nodes: dict[str, Node]) -> None:
    for node in nodes.values():
        node.ready(240)
    nodes["one"].setup()
    with nodes["one"].admin() as one, nodes["two"].admin() as two:
        assert two.get("/_index_template/obs-logs").status_code == 200
        names = {row["name"] for row in one.get("/_cat/nodes", params={"format": "json"}).json()}
        assert names == set(nodes)
        body = {"settings": {"index.number_of_replicas": 1}}
        assert one.put("/copied", json=body).status_code == 200
        health = one.get("/_cluster/health").json()
        assert health["number_of_nodes"] == 2
        until(lambda: two.get("/_cluster/health").json()["status"] == "green", "both have a copy")
        assert missing(nodes["one"]) == ""

        body["settings"]["index.number_of_replicas"] = 2
        assert one.put("/more-than-nodes", json=body).status_code == 200
        until(lambda: one.get("/_cluster/health").json()["status"] == "yellow", "one copy has no place")
        until(lambda: missing(nodes["one"]) == "", "no node could take the copy that is missing")

        pinned = {"index.number_of_replicas": 1, "index.routing.allocation.require._name": "one"}
        assert one.put("/pinned", json={"settings": pinned}).status_code == 200
        until(
            lambda: "1 copies missing (pinned shard 0)" in missing(nodes["one"]), "a node could take this one"
        )


def test_one_leaves_and_the_other_goes_on_alone(nodes: dict[str, Node]) -> None:
    """By the user that may do no more than that; the votes of both are needed until one is taken."""
    one, two = nodes["one"], nodes["two"]
    for node in nodes.values():
        node.ready(240)
    one.setup()
    with one.admin() as admin, one.client("exporter") as exporter:
        for name, place, replicas in (("alone", "two", 0), ("copied", "two", 1)):
            settings = {"index.number_of_replicas": replicas, "index.routing.allocation.include._name": place}
            assert admin.put(f"/{name}", json={"settings": settings}).status_code == 200
            assert admin.put(f"/{name}/_doc/1?refresh=true", json={"it": name}).status_code == 201
            free = {"index.routing.allocation.include._name": None}
            assert admin.put(f"/{name}/_settings", json=free).status_code == 200

        def say(method: str, path: str, body: str) -> Answer:
            headers = {"Content-Type": "application/json"} if body else {}
            said = exporter.request(method, path, content=body or None, headers=headers, timeout=90)
            return Answer(said.status_code, said.content)

        told: list[str] = []
        leaving.move_away(say, {"two"}, 120, told.append)
        assert "not yet on one" in told[0]
        assert leaving.copies(say, {"two"}).lacking == ()
        two.stop()
        until(lambda: leaving.only_here(say, "two") == [], "it is known to be gone, and nothing with it")
        leaving.welcome(say, {"two"})
        assert leaving.excluded(say) == set()
        assert "node_name" not in admin.get(leaving.RETIRED).text, "it may vote again"
        assert exporter.get("/_cat/count/alone").status_code == 403, "it may read nothing"
        for name in ("alone", "copied"):
            assert admin.get(f"/{name}/_doc/1").json()["_source"] == {"it": name}

    listeners = {name: replace(found, dial=(found.bind,)) for name, found in one.site.listeners.items()}
    one.site = replace(one.site, listeners=listeners)
    one.write(one.spec)
    one.stop()
    one.start(240)
    with one.admin() as admin:
        assert admin.get("/alone/_doc/1").json()["_source"] == {"it": "alone"}


def missing(node: Node) -> str:
    """What is told to be waited for before a node is changed."""
    with node.client("exporter") as client:

        def ask(path: str) -> Answer:
            said = client.get(path)
            return Answer(said.status_code, said.content)

        found = unsettled(ask, 2)
    return found.words if found else ""
