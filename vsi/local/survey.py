"""What this machine has, for the preflight."""

import importlib.util
import os
import shutil
from pathlib import Path

import psutil

from vsi.local import ports
from vsi.reach import Question, Survey


def survey(root: Path, question: Question) -> Survey:
    """Everything that was asked, looked up once. `root` may not exist yet."""
    folder = root
    while not folder.exists():
        folder = folder.parent
    return Survey(
        uid=os.geteuid(),
        programs=frozenset(name for name in question.programs if shutil.which(name)),
        modules=frozenset(filter(_is_module, question.modules)),
        files=frozenset(name for name in question.files if Path(name).is_file()),
        folders=frozenset(name for name in question.folders if Path(name).is_dir()),
        ports=ports.holders(set(question.ports)),
        memory_mb=psutil.virtual_memory().available // 2**20,
        disk_mb=shutil.disk_usage(folder).free // 2**20,
        disk_at=str(folder),
        disk_writable=os.access(folder, os.W_OK),
        ephemeral_ports=_ephemeral(),
        max_map_count=_max_map_count(),
    )


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _ephemeral() -> tuple[int, int] | None:
    path = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not path.exists():
        return None
    first, last = (int(word) for word in path.read_text().split())
    return first, last


def _max_map_count() -> int | None:
    path = Path("/proc/sys/vm/max_map_count")
    return int(path.read_text()) if path.exists() else None
