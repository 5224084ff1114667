"""Test hosts to look at: `python -m tests.hosts base | up [N] | list | down`."""

import argparse
import sys

from tests.hosts import base, tools
from tests.hosts.commands import LabError
from tests.hosts.lab import Lab


def main() -> int:
    """One command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hosts", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("base", help="install and make what test hosts need, once")
    up = commands.add_parser("up", help="boot hosts that stay until `down`")
    up.add_argument("number", nargs="?", type=int, default=4)
    commands.add_parser("list", help="the hosts there are")
    commands.add_parser("down", help="remove the hosts that `up` booted")
    wanted = parser.parse_args()
    try:
        if reason := tools.obstacle():
            raise LabError(reason)
        if wanted.command in ("base", "up"):
            tools.install(tell)
            base.ensure(tell)
        return {"base": lambda: 0, "up": lambda: start(wanted.number), "list": show, "down": stop}[
            wanted.command
        ]()
    except LabError as error:
        tell(str(error))
        if wanted.command != "base" or tools.REQUIRED:
            return 1
        tell("tests that need them will be skipped")
        return 0


def tell(words: str) -> None:
    """A step, or what went wrong."""
    print(f"test hosts: {words}", file=sys.stderr, flush=True)


def start(number: int) -> int:
    """Boot hosts that stay."""
    if any(lab.owner.pid == 0 for lab in Lab.all()):
        tell("there are some already; `python -m tests.hosts down` removes them")
    else:
        Lab.start(number, keep=True)
    return show()


def show() -> int:
    """Say how each host is reached, in the way of a stack file."""
    labs = Lab.all()
    for lab in labs:
        owner = f"of process {lab.owner.pid}" if lab.owner.pid else "kept until `python -m tests.hosts down`"
        print(f"# {owner}; users root, deploy (sudo password: {base.SUDO_PASSWORD}), free, plain")
        print(f"ssh_key: {lab.key}\nservers:")
        for host in lab:
            print(f"  {host.name}:{'' if host.up else '  # off'}")
            print(f"    address: {host.address}\n    host_key: {host.host_key}")
    if not labs:
        tell("there are none")
    return 0


def stop() -> int:
    """Remove the hosts that were kept."""
    for lab in Lab.all():
        if lab.owner.pid == 0:
            lab.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
