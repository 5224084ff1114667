"""A stack of toys on a test host: real systemd, real SSH, real pyinfra."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.plan import Pillar, Secret
from tests.hosts.host import Host
from tests.hosts.lab import Lab
from tests.vsi.systemd.examples import Opt
from vsi import deploy, removal
from vsi.keepers import Program
from vsi.machine import Machine
from vsi.paths import StatePaths
from vsi.reach import Get
from vsi.records import Request
from vsi.ssh.connection import Connection, Login
from vsi.ssh.reach import SshReach
from vsi.systemd.keeper import SystemdKeeper
from vsi.unit import HostUnit, Process, Ready

TOY = (Path(__file__).parent / "toy.pl").read_text()
STACK = "toys"
PORTS = {"alpha": 21901, "beta": 21902, "gamma": 21903}


@dataclass
class Place:
    """A host, and the stack there."""

    host: Host
    machine: Machine
    steps: list[str] = field(default_factory=list)

    @property
    def keeper(self) -> SystemdKeeper:
        assert isinstance(self.machine.keeper, SystemdKeeper)
        return self.machine.keeper

    def unit(
        self,
        name: str = "alpha",
        text: str = "one",
        *,
        arguments: tuple[str, ...] = (),
        process: dict[str, Any] | None = None,
        **more: Any,
    ) -> HostUnit:
        """A toy that reloads on SIGHUP."""
        port = PORTS[name]
        settings: dict[str, Any] = {
            "command": ("/usr/bin/perl", "toy.pl", str(port), *arguments),
            "reload": "SIGHUP",
            "ready": Ready(url=f"http://127.0.0.1:{port}/", seconds=60),
            "stop_seconds": 5,
        }
        settings |= process or {}
        return HostUnit(
            name=name,
            place=self.host.name,
            files=(("app.conf", text), ("toy.pl", TOY)),
            process=Process(**settings),
            **{"pillar": Pillar.METRICS, "memory_mb": 50, "ports": (port,)} | more,
        )

    def apply(self, unit: HostUnit, **values: str) -> deploy.Result:
        """With the values of its secrets."""
        return deploy.apply(self.request(unit, **values), self.steps.append, self.machine)

    def remove(self, unit: HostUnit, *, retain: bool = False) -> tuple[removal.Kept, ...]:
        request = self.request(unit).model_copy(update={"retain": retain})
        return removal.remove(request, self.steps.append, self.machine)

    def request(self, unit: HostUnit, **values: str) -> Request:
        secrets = tuple(Secret(name=name, source="environment", key=name.upper()) for name in values)
        return Request(stack=STACK, host=self.host.name, unit=unit, secrets=secrets, values=values)

    def served(self, name: str = "alpha", path: str = "/") -> str:
        answer = self.machine.reach.get(Get(f"http://127.0.0.1:{PORTS[name]}{path}"), 20)
        assert not answer.fault, answer.fault
        return answer.body.decode()

    def program(self, name: str = "alpha") -> Program:
        program = self.keeper.program(name)
        assert program is not None
        return program

    def sh(self, command: str) -> str:
        return self.host.ssh(command)


@pytest.fixture
def place(lab: Lab) -> Iterator[Place]:
    """An empty stack on a host, with nothing left of it afterwards whatever happened."""
    host = next(iter(lab))
    paths = StatePaths(Path("/var/lib/obs", STACK), Path("/var/lib/private/obs", STACK, "data"))
    connection = Connection(host=host.name, address=host.address, host_keys=(host.host_key,))
    reach = SshReach(connection, Login(key=host.key.read_text()), paths.root)
    keeper = SystemdKeeper(STACK, paths, reach, Opt())
    yield Place(host, Machine(paths, reach, keeper, Opt(), file_mode=0o644, links={}, credentials=True))
    host.ssh(
        f"systemctl stop 'obs-{STACK}-*'; cd /etc/systemd/system; "
        f"rm -rf obs-{STACK}-* multi-user.target.wants/obs-{STACK}-* /var/lib/obs/{STACK} "
        f"/var/lib/private/obs/{STACK} /var/log/obs/{STACK} /var/log/private/obs/{STACK}; "
        f"systemctl daemon-reload; systemctl reset-failed 'obs-{STACK}-*'; true"
    )
