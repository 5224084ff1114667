"""What this machine must have to boot test hosts."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.hosts import cgroups
from tests.hosts.commands import LabError, find, run

REQUIRED = os.environ.get("OBS_TEST_HOSTS") == "required"
"""Whether it is a failure that hosts cannot be booted, so that no run passes by skipping their tests."""
PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
"""Programs, and the Debian packages that have them."""
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def lacking() -> list[str]:
    """The Debian packages that are missing."""
    missing = {package for program, package in PACKAGES.items() if not find(program)}
    if not _KEYRING.exists():
        missing.add("debian-archive-keyring")
    return sorted(missing)


def obstacle() -> str:
    """Why hosts cannot be booted on this machine whatever is installed; '' if nothing is in the way."""
    if os.geteuid() != 0:
        return "booting test hosts needs root"
    if not cgroups.roots():
        return "booting test hosts needs cgroups version 2 that can be written"
    try:
        run("unshare", "--net", "--mount", "--pid", "--fork", "true")
    except LabError as error:
        return f"booting test hosts needs namespaces: {error}"
    return ""


def install(tell: Callable[[str], None]) -> None:
    """Install what is missing. LabError where that cannot be done."""
    packages(lacking(), tell)


def packages(missing: list[str], tell: Callable[[str], None]) -> None:
    """Install these of Debian's. LabError where that cannot be done."""
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise LabError(f"{', '.join(missing)} are missing, and there is no apt-get to install them")
    tell(f"installing {', '.join(missing)}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "--quiet=2"],
        ["apt-get", "install", "--quiet=2", "--yes", "--no-install-recommends", *missing],
    ):
        done = subprocess.run(
            command, check=False, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode:
            raise LabError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
