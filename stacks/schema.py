"""The JSON Schema of a stack file, for editors. Regenerate with `make generate`; the tests compare it.

In an editor: `# yaml-language-server: $schema=schema.json` on top of a stack file.
"""

import ast
import inspect
import json
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import Any

from components.spec import Spec
from components.spec.base import Model
from stacks.loader import KEY, PULUMI_KEYS
from stacks.servers import ABOUT, PATTERN
from stacks.servers import FILE as SERVERS_FILE

FILE = Path(__file__).parent / "schema.json"


def _models(base: type[Model]) -> dict[str, type[Model]]:
    """All models of the spec, by name."""
    return {
        name: model
        for one in base.__subclasses__()
        for name, model in ({one.__name__: one} | _models(one)).items()
    }


def _docstrings(model: type[Model]) -> dict[str, str]:
    """What stands below each field of a model, those of its bases first. Only the schema needs it, and
    reading sources takes a fifth of the import of the models, so `use_attribute_docstrings` is off."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__[: model.__mro__.index(Model)]):
        (code,) = ast.parse(textwrap.dedent(inspect.getsource(one))).body
        for field, text in pairwise(code.body if isinstance(code, ast.ClassDef) else ()):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                    found[name] = inspect.cleandoc(said)
    return found


def _describe(name: str, definition: dict[str, Any]) -> None:
    """Put docstrings into a model's definition."""
    model = _models(Model).get(name)
    for field, text in _docstrings(model).items() if model else ():
        definition["properties"][field].setdefault("description", text)


def schema() -> dict[str, Any]:
    """The schema of `stacks/Pulumi.<stack>.yaml` as a mapping.

    Keys that the base file, or a file with servers, may bring are not required here: the loader says what is
    missing after merging.
    """
    model = Spec.model_json_schema()
    definitions = model.pop("$defs")
    _describe(Spec.__name__, model)
    for name, definition in definitions.items():
        _describe(name, definition)
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
