"""The plan of a stack in a cluster: what is written, and what holds of every object."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from components.inventory import PROGRAMS
from components.plan import Pillar
from components.render import alertmanager, collector_agent, collector_gateway
from components.render.document import Document
from components.render.text import text
from components.rules import files as rules
from components.spec import Spec
from k8s import names
from k8s.parts import VALUE, KubernetesPlan, Manifest, Release, nulls
from k8s.plan import plan
from k8s.site import WITHOUT, site_of
from obs.render import write
from stacks.loader import load
from targets import refusals
from tests import specs
from tests.render import golden

STACK = "staging-k8s"


@pytest.fixture(scope="module")
def shipped() -> Spec:
    return load(STACK, refusals=refusals)


@pytest.fixture(scope="module")
def planned(shipped: Spec) -> KubernetesPlan:
    return plan(shipped, STACK)


def _of(planned: KubernetesPlan, kind: str) -> dict[str, Manifest]:
    found = (part for part in planned.parts if isinstance(part, Manifest) and part.kind == kind)
    return {part.object_name: part for part in found}


def _templates(planned: KubernetesPlan) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in ("Deployment", "Job"):
        for name, part in _of(planned, kind).items():
            yield name, part.body["spec"]["template"]


def test_golden(planned: KubernetesPlan, tmp_path: Path) -> None:
    """As `obs render` writes it: releases and manifests, each in its folder."""
    written = {name: (tmp_path / name).read_text() for name in write(planned, tmp_path)}
    assert {name.partition("/")[0] for name in written} == {"manifests", "releases"}
    golden.check("kubernetes-plan", {name: text for name, text in written.items() if _told(name)})


def _told(name: str) -> bool:
    """What is written as on other targets has its golden there; the values of releases have theirs."""
    return not name.startswith(("releases/", "manifests/prometheusrule-platform"))


def test_a_plan_makes_nothing_that_a_preview_does_not_read(
    shipped: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests of rules, and texts of objects, would be most of what a plan of many services costs."""
    made: list[str] = []

    def text_of(_: Document) -> str:
        made.append("a text")
        return ""

    monkeypatch.setattr("components.rules.service.proof", lambda *_: made.append("a proof"))
    monkeypatch.setattr("k8s.parts.text", text_of)
    again = plan(shipped, STACK)
    assert made == []
    assert _of(again, "Namespace")["observability"].readable == (("namespace-observability.yaml", ""),)
    assert made == ["a text"]


def test_equal_specs_give_equal_plans(shipped: Spec, planned: KubernetesPlan) -> None:
    assert plan(shipped.model_copy(deep=True), STACK) == planned


def test_rules_are_those_of_every_target_byte_for_byte(shipped: Spec, planned: KubernetesPlan) -> None:
    """`{{ $labels.x }}` and `$` included: nothing between the plan and the operator reads templates."""
    documents = rules.documents(shipped, site_of(shipped))
    wanted = {
        path.removeprefix("rules/").removesuffix(".yml"): document.data
        for path, document in documents.items()
        if path.startswith("rules/")
    }
    made = _of(planned, "PrometheusRule")
    assert {name: part.body["spec"] for name, part in made.items()} == wanted
    assert all(f"rules/{name}.yml" in documents for name in made)
    told = yaml.safe_load(dict(made["gateway"].readable)["prometheusrule-gateway.yaml"])
    assert told["spec"] == wanted["gateway"]
    assert "{{ $labels." in str(told)


