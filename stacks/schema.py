"""The JSON Schema of a stack file, for editors. Regenerate with `make generate`; the tests compare it.

In an editor: `# yaml-language-server: $schema=schema.json` on top of a stack file.
"""

import json
from pathlib import Path
from typing import Any

from components.spec import Spec
from stacks.loader import KEY, PULUMI_KEYS
from stacks.servers import ABOUT, PATTERN
from stacks.servers import FILE as SERVERS_FILE

FILE = Path(__file__).parent / "schema.json"


def schema() -> dict[str, Any]:
    """The schema of `stacks/Pulumi.<stack>.yaml` as a mapping.

    Keys that the base file, or a file with servers, may bring are not required here: the loader says what is
    missing after merging.
    """
    model = Spec.model_json_schema()
    definitions = model.pop("$defs")
    model.pop("required", None)
    for name in ("Alerting", "Environment", "Host"):
        definitions[name].pop("required", None)
    definitions["Servers"]["properties"][SERVERS_FILE] = {
        "type": "string",
        "pattern": PATTERN,
        "description": ABOUT,
    }
    definitions["Spec"] = model
    other: dict[str, Any] = {key: {} for key in PULUMI_KEYS if key != "config"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack file",
        "description": "One environment: Pulumi's own keys, and ours under `config`.",
        "type": "object",
        "properties": {
            "config": {"type": "object", "properties": {KEY: {"$ref": "#/$defs/Spec"}}, "required": [KEY]},
            **other,
        },
        "required": ["config"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def text() -> str:
    """The schema as it is committed."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
