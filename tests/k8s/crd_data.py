"""Schemas of the Prometheus Operator's objects, as JSON Schema: made of its definitions, without prose.

`python -m tests.k8s.crd_data FOLDER` reads `<plural>.yaml` of each kind from a folder and writes `crds/`.
What a schema does not name is refused, as an API server prunes it without a word.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from k8s.manifests import Loader

DATA = Path(__file__).parent / "crds"
KINDS = {
    "AlertmanagerConfig": "alertmanagerconfigs",
    "PodMonitor": "podmonitors",
    "Probe": "probes",
    "PrometheusRule": "prometheusrules",
    "ScrapeConfig": "scrapeconfigs",
    "ServiceMonitor": "servicemonitors",
}
_KEPT = (
    "additionalProperties", "allOf", "anyOf", "enum", "format", "items", "maxItems", "maxLength", "maximum",
    "minItems", "minLength", "minimum", "oneOf", "pattern", "required", "type",
)  # fmt: skip


def schema(definition: Any) -> Any:
    """A schema of the definitions as JSON Schema has it."""
    if definition.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    found = {key: definition[key] for key in _KEPT if key in definition}
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = schema(found[key])
    for key in ("allOf", "anyOf", "oneOf"):
        if key in found:
            found[key] = [schema({**item, "open": True}) for item in found[key]]
    if "properties" in definition:
        found["properties"] = {name: schema(item) for name, item in definition["properties"].items()}
        found |= {} if "open" in definition else {"additionalProperties": False}
    return found


def main(folder: Path) -> None:
    """Write each kind's schema."""
    DATA.mkdir(exist_ok=True)
    for kind, plural in KINDS.items():
        definition = yaml.load((folder / f"{plural}.yaml").read_text(), Loader=Loader)  # noqa: S506 - ours
        (version,) = [item for item in definition["spec"]["versions"] if item["storage"]]
        spec = schema(version["schema"]["openAPIV3Schema"]["properties"]["spec"])
        text = json.dumps({"version": version["name"], "spec": spec}, sort_keys=True, separators=(",", ":"))
        (DATA / f"{kind}.json").write_text(text + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
