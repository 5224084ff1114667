"""The table of loggers in the how-to is that of the lines which the collector's tests read."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_each_logger_has_its_row() -> None:
    loggers = json.loads((ROOT / "tools/otelcol/logrecord/testdata/loggers.json").read_text())
    page = (ROOT / "docs/how-to/log-formats.md").read_text()
    missing = [
        item["name"]
        for item in loggers
        if not any(
            f": {item['name']} | {item['format']} |" in row and row.endswith(f"| {item['level']} |")
            for row in page.splitlines()
        )
    ]
    assert not missing
    assert {"Python", "Java", "Node", "Go", "dotnet"} <= {item["language"] for item in loggers}
