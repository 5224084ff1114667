"""Objects of a plan, judged by what the API servers of the newest Kubernetes versions take: as kubeconform
does, from data that Kubernetes publishes with each release (`tests.k8s.api_data`)."""

import json
from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from k8s.parts import KINDS, Manifest
from k8s.plan import plan
from stacks.loader import load
from targets import refusals
from tests.k8s.api_data import DATA, OF_CHARTS, closed

VERSIONS = sorted(file.stem for file in DATA.glob("*.json"))
STACKS = ("dev-k8s", "staging-k8s", "prod-k8s")
_OTHERS = ("monitoring.coreos.com", "opentelemetry.io", "cert-manager.io")
"""Groups of operators; `test_objects` judges those whose definitions are at hand."""


@cache
def validator(version: str, kind: str) -> Any:
    """Judges an object of a kind as the API server of that version does."""
    data = json.loads((DATA / f"{version}.json").read_text())
    schema = {"$ref": f"#/definitions/{data['kinds'][kind]}", "definitions": data["definitions"]}
    return Draft202012Validator(schema)


@cache
def _objects(stack: str) -> tuple[dict[str, Any], ...]:
    """As `obs render` writes them."""
    found = []
    for part in plan(load(stack, refusals=refusals), stack).parts:
        if isinstance(part, Manifest) and not part.api_version.startswith(_OTHERS):
            name = f"{part.kind.lower()}-{part.object_name}.yaml"
            found.append(yaml.safe_load(dict(part.readable)[name]))
    return tuple(found)


def _wrong(version: str, item: dict[str, Any]) -> list[str]:
    errors = validator(version, item["kind"]).iter_errors(item)
    return [f"{error.json_path}: {error.message}" for error in errors]


def test_there_are_three_versions() -> None:
    assert len(VERSIONS) == 3


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("stack", STACKS)
def test_an_api_server_takes_every_object(stack: str, version: str) -> None:
    assert len(_objects(stack)) > 20
    for item in _objects(stack):
        assert _wrong(version, item) == [], item["metadata"]["name"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_kind_of_its_own_is_known(version: str) -> None:
    data = json.loads((DATA / f"{version}.json").read_text())
    own = {kind for kind, group in KINDS.items() if not group.startswith(_OTHERS)}
    assert set(data["kinds"]) == own | set(OF_CHARTS)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "replica"), 1),
        (("spec", "replicas"), "two"),
        (("spec", "template", "spec", "containers", 0, "imagePullPolicies"), "Always"),
        (("spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"), "http"),
    ],
)
def test_what_it_would_refuse_or_drop_is_seen(version: str, path: tuple[str | int, ...], value: Any) -> None:
    item = next(item for item in _objects("staging-k8s") if item["kind"] == "Deployment")
    changed = json.loads(json.dumps(item))
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert _wrong(version, item) == []
    assert _wrong(version, changed) != []


def test_a_definition_is_closed() -> None:
    given = {"description": "words", "properties": {"a": {"type": "string", "description": "words"}}}
    assert closed(given) == {"properties": {"a": {"type": "string"}}, "additionalProperties": False}
