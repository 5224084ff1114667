"""Documents as text: in their order, and with texts that stay texts for engines written in Go."""

import pytest

from components.render.document import Document, ordered
from components.render.text import text, texts


def dump(value: object) -> str:
    return text(Document(value, "yaml"))


@pytest.mark.parametrize(
    "value",
    ["1e3", "0o17", "0O17", "0x1F", "0b1", "1_000", "0_8", ".5", "1.", "12", "-3", "yes", "null", "1:30"],
)
def test_what_looks_like_a_number_is_quoted(value: str) -> None:
    assert dump([value]) == f"- '{value}'\n"


@pytest.mark.parametrize("value", ["5m", "127.0.0.1:9090", "1.0.0", "a1", "10ms", "e3"])
def test_what_does_not_is_plain(value: str) -> None:
    assert dump([value]) == f"- {value}\n"


def test_numbers_are_numbers() -> None:
    assert dump([1, 1.5, -2, 1e20, True, None]) == "- 1\n- 1.5\n- -2\n- 1.0e+20\n- true\n- null\n"


def test_json_keeps_the_order_and_every_letter() -> None:
    assert text(Document({"b": "é", "a": [1]}, "json")) == '{\n  "b": "é",\n  "a": [\n    1\n  ]\n}\n'


def test_what_is_no_data_is_written_as_it_is() -> None:
    assert text(Document("a b\n# c\n", "text")) == "a b\n# c\n"


def test_files_come_in_the_order_of_their_paths() -> None:
    documents = {"b": Document([], "json"), "a": Document([], "yaml")}
    assert list(texts(documents).items()) == [("a", "[]\n"), ("b", "[]\n")]


def test_ordered_sorts_the_keys_of_every_mapping_and_no_list() -> None:
    assert list(ordered({"b": 1, "a": [{"d": 2, "c": 3}, 1]}).items()) == [
        ("a", [{"c": 3, "d": 2}, 1]),
        ("b", 1),
    ]
    assert list(ordered([{"d": 2, "c": 3}])[0]) == ["c", "d"]
