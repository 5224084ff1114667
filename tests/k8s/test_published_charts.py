"""What Helm makes of the published charts with the values of a stack, where they are at hand: the variable
`OBS_CHARTS_DIR` names a folder of them (tests/cluster/published.py), and `helm` is on the PATH."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from components.charts import CHARTS, chart
from components.spec import Spec
from k8s.parts import KubernetesPlan, Manifest, Release
from k8s.plan import plan
from k8s.site import site_of
from stacks.loader import load
from targets import refusals
from tests import specs
from tests.cluster import published
from tests.k8s.api_data import DATA
from tests.k8s.crd_data import schema
from tests.k8s.test_api import validator

VERSIONS = sorted(file.stem for file in DATA.glob("*.json"))
EXTRAS = "with all that may be added"
SIGNED = "signed by cert-manager"
STACKS = ("dev-k8s", "staging-k8s", "prod-k8s", EXTRAS, SIGNED)
WORKLOADS = ("DaemonSet", "Deployment", "StatefulSet", "Job")
OPERATORS = {"alertmanager", "prometheus"}
"""Services of pods that the Prometheus Operator makes."""
if lacks := published.lacks():
    pytest.skip(lacks, allow_module_level=True)


@cache
def _spec(stack: str) -> Spec:
    if stack == SIGNED:
        signed = {"ha": True, "monitoring_tls": True, "certificates": {"issuer": "corp"}}
        return specs.spec_on_kubernetes(kubernetes=signed)
    if stack != EXTRAS:
        return load(stack, refusals=refusals)
    added = {
        "grafana": True,
        "opensearch_dashboards": True,
        "instrumentation": True,
        "shipper": "fluent-bit",
    }
    return specs.spec_on_kubernetes(
        kubernetes={**added, "probes": [{"name": "shop", "url": "https://shop.example.com/health"}]}
    )


@cache
def _plan(stack: str) -> KubernetesPlan:
    return plan(_spec(stack), stack)


@cache
def _releases(stack: str, version: str) -> dict[str, list[dict[str, Any]]]:
    """Release -> its objects."""
    return {
        part.name: published.rendered(
            _there(part.chart), part.name, part.place, dict(part.readable)["values.yaml"], version
        )
        for part in _plan(stack).parts
        if isinstance(part, Release)
    }


def _there(name: str) -> Path:
    found = published.there(chart(name))
    assert found, f"chart {name} {chart(name).version} is not in {published.folder()}"
    return found


def _all(stack: str) -> list[dict[str, Any]]:
    """Those of the releases, and ours."""
    ours = [yaml.safe_load(part.readable[0][1]) for part in _plan(stack).parts if isinstance(part, Manifest)]
    return [*ours, *(one for found in _releases(stack, VERSIONS[-1]).values() for one in found)]


def _pods(stack: str) -> dict[str, dict[str, str]]:
    """Workload -> the labels of its pods."""
    return {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"]
        for one in _all(stack)
        if one["kind"] in WORKLOADS
    }


def test_the_folder_has_every_chart_that_a_stack_is_made_of() -> None:
    used = {part.chart for stack in STACKS for part in _plan(stack).parts if isinstance(part, Release)}
    assert used <= {one.name for one in CHARTS if published.there(one)}
    assert {one.name for one in CHARTS} - used == {"prometheus"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("stack", STACKS)
def test_an_api_server_takes_what_the_charts_make_of_our_values(stack: str, version: str) -> None:
    """Every object, as kubeconform judges it: the operator's own by its definitions, which a chart brings."""
    releases = _releases(stack, version)
    known = json.loads((DATA / f"{version}.json").read_text())["kinds"]
    definitions = {
        one["spec"]["names"]["kind"]: one
        for one in releases["prometheus-operator-crds"]
        if one["kind"] == "CustomResourceDefinition"
    }
    wrong, judged = [], set()
    for name, objects in releases.items():
        for one in objects:
            kind = one["kind"]
            if kind == "CustomResourceDefinition":
                continue
            judged.add(kind)
            found = (
                Draft202012Validator(_defined(definitions[kind])).iter_errors(one["spec"])
                if kind in definitions
                else validator(version, kind).iter_errors(one)
            )
            assert kind in definitions or kind in known
            wrong += [
                f"{name}: {kind} {one['metadata']['name']}: {it.json_path}: {it.message}" for it in found
            ]
    assert wrong == []
    assert judged >= {"Alertmanager", "ClusterRole", "DaemonSet", "Deployment", "Prometheus", "StatefulSet"}


def _defined(definition: dict[str, Any]) -> Any:
    (version,) = [item for item in definition["spec"]["versions"] if item["storage"]]
    return schema(version["schema"]["openAPIV3Schema"]["properties"]["spec"])


@pytest.mark.parametrize("stack", STACKS)
def test_whoever_is_dialled_has_a_service_with_that_port_and_pods(stack: str) -> None:
    services = {one["metadata"]["name"]: one["spec"] for one in _all(stack) if one["kind"] == "Service"}
    site, pods = site_of(_spec(stack)), _pods(stack)
    missing = []
    for name, listener in {**site.listeners, **site.services}.items():
        for dialled in listener.dial:
            host, _, port = dialled.rpartition(":")
            service = services.get(host.split(".")[0])
            if service is None or int(port) not in [one["port"] for one in service["ports"]]:
                missing.append(f"{name} at {dialled}")
            elif not _made(service["selector"], pods):
                missing.append(f"{name}: no pod for {service['selector']}")
    # Asked by the kubelet alone, at the pod.
    assert [one for one in missing if not one.startswith("jaeger-health at ")] == []


def _made(selector: dict[str, str], pods: dict[str, dict[str, str]]) -> bool:
    """Whether a workload has such pods, or an operator or StatefulSet makes them."""
    if selector.get("app.kubernetes.io/name") in OPERATORS:
        return True
    wanted = {key: value for key, value in selector.items() if key != "statefulset.kubernetes.io/pod-name"}
    return any(wanted.items() <= labels.items() for labels in pods.values())


@pytest.mark.parametrize("stack", STACKS)
def test_every_network_policy_is_of_pods_that_there_are(stack: str) -> None:
    pods = _pods(stack)
    idle = [
        one["metadata"]["name"]
        for one in _all(stack)
        if one["kind"] == "NetworkPolicy"
        and not _made(one["spec"]["podSelector"].get("matchLabels", {}), pods)
    ]
    assert idle == []


@pytest.mark.parametrize("stack", STACKS)
def test_no_container_of_a_chart_is_privileged(stack: str) -> None:
    found = [
        (one["metadata"]["name"], container["name"])
        for one in _all(stack)
        if one["kind"] in WORKLOADS
        for container in (
            *one["spec"]["template"]["spec"].get("initContainers", []),
            *one["spec"]["template"]["spec"]["containers"],
        )
        if (container.get("securityContext") or {}).get("privileged")
    ]
    assert found == []
