"""What `obs up` brought up last, as it was described: what a preview compares with by itself.

Kept in the state folder, beside the state of the engine. It holds what a rendered stack holds: no secrets.
"""

import contextlib
from pathlib import Path

from pydantic import ValidationError

from components.plan import Plan
from components.review.described import FORMAT, Described
from components.spec import Spec
from obs.paths import put, state_folder


def _file(stack: str) -> Path:
    return state_folder() / ".described" / f"{stack}.json"


def remember(spec: Spec, plan: Plan) -> None:
    """Keep what was just brought up. Where that cannot be written, none is known."""
    from obs.previews.describing import as_data

    file = _file(plan.stack)
    with contextlib.suppress(OSError, ValidationError):
        put(file, Described.model_validate(as_data(spec, plan)).model_dump_json())


def forget(stack: str) -> None:
    """Before a change, which may end halfway, and after a destroy."""
    with contextlib.suppress(OSError):
        _file(stack).unlink()


def remembered(stack: str) -> Described | None:
    """The last one that was brought up; None if there is none, or if it is from another version of `obs`."""
    try:
        found = Described.model_validate_json(_file(stack).read_bytes())
    except (OSError, ValidationError):
        return None
    return found if found.format == FORMAT else None
