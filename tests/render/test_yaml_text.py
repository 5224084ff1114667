"""Texts stay texts in the YAML that engines written in Go read."""

import pytest

from components.render.yaml_text import dump


@pytest.mark.parametrize(
    "text",
    ["1e3", "0o17", "0O17", "0x1F", "0b1", "1_000", "0_8", ".5", "1.", "12", "-3", "yes", "null", "1:30"],
)
def test_what_looks_like_a_number_is_quoted(text: str) -> None:
    assert dump([text]) == f"- '{text}'\n"


@pytest.mark.parametrize("text", ["5m", "127.0.0.1:9090", "1.0.0", "a1", "10ms", "e3"])
def test_what_does_not_is_plain(text: str) -> None:
    assert dump([text]) == f"- {text}\n"


def test_numbers_are_numbers() -> None:
    assert dump([1, 1.5, -2, 1e20, True, None]) == "- 1\n- 1.5\n- -2\n- 1.0e+20\n- true\n- null\n"
