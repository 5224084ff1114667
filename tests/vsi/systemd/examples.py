"""Units of each kind that systemd may be asked to keep."""

from pathlib import Path
from typing import Any

from components.inventory import PROGRAMS
from components.plan import Pillar, part_id
from tests import specs
from tests.sites import apart
from vsi.paths import StatePaths
from vsi.unit import HostUnit, Process, Ready
from vsi.units import program_unit, service_unit

STACK = "dev"
PATHS = StatePaths(Path("/var/lib/obs/dev"), Path("/var/lib/private/obs/dev/data"))


class Opt:
    """Programs in folders of a host."""

    python = "/opt/obs/engines/runtime/k/bin/python"
    code = "/opt/obs/engines/runtime/k/code"

    def folder(self, engine: str) -> str:
        return f"/opt/obs/engines/{engine}/k"

    def executable(self, engine: str, name: str) -> str:
        return f"/opt/obs/engines/{engine}/k/{name}"


def inventory() -> dict[str, HostUnit]:
    """Every program of the inventory, and a service, with a certificate of its own where it may have one."""
    spec = specs.spec(logging={"inputs": [{"name": "system", "journal": "cron.service"}]})
    site = apart(spec)
    units = [program_unit(spec, site, row) for row in PROGRAMS]
    units += [service_unit(spec, site, service) for service in spec.services if service.run][:1]
    able = {row.name for row in PROGRAMS if any(socket.tls != "never" for socket in row.sockets)}
    return {
        unit.name: unit.model_copy(update={"certificates": (unit.name,) if unit.name in able else ()})
        for unit in units
    }


def unit(name: str = "prometheus", **more: Any) -> HostUnit:
    """A unit of which a test states what it is about."""
    process: dict[str, Any] = {"command": ("{engine:x:y}",), "ready": Ready(url="tcp://127.0.0.1:1")}
    process |= more.pop("process", {})
    settings: dict[str, Any] = {"pillar": Pillar.METRICS, "memory_mb": 100, "place": "obs-1"} | more
    needs = tuple(part_id(need, "obs-1") for need in settings.pop("needs", ()))
    return HostUnit(name=name, process=Process(**process), needs=needs, **settings)
