"""Cohorts, places and templates for tests."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cohorts.model import Cohort
from cohorts.place import Place

NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
UNTIL = "2026-12-05T18:00:00+01:00"
ROOMY = Place(memory_mb=500_000, disk_mb=500_000, disk_at="/state")


def person(number: int, **more: Any) -> dict[str, Any]:
    return {"name": f"Person {number}", "email": f"p{number}@example.org", **more}


def cohort(*people: dict[str, Any], **more: Any) -> Cohort:
    """A valid cohort of these people, or of two."""
    given = {
        "name": "otel",
        "template": "local",
        "target": "local",
        "expires": UNTIL,
        "roster": people or (person(1), person(2)),
    }
    return Cohort.model_validate({**given, **more})


def cohort_file(folder: Path, text: str) -> Path:
    file = folder / "cohort.yaml"
    file.write_text(text, encoding="utf-8")
    return file
