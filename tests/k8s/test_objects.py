"""The operator's objects, judged by its own definitions: in several stacks, and what is wrong is seen."""

import json
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from components.spec import Spec
from k8s.parts import KINDS, Manifest
from k8s.plan import plan
from tests import specs
from tests.k8s.crd_data import DATA

SPECS = {
    "plain": specs.spec_on_kubernetes(),
    "ha": specs.spec_on_kubernetes(kubernetes={"ha": True, "size": "large"}),
    "guarded": specs.spec_on_kubernetes(
        secrets=[{"name": "first", "source": "environment", "key": "FIRST"}],
        metrics={
            "scrape_jobs": [
                {
                    "name": "guarded",
                    "targets": ["[::1]:9443"],
                    "scheme": "https",
                    "basic_auth": {"username": "prometheus", "secret": "first"},
                }
            ]
        },
    ),
}


@cache
def _definition(kind: str) -> Any:
    return json.loads((DATA / f"{kind}.json").read_text())


def _wrong(kind: str, spec: Any) -> list[str]:
    validator = Draft202012Validator(_definition(kind)["spec"])
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(spec)]


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_objects_are_as_the_operator_defines_them(spec: Spec) -> None:
    judged = set()
    for part in plan(spec, "x").parts:
        if isinstance(part, Manifest) and part.api_version.startswith("monitoring.coreos.com"):
            assert part.api_version == f"monitoring.coreos.com/{_definition(part.kind)['version']}"
            assert _wrong(part.kind, part.body["spec"]) == [], part.id
            judged.add(part.kind)
    assert judged == {"PrometheusRule", "PodMonitor", "Probe", "ScrapeConfig", "ServiceMonitor"}


def test_every_kind_of_the_operator_has_its_definition() -> None:
    ours = {kind for kind, version in KINDS.items() if version.startswith("monitoring.coreos.com")}
    assert ours == {file.stem for file in DATA.glob("*.json")}


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("PodMonitor", {"selector": {}, "podMetricsEndpoints": [{"intervall": "5s"}]}),
        ("PodMonitor", {"selector": {}, "podMetricsEndpoints": [{"interval": "5"}]}),
        ("ServiceMonitor", {"selector": {}, "endpoints": [{"scheme": "gopher"}]}),
        ("PrometheusRule", {"groups": [{"name": "x", "rules": [{"alert": "X"}]}]}),
        ("ScrapeConfig", {"staticConfigs": [{"targets": []}], "sampleLimit": "many"}),
        ("Probe", {"targets": {"staticConfig": {"statik": []}}}),
        ("AlertmanagerConfig", {"receivers": [{"name": "x", "slakConfigs": []}]}),
    ],
)
def test_what_it_would_refuse_or_drop_is_seen(kind: str, spec: Any) -> None:
    assert _wrong(kind, spec)
