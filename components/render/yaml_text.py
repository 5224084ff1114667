"""YAML as people write it: keys in the order given, texts of several lines as blocks, no anchors."""

import re
from typing import Any

import yaml


class _Dumper(yaml.CSafeDumper):
    """libyaml's, which the PyYAML wheels carry: five times as fast as the one in Python; rendering is most
    of what a preview costs."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the parent's signature
        return True


def _text(dumper: yaml.CSafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
# What the engines' Go library would take for a number and PyYAML would not (1e3, 0o17, 1_000) is quoted.
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(0[xXoObB][0-9a-fA-F_]+|\.?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9_]+)?)$"),
    list("-+.0123456789"),
)


def dump(value: Any) -> str:
    """`value` (mappings, lists, scalars) as YAML text ending in a newline; equal values give equal bytes."""
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=110
    )
