"""What this host lacks for a plan, found before anything is changed, with what to do about it."""

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from components.plan import Pillar
from vsi.errors import DeployError
from vsi.paths import StatePaths, state_paths
from vsi.supervisor import Supervisor
from vsi.unit import HostPlan, HostUnit

MAX_MAP_COUNT = 262_144
"""What OpenSearch asks for; enforced by it only when it listens beyond loopback."""
_PROGRAMS = ("sh", "setpriv", "timeout", "sha256sum", "find", "stat", "sync", "tar", "python3")
_DISK_MB = 500
_DISK_MB_OPENSEARCH = 3_000


@dataclass(frozen=True)
class Problem:
    """One thing that stands in the way; `fatal` is False where the stack still comes up, with less."""

    key: str
    found: str
    expected: str
    what_to_do: str
    fatal: bool = True


def preflight(plan: HostPlan) -> list[Problem]:
    """Every problem of this host with a plan; empty if it can be deployed. Changes nothing."""
    try:
        state = state_paths(plan.stack)
    except DeployError as error:
        return [Problem("state folder", error.message, "a usable folder", "see there")]
    supervisor = Supervisor(state)
    if stranger := supervisor.stranger():
        return [Problem("user", stranger, "the user of what runs", "or take it down as that user first")]
    if lost := supervisor.cut_off():
        return [Problem("supervisor", lost, "one that can be spoken to", "see there")]
    running = {name for name, p in supervisor.programs().items() if p.running}
    todo = [unit for unit in plan.parts if unit.name not in running]
    return [
        *_path(plan, state),
        *_programs(plan),
        *_commands(plan),
        *_memory(todo),
        *_disk(plan, state),
        *_ports(plan, state),
        *_ephemeral(plan),
        *_kernel(plan),
    ]


def _path(plan: HostPlan, state: StatePaths) -> list[Problem]:
    """Characters of the state folder's path that OpenSearch would take for something else."""
    found = [text for text in ('"', ",", "${") if text in str(state.root)]
    if not found or not _has_opensearch(plan):
        return []
    return [
        Problem(
            "state folder",
            f"{state.root} holds {' and '.join(found)}",
            "none of these: OpenSearch reads quotes, lists and variables there",
            "set OBS_STATE_DIR to another folder",
        )
    ]


def _programs(plan: HostPlan) -> list[Problem]:
    problems = []
    needed = list(_PROGRAMS)
    other_user = os.geteuid() == 0 and any(unit.process.refuses_root for unit in plan.parts)
    if other_user:
        needed.append("unshare")
    for program in needed:
        if shutil.which(program) is None:
            package = "util-linux" if program in ("setpriv", "unshare") else f"the package that has {program}"
            problems.append(Problem(f"program {program}", "not on PATH", "on PATH", f"install {package}"))
    if other_user and not problems:
        command = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--", "true"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            problems.append(
                Problem(
                    "user namespaces",
                    done.stderr.strip() or f"exit code {done.returncode}",
                    "allowed: an engine here refuses to run as root",
                    "run as another user, or allow them (sysctl user.max_user_namespaces)",
                )
            )
    return problems


def _commands(plan: HostPlan) -> list[Problem]:
    """Commands of services that nothing on this host answers to."""
    problems = []
    for unit in plan.parts:
        if unit.pillar is not Pillar.SERVICES:
            continue
        if found := _not_there(unit.process.command):
            what_to_do = f"correct run.command of service {unit.name}, or install the program"
            problems.append(Problem(f"service {unit.name}", found, "a command that exists", what_to_do))
    return problems


def _not_there(command: tuple[str, ...]) -> str:
    """Which part of a command does not exist; empty if none, or if only its start can tell."""
    program, *rest = command
    if program == "{python}":
        if rest[:1] == ["-m"] and len(rest) > 1 and not _is_module(rest[1]):
            return f"there is no Python module {rest[1]}"
        if rest and rest[0].startswith("/") and not Path(rest[0]).is_file():
            return f"there is no file {rest[0]}"
        return ""
    if "{" in program:
        return ""
    if "/" in program and not program.startswith("/"):
        return f"{program} is a relative path; services run in folders of their own"
    if shutil.which(program) is not None:
        return ""
    where = "is no program that may be run" if "/" in program else "is not on PATH"
    return f"{program} {where}"


