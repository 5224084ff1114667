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


def test_an_extraction_without_groups() -> None:
    with pytest.raises(ValidationError, match="expected named groups"):
        Input(name="app", path="/var/log/app.log", format="regex", pattern="(.*)")


@pytest.mark.parametrize("matcher", ['code=~"5(.."', 'code!~"(?!4)"'])
def test_a_matcher_that_prometheus_would_refuse(matcher: str) -> None:
    with pytest.raises(ValidationError, match="RE2 syntax"):
        MetricsIndicator(errors=matcher)
    assert MetricsIndicator(errors='code="5(.."').errors == 'code="5(.."'
