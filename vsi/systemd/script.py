"""The script that systemd starts, which becomes the process.

The command stands in a script, since in a unit file `%`, `$`, `\\` and quotes have meanings of their own. It
runs in the folder of the unit's configuration, and first puts beside it what configuration calls `../data`
and `../credentials`.
"""

import shlex

from vsi.paths import Tokens
from vsi.systemd import rotation
from vsi.systemd.hardening import KEEPS_OWN_CONF
from vsi.systemd.places import is_service, kept, log_file
from vsi.unit import HostUnit

OWN_CONF = "own-conf"
"""The copy of its configuration into which a program may write."""
_DEFAULTS = {
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
}


def conf_folder(name: str) -> str:
    """What the folder of a program's configuration is called, where its process finds it."""
    return OWN_CONF if name in KEEPS_OWN_CONF else "conf"


def run_script(unit: HostUnit, stack: str, tokens: Tokens) -> str:
    """The script; tokens are those of the view that the process has."""
    lines = ["#!/bin/sh", f"# {unit.name}: started by systemd; written by every apply.", "set -e"]
    lines.append(f"ln -s {shlex.quote(kept(stack, unit.name))} ../data")
    if unit.secrets or unit.certificate_files:
        lines.append('ln -s "$CREDENTIALS_DIRECTORY" ../credentials')
    if unit.name in KEEPS_OWN_CONF:
        lines += [f"cp -RP . ../{OWN_CONF}", f"cd ../{OWN_CONF}"]
    lines += [
        f"export {name}={shlex.quote(value)}" for name, value in _environment(unit, stack, tokens).items()
    ]
    command = "exec " + shlex.join(tokens.command(unit.process.command))
    if is_service(unit):
        process = unit.process
        lines.append(rotation.before(log_file(stack, unit.name), process.log_max_bytes, process.log_backups))
        command += rotation.INTO
    return "\n".join([*lines, command]) + "\n"


def _environment(unit: HostUnit, stack: str, tokens: Tokens) -> dict[str, str]:
    """Nothing of it is secret: root's programs on the host can read it, and so can the unit's own."""
    code = {"PYTHONPATH": tokens.places.code} if tokens.places.code else {}
    own = {name: tokens.fill(value) for name, value in unit.process.environment}
    return _DEFAULTS | {"HOME": kept(stack, unit.name)} | code | own
