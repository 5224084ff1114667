"""What systemd calls a unit of a stack, and the folders as the process of a unit finds them.

A process enters no folder of the state folder, which is root's alone. It is shown its own configuration
in a folder of its own, `/run/obs/<stack>/<unit>`: in memory, seen by no other process, gone when it ends.
"""

import re

from components.inventory import BY_NAME
from components.plan import Pillar
from vsi.paths import StatePaths, View
from vsi.unit import HostUnit

UNITS = "/etc/systemd/system"
"""Where the unit files of a host's owner are."""
ENABLED = f"{UNITS}/multi-user.target.wants"
"""A link in here has systemd start a unit at boot."""
_SHOWN = re.compile(r"/run/obs/([^/]+)/([^/]+)/conf")


def service(stack: str, unit: str) -> str:
    """What systemd calls a unit; `*` for all of a stack, and perhaps those of a stack of a longer name."""
    return f"obs-{stack}-{unit}.service"


def unit_path(stack: str, unit: str) -> str:
    """Its unit file."""
    return f"{UNITS}/{service(stack, unit)}"


def shown(stack: str, unit: str) -> str:
    """The folder that a process is shown."""
    return f"/run/obs/{stack}/{unit}"


def shown_to(folder: str) -> tuple[str, str] | None:
    """Stack and unit by the working directory of a process: names of units alone can be read in two ways."""
    match = _SHOWN.fullmatch(folder)
    return (match[1], match[2]) if match else None


def kept(stack: str, unit: str) -> str:
    """What a unit keeps: for itself, and for root on the host, under the same path."""
    return f"/var/lib/private/obs/{stack}/data/{unit}"


def logs(stack: str, unit: str) -> str:
    """Where a unit may write logs of its own."""
    return f"/var/log/obs/{stack}/{unit}"


def log_file(stack: str, unit: str) -> str:
    """What a service writes to, for the log agent."""
    return f"{logs(stack, unit)}/{unit}.log"


def is_service(unit: HostUnit) -> bool:
    """Whether it is a service that the stack observes, rather than a program of the stack."""
    return unit.pillar is Pillar.SERVICES and unit.name not in BY_NAME


def view(stack: str, unit: str, state: StatePaths, conf: str = "conf") -> View:
    """The folders as the process of a unit finds them."""
    own = shown(stack, unit)
    return View(
        conf=f"{own}/{conf}",
        data=kept(stack, unit),
        log=logs(stack, unit),
        cache="/tmp",  # noqa: S108 # its own, in memory or on disk as the host has it
        secrets=f"{own}/credentials",
        state=str(state.root),
    )