def _is_module(name: str) -> bool:
    """Whether `python -m NAME` would find it."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _memory(todo: list[HostUnit]) -> list[Problem]:
    available = psutil.virtual_memory().available // 2**20
    expected = sum(unit.memory_mb for unit in todo)
    if available >= expected:
        return []
    largest = ", ".join(u.name for u in sorted(todo, key=lambda u: -u.memory_mb)[:3])
    return [
        Problem(
            "memory",
            f"{available} MB available",
            f"{expected} MB for what does not run yet (most: {largest})",
            "stop other programs, or leave out services or exporters",
        )
    ]


def _disk(plan: HostPlan, state: StatePaths) -> list[Problem]:
    folder = state.root
    while not folder.exists():
        folder = folder.parent
    problems = []
    if not os.access(folder, os.W_OK):
        problems.append(
            Problem(
                "state folder",
                f"{folder} cannot be written",
                "writable",
                "set OBS_STATE_DIR to a folder of yours",
            )
        )
    free = shutil.disk_usage(folder).free // 2**20
    expected = _DISK_MB_OPENSEARCH if _has_opensearch(plan) else _DISK_MB
    if free < expected:
        problems.append(
            Problem(
                "disk",
                f"{free} MB free at {folder}",
                f"{expected} MB",
                "free some, or set OBS_STATE_DIR to a folder on another disk",
            )
        )
    return problems


def _has_opensearch(plan: HostPlan) -> bool:
    return any("opensearch" in unit.engines for unit in plan.parts)


def _ports(plan: HostPlan, state: StatePaths) -> list[Problem]:
    wanted: dict[int, str] = {}
    problems = []
    for unit in plan.parts:
        for port in unit.ports:
            if port in wanted:
                both = f"{wanted[port]} and {unit.name}"
                problems.append(
                    Problem(f"port {port}", f"wanted by {both}", "one unit", "change one of them")
                )
            wanted[port] = unit.name
    taken = [port for port in wanted if not is_free(port)]
    holders = _holders(set(taken)) if taken else {}
    ours = Supervisor(state).owned({holder.pid for holder in holders.values() if holder.pid})
    for port in taken:
        holder = holders.get(port, _Holder())
        if holder.pid in ours:
            continue
        problems.append(
            Problem(
                f"port {port}",
                f"held by {holder}",
                f"free, for {wanted[port]}",
                "end that process, or set another deploy.port_base in the stack file",
            )
        )
    return problems


def is_free(port: int) -> bool:
    """Whether a server could listen there now, on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


@dataclass(frozen=True)
class _Holder:
    pid: int | None = None
    listens: bool = True

    def __str__(self) -> str:
        if self.pid is None:
            who = "a process of another user" if self.listens else "the kernel, or a process of another user"
        else:
            who = f"pid {self.pid}"
            with contextlib.suppress(psutil.Error):
                who += f": {' '.join(psutil.Process(self.pid).cmdline())[:100]}"
        return who if self.listens else f"{who} (an outgoing connection has it for a while)"


def _holders(ports: set[int]) -> dict[int, _Holder]:
    """Who has each port; other users' process ids are unknown unless we are root. A listener counts before a
    connection, which holds a port just as well."""
    found: dict[int, _Holder] = {}
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            port = tuple(connection.laddr)[1] if connection.laddr else 0
            listens = connection.status == psutil.CONN_LISTEN
            if port in ports and (listens or port not in found):
                found[port] = _Holder(connection.pid, listens)
    return found


def _ephemeral(plan: HostPlan) -> list[Problem]:
    path = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not path.exists():
        return []
    first, last = (int(word) for word in path.read_text().split())
    inside = sorted(port for unit in plan.parts for port in unit.ports if first <= port <= last)
    if not inside:
        return []
    return [
        Problem(
            "deploy.port_base",
            f"ports {inside[0]} to {inside[-1]}",
            f"none in {first} to {last}, where any outgoing connection may take one",
            "set another deploy.port_base in the stack file",
            fatal=False,
        )
    ]


def _kernel(plan: HostPlan) -> list[Problem]:
    path = Path("/proc/sys/vm/max_map_count")
    if not _has_opensearch(plan) or not path.exists():
        return []
    found = int(path.read_text())
    if found >= MAX_MAP_COUNT:
        return []
    return [
        Problem(
            "vm.max_map_count",
            str(found),
            f"{MAX_MAP_COUNT} for OpenSearch with much data",
            f"sysctl -w vm.max_map_count={MAX_MAP_COUNT} (on loopback OpenSearch starts without)",
            fatal=False,
        )
    ]
