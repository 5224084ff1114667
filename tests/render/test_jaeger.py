"""What Jaeger and the housekeeper are given; `tests/engine/test_jaeger.py` gives it to the engine."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from components.inventory import BY_NAME
from components.render import housekeeper, jaeger
from components.render.text import texts
from tests import specs
from tests.render import golden
from vsi.site import local_site


def config(**changes: Any) -> dict[str, Any]:
    spec = specs.spec(**changes)
    content: dict[str, Any] = yaml.safe_load(texts(jaeger.render(spec, local_site(spec)))["jaeger.yaml"])
    return content


def test_golden() -> None:
    spec = specs.spec()
    golden.check("jaeger", texts(jaeger.render(spec, local_site(spec))))


def endpoints(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "endpoint" in value:
            yield value["endpoint"]
        if "port" in value:
            yield f"{value['host']}:{value['port']}"
        for item in value.values():
            yield from endpoints(item)
    if isinstance(value, list):
        for item in value:
            yield from endpoints(item)


def test_it_opens_the_named_ports_on_loopback_and_no_other() -> None:
    at = local_site(specs.spec(deploy={"port_base": 30000}))
    found = sorted(endpoints(config(deploy={"port_base": 30000})))
    own = {socket.name for socket in BY_NAME["jaeger"].sockets}
    assert found == sorted(one.bind for name, one in at.listeners.items() if name in own)


def test_nothing_is_acknowledged_before_the_writer_has_it() -> None:
    assert config()["service"]["pipelines"] == {
        "traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]}
    }


def test_storage_settings_are_rendered() -> None:
    storage = {"index_prefix": "traces", "shards": 3, "replicas": 2}
    backend = config(tracing={"storage": storage})["extensions"]["jaeger_storage"]["backends"]
    store = backend["opensearch"]["opensearch"]
    assert store["indices"].pop("index_prefix") == "traces"
    kinds = ("spans", "services", "dependencies", "sampling")
    assert store["indices"] == {kind: {"shards": 3, "replicas": 2} for kind in kinds}
    assert store["use_aliases"] is True
    login = store["auth"]["basic"]
    assert login == {
        "username": "jaeger",
        "password_file": "../../../secrets/opensearch-jaeger",
        "reload_interval": "10s",
    }
    assert store["tls"] == {"ca_file": "../../../secrets/tls/ca.pem"}
    assert "bulk_processing" not in store, "there are no copies to wait for"


def test_housekeeper_golden() -> None:
    spec = specs.spec()
    golden.check("housekeeper", texts(housekeeper.render(spec, local_site(spec))))


@pytest.mark.parametrize(("duration", "days"), [("1d", 1), ("30d", 30), ("2w", 14)])
def test_retention_is_rendered_in_days(duration: str, days: int) -> None:
    spec = specs.spec(logging={"retention": duration}, tracing={"retention": "3d"})
    settings = json.loads(texts(housekeeper.render(spec, local_site(spec)))["settings.json"])
    kept = {item["kind"]: item["days"] for item in settings["indices"]}
    assert kept == {"logs": days, "rejected": days, "spans": 3, "span-services": 3}


@pytest.mark.parametrize(("exporters", "served"), [(["opensearch"], True), (["node"], False)])
def test_the_stores_own_numbers_are_served_where_asked_for(exporters: list[str], served: bool) -> None:
    spec = specs.spec(metrics={"exporters": exporters})
    settings = json.loads(texts(housekeeper.render(spec, local_site(spec)))["settings.json"])
    assert settings["store_metrics"] is served
