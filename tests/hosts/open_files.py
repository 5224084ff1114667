"""A test host that may open fewer files than a server may, because this machine may raise no limit, and yet
says what a server would: OpenSearch takes part in no cluster below 65535 and would not start.

It is a lie of the test host alone: programs there still get no more files than this machine gives.
"""

import resource
from pathlib import Path

from tests.hosts.commands import find, run

ENOUGH = 65535
_LIBRARY = "usr/local/lib/open-files.so"
_MADE = "open-files.so"
_MANAGER = "etc/systemd/system.conf.d/open-files.conf"
_SOURCE = f"""
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int getrlimit(__rlimit_resource_t what, struct rlimit *limit) {{
    int failed = (int)syscall(SYS_prlimit64, 0, what, 0, limit);
    if (!failed && what == RLIMIT_NOFILE && limit->rlim_max > 16384 && limit->rlim_max < {ENOUGH})
        limit->rlim_cur = limit->rlim_max = {ENOUGH};
    return failed;
}}
int getrlimit64(__rlimit_resource_t, struct rlimit64 *) __attribute__((alias("getrlimit")));
"""


def obstacle() -> str:
    """Why no program of a host would be told of enough files; '' if nothing is in the way."""
    if _enough() or find("cc"):
        return ""
    return "a host of OpenSearch's cluster needs 65535 open files: this machine gives fewer, and has no `cc`"


def pretend(folder: Path) -> None:
    """Make the library that does in a folder, where there is a need, and a compiler."""
    if _enough() or not find("cc"):
        return
    source = folder / "open_files.c"
    source.write_text(_SOURCE)
    run("cc", "-shared", "-fPIC", "-O1", "-w", "-nostartfiles", "-o", str(folder / _MADE), str(source))


def place(folder: Path, root: Path) -> None:
    """Have every program that systemd starts on a host load it, if it was made."""
    if not (folder / _MADE).exists():
        return
    for name, content, mode in (
        (_LIBRARY, (folder / _MADE).read_bytes(), 0o755),
        (_MANAGER, f"[Manager]\nDefaultEnvironment=LD_PRELOAD=/{_LIBRARY}\n".encode(), 0o644),
    ):
        at = root / name
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(content)
        at.chmod(mode)


def _enough() -> bool:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most == resource.RLIM_INFINITY or most >= ENOUGH