@pytest.mark.parametrize(
    ("ingress", "base", "before"),
    [
        ({"host": "obs.example.com"}, None, "http://obs.example.com/"),
        ({"host": "obs.example.com", "tls_secret": "obs"}, None, "https://obs.example.com/"),
        ({"host": None}, None, "http://pages.observability.svc:"),
        ({"host": "obs.example.com"}, "https://git.example/main/", "https://git.example/main/"),
    ],
)
def test_a_notification_leads_to_a_runbook_that_its_reader_can_open(
    ingress: dict[str, Any], base: str | None, before: str
) -> None:
    """Who reads it is outside of the cluster, where names of Services are none."""
    spec = specs.spec_on_kubernetes(kubernetes={"ingress": ingress}, alerting={"runbook_base": base})
    links = {
        rule["annotations"]["runbook"]
        for part in plan(spec, "test").parts
        if isinstance(part, Manifest) and part.kind == "PrometheusRule"
        for group in part.body["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert len(links) > 10
    assert [link for link in links if not link.startswith(before)] == []


def test_documents_are_those_of_every_target(shipped: Spec, planned: KubernetesPlan) -> None:
    site = site_of(shipped)
    maps = _of(planned, "ConfigMap")
    for program, render in (
        ("collector", collector_gateway.render),
        ("collector-agent", collector_agent.render),
    ):
        assert maps[names.conf(program)].body["data"] == {
            path: text(document) for path, document in render(shipped, site).items()
        }
    config = _of(planned, "Secret")[names.ALERTMANAGER].body["stringData"]["alertmanager.yaml"]
    assert config == text(alertmanager.render(shipped, site)["alertmanager.yml"])


def test_no_null_and_no_secret_anywhere(planned: KubernetesPlan) -> None:
    for part in planned.parts:
        if isinstance(part, Release):
            assert nulls(part.values) == []
        if isinstance(part, Manifest):
            assert nulls(part.body) == []
    secrets = _of(planned, "Secret")
    assert secrets[names.SECRETS].body.get("stringData") is None
    shown = yaml.safe_load(dict(secrets[names.SECRETS].readable)[f"secret-{names.SECRETS}.yaml"])
    assert set(shown["stringData"].values()) == {VALUE}


def test_a_null_in_values_is_no_plan() -> None:
    with pytest.raises(ValidationError, match=r"no null in values, found receivers\.jaeger"):
        Release(
            name="x",
            place="y",
            pillar=Pillar.METRICS,
            chart="x",
            version="1",
            source="https://x.example",
            values={"receivers": {"jaeger": None}},
        )


def test_pods_of_ours_are_as_pod_security_restricted_wants_them(planned: KubernetesPlan) -> None:
    for name, template in _templates(planned):
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not any("hostPath" in volume for volume in pod["volumes"]), name
        assert not pod.get("hostNetwork"), name
        assert pod["automountServiceAccountToken"] is False, name
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"].keys() == {"requests", "limits"}, name


def test_a_pod_has_only_the_secrets_that_it_reads(planned: KubernetesPlan) -> None:
    found = {}
    for name, template in _templates(planned):
        volumes = [volume["secret"] for volume in template["spec"]["volumes"] if "secret" in volume]
        found[name] = sorted(item["key"] for volume in volumes for item in volume["items"])
    assert found["housekeeper"] == ["ca.pem", "opensearch-housekeeper"]
    assert found["gateway"] == []
    assert [name for name, keys in found.items() if "admin.key" in keys] == ["opensearch-setup"]


def test_every_mounted_key_is_there(planned: KubernetesPlan) -> None:
    """Of Secrets and ConfigMaps, in the pods of ours and in the values of charts: a pod that asks for another
    would never start."""
    held = {
        name: {*part.secrets, *part.body.get("stringData", {})}
        for name, part in _of(planned, "Secret").items()
    }
    held |= {name: set(part.body["data"]) for name, part in _of(planned, "ConfigMap").items()}
    volumes = [volume for _, template in _templates(planned) for volume in template["spec"]["volumes"]]
    volumes += [
        found for part in planned.parts if isinstance(part, Release) for found in _volumes(part.values)
    ]
    assert len(volumes) > 20
    for volume in volumes:
        source = volume.get("secret") or volume.get("configMap")
        if source:
            name = source.get("secretName") or source["name"]
            assert {item["key"] for item in source.get("items", ())} <= held[name], volume


def _volumes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "name" in value and ("secret" in value or "configMap" in value):
            yield value
        for item in value.values():
            yield from _volumes(item)
    elif isinstance(value, list):
        for item in value:
            yield from _volumes(item)


def test_every_program_runs_somewhere(shipped: Spec, planned: KubernetesPlan) -> None:
    """In a pod of ours, or in a release that is called like it or holds it."""
    releases = {part.name for part in planned.parts if isinstance(part, Release)}
    ours = set(_of(planned, "Deployment"))
    in_stack = {"prometheus", "alertmanager"} if "kube-prometheus-stack" in releases else set()
    programs = {row.name for row in PROGRAMS if row.runs(shipped) and row.name not in WITHOUT}
    assert programs <= releases | ours | in_stack
    assert not releases & ours


def test_a_new_service_of_five_lines_is_exactly_these_objects(shipped: Spec, planned: KubernetesPlan) -> None:
    """It changes no other release; what lists services by name takes it in."""
    new = specs.Stack(
        name="cart", owner="shop-web", selector={"app": "cart"}, metrics=[{"address": ":8000"}], slo=None
    )
    stack = shipped.model_dump(mode="json")
    stack["services"].append(new)
    after = plan(Spec.model_validate_json(json.dumps(stack)), STACK)
    before = {part.id: part for part in planned.parts}
    added = {part.name for part in after.parts if part.id not in before}
    changed = {part.name for part in after.parts if part.id in before and before[part.id] != part}
    assert added == {"podmonitor-cart", "prometheusrule-cart"}
    assert not any(isinstance(part, Release) for part in after.parts if part.name in changed - {"collector"})
    monitor = _of(after, "PodMonitor")["cart"].body["spec"]
    assert monitor["selector"] == {"matchLabels": {"app": "cart"}}
    assert monitor["namespaceSelector"] == {"any": True}


def test_only_who_has_to_may_ask_the_store(planned: KubernetesPlan) -> None:
    policy = _of(planned, "NetworkPolicy")["opensearch"].body["spec"]
    (rule,) = [item for item in policy["ingress"] if item["ports"] == [{"port": 9200}]]
    asking = {next(iter(sorted(item["podSelector"]["matchLabels"].items())))[1] for item in rule["from"]}
    assert asking == {
        "collector", "collector-agent", "housekeeper", "jaeger", "opensearch", "opensearch-manager",
        "opensearch-setup", "pages",
    }  # fmt: skip


def test_lines_of_pods_lose_the_words_of_their_runtime(shipped: Spec) -> None:
    config = collector_agent.render(shipped, site_of(shipped))["collector.yaml"].data
    statements = config["processors"]["transform/runtime"]["log_statements"][0]["statements"]
    words = r'replace_pattern(body, "(?m)^\\S+ (?:stdout|stderr) [FP] ", "")'
    sources = "gateway|orders|payments|inventory|loadgen|billing"
    assert statements == [f'{words} where IsMatch(resource.attributes["log.source"], "^({sources})$$")']
    assert config["service"]["pipelines"]["logs"]["processors"][:2] == ["memory_limiter", "transform/runtime"]
    assert config["receivers"]["logfiles/gateway"]["include"] == [
        "/var/log/pods/observability_gateway-*/gateway/*.log"
    ]


def test_without_ha_there_is_one_of_each() -> None:
    small = plan(specs.spec_on_kubernetes(), "small")
    assert not _of(small, "PodDisruptionBudget")
    assert {part.body["spec"]["replicas"] for part in _of(small, "Deployment").values()} == {1}


def test_everything_comes_after_its_namespace_and_monitors_after_their_definitions(
    planned: KubernetesPlan,
) -> None:
    parts = {part.id: part for part in planned.parts}
    for part in planned.parts:
        if isinstance(part, Manifest) and part.kind != "Namespace":
            assert "namespace-observability@observability" in part.needs
        if isinstance(part, Manifest) and part.api_version.startswith("monitoring.coreos.com"):
            assert "prometheus-operator-crds@observability" in part.needs
    assert "job-opensearch-setup@observability" in parts["jaeger@observability"].needs
