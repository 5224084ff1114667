"""What the supervisor is told about one unit: a script that becomes the process, and a program file.

The command stands in a shell script rather than in the program file, because the supervisor's format has no
way to write `%`, ` ;`, ` #` or a line break safely, and because a script can be read and started by hand.
"""

import hashlib
import os
import re
import shlex
from pathlib import Path

from components.plan import Pillar
from vsi.guard import KEEPER_VARIABLE, UNIT_VARIABLE
from vsi.paths import StatePaths, Tokens
from vsi.unit import HostUnit

START_SECONDS = 1
START_RETRIES = 5


def digest(text: str) -> str:
    """SHA-256 of a text, as hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def clean_environment() -> dict[str, str]:
    """What a kept process or a check may inherit: nothing that could be a secret."""
    names = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "JAVA_HOME")
    return {"LANG": "C.UTF-8", "PATH": os.defpath} | {n: os.environ[n] for n in names if n in os.environ}


def unit_environment(unit: HostUnit, tokens: Tokens) -> dict[str, str]:
    """What the process, its checks and its setup command get. Programs of this project are found in the
    checkout, since the working directory is the conf folder."""
    defaults = {"PYTHONPATH": tokens.fill("{repo}"), "PYTHONUNBUFFERED": "1"}
    return defaults | {name: tokens.fill(value) for name, value in unit.process.environment}


def prefix(unit: HostUnit, euid: int | None = None) -> list[str]:
    """What stands before the command: end with the supervisor; another user for engines that refuse root.

    `setpriv` comes last, because the kernel forgets the signal when credentials change."""
    other_user: list[str] = []
    if unit.process.refuses_root and (os.geteuid() if euid is None else euid) == 0:
        other_user = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
    return [*other_user, "setpriv", "--pdeathsig", "KILL", "--"]


def run_script(unit: HostUnit, tokens: Tokens) -> str:
    """The script, run with the conf folder as working directory; it replaces itself by the command."""
    exports = [(KEEPER_VARIABLE, tokens.view.state), (UNIT_VARIABLE, unit.name)]
    exports += unit_environment(unit, tokens).items()
    lines = ["#!/bin/sh", f"# {unit.name}: started by the supervisor; written by every apply."]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in exports]
    lines.append("exec " + shlex.join(prefix(unit) + tokens.command(unit.process.command)))
    return "\n".join(lines) + "\n"


def program_file(unit: HostUnit, state: StatePaths, script: str) -> str:
    """The program file. Its first line is a digest of the rest: a torn or edited file is known by it."""
    paths = state.unit(unit.name)
    process = unit.process
    services = unit.pillar is Pillar.SERVICES
    settings: dict[str, object] = {
        "command": "/bin/sh ../run",
        "directory": _written(paths.conf, state),
        "environment": f'OBS_RUN_DIGEST="{digest(script)[:16]}"',
        "autostart": "false",
        "autorestart": "true",
        "startsecs": START_SECONDS,
        "startretries": START_RETRIES,
        "stopsignal": process.stop_signal,
        "stopwaitsecs": process.stop_seconds,
        "stopasgroup": "true",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": _written(paths.log / f"{unit.name}.log", state),
        "stdout_logfile_maxbytes": process.log_max_bytes,
        "stdout_logfile_backups": process.log_backups,
        "umask": "077",
    }
    if services:
        settings["priority"] = 1000
    lines = [f"[program:{unit.name}]"]
    lines += [f"{key} = {value}" for key, value in settings.items()]
    body = "\n".join(lines) + "\n"
    return f"; {digest(body)}\n{body}"


def _written(path: Path, state: StatePaths) -> str:
    """A path as the supervisor's format can hold it: from its working directory, if it cannot otherwise.

    It would take the others for quotes, comments, patterns or names to be filled in."""
    if re.search(r"\s[;#]|[\"'\\*?%\[\]]|^~|\s$", str(path)):
        return str(path.relative_to(state.root))
    return str(path)


def intact(text: str) -> bool:
    """Whether a program file is as it was written."""
    first, _, body = text.partition("\n")
    return first == f"; {digest(body)}"
