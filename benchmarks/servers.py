"""What servers cost: a first `obs up`, one that changes nothing, `obs refresh`, and one changed rule.

For each number of hosts, in one run on the same hosts (test hosts, which it boots and removes: root, Debian
or Ubuntu): a stack whose first host has all roles and whose others are agents, with a few small units each.
Beside it, on the same hosts and in the same rounds:

- engine: `obs up --refresh` without a change, which starts the Pulumi engine for it;
- ssh: `ssh HOST true` for each host, all at the same time, each with a connection of its own;
- empty: `pulumi up` of a program without resources;
- pyinfra: its command line over SSH, with the files that the stack has put on the hosts and a service for
  each unit, so that it finds nothing to change either.

    .venv/bin/python -m benchmarks.servers [--hosts 1 4 8] [--rounds 3] [--json]

Prints the least seconds of all rounds, and each as a multiple of `ssh` and `empty` together, which is what a
run cannot do without. On a machine that others use too, compare cases of one run.
"""

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from benchmarks.no_op import ROOT, cases
from tests.e2e.shop import Shop
from tests.hosts.demo import PASSPHRASE, servers_file
from tests.hosts.host import Host
from tests.hosts.lab import Lab

STACK = "bench"
ROLES = ("metrics", "alerting", "logs", "traces", "gateway")
DEPLOY = """
import json
from pathlib import Path
from pyinfra import host
from pyinfra.operations import files, systemd
todo = json.loads(Path("todo.json").read_text())[host.name]
for path, (source, mode) in todo["files"].items():
    files.put(name=path, src=source, dest=path, mode=mode)
for unit in todo["units"]:
    systemd.service(name=unit, service=unit, running=True, enabled=True)
"""


def stack_file(names: list[str]) -> str:
    """A small stack on so many hosts."""
    hosts = [{"name": name, "roles": [*(ROLES if name == names[0] else ("agent",))]} for name in names]
    environment = {"name": STACK, "tier": "test", "target": "vsi"}
    spec = {
        "environment": {**environment, "cluster": "lab", "region": "here", "team": "platform"},
        "deploy": {"port_base": 21000, "opensearch_heap_mb": 512},
        "secrets": [{"name": "ssh-key", "source": "environment", "key": "OBS_SSH_KEY"}],
        "servers": {"user": "root", "key": "ssh-key", "file": "hosts.yaml", "hosts": hosts},
        "alerting": {
            "sink": True,
            "receivers": [
                {"name": name, "kind": "ticket", "to_sink": True} for name in ("watchdog", *_receivers())
            ],
            "dead_mans_switch": {"receiver": "watchdog", "interval": "1m"},
        },
        "logging": {"index": {"shards": 1, "replicas": 0}},
        "tracing": {"storage": {"replicas": 0}},
    }
    return yaml.safe_dump({"config": {"obs:spec": spec}}, sort_keys=False)


def _receivers() -> list[str]:
    """Those that the base of all stacks names."""
    base = yaml.safe_load((ROOT / "stacks" / "base.yaml").read_text(encoding="utf-8"))
    return sorted({team["receiver"] for team in base["alerting"]["teams"]})


def changed(text: str) -> str:
    """The stack file with another threshold of one rule."""
    found = yaml.safe_load(text)
    found["config"]["obs:spec"]["metrics"] = {"rules": {"target_down": "45s"}}
    return yaml.safe_dump(found, sort_keys=False)


def seconds(do: Callable[[], object]) -> float:
    """How long something takes."""
    begun = time.monotonic()
    do()
    return time.monotonic() - begun


