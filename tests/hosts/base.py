"""What all test hosts start from: a bare Debian with systemd and sshd, made once and kept in the cache.

It has a shell and systemd and nothing more; no Python, no openssl, no way to the internet.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from engines.setting import default_cache, this_platform
from tests.hosts.commands import QUIET, LabError, run

SUITE = "bookworm"
PACKAGES = ("systemd", "systemd-sysv", "dbus", "openssh-server", "iproute2", "procps", "sudo")
MIRROR_VARIABLE = "OBS_DEBIAN_MIRROR"
"""Names a mirror of Debian to take the packages from, where there is one nearer than Debian's own."""
SUDO_PASSWORD = "sudo of deploy: 'quoted' $HOME 100%"
"""Of the user `deploy`, in every test host."""
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")

SETUP = r"""
set -eu
rm -f /etc/ssh/ssh_host_*
printf '%s\n' 'PasswordAuthentication no' 'HostKey /etc/ssh/ssh_host_ed25519_key' \
    > /etc/ssh/sshd_config.d/lab.conf
for user in deploy free plain; do
    useradd --create-home --shell /bin/bash "$user"
done
printf '%s:%s\n' deploy "$1" | chpasswd
printf '%s\n' 'deploy ALL=(ALL:ALL) ALL' 'free ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/lab
chmod 0440 /etc/sudoers.d/lab
systemctl --quiet enable systemd-networkd.service
systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    fstrim.timer e2scrub_reap.service systemd-pstore.service console-getty.service getty.target
printf 'uninitialized\n' > /etc/machine-id
rm -rf /etc/hostname /var/lib/dbus/machine-id /var/cache/* /var/log/*.log /var/lib/apt/lists/* /dev/*
"""

Tell = Callable[[str], None]


def digest() -> str:
    """Of everything that the base is made from."""
    recipe = [SUITE, PACKAGES, LEFT_OUT, SUDO_PASSWORD, SETUP, this_platform()]
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:12]


def folder() -> Path:
    """Where the base is, or would be."""
    return default_cache() / "hosts" / digest()


def locate() -> Path | None:
    """The base, if it has been made."""
    return folder() if folder().is_dir() else None


def ensure(tell: Tell) -> Path:
    """The base; made first where there is none. One process makes it, others wait. LabError if it fails."""
    target = folder()
    if target.is_dir():
        return target
    locks = default_cache() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / f"hosts-{target.name}.lock"):
        if target.is_dir():
            return target
        target.parent.mkdir(exist_ok=True)
        for stale in target.parent.glob(f".tmp-{target.name}-*"):
            shutil.rmtree(stale)
        made = target.with_name(f".tmp-{target.name}-{os.getpid()}")
        try:
            _bootstrap(made, tell)
            tell("settling users, sshd and the network")
            run("chroot", str(made), "/bin/sh", "-c", SETUP, "setup", SUDO_PASSWORD)
            made.rename(target)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return target


def _bootstrap(made: Path, tell: Tell) -> None:
    """Install Debian in a folder, telling each step as mmdebstrap does."""
    options = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    mirror = os.environ.get(MIRROR_VARIABLE)
    command = [
        "mmdebstrap",
        "--mode=root",
        "--format=directory",
        "--variant=minbase",
        "--dpkgopt=force-unsafe-io",
        *options,
        f"--include={','.join(PACKAGES)}",
        SUITE,
        str(made),
        *([mirror] if mirror else []),
    ]
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    last: list[str] = []
    with subprocess.Popen(
        command,
        env=QUIET | proxies,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        for line in process.stdout:
            last = [*last[-20:], line.rstrip()]
            if line.startswith("I: "):
                tell(line[3:].rstrip())
    if process.returncode:
        raise LabError("mmdebstrap failed:\n" + "\n".join(last))
