"""What renderers make is plain data, which a target may put wherever it wants; text of it says the same."""

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import components.render
from components.render import collector, services
from components.render.document import Document
from components.render.programs import RENDERERS
from components.render.text import text
from tests import specs
from tests.sites import apart
from vsi.site import local_site

SPEC = specs.spec(logging={"inputs": [{"name": "system", "journal": "cron.service"}]})
AT = apart(SPEC)
RENDERED = {
    **{name: renderer.render(SPEC, AT) for name, renderer in RENDERERS.items()},
    "collector-of-both": collector.render(SPEC, local_site(SPEC)),
    **{service.name: services.render(SPEC, AT, service) for service in SPEC.services if service.run},
}
DOCUMENTS = {f"{name}/{path}": document for name, made in RENDERED.items() for path, document in made.items()}
READ: dict[str, Callable[[str], Any]] = {"yaml": yaml.safe_load, "json": json.loads, "text": str}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_text_of_a_document_says_what_its_data_says(name: str) -> None:
    """So the data holds mappings with names, lists and scalars, and nothing else: a tuple would come back as
    a list, an own type not at all."""
    document = DOCUMENTS[name]
    assert READ[document.format](text(document)) == document.data


def test_data_that_text_cannot_say_is_seen() -> None:
    assert yaml.safe_load(text(Document({"a": (1, 2)}, "yaml"))) != {"a": (1, 2)}


def test_what_is_data_is_given_as_data() -> None:
    """Text is for forms of an engine's own."""
    of_text = {name for name, document in DOCUMENTS.items() if document.format == "text"}
    assert of_text == {
        "alertmanager/templates/obs.tmpl",
        "opensearch/jvm.options",
        "opensearch/log4j2.properties",
        "redis/redis.conf",
    }


def test_no_renderer_makes_text_of_data() -> None:
    folder = Path(components.render.__path__[0])
    makers = {
        file.name
        for file in folder.parent.rglob("*.py")
        for name in _imports(file)
        if name == "yaml" or name.startswith("components.render.text")
    }
    assert makers == {
        "text.py",
        "alertmanager_sns.py",  # whose document holds another, as text
        "alerts.py",  # which reads rules back
        "written.py",  # which reads what was written
    }


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield str(node.module)
