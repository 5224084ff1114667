"""Regular expressions: what an engine would refuse is refused with the stack file."""

import pytest
from pydantic import ValidationError

from components.spec.logging import Input, Redaction
from components.spec.services import MetricsIndicator


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        (r"a\Z", "invalid escape sequence"),
        (r"(?=x)a", "invalid perl operator"),
        (r"(a)\1", "invalid escape sequence"),
        (r"a++", "bad repetition"),
        (r"(a", r"missing \)"),
        (r"a{1001}", "invalid repetition size"),
        (r"(?P<x>a)(?P<x>b)", "name stands once: x"),
        (r"\d*", "empty text"),
        (r"", "expected a regular expression"),
    ],
)
def test_a_redaction_that_the_collector_would_refuse(pattern: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Redaction(name="card", pattern=pattern)


@pytest.mark.parametrize(
    "pattern", [r"\b\d{16}\b", r"[[:alpha:]]+\z", r"(?i)token=\pL+", r"\(\?P<x>\(\?P<x>"]
)
def test_a_redaction_in_re2_syntax(pattern: str) -> None:
    assert Redaction(name="card", pattern=pattern).pattern == pattern


@pytest.mark.parametrize("pattern", ["token=[a-z]+", r"(?P<a1>[a-z]{16})", "secret", r"[\x41-Z]+"])
def test_a_check_digit_of_what_has_no_digits(pattern: str) -> None:
    with pytest.raises(ValidationError, match="can match digits"):
        Redaction(name="token", pattern=pattern, check="luhn")


@pytest.mark.parametrize(
    "pattern",
    [r"\d+", "[0-9]{4}", "M.{10}", r"\w+", "[^x]+", "[[:alnum:]]+", "[!-~]+", r"\pN+", "x1", r"\S+"],
)
def test_a_check_digit_of_what_may_have_digits(pattern: str) -> None:
    assert Redaction(name="member", pattern=pattern, check="luhn").check == "luhn"


def test_only_cards_are_found_without_a_pattern() -> None:
    assert Redaction(name="card", check="card").pattern is None
    for check in (None, "luhn"):
        with pytest.raises(ValidationError, match="`check: card`, which needs none"):
            Redaction(name="card", check=check)


def test_an_extraction_without_groups() -> None:
    with pytest.raises(ValidationError, match="expected named groups"):
        Input(name="app", path="/var/log/app.log", format="regex", pattern="(.*)")


@pytest.mark.parametrize("matcher", ['code=~"5(.."', 'code!~"(?!4)"'])
def test_a_matcher_that_prometheus_would_refuse(matcher: str) -> None:
    with pytest.raises(ValidationError, match="RE2 syntax"):
        MetricsIndicator(errors=matcher)
    assert MetricsIndicator(errors='code="5(.."').errors == 'code="5(.."'
