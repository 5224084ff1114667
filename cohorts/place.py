"""What this machine has for a cohort, and which of its ports others have."""

import contextlib
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from cohorts.heads import Taken
from cohorts.model import WIDTH
from components.heads import PREFIX
from components.spec import Deploy
from stacks.loader import KEY, STACKS, names, stack_file
from stacks.source import StackFileError, parse

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True)
class Place:
    """What there is for heads that do not run yet. Sizes in MiB."""

    memory_mb: int
    disk_mb: int
    disk_at: str
    taken: tuple[Taken, ...] = ()
    """Ports of others."""
    ephemeral: tuple[int, int] | None = None
    """Ports that outgoing connections take; None if the system does not say."""


def survey(state: Path, others: Iterable[Taken] = (), folder: Path = STACKS) -> Place:
    """What this machine has now. `state` is where heads will write, `others` the ports of other cohorts."""
    at = next(path for path in (state, *state.parents) if path.exists())
    return Place(
        memory_mb=psutil.virtual_memory().available // 2**20,
        disk_mb=shutil.disk_usage(at).free // 2**20,
        disk_at=str(at),
        taken=(*stacks_here(folder), *others, *listeners()),
        ephemeral=_ephemeral(),
    )


def stacks_here(folder: Path = STACKS) -> list[Taken]:
    """Ports of the stacks on this machine that have a file, but for heads, which their cohorts know. A file
    that cannot be read has none."""
    found = []
    for name in names(folder):
        if name.startswith(PREFIX):
            continue
        with contextlib.suppress(StackFileError, KeyError, TypeError, AttributeError):
            spec = parse(stack_file(name, folder), name).plain()["config"][KEY]
            base = (spec.get("deploy") or {}).get("port_base", Deploy().port_base)
            if spec["environment"]["target"] == "local" and isinstance(base, int):
                found.append(Taken(base, base + WIDTH - 1, f"stack {name}"))
    return found


def listeners() -> list[Taken]:
    """Ports on which something listens now."""
    with contextlib.suppress(psutil.Error):
        return [
            Taken(port, port, "a program that listens there")
            for port in sorted(
                {
                    connection.laddr.port
                    for connection in psutil.net_connections("tcp")
                    if connection.status == psutil.CONN_LISTEN and connection.laddr
                }
            )
        ]
    return []


def _ephemeral() -> tuple[int, int] | None:
    try:
        found = re.findall(r"\d+", _EPHEMERAL.read_text(encoding="ascii"))
    except OSError:
        return None
    return (int(found[0]), int(found[1])) if len(found) == 2 else None
