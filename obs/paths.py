"""Where things are: the repository and what `obs` itself writes."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The project: Pulumi.yaml, the program, the stack files."""
PLUGINS = ROOT / "plugins"


def state_folder() -> Path:
    """The base of all state: OBS_STATE_DIR, else `.state` in the checkout. The engine's lies in it too."""
    return Path(os.environ.get("OBS_STATE_DIR") or ROOT / ".state").absolute()
