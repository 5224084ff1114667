"""Grafana in a cluster: it has what it reads, may ask what it shows, and reads no Secret by itself."""

import json

import yaml

from components.dashboards import dashboards
from k8s import names
from k8s.charts import grafana
from k8s.parts import Manifest
from k8s.plan import plan
from k8s.site import site_of
from tests import specs

SPEC = specs.spec(
    environment={"target": "kubernetes"},
    kubernetes={"context": "test", "grafana": True, "images": {"registry": "registry.example/obs"}},
    logging={"index": {"replicas": 0}},
)
PLAN = plan(SPEC, "test")
OBJECTS = {(part.kind, part.object_name): part for part in PLAN.parts if isinstance(part, Manifest)}
VALUES = grafana.values(SPEC, site_of(SPEC))


def test_each_dashboard_is_a_config_map_that_the_sidecar_looks_for() -> None:
    found = [
        part
        for (kind, _name), part in OBJECTS.items()
        if kind == "ConfigMap" and grafana.DASHBOARDS in part.body["metadata"]["labels"]
    ]
    titles = {json.loads(text)["title"] for part in found for text in part.body["data"].values()}
    assert titles == {item.title for item in dashboards(SPEC)}
    wanted = VALUES["sidecar"]["dashboards"]
    for part in found:
        assert part.body["metadata"]["labels"][wanted["label"]] == wanted["labelValue"]


def test_data_sources_find_their_password_in_the_environment() -> None:
    part = OBJECTS["ConfigMap", "grafana-datasources"]
    (written,) = part.body["data"].values()
    for variable, source in VALUES["envValueFrom"].items():
        assert f"${{{variable}}}" in written
        assert source["secretKeyRef"]["name"] == names.SECRETS
        assert source["secretKeyRef"]["key"] in OBJECTS["Secret", names.SECRETS].secrets
    assert len(yaml.safe_load(written)["datasources"]) == 3


def test_its_own_password_is_made_once() -> None:
    assert grafana.PASSWORD in [secret.name for secret in PLAN.secrets if secret.source == "generated"]
    assert VALUES["admin"] == {"existingSecret": names.SECRETS, "passwordKey": grafana.PASSWORD}


def test_it_may_ask_what_it_shows() -> None:
    asking = names.pods(SPEC, "grafana", own=False)
    for program in ("opensearch", "jaeger", "prometheus"):
        rules = OBJECTS["NetworkPolicy", program].body["spec"]["ingress"]
        let = [
            source["podSelector"]["matchLabels"]
            for rule in rules
            for source in rule.get("from", ())
            if "podSelector" in source
        ]
        assert asking in let, program


def test_its_sidecars_may_read_no_secret() -> None:
    (role,) = VALUES["extraObjects"]
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "watch", "list"]}
    ]
    assert VALUES["rbac"]["useExistingRole"] == role["metadata"]["name"]


def test_a_stack_without_it_has_nothing_of_it() -> None:
    spec = SPEC.model_copy(update={"kubernetes": SPEC.kubernetes.model_copy(update={"grafana": False})})
    parts = plan(spec, "test").parts
    assert not [part.id for part in parts if "grafana" in part.id]
    assert "grafana" not in str([part.body for part in parts if isinstance(part, Manifest)])
