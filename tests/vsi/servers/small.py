"""A stack on test hosts that is brought up in seconds, by the real command line and the real Pulumi engine:
what is planned for servers, but for all programs that are slow or large."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests import families
from tests.e2e.shop import Shop
from tests.hosts.host import Host

STACK = "small"
UNITS = ("node-exporter", "front")
ROLES = (["metrics", "alerting", "logs", "traces", "gateway"], ["agent"], ["agent"])
_FEWER = f'''

_whole = plan


def plan(spec: Spec, stack: str) -> ServersPlan:
    """For a test: the programs that are there at once."""
    full = _whole(spec, stack)
    units = [unit for unit in full.units if unit.name in {UNITS!r}]
    ids = {{part.id for part in full.parts if not isinstance(part, HostUnit)}} | {{unit.id for unit in units}}
    parts = []
    for part in full.parts:
        here = [unit for unit in units if unit.place == part.place]
        if isinstance(part, HostReady):
            names = sorted({{name for unit in here for name in unit.certificates}})
            part = part.model_copy(update={{
                "engines": tuple(sorted({{name for unit in here for name in unit.engines}})),
                "certificates": tuple(it for it in part.certificates if it.name in names),
            }})
        elif isinstance(part, HostUnit):
            part = part.model_copy(update={{"needs": tuple(need for need in part.needs if need in ids)}})
        parts += [part] if part.id in ids else []
    return full.model_copy(update={{"parts": tuple(parts)}})
'''


@dataclass
class Small:
    """A copy of the project with the stack, and the hosts that it goes to."""

    shop: Shop
    hosts: list[Host]

    @classmethod
    def make(cls, root: Path, hosts: Iterable[Host]) -> "Small":
        """Nothing is up yet."""
        shop = Shop.make(root)
        del shop.environment["OBS_PORT_BASE"]
        source = shop.root / "vsi/servers/plan.py"
        source.write_text(source.read_text() + _FEWER)
        made = cls(shop, list(hosts))
        key = made.hosts[0].key.read_text(encoding="ascii")
        shop.environment.update({"OBS_SSH_KEY": key, "PULUMI_CONFIG_PASSPHRASE": "small"})
        made.describe()
        return made

    def describe(self, *names: str, port_base: int = 21000, stack: str = STACK) -> None:
        """Write the stack file: with the hosts of these names, or all."""
        rows = [
            {"name": host.name, "address": host.address, "host_keys": [host.host_key], "roles": does}
            for host, does in zip(self.hosts, ROLES, strict=True)
            if not names or host.name in names
        ]
        spec: dict[str, Any] = {
            "environment": {
                "name": stack, "tier": "dev", "target": "vsi",
                "cluster": "c", "region": "r", "team": "platform",
            },
            "servers": {"user": "root", "key": "ssh-key", "hosts": rows},
            "secrets": [{"name": "ssh-key", "source": "environment", "key": "OBS_SSH_KEY"}],
            "deploy": {"port_base": port_base},
            "metrics": {"exporters": ["node"]},
            "alerting": {
                "sink": True,
                "receivers": [
                    {"name": "platform-ticket", "kind": "ticket", "to_sink": True},
                    {"name": "web-slack", "kind": "slack", "to_sink": True, "channel": "#shop-web"},
                    {"name": "payments-pager", "kind": "pagerduty", "to_sink": True},
                    {"name": "warehouse-teams", "kind": "teams", "to_sink": True},
                    {"name": "watchdog", "kind": "ticket", "to_sink": True, "send_resolved": False},
                ],
                "dead_mans_switch": {"receiver": "watchdog", "interval": "1m"},
            },
            "logging": {"index": {"prefix": "logs", "shards": 1, "replicas": 0}},
            "tracing": {"storage": {"replicas": 0}},
        }  # fmt: skip
        file, salt = self.shop.root / f"stacks/Pulumi.{stack}.yaml", {}
        if file.exists() and (kept := yaml.safe_load(file.read_text()).get("encryptionsalt")):
            salt = {"encryptionsalt": kept}
        file.write_text(yaml.safe_dump({"config": {"obs:spec": spec}, **salt}))

    @property
    def known(self) -> Path:
        return self.shop.root / f".state/{STACK}/servers.json"

    def obs(
        self, command: str, *arguments: str, expect: int | None = 0
    ) -> "subprocess.CompletedProcess[str]":
        return self.shop.obs(command, STACK, *arguments, expect=expect)

    def begin(self, command: str, *arguments: str) -> "Run":
        """A run that is not waited for."""
        return Run(self, [command, STACK, *arguments])

    def units_on(self, host: Host) -> set[str]:
        """What systemd runs of the stack."""
        prefix = f"obs-{STACK}-"
        said = host.run(f"systemctl list-units --plain --no-legend --state=active '{prefix}*'").splitlines()
        return {line.split()[0].removeprefix(prefix).removesuffix(".service") for line in said}

    def left_on(self, host: Host) -> list[str]:
        """Files of the stack, and its engines."""
        places = (
            f"/etc/systemd/system/obs-{STACK}-* /var/lib/obs/{STACK} /var/lib/private/obs/{STACK} "
            "/opt/obs/engines/caddy /opt/obs/engines/node_exporter"
        )
        return host.run(f"find {places} ! -type d 2>/dev/null || true").split()


class Run:
    """A run under way, and what it said."""

    def __init__(self, small: Small, arguments: list[str]) -> None:
        self.output = small.shop.root / f"run-{arguments[0]}.log"
        with self.output.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "obs", *arguments],
                cwd=small.shop.root,
                env=small.shop.environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.output.read_text(errors="replace")

    @property
    def over(self) -> bool:
        return self.process.poll() is not None

    def family(self) -> list[psutil.Process]:
        """The run and its descendants."""
        return families.family(self.process.pid)

    def runs(self, *words: str) -> bool:
        """Whether a descendant's command holds one of the words."""
        return families.runs(self.process.pid, *words)

    def kill(self) -> None:
        """`kill -9` of `obs` alone: the rest has to notice."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
