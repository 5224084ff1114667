"""What `obs verify` found: rows for people as a table, and for CI as JSON with a version."""

import json
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rich import box
from rich.table import Table

from obs.console import literal

SCHEMA_VERSION = 1
"""Version of the JSON form; raised when a key changes its meaning or goes, not when one is added."""


class Result(StrEnum):
    """What came of one check."""

    PASSED = "passed"
    NOT_APPLIED = "not applied"
    FAILED = "failed"


_STYLES = {Result.PASSED: "green", Result.NOT_APPLIED: "yellow", Result.FAILED: "bold red"}


@dataclass(frozen=True)
class Row:
    """One check: `text` is the evidence, the reason why it does not apply, or what is wrong."""

    name: str
    pillar: str
    result: Result
    text: str
    seconds: float


@dataclass(frozen=True)
class Report:
    """All rows of one run, in the order of the checks. `seconds` is the whole run."""

    stack: str
    rows: tuple[Row, ...]
    seconds: float

    @property
    def exit_code(self) -> int:
        """0 if nothing failed, else 1. What does not apply fails nothing, and says why."""
        return 1 if any(row.result is Result.FAILED for row in self.rows) else 0

    @property
    def counts(self) -> dict[str, int]:
        """Rows per result, every result named."""
        found = Counter(row.result for row in self.rows)
        return {str(result): found[result] for result in Result}

    @property
    def summary(self) -> str:
        """One line: `18 passed, 1 not applied, 0 failed in 132 s`."""
        parts = ", ".join(f"{count} {result}" for result, count in self.counts.items())
        return f"{parts} in {self.seconds:.0f} s"

    def as_dict(self) -> dict[str, Any]:
        """The JSON form as plain data; see `SCHEMA_VERSION`."""
        return {
            "version": SCHEMA_VERSION,
            "stack": self.stack,
            "exit_code": self.exit_code,
            "seconds": round(self.seconds, 1),
            "counts": self.counts,
            "rows": [
                {
                    "name": row.name,
                    "pillar": row.pillar,
                    "result": str(row.result),
                    "text": row.text,
                    "seconds": round(row.seconds, 1),
                }
                for row in self.rows
            ],
        }

    def to_json(self) -> str:
        """The JSON form as text, with a final newline."""
        return json.dumps(self.as_dict(), indent=2) + "\n"

    def table(self) -> Table:
        """The rows for people."""
        table = Table(box=box.SIMPLE_HEAD)
        for heading in ("check", "result"):
            table.add_column(heading, no_wrap=True)
        table.add_column("s", justify="right", no_wrap=True)
        table.add_column("evidence or reason", overflow="fold")
        for row in self.rows:
            result = literal(str(row.result), _STYLES[row.result])
            table.add_row(row.name, result, f"{row.seconds:.0f}", row.text)
        return table


__all__ = ["SCHEMA_VERSION", "Report", "Result", "Row"]
