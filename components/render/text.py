"""The edge: documents as text, as people write it. Keys stand in the order given; in YAML, texts of several
lines are blocks, and there are no anchors. Equal documents give equal bytes, each ending in a newline.

Targets call this; renderers never do.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from components.render.document import Document


class _Dumper(yaml.CSafeDumper):
    """libyaml's, which the PyYAML wheels carry: five times as fast as the one in Python; rendering is most
    of what a preview costs."""

    def represent_data(self, data: Any) -> yaml.Node:
        """A node. Nearly all is text, mappings and lists, which have no need of the parent's way to find out
        what a value is, and whether it came before."""
        kind = type(data)
        if kind is str:
            return yaml.ScalarNode("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)
        if kind is dict:
            node = self.represent_data
            items = [(node(key), node(value)) for key, value in data.items()]
            return yaml.MappingNode("tag:yaml.org,2002:map", items, flow_style=False)
        if kind is list or kind is tuple:
            return yaml.SequenceNode(
                "tag:yaml.org,2002:seq", list(map(self.represent_data, data)), flow_style=False
            )
        self.alias_key = None
        return super().represent_data(data)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the parent's signature
        return True

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """What a scalar is does not depend on where it stands."""

    def ascend_resolver(self) -> None:
        """See above."""


# What the engines' Go library would take for a number and PyYAML would not (1e3, 0o17, 1_000) is quoted.
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(0[xXoObB][0-9a-fA-F_]+|\.?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9_]+)?)$"),
    list("-+.0123456789"),
)


def text(document: Document) -> str:
    """The document as its engine reads it."""
    if document.format == "yaml":
        return _yaml(document.data)
    if document.format == "json":
        return json.dumps(document.data, indent=2, ensure_ascii=False) + "\n"
    written: str = document.data
    return written


def texts(documents: Mapping[str, Document]) -> dict[str, str]:
    """Path -> text, sorted by path."""
    return {path: text(documents[path]) for path in sorted(documents)}


def _yaml(value: Any) -> str:
    written: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=110
    )
    return written
