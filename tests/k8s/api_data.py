"""What the API server of each of the newest Kubernetes versions takes, as JSON Schema for tests.

`python -m tests.k8s.api_data SWAGGER ...` makes `tests/k8s/api/<version>.json` anew of the descriptions that
Kubernetes publishes: `api/openapi-spec/swagger.json` of its Go module `k8s.io/kubernetes`, copied to a
file named after the version. Only the kinds that a plan or a chart of its has objects of are kept, without
their words, and closed: a field that is not there is wrong, where the server would drop it without a word.
Run it when Kubernetes has a new version.
"""

import json
import sys
from pathlib import Path
from typing import Any

from k8s.parts import KINDS

OF_CHARTS = {
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
    "DaemonSet": "apps/v1",
    "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "StatefulSet": "apps/v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
}
"""Kinds that only charts make, and their versions."""
DATA = Path(__file__).parent / "api"
_REF = "#/definitions/"
_KEPT = ("type", "items", "enum", "required", "additionalProperties")


def closed(definition: dict[str, Any]) -> dict[str, Any]:
    """A definition without words, which takes no field that it does not have."""
    if reference := definition.get("$ref"):
        return {"$ref": reference}
    if definition.get("format") == "int-or-string":
        return {"type": ["integer", "string"]}
    found = {key: definition[key] for key in _KEPT if key in definition}
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = closed(found[key])
    if "properties" in definition:
        found["properties"] = {name: closed(item) for name, item in definition["properties"].items()}
        found["additionalProperties"] = False
    return found


def needed(definitions: dict[str, Any], name: str, found: dict[str, Any]) -> None:
    """A definition and all that it refers to."""
    if name in found:
        return
    found[name] = closed(definitions[name])
    for reference in _references(found[name]):
        needed(definitions, reference, found)


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"].removeprefix(_REF)] if "$ref" in value else []
        return own + [name for item in value.values() for name in _references(item)]
    return [name for item in value for name in _references(item)] if isinstance(value, list) else []


def data(swagger: dict[str, Any]) -> dict[str, Any]:
    """The definitions of these kinds, and which of them each is."""
    kinds, found = {}, dict[str, Any]()
    for name, definition in swagger["definitions"].items():
        for given in definition.get("x-kubernetes-group-version-kind", ()):
            version = "/".join(part for part in (given["group"], given["version"]) if part)
            if (KINDS | OF_CHARTS).get(given["kind"]) == version:
                kinds[given["kind"]] = name
                needed(swagger["definitions"], name, found)
    return {"kinds": dict(sorted(kinds.items())), "definitions": dict(sorted(found.items()))}


def main(files: list[Path]) -> None:
    """Write the data of each."""
    DATA.mkdir(exist_ok=True)
    for file in files:
        swagger = json.loads(file.read_text(encoding="utf-8"))
        version = file.stem if swagger["info"]["version"] == "unversioned" else swagger["info"]["version"]
        written = json.dumps(data(swagger), separators=(",", ":"))
        (DATA / f"{version}.json").write_text(written + "\n", encoding="utf-8")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
