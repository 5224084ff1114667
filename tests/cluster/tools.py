"""What this machine must have to boot a cluster."""

import shutil
from pathlib import Path

from engines.store import Store
from tests.cluster.node import ENGINES
from tests.cluster.settings import CNI_PLUGINS
from tests.hosts import tools
from tests.hosts.commands import find

PACKAGES = {"runc": "runc", "iptables": "iptables", "nsenter": "util-linux", "ip": "iproute2"}
"""Programs, and the Debian packages that have them."""
CNI_PACKAGE = "containernetworking-plugins"


def lacking() -> list[str]:
    """The Debian packages that are missing."""
    missing = {package for program, package in PACKAGES.items() if not find(program)}
    if not any(Path(folder, "ptp").exists() for folder in CNI_PLUGINS):
        missing.add(CNI_PACKAGE)
    return sorted(missing)


def obstacle() -> str:
    """Why no cluster can be booted here; '' if nothing is in the way."""
    if reason := tools.obstacle():
        return reason
    if shutil.disk_usage("/").free < 2**30:
        return "a cluster needs a GiB of disk"
    if missing := lacking():
        return f"not installed: {', '.join(missing)}; `make cluster` installs them"
    store = Store()
    if absent := [name for name in ENGINES if store.locate(name) is None]:
        return f"not in the cache of engines: {', '.join(absent)}; `make cluster` builds them"
    return ""
