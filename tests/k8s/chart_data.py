"""What each published Helm chart reads, as data for tests: which keys there are, and of which kind.

`python -m tests.k8s.chart_data FOLDER [CHART ...]` makes `tests/k8s/charts/<chart>.json` anew of a folder
that has, for each chart, `<chart>/Chart.yaml`, `values.yaml` and, where the chart has one,
`values.schema.json`: those of the charts' own repositories
(https://github.com/prometheus-community/helm-charts, open-telemetry/ opentelemetry-helm-charts,
opensearch-project/helm-charts, jaegertracing/helm-charts, fluent/helm-charts,
grafana-community/helm-charts), at the version that the catalogue of charts names. `helm pull --untar`
brings them. Run it whenever a version there changes; tests compare the two.

A mapping stands for a mapping with these keys and no other, an empty one for any keys at all, a list for a
list, and a word for a scalar of that kind: `any` where the default is none, or the schema allows several.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).parent / "charts"
KINDS = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "any"}
_WORDS = {"boolean": "boolean", "integer": "number", "number": "number", "string": "string"}


def shape(value: Any) -> Any:
    """The kind of a default."""
    if isinstance(value, dict):
        return {str(key): shape(item) for key, item in value.items()}
    return [] if isinstance(value, list) else KINDS[type(value)]


def described(schema: Any, root: dict[str, Any]) -> Any:
    """The kind that a JSON Schema allows."""
    if not isinstance(schema, dict):
        return "any"
    if reference := schema.get("$ref"):
        found: Any = root
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return described(found, root)
    if schema.get("type") == "object":
        return {key: described(item, root) for key, item in schema.get("properties", {}).items()}
    if schema.get("type") == "array":
        return []
    return _WORDS.get(str(schema.get("type")), "any")


def merged(default: Any, schema: Any) -> Any:
    """What stands in the values, with what the schema knows beside. A mapping that is empty by default takes
    any keys, unless the schema lists them."""
    if isinstance(default, dict) and isinstance(schema, dict):
        keys = [*default, *(key for key in schema if key not in default)]
        return {
            key: merged(default[key], schema[key])
            if key in default and key in schema
            else default.get(key, schema.get(key))
            for key in keys
        }
    return schema if default == "any" else default


def data(folder: Path) -> dict[str, Any]:
    """What is written of a chart."""
    chart = yaml.safe_load((folder / "Chart.yaml").read_text(encoding="utf-8"))
    keys = shape(yaml.safe_load((folder / "values.yaml").read_text(encoding="utf-8")))
    schema = folder / "values.schema.json"
    if schema.is_file():
        root = json.loads(schema.read_text(encoding="utf-8"))
        keys = merged(keys, described({**root, "type": "object"}, root))
    return {"version": chart["version"], "app": str(chart["appVersion"]), "values": keys}


def main(source: Path, new: list[str]) -> None:
    """Write the data of each chart of the folder that tests have data of already, and of those named."""
    for folder in sorted(path.parent for path in source.glob("*/Chart.yaml")):
        path = DATA / f"{folder.name}.json"
        if path.exists() or folder.name in new:
            path.write_text(json.dumps(data(folder), separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
