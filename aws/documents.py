"""Documents of AWS as text."""

import json
from typing import Any


def canonical(document: Any) -> str:
    """JSON that is the same for the same: keys sorted, no blanks."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
