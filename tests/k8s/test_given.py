"""What a cluster has already and a stack takes: Secrets by name, and an operator of others."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from components.spec import SecretSource, Spec
from k8s import names
from k8s.charts import kube_prometheus_stack
from k8s.charts import prometheus_blackbox_exporter as exporter
from k8s.parts import KubernetesPlan, Manifest, Release
from k8s.plan import plan
from k8s.site import SECRETS, site_of
from targets import refusals
from tests import specs

_TICKET = {"name": "far", "kind": "ticket", "secret": "first"}
_PAGER = {"name": "pager", "kind": "pagerduty", "secret": "second"}
STACK: dict[str, Any] = {
    "secrets": [
        {"name": "first", "source": "kubernetes", "key": "webhooks/ticket.url"},
        {"name": "second", "source": "environment", "key": "SECOND"},
    ],
    "alerting": {"receivers": [*specs.stack()["alerting"]["receivers"], _TICKET, _PAGER]},
    "metrics": {
        "scrape_jobs": [
            {
                "name": "guarded",
                "targets": ["[::1]:9443"],
                "basic_auth": {"username": "prometheus", "secret": "first"},
            }
        ]
    },
}
SPEC = specs.spec_on_kubernetes(**STACK)


@pytest.fixture(scope="module")
def planned() -> KubernetesPlan:
    return plan(SPEC, "given")


def test_a_secret_of_the_cluster_is_read_where_it_is(planned: KubernetesPlan) -> None:
    """Pulumi never has its value, and no Secret of ours does; files are where documents look for them."""
    assert "first" not in {secret.name for secret in planned.secrets}
    ours = [part for part in planned.parts if isinstance(part, Manifest) and names.SECRETS in part.name]
    assert "first" not in ours[0].secrets
    assert planned.cluster.secrets == ("webhooks",)
    given = kube_prometheus_stack.values(SPEC, site_of(SPEC))["alertmanager"]["alertmanagerSpec"]
    (volume,) = [item for item in given["volumes"] if item["name"] == "secrets"]
    assert volume["projected"]["sources"] == [
        {"secret": {"name": "webhooks", "items": [{"key": "ticket.url", "path": "first"}]}},
        {"secret": {"name": "obs-secrets", "items": [{"key": "second", "path": "second"}]}},
    ]
    assert {"name": "secrets", "mountPath": SECRETS, "readOnly": True} in given["volumeMounts"]


def test_a_login_of_the_cluster_is_read_where_it_is(planned: KubernetesPlan) -> None:
    (monitor,) = [part for part in planned.parts if part.name == "scrapeconfig-guarded"]
    assert isinstance(monitor, Manifest)
    assert monitor.body["spec"]["basicAuth"]["password"] == {"name": "webhooks", "key": "ticket.url"}


@pytest.mark.parametrize(
    ("source", "key"), [("kubernetes", "webhooks"), ("environment", "a/b"), ("config", "a.b")]
)
def test_a_key_that_is_none_of_its_source_is_refused(source: str, key: str) -> None:
    with pytest.raises(ValidationError, match="expected `key`"):
        SecretSource.model_validate_json(json.dumps({"name": "x", "source": source, "key": key}))


@pytest.mark.parametrize("made", [specs.stack, specs.on_servers, specs.on_aws])
def test_other_targets_have_no_secrets_of_a_cluster(made: Any) -> None:
    stack = made()
    stack["secrets"] = [*stack.get("secrets", ()), STACK["secrets"][0]]
    stack["alerting"]["receivers"] = [*stack["alerting"]["receivers"], _TICKET]
    spec = Spec.model_validate_json(json.dumps(stack))
    (found,) = [problem for problem in refusals(spec) if problem.path[0] == "secrets"]
    assert "expected environment or config" in found.expected


def test_pods_may_ask_for_a_library_where_the_stack_has_them() -> None:
    """Three objects and the operator that judges them; none where nobody asked."""
    asked = plan(specs.spec_on_kubernetes(kubernetes={"instrumentation": True}), "asked")
    added = {part.name: part for part in asked.parts if "instrumentation" in part.name}
    assert set(added) == {f"instrumentation-{name}" for name in ("python", "java", "nodejs")}
    for part in added.values():
        assert isinstance(part, Manifest)
        assert part.api_version == "opentelemetry.io/v1alpha1"
        assert "opentelemetry-operator@observability" in part.needs
    plain = plan(specs.spec_on_kubernetes(), "plain")
    assert not any("opentelemetry-operator" in part.name or part.name in added for part in plain.parts)


def test_a_page_is_asked_by_the_exporter_and_by_it_alone() -> None:
    probes = [
        {"name": "shop", "url": "https://shop.example.com/health", "owner": "checkout"},
        {"name": "store", "url": "tcp://store.example.com:5432"},
    ]
    made = plan(specs.spec_on_kubernetes(kubernetes={"probes": probes}), "asked")
    found = {part.object_name: part for part in made.parts if isinstance(part, Manifest)}
    shop, store = (found[f"probe-{name}"].body["spec"] for name in ("shop", "store"))
    assert (shop["module"], shop["targets"]["staticConfig"]["static"]) == ("https", [probes[0]["url"]])
    assert (store["module"], store["targets"]["staticConfig"]["static"]) == (
        "tcp",
        ["store.example.com:5432"],
    )
    owners = [
        rule["replacement"]
        for one in (shop, store)
        for rule in one["targets"]["staticConfig"]["relabelingConfigs"]
        if rule["targetLabel"] == "owner"
    ]
    assert owners == ["checkout", "platform"]
    assert {shop["module"], store["module"]} <= set(exporter.MODULES)
    (rule,) = found["blackbox-exporter"].body["spec"]["ingress"]
    assert [item["podSelector"]["matchLabels"] for item in rule["from"]] == [names.PODS["prometheus"]]


def test_a_probe_of_nobody_and_one_of_a_taken_name_are_refused() -> None:
    one = {"name": "shop", "url": "https://shop.example.com/health", "owner": "nobody"}
    spec = Spec.model_validate_json(
        json.dumps(specs.on_kubernetes(kubernetes={"probes": [one, {**one, "owner": "checkout"}]}))
    )
    assert [problem.key for problem in refusals(spec)] == [
        "kubernetes.probes[0].owner",
        "kubernetes.probes[1].name",
    ]


def test_an_operator_of_others_makes_what_the_stack_wants() -> None:
    """Nothing of theirs is brought a second time: no definitions and no operator."""
    there = specs.spec_on_kubernetes(kubernetes={"operator": "existing"})
    made = plan(there, "beside")
    releases = {part.name: part for part in made.parts if isinstance(part, Release)}
    assert "prometheus-operator-crds" not in releases
    assert releases["kube-prometheus-stack"].values["prometheusOperator"] == {"enabled": False}
    assert releases["kube-prometheus-stack"].values["crds"] == {"enabled": False}
    rules = [part for part in made.parts if isinstance(part, Manifest) and part.kind == "PrometheusRule"]
    assert rules
    assert all("prometheus-operator-crds@observability" not in part.needs for part in rules)