def run(command: list[str], folder: Path, variables: Mapping[str, str] | None = None) -> str:
    """A command to its end; SystemExit if it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(variables or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def unchanged(said: str) -> None:
    """What is measured as a run without a change is one: who ran before it left all as it was."""
    if "nothing to change" not in said:
        raise SystemExit(f"a run that should have found nothing to change did: {said[-2000:]}")


def ssh(lab: Lab, hosts: Path) -> Callable[[], object]:
    """All hosts at once, each with a connection of its own."""
    options = [
        "-F",
        "/dev/null",
        "-i",
        str(lab.key),
        "-o",
        "BatchMode=yes",
        "-o",
        f"UserKnownHostsFile={hosts}",
    ]

    def one(host: Host) -> None:
        run(["ssh", *options, f"root@{host.address}", "true"], ROOT)

    def all_of_them() -> None:
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(one, lab))

    return all_of_them


def pyinfra(lab: Lab, folder: Path, known: Path) -> Callable[[], object]:
    """What stands on the hosts, as operations of pyinfra."""
    data = {"ssh_user": "root", "ssh_key": str(lab.key), "ssh_known_hosts_file": str(known)}
    todo: dict[str, Any] = {}
    for host in lab:
        roots = f"/var/lib/obs/{STACK}/units/*/conf /etc/systemd/system/obs-{STACK}-*"
        found = host.ssh(f"find {roots} -type f -exec stat -c '%a %n' {{}} +").splitlines()
        modes = {path: mode for mode, path in (line.split(" ", 1) for line in found)}
        units = [path.rpartition("/")[2] for path in modes if path.endswith(".service")]
        placed = {}
        for path in (path for path in modes if path.startswith("/var/lib/obs")):
            copy = folder / host.name / path.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(base64.b64decode(host.ssh(f"base64 {path}")))
            placed[path] = (str(copy), modes[path])
        todo[host.address] = {"files": placed, "units": units}
    (folder / "todo.json").write_text(json.dumps(todo), encoding="utf-8")
    (folder / "inventory.py").write_text(f"hosts = {[(host.address, data) for host in lab]!r}\n")
    (folder / "deploy.py").write_text(DEPLOY)
    program = str(Path(sys.executable).with_name("pyinfra"))
    return lambda: run([program, "--yes", "inventory.py", "deploy.py"], folder)


def measure(number: int, rounds: int, scratch: Path) -> dict[str, float]:
    """Seconds of each case, on so many hosts; SystemExit where an `up` had something to change."""
    names = [f"h{index}" for index in range(1, number + 1)]
    shop, text = Shop.make(scratch / "project"), stack_file(names)
    del shop.environment["OBS_PORT_BASE"]
    (scratch / "empty").mkdir()
    (scratch / "pyinfra").mkdir()
    file, known = shop.root / "stacks" / f"Pulumi.{STACK}.yaml", scratch / "known"
    with Lab.start(names) as lab:
        (shop.root / "stacks" / "hosts.yaml").write_text(servers_file(lab), encoding="utf-8")
        known.write_text("".join(f"{host.address} {host.host_key}\n" for host in lab), encoding="ascii")
        key = lab.key.read_text(encoding="ascii")
        shop.environment |= {"OBS_SSH_KEY": key, "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}
        file.write_text(text, encoding="utf-8")
        found = {"first up": seconds(lambda: shop.obs("up", STACK, "--yes"))}
        salt = file.read_text(encoding="utf-8")
        todo: dict[str, Callable[[], object]] = {
            "ssh": ssh(lab, known),
            "empty": next(case for case in cases(scratch / "empty") if case.name == "empty pulumi up").run,
            "pyinfra, no change": pyinfra(lab, scratch / "pyinfra", known),
            "no change": lambda: unchanged(shop.obs("up", STACK, "--yes").stderr),
            "no change, engine": lambda: unchanged(shop.obs("up", STACK, "--yes", "--refresh").stderr),
            "refresh": lambda: shop.obs("refresh", STACK),
        }
        for _ in range(rounds):
            for name, do in todo.items():
                found[name] = min(seconds(do), found.get(name, float("inf")))
        file.write_text(changed(salt), encoding="utf-8")
        found["one rule"] = seconds(lambda: shop.obs("up", STACK, "--yes"))
        shop.obs("destroy", STACK, "--yes", expect=None)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = parser.parse_args()
    found = {}
    for number in given.hosts:
        with tempfile.TemporaryDirectory(prefix="obs-servers-") as scratch:
            found[number] = measure(number, given.rounds, Path(scratch))
    load = os.getloadavg()[0]
    if given.json:
        print(json.dumps({"processors": os.cpu_count(), "load": load, "seconds": found}, indent=1))
        return
    print(f"{given.rounds} rounds on {os.cpu_count()} processors, load {load:.1f}")
    for number, times in found.items():
        least = times["ssh"] + times["empty"]
        for name, value in times.items():
            print(f"{number} hosts  {name:20}{value:8.2f} s{value / least:8.1f}")


if __name__ == "__main__":
    main()
