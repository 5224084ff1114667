"""Cases of the collector's own tests, which stand in Go: Fluent Bit's script is judged by the same lines."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "tools" / "otelcol"
_LITERAL = r'"(?:[^"\\]|\\.)*"|`[^`]*`'
_WORD = re.compile(rf"{_LITERAL}|\b(\w+)\b")


def table(file: str, name: str) -> Iterator[tuple[str, ...]]:
    """The rows of `var name = []struct{...}{ {...}, }` whose columns are texts, joined by `+` or named by a
    constant of the file."""
    text = (FOLDER / file).read_text(encoding="utf-8")
    everywhere = "".join(
        path.read_text(encoding="utf-8") for path in (FOLDER / file).parent.glob("*_test.go")
    )
    constants: dict[str, str] = dict(re.findall(rf"^\s*(\w+)\s*= ({_LITERAL})$", everywhere, re.MULTILINE))
    body = text.split(f"var {name} = []struct", 1)[1].split("\n}\n", 1)[0]
    for row in re.findall(r"^\t\{(.*)\},$", body, re.MULTILINE):
        columns = re.split(rf",\s*(?=(?:[^\"`]|{_LITERAL})*$)", row)
        if all(_is_text(column, constants) for column in columns):
            yield tuple(_text(column, constants) for column in columns)


def _is_text(column: str, constants: dict[str, str]) -> bool:
    return all(word.group(1) is None or word.group(1) in constants for word in _WORD.finditer(column))


def _text(column: str, constants: dict[str, str]) -> str:
    found = ""
    for word in _WORD.finditer(column):
        literal = constants[word.group(1)] if word.group(1) else word.group(0)
        found += literal[1:-1] if literal.startswith("`") else json.loads(_json(literal))
    return found


def _json(literal: str) -> str:
    """A Go string as JSON spells it."""
    return re.sub(r"\\x([0-9a-f]{2})", r"\\u00\1", literal)


def texts(file: str, test: str) -> list[str]:
    """The texts in the first list of a test; the constant `card` among them is what it says."""
    body = (FOLDER / file).read_text(encoding="utf-8").split(f"func {test}(", 1)[1]
    listed = body.split("[]string{", 1)[1].split("\n\t} {", 1)[0]
    items = re.findall(rf"(?:(?:{_LITERAL}|card)(?:\s*\+\s*)?)+", listed)
    return [_text(item, {"card": '"4111111111111111"'}) for item in items]
