"""What is against a policy as SARIF 2.1.0, which code hosts show at its line."""

import re
from collections.abc import Iterator
from typing import Any

from components.review.policy.judged import CHECKS
from obs.crash import mask
from obs.previews.policy import Placed
from obs.previews.report import Report

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_REFUSED = "stack-file-refused"
_PLACE = re.compile(r"^(?P<file>[^\s:]+\.ya?ml)(?::(?P<line>\d+))?: (?P<text>.*)$", re.DOTALL)


def sarif(report: Report) -> dict[str, Any]:
    """One run. What is waived is there too, suppressed with its reason, so that a host can show either."""
    rules = [_rule(check.name, check.title, check.reason) for check in CHECKS]
    reason = "What is refused can be neither previewed nor deployed."
    rules.append(_rule(_REFUSED, "Stack files can be used", reason))
    driver = {"name": "obs preview", "rules": rules}
    results = [result for stack in report.stacks for result in _results(stack.policy, stack.problems)]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _rule(name: str, title: str, reason: str) -> dict[str, Any]:
    return {"id": name, "shortDescription": {"text": title}, "fullDescription": {"text": reason}}


def _results(policy: tuple[Placed, ...], problems: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for placed in policy:
        finding = placed.judged.finding
        file, _, line = placed.place.rpartition(":")
        text = f"{finding.where}: {finding.message}"
        if placed.judged.expires and not placed.judged.waived:
            text += f" (its waiver is over since {placed.judged.expires})"
        result = _result(finding.check, finding.level, text, file, line)
        if placed.judged.waived:
            result["suppressions"] = [{"kind": "inSource", "justification": mask(placed.judged.waived)}]
        yield result
    for problem in problems:
        found = _PLACE.match(problem)
        if found:
            yield _result(_REFUSED, "error", found["text"], found["file"], found["line"] or "1")


def _result(rule: str, level: str, text: str, file: str, line: str) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": file}, "region": {"startLine": int(line)}}
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": mask(text)},
        "locations": [{"physicalLocation": place}],
    }
