"""What `--sarif` writes is SARIF 2.1.0: judged by what the OASIS standard requires of the properties that it
uses, with every other property refused, so that one that is misspelled fails here and not at a code host.

Sections in comments are of the standard."""

import json
import re
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from components.review.policy.finding import Finding
from components.review.policy.judged import CHECKS, Judged
from obs.previews.policy import Placed
from obs.previews.report import Previewed, Report
from obs.previews.sarif import sarif


def _relative(uri: str) -> str:
    """A URI reference (3.4.3, RFC 3986) that is relative and stays below the repository."""
    parts = urlsplit(uri)
    if not re.fullmatch(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})+", uri):
        raise ValueError("characters that a URI has to spell as %XX")
    if parts.scheme or parts.netloc or uri.startswith("/") or ".." in uri.split("/"):
        raise ValueError("not below the repository")
    return uri


class _Object(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Text(_Object):  # 3.11
    text: Annotated[str, Field(min_length=1)]


class Region(_Object):  # 3.30: lines are counted from 1
    startLine: Annotated[int, Field(ge=1)]


class ArtifactLocation(_Object):  # 3.4
    uri: Annotated[str, AfterValidator(_relative)]


class PhysicalLocation(_Object):  # 3.29
    artifactLocation: ArtifactLocation
    region: Region


class Location(_Object):  # 3.28
    physicalLocation: PhysicalLocation


class Suppression(_Object):  # 3.35
    kind: Literal["inSource", "external"]
    justification: str


class Result(_Object):  # 3.27
    ruleId: str
    level: Literal["none", "note", "warning", "error"]
    message: Text
    locations: Annotated[list[Location], Field(max_length=1)]
    """GitHub shows the first alone."""
    suppressions: list[Suppression] = []


class Rule(_Object):  # 3.49
    id: Annotated[str, Field(min_length=1)]
    shortDescription: Text
    fullDescription: Text


class Driver(_Object):  # 3.19
    name: Annotated[str, Field(min_length=1)]
    rules: list[Rule]


class Tool(_Object):  # 3.18
    driver: Driver


class Run(_Object):  # 3.14
    tool: Tool
    results: list[Result]

    @model_validator(mode="after")
    def _rules(self) -> "Run":
        """Rules are unique (3.19.23), and each result has one (3.27.5)."""
        ids = [rule.id for rule in self.tool.driver.rules]
        if len(ids) != len(set(ids)):
            raise ValueError("a rule twice")
        if unknown := {result.ruleId for result in self.results} - set(ids):
            raise ValueError(f"no rule: {unknown}")
        return self


class Log(_Object):  # 3.13
    version: Literal["2.1.0"]
    runs: list[Run]
    schema_: Annotated[str, Field(alias="$schema", pattern=r"^https://.*sarif-2\.1\.0\.json$")]


def _judge(document: Any) -> Log:
    return Log.model_validate_json(json.dumps(document, allow_nan=False))


def _document() -> Any:
    """One of everything: each check, what is waived, a waiver that is over, a stack file that is refused."""
    found = [
        Finding(check.name, "where", "what", level="error" if number % 2 else "warning")
        for number, check in enumerate(CHECKS)
    ]
    judged = [
        *map(Judged, found),
        Judged(found[0], "why", str(date(2027, 1, 1))),
        Judged(found[0], "", "2026-01-01"),
    ]
    placed = tuple(Placed(one, "stacks/Pulumi.local.yaml:7") for one in judged)
    problems = (
        "stacks/Pulumi.local.yaml:9: a.b = 'x': expected 'y'",
        "stacks/Pulumi.local.yaml: it is not there",
    )
    return sarif(Report("", (Previewed("local", "local", policy=placed, problems=problems),)))


def test_everything_that_can_be_told_is_sarif() -> None:
    (run,) = _judge(_document()).runs

    assert len(run.results) == len(CHECKS) + 4
    assert {result.level for result in run.results} == {"warning", "error"}
    assert [bool(result.suppressions) for result in run.results].count(True) == 1


def test_a_report_without_findings_is_sarif() -> None:
    assert _judge(sarif(Report("", ()))).runs[0].results == []


def _set(path: tuple[str | int, ...], value: Any) -> Any:
    document = _document()
    place = document
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


_RESULT = ("runs", 0, "results", 0)
_PLACE = (*_RESULT, "locations", 0, "physicalLocation")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), "2.1"),
        (("version",), None),
        (("runs", 0, "tool"), None),
        (("runs", 0, "tool", "driver", "name"), None),
        ((*_RESULT, "level"), "info"),
        ((*_RESULT, "message"), "bare text"),
        ((*_RESULT, "ruleId"), "unknown"),
        ((*_RESULT, "location"), []),
        ((*_RESULT, "suppressions"), [{"kind": "waiver", "justification": ""}]),
        ((*_PLACE, "region", "startLine"), 0),
        ((*_PLACE, "region", "startLine"), "7"),
        ((*_PLACE, "artifactLocation", "uri"), "/absolute.yaml"),
        ((*_PLACE, "artifactLocation", "uri"), "../elsewhere.yaml"),
        ((*_PLACE, "artifactLocation", "uri"), "with space.yaml"),
    ],
)
def test_what_is_no_sarif_is_not_taken_for_it(path: tuple[str | int, ...], value: Any) -> None:
    with pytest.raises(ValidationError):
        _judge(_set(path, value))
