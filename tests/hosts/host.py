"""One test host: a whole system with systemd as its first process, to be reached by SSH."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.hosts import open_files
from tests.hosts.cgroups import Group
from tests.hosts.commands import QUIET, LabError, run
from tests.hosts.disk import Disk
from tests.hosts.network import BRIDGE, Network
from tests.waiting import until

BOOT_SECONDS = 120
USERS = ("root", "deploy", "free", "plain")
"""All log in by the key of the lab. `deploy` may use sudo with SUDO_PASSWORD (base.py), `free` without any,
`plain` not at all."""
_NETWORK = """[Match]
Name=host0

[Network]
Address={address}/24
LinkLocalAddressing=no
"""
_SPAWN = """
while [ "$1" != -- ]; do echo $$ > "$1"; shift; done
shift
setsid "$@" &
"""
"""Starts a program in cgroups and lets go of it."""


class Host:
    """A host of a lab. It keeps no state of its own, so that another process can take it up."""

    def __init__(
        self, folder: Path, network: Network, name: str, number: int, key: Path, small_mb: int | None = None
    ) -> None:
        self.folder = folder
        self.name = name
        self.number = number
        self.address = network.address(10 + number)
        self.key = key
        self.disk = Disk(folder, small_mb)
        self._network = network
        self._group = Group(f"{network.name}/{name}")
        self._machine = f"o{network.number}h{number}"
        self._port = f"vb-{self._machine}"
        self._leader = folder / "leader"
        self._known = folder / "known_hosts"

    @property
    def host_key(self) -> str:
        """What it shows whoever connects: `ssh-ed25519 AAAA...`."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    @property
    def up(self) -> bool:
        """Whether it runs, even if nobody can reach it."""
        return self._group.alive()

    # Life

    def install(self) -> None:
        """Give it a disk, on which it is known and lets the lab in."""
        self.disk.make()
        if not (self.folder / "host_key").exists():
            self._make_host_key()
        root = self.disk.root
        self._place_host_key()
        for name, text in (
            ("etc/hostname", f"{self.name}\n"),
            ("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n"),
            ("etc/systemd/network/10-host0.network", _NETWORK.format(address=self.address)),
        ):
            (root / name).write_text(text)
            (root / name).chmod(0o644)
        open_files.place(self.folder.parent, root)
        people = (line.split(":") for line in (root / "etc/passwd").read_text().splitlines())
        for user, _, uid, gid, _, home, _ in people:
            if user in USERS:
                ssh = root / home.removeprefix("/") / ".ssh"
                ssh.mkdir(mode=0o700, exist_ok=True)
                shutil.copyfile(self.key.with_suffix(".pub"), ssh / "authorized_keys")
                for path in (ssh, ssh / "authorized_keys"):
                    os.chown(path, int(uid), int(gid))

    def boot(self) -> None:
        """Start it, and wait until systemd has started everything and sshd answers."""
        if self.up:
            raise LabError(f"{self.name} runs already")
        members = self._group.make()
        notify = self.folder / "notify"
        notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as ready:
            ready.bind(str(notify))
            with (self.folder / "console.log").open("ab") as console:
                subprocess.run(
                    ["sh", "-c", _SPAWN, "spawn", *map(str, members), "--", *self._command()],
                    env=QUIET | {"NOTIFY_SOCKET": str(notify), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=console,
                    check=True,
                )
            self._wait(ready, time.monotonic() + BOOT_SECONDS)
        until(self._answers, f"sshd of {self.name} answers", BOOT_SECONDS)

    def kill(self) -> None:
        """Cut its power: from one moment to the next it is silent, without a farewell to anybody."""
        self.cut()
        self._group.remove()
        with contextlib.suppress(LabError):  # goes by itself, but nobody says when
            self._network.inside("link", "delete", self._port)
        self._leader.unlink(missing_ok=True)

    def reset(self) -> None:
        """Make it a fresh host of the same name, address and host key, and boot it."""
        if self.up:
            self.kill()
        self.disk.remove()
        self.install()
        self.boot()

    def state(self) -> str:
        """What systemd says of the whole: `running`, or `degraded` where a unit failed."""
        return self._inside("systemctl is-system-running --wait").stdout.strip()

    def failed_units(self) -> list[str]:
        """The units that failed."""
        return self.run("systemctl list-units --failed --plain --no-legend | cut -d ' ' -f 1").split()

    # Faults

    def pause(self) -> None:
        """Freeze all of its processes; its kernel still takes connections."""
        self._group.freeze(True)

    def resume(self) -> None:
        """Let them go on."""
        self._group.freeze(False)

    def cut(self) -> None:
        """Part it from the network: what it sends, and what is sent to it, is lost."""
        self._network.plug(self._port, False)

    def mend(self) -> None:
        """Join it again."""
        self._network.plug(self._port, True)

    def new_host_key(self) -> None:
        """Give it another host key, as a host has that was installed anew."""
        self._make_host_key()
        self._place_host_key()
        if self.up:
            self.run("systemctl reload ssh.service")

    def fill_disk(self, leave_kb: int = 0) -> None:
        """Fill its small disk; see `small_mb`."""
        self.disk.fill(leave_kb)

    def free_disk(self) -> None:
        """Undo that."""
        self.disk.free()

    # Asking it

    def ssh(self, command: str, *, user: str = "root", timeout: float = 60) -> str:
        """What a command writes, without white space around it. AssertionError if it fails."""
        done = self.try_ssh(command, user=user, timeout=timeout)
        assert done.returncode == 0, f"{self.name}: {command}: {done.returncode}: {done.stderr.strip()}"
        return done.stdout.strip()

    def try_ssh(
        self, command: str, *, user: str = "root", timeout: float = 60, options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """How a command ended; 255 where the host could not be reached."""
        return subprocess.run(
            [*self.ssh_command(user, options), command],
            check=False,
            env=QUIET,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def ssh_command(self, user: str = "root", options: tuple[str, ...] = ()) -> list[str]:
        """What starts a command there, as a list of words. `options` of ssh come before our own."""
        settings = (
            *options,
            f"IdentityFile={self.key}",
            "IdentitiesOnly=yes",
            f"UserKnownHostsFile={self._known}",
            "GlobalKnownHostsFile=none",
            "StrictHostKeyChecking=yes",
            "BatchMode=yes",
            "ConnectTimeout=10",
        )
        words = [word for setting in settings for word in ("-o", setting)]
        return ["ssh", "-F", "none", "-q", *words, f"{user}@{self.address}"]

    def run(self, command: str) -> str:
        """As `ssh`, but at its console: also when no network leads there."""
        done = self._inside(command)
        assert done.returncode == 0, f"{self.name}: {command}: {done.returncode}: {done.stderr.strip()}"
        return done.stdout.strip()

    def _inside(self, command: str) -> subprocess.CompletedProcess[str]:
        spaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
        leader = self._leader.read_text()
        enter = ["nsenter", f"--target={leader}", *spaces, "--", "/bin/sh", "-c", command]
        return subprocess.run(
            enter,
            check=False,
            env=QUIET,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BOOT_SECONDS,
        )

    # Booting

    def _command(self) -> list[str]:
        return [
            *self._network.enter(),
            "systemd-nspawn",
            "--boot",
            "--quiet",
            "--settings=no",
            "--register=no",
            "--keep-unit",
            "--notify-ready=yes",
            "--console=read-only",
            "--link-journal=no",
            "--resolv-conf=off",
            "--timezone=off",
            f"--network-bridge={BRIDGE}",
            f"--machine={self._machine}",
            f"--hostname={self.name}",
            f"--directory={self.disk.root}",
            *self.disk.binds(),
        ]

    def _wait(self, ready: socket.socket, deadline: float) -> None:
        """Until systemd-nspawn has said which process is the host's first, and that one that it is ready."""
        ready.settimeout(0.2)
        while True:
            with contextlib.suppress(TimeoutError):
                said = dict(line.split("=", 1) for line in ready.recv(4096).decode().splitlines())
                if leader := said.get("X_NSPAWN_LEADER_PID"):
                    self._leader.write_text(leader)
                if said.get("READY") == "1":
                    return
            if not self.up or time.monotonic() > deadline:
                tail = (self.folder / "console.log").read_text(errors="replace")[-2000:]
                raise LabError(f"{self.name} did not boot{' in time' if self.up else ''}:\n{tail}")

    def _answers(self) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection((self.address, 22), timeout=2) as connection,
        ):
            return connection.recv(4) == b"SSH-"
        return False

    def _make_host_key(self) -> None:
        key = self.folder / "host_key"
        key.unlink(missing_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", str(key))
        self._known.write_text(f"{self.address} {self.host_key}\n")

    def _place_host_key(self) -> None:
        for suffix, mode in (("", 0o600), (".pub", 0o644)):
            key = self.disk.root / f"etc/ssh/ssh_host_ed25519_key{suffix}"
            shutil.copyfile(self.folder / f"host_key{suffix}", key)
            key.chmod(mode)
