"""What Helm makes of a release, for people to compare, where `helm` is on the PATH.

A value says little about what it does to a chart: one word may take a Deployment away. Nothing but a preview
leans on this; the provider has Helm within it.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from components.errors import SuiteError
from components.review.masking import MASK

SECONDS = 60
"""Of one chart, which may be downloaded first."""
_TEXTS = ("data", "stringData")


def manifests(inputs: Mapping[str, Any]) -> dict[str, str]:
    """The objects of a release, by `Kind namespace/name`, as YAML with the values of Secrets masked; none
    where there is no `helm`. `inputs` are those of the resource. SuiteError with what Helm said."""
    helm = shutil.which("helm")
    if helm is None:
        return {}
    name, chart, version = inputs["name"], inputs["chart"], inputs["version"]
    command = [helm, "template", name, chart, "--namespace", inputs["namespace"], "--skip-tests"]
    if repository := (inputs.get("repositoryOpts") or {}).get("repo"):
        command += ["--repo", repository]
    if not Path(chart).exists():
        command += ["--version", version]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as values:
        yaml.dump(_plain(inputs.get("values") or {}), values, Dumper=yaml.CSafeDumper)
        values.flush()
        try:
            done = subprocess.run(
                [*command, "--values", values.name],
                capture_output=True,
                text=True,
                check=False,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise SuiteError(f"helm template {name} was not done after {SECONDS} s") from None
    if done.returncode:
        said = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise SuiteError(f"helm template {name} failed: {said}")
    found = [one for one in yaml.load_all(done.stdout, Loader) if isinstance(one, dict)]
    return {_called(one): yaml.dump(_masked(one), Dumper=yaml.CSafeDumper) for one in found}


def _called(one: dict[str, Any]) -> str:
    metadata = one.get("metadata") or {}
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{one.get('kind')} {place}{metadata.get('name')}"


def _masked(one: dict[str, Any]) -> dict[str, Any]:
    if one.get("kind") != "Secret":
        return one
    return {
        key: dict.fromkeys(item, MASK) if key in _TEXTS and isinstance(item, dict) else item
        for key, item in one.items()
    }


def _plain(value: Any) -> Any:
    """Inputs of the engine as data: it adds keys of its own."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if not key.startswith("__")}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


class Loader(yaml.CSafeLoader):
    """Takes `=`, which some definitions have among their operators, as a text."""


Loader.add_constructor("tag:yaml.org,2002:value", yaml.CSafeLoader.construct_yaml_str)  # type: ignore[type-var]
