"""The stack `dev-vsi` on four test hosts, for anyone to look at: `python -m tests.hosts.demo up | down`.

The hosts stay until `down`, which takes the stack off them first and tells what it leaves.
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import yaml

from tests.hosts import base, tools
from tests.hosts.commands import LabError
from tests.hosts.host import Host
from tests.hosts.lab import Lab

STACK = "dev-vsi"
NAMES = ("obs-1", "obs-2", "obs-3", "app-1")
PASSPHRASE = "demo-vsi"
ROOT = Path(__file__).parents[2]


def servers_file(hosts: Iterable[Host]) -> str:
    """Where hosts are and which keys they have, as `servers.file` of a stack names it."""
    rows = [{"name": host.name, "address": host.address, "host_keys": [host.host_key]} for host in hosts]
    return yaml.safe_dump({"hosts": rows}, sort_keys=False)


def variables(lab: Lab, file: Path) -> dict[str, str]:
    """What `obs` is told in its environment to reach the hosts of a lab."""
    file.write_text(servers_file(lab), encoding="utf-8")
    return {
        "OBS_SERVERS_FILE": str(file),
        "OBS_SSH_KEY": lab.key.read_text(encoding="ascii"),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
    }


def main(arguments: list[str]) -> int:
    """Up or down; the exit code of the last `obs`."""
    if arguments not in (["up"], ["down"]):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return up() if arguments == ["up"] else down()
    except LabError as error:
        print(f"test hosts: {error}", file=sys.stderr)
        return 1


def up() -> int:
    """Boot the hosts unless they are there, bring the stack up, prove that it works."""
    if reason := tools.obstacle():
        raise LabError(reason)
    base.ensure(lambda words: print(f"test hosts: {words}", file=sys.stderr))
    lab = _kept() or Lab.start(NAMES, keep=True)
    return _obs(lab, "up", STACK, "--yes") or _obs(lab, "verify", STACK)


def down() -> int:
    """Take the stack down, then the hosts."""
    lab = _kept()
    if lab is None:
        raise LabError("there are none of the demo")
    code = _obs(lab, "destroy", STACK, "--yes")
    lab.stop()
    return code


def _kept() -> Lab | None:
    kept = (lab for lab in Lab.all() if lab.owner.pid == 0)
    return next((lab for lab in kept if {host.name for host in lab} == set(NAMES)), None)


def _obs(lab: Lab, *arguments: str) -> int:
    told = variables(lab, lab.key.with_name("servers.yaml"))
    command = [sys.executable, "-m", "obs", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **told}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
