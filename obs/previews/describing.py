"""Describes stacks with the code of the tree that comes first on Python's path.

Run as a program it does so for another commit: its own stack files under its own code, so that what the code
decides (a chart's version, an alert, a renderer's default) is compared too. Hence nothing of `obs` is
imported here, nor anything that an older commit may not have.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def described(stack: str, folder: Path | None = None) -> dict[str, Any]:
    """A stack as data, as `components.review.described.Described` takes it; of one that cannot be planned
    `{"problems": [...]}` with everything that is wrong, of a fault of the code `{"fault": "..."}`. `folder`
    has the stack files, where it is not the one of the code."""
    from components.errors import SuiteError

    try:
        return _described(stack, folder)
    except SuiteError as error:
        problems = getattr(error, "problems", None)
        return {"problems": [str(problem) for problem in problems] if problems else [str(error)]}
    except Exception as error:
        return {"fault": f"{type(error).__name__}: {error}"}


def _described(stack: str, folder: Path | None) -> dict[str, Any]:
    from stacks.loader import STACKS, load
    from targets import plan, refusals

    spec = load(stack, folder or STACKS, refusals)
    return as_data(spec, plan(spec, stack))


def as_data(spec: Any, planned: Any) -> dict[str, Any]:
    """A spec and its plan as data."""
    from components import catalog

    versions = {f"engine {name}": catalog.engine(name).version for name in planned.engines}
    parts = []
    for part in planned.parts:
        settings = _settings(planned, part)
        if isinstance(settings.get("engines"), list):  # the same one of another version is another one
            settings["engines"] = {name: catalog.engine(name).version for name in settings["engines"]}
        if "chart" in settings and "version" in settings:
            versions[f"chart {settings['chart']}"] = settings["version"]
        # A plan of an older commit has nothing but files.
        files = getattr(part, "readable", part.files)
        parts.append(
            {
                "id": part.id,
                "kind": type(part).__name__,
                "pillar": str(part.pillar),
                "files": dict(files),
                "settings": settings,
            }
        )
    return {
        "stack": planned.stack,
        "target": spec.environment.target,
        "spec": spec.model_dump(mode="json"),
        "parts": parts,
        "versions": versions,
    }


def _settings(planned: Any, part: Any) -> dict[str, Any]:
    if hasattr(planned, "settings_of"):
        return dict(planned.settings_of(part))
    return dict(part.model_dump(mode="json", exclude={"name", "place", "pillar", "files"}))


def described_all(stacks: Iterable[str]) -> dict[str, Any]:
    """Stack -> `described`."""
    return {stack: described(stack) for stack in stacks}


if __name__ == "__main__":
    from stacks.loader import names

    json.dump(described_all(names()), sys.stdout)
