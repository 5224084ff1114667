"""What renderers make: native documents, as data.

A document is what an engine reads, before it is text. A host gets it as a file; a chart takes the same data
as a value, a custom resource as its `spec`, a cloud's interface as a field. So text is made at the edge alone
(`components.render.text`), and nothing is parsed back.
"""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Document:
    """Data and the form in which its engine reads it: for `yaml` and `json` mappings, lists and scalars with
    keys in the order in which they are written; for `text`, a form of the engine's own, the text itself."""

    data: Any
    format: Literal["yaml", "json", "text"]


Documents = dict[str, Document]
"""Path, relative to the folder in which the engine reads it -> document."""


def ordered(value: Any) -> Any:
    """The same with the keys of all mappings sorted: a further key moves no other."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    return [ordered(item) for item in value] if isinstance(value, (list, tuple)) else value
