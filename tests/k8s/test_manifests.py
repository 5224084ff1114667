"""What Helm makes of a release before and after a change; a program of the tests' own stands in for Helm."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from components.errors import SuiteError
from k8s.manifests import manifests

HELM = """#!{python}
import json, sys, pathlib, yaml
arguments = sys.argv[1:]
pathlib.Path(__file__).with_name("asked.json").write_text(json.dumps(arguments))
values = yaml.safe_load(pathlib.Path(arguments[arguments.index("--values") + 1]).read_text())
if values.get("broken"):
    sys.exit("coalesce.go: warning\\nError: values don't meet the schema: replicas")
print("---\\n# Source: web/templates/notes.yaml\\n---")
web = {{"name": "web", "namespace": "shop"}}
print(yaml.safe_dump({{"kind": "Deployment", "metadata": web, "spec": values}}))
print("---")
key = {{"kind": "Secret", "metadata": {{"name": "key"}}, "data": {{"token": "aHVudGVyMg=="}}}}
print(yaml.safe_dump(key))
print("---\\nkind: Odd\\nmetadata: {{name: sign}}\\nenum: [=]")
"""
INPUTS = {
    "name": "web",
    "namespace": "shop",
    "chart": "web",
    "version": "1.2.3",
    "repositoryOpts": {"repo": "https://charts.example", "__defaults": []},
    "values": {"replicas": 2, "__defaults": []},
    "__defaults": ["atomic"],
}


@pytest.fixture
def helm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "helm"
    program.write_text(HELM.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def asked(helm: Path) -> list[str]:
    found: list[str] = json.loads((helm / "asked.json").read_text())
    return found


def test_objects_by_kind_and_name(helm: Path) -> None:
    found = manifests(INPUTS)

    assert set(found) == {"Deployment shop/web", "Secret key", "Odd sign"}
    assert "replicas: 2" in found["Deployment shop/web"]
    assert "__defaults" not in found["Deployment shop/web"]


def test_the_values_of_a_secret_are_not_shown(helm: Path) -> None:
    secret = manifests(INPUTS)["Secret key"]

    assert "aHVudGVyMg" not in secret
    assert "token: '[secret]'" in secret


def test_the_chart_is_the_one_of_the_release(helm: Path, tmp_path: Path) -> None:
    manifests(INPUTS)
    assert asked(helm)[:5] == ["template", "web", "web", "--namespace", "shop"]
    assert asked(helm)[6:10] == ["--repo", "https://charts.example", "--version", "1.2.3"]

    manifests({**INPUTS, "chart": str(tmp_path), "repositoryOpts": None})
    assert "--repo" not in asked(helm)
    assert "--version" not in asked(helm), "a folder has the version that it has"


def test_what_helm_refuses_is_said_in_its_words(helm: Path) -> None:
    with pytest.raises(
        SuiteError, match="helm template web failed: Error: values don't meet the schema: replicas"
    ):
        manifests({**INPUTS, "values": {"broken": True}})


def test_without_helm_there_is_nothing_to_show(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    given: dict[str, Any] = INPUTS
    assert manifests(given) == {}
