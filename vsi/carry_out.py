"""One unit put on its host, or taken away, by a process of its own: pyinfra keeps process-wide state."""

import json
import os
import subprocess
import sys
from typing import Any

from components.errors import SuiteError
from vsi.paths import REPO
from vsi.records import Request

_INHERITED = frozenset(
    (
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "TMPDIR",
        "TZ",
        "JAVA_HOME",
        "XDG_CACHE_HOME",
        "SSH_AUTH_SOCK",
    )
)


class ApplyFailed(SuiteError):
    """What a user reads when a unit could not be put on its host."""


def carry_out(action: str, request: Request) -> Any:
    """One `vsi.apply` that ends with us; returns its result. Raises ApplyFailed with its one message."""
    kept = {key: value for key, value in os.environ.items() if key in _INHERITED or key[:4] == "OBS_"}
    if "OBS_STATE_DIR" in kept:
        kept["OBS_STATE_DIR"] = os.path.abspath(kept["OBS_STATE_DIR"])
    done = subprocess.run(
        ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", "vsi.apply", action],
        input=request.model_dump_json().encode(),
        capture_output=True,
        env=kept,
        cwd=REPO,
        start_new_session=True,  # Ctrl-C in a terminal is for what runs us
        check=False,
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        steps = done.stderr.decode(errors="replace").splitlines()[-1:]
        raise ApplyFailed(
            f"{request.unit.name}: vsi.apply ended with {done.returncode} at {steps or 'its start'}; "
            "run `obs up` again"
        ) from None
    if not answer["ok"]:
        raise ApplyFailed(f"{answer['unit']}: {answer['error']}") from None
    return answer["result"]
