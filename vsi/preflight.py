"""What this host lacks for a plan, found before anything is changed, with what to do about it."""

import re
from collections.abc import Collection, Iterable

from components.plan import Pillar
from components.spec.problem import AsWritten
from components.target import Obstacle
from vsi.errors import DeployError
from vsi.keepers import Trouble
from vsi.machine import Machine, machine_of
from vsi.reach import Holder, Question, Survey
from vsi.unit import HostPlan, HostUnit

MAX_MAP_COUNT = 262_144
"""What OpenSearch asks for; enforced by it only when it listens beyond loopback."""
_PROGRAMS = ("sh", "setpriv", "timeout", "sha256sum", "find", "stat", "sync", "tar", "python3")
_UNSHARE = "unshare"
_DISK_MB = 500
_DISK_MB_OPENSEARCH = 3_000


def preflight(plan: HostPlan) -> list[Obstacle]:
    """What stands in the way of a plan on this host; empty if it can be deployed. Changes nothing."""
    try:
        machine = machine_of(plan.stack)
    except DeployError as error:
        return [obstacle("state folder", error.message, "a usable folder", "see there")]
    if trouble := machine.keeper.trouble():
        return [told(trouble)]
    survey = machine.reach.survey(question_of(plan))
    running = {name for name, program in machine.keeper.programs().items() if program.running}
    todo = [unit for unit in plan.parts if unit.name not in running]
    return [
        *_path(plan, str(machine.paths.root)),
        *_programs(plan, machine, survey),
        *_commands(plan, survey),
        *_log_paths(plan, survey),
        *memory(todo, survey),
        *_disk(plan, survey),
        *ports(plan.parts, machine, survey),
        *ephemeral(plan.parts, survey),
        *_kernel(plan, survey),
    ]


def obstacle(what: str, found: str, expected: str, what_to_do: str, *, fatal: bool = True) -> Obstacle:
    """One that the user knows by `what`."""
    return Obstacle((AsWritten(what),), AsWritten(found), f"expected {expected}", what_to_do, fatal)


def question_of(plan: HostPlan) -> Question:
    """All that a plan wants to know of a machine, to be answered at once."""
    commands = [unit.process.command for unit in plan.parts if unit.pillar is Pillar.SERVICES]
    python = [rest for program, *rest in commands if program == "{python}" and rest]
    others = [program for program, *_ in commands if "{" not in program]
    return Question(
        programs=(*_PROGRAMS, _UNSHARE, *others),
        modules=tuple(rest[1] for rest in python if rest[0] == "-m" and len(rest) > 1),
        files=tuple(rest[0] for rest in python if rest[0].startswith("/")),
        folders=_log_files(plan),
        ports=tuple(port for unit in plan.parts for port in unit.ports),
    )


_INCLUDED = re.compile(r"^ +include:\n +- (/[^*?\[{'\"\n]+)$", re.MULTILINE)
"""A path without a wildcard in a receiver of log files, as the collector's file has it: read as text, since
this is asked before every run."""


def _log_files(plan: HostPlan) -> tuple[str, ...]:
    texts = [text for unit in plan.parts for path, text in unit.files if path == "collector.yaml"]
    return tuple(path for text in texts for path in _INCLUDED.findall(text))


def _log_paths(plan: HostPlan, survey: Survey) -> list[Obstacle]:
    """Folders where files are expected: none of their files would be read."""
    return [
        obstacle(
            f"logs {path}",
            "a folder",
            "a file or a glob",
            f"write {path.rstrip('/')}/*.log, or whatever its files are called",
            fatal=False,
        )
        for path in _log_files(plan)
        if path in survey.folders
    ]


def told(trouble: Trouble) -> Obstacle:
    """Why a keeper must be left alone."""
    if trouble.kind == "user":
        return obstacle("user", trouble.words, "the user of what runs", "or take it down as that user first")
    return obstacle("supervisor", trouble.words, "one that can be spoken to", "see there")


def _path(plan: HostPlan, root: str) -> list[Obstacle]:
    """Characters of the state folder's path that OpenSearch would take for something else."""
    found = [text for text in ('"', ",", "${") if text in root]
    if not found or not _has_opensearch(plan):
        return []
    return [
        obstacle(
            "state folder",
            f"{root} holds {' and '.join(found)}",
            "none of these: OpenSearch reads quotes, lists and variables there",
            "set OBS_STATE_DIR to another folder",
        )
    ]


def _programs(plan: HostPlan, machine: Machine, survey: Survey) -> list[Obstacle]:
    other_user = survey.uid == 0 and any(unit.process.refuses_root for unit in plan.parts)
    problems = []
    for program in (*_PROGRAMS, *((_UNSHARE,) if other_user else ())):
        if program not in survey.programs:
            package = "util-linux" if program in ("setpriv", _UNSHARE) else f"the package that has {program}"
            problems.append(obstacle(f"program {program}", "not on PATH", "on PATH", f"install {package}"))
    if other_user and not problems:
        said = machine.reach.run((_UNSHARE, "--user", "--map-user=1000", "--map-group=1000", "--", "true"))
        if said.code != 0:
            problems.append(
                obstacle(
                    "user namespaces",
                    said.output.strip() or f"exit code {said.code}",
                    "allowed: an engine here refuses to run as root",
                    "run as another user, or allow them (sysctl user.max_user_namespaces)",
                )
            )
    return problems


def _commands(plan: HostPlan, survey: Survey) -> list[Obstacle]:
    """Commands of services that nothing on this host answers to."""
    problems = []
    for unit in plan.parts:
        if unit.pillar is not Pillar.SERVICES:
            continue
        if found := _what_is_missing(unit.process.command, survey):
            what_to_do = f"correct run.command of service {unit.name}, or install the program"
            problems.append(obstacle(f"service {unit.name}", found, "a command that exists", what_to_do))
    return problems


def _what_is_missing(command: tuple[str, ...], survey: Survey) -> str:
    """Which part of a command does not exist; empty if none, or if only its start can tell."""
    program, *rest = command
    if program == "{python}":
        if rest[:1] == ["-m"] and len(rest) > 1 and rest[1] not in survey.modules:
            return f"there is no Python module {rest[1]}"
        if rest and rest[0].startswith("/") and rest[0] not in survey.files:
            return f"there is no file {rest[0]}"
        return ""
    if "{" in program:
        return ""
    if "/" in program and not program.startswith("/"):
        return f"{program} is a relative path; services run in folders of their own"
    if program in survey.programs:
        return ""
    where = "is no program that may be run" if "/" in program else "is not on PATH"
    return f"{program} {where}"


def memory(todo: list[HostUnit], survey: Survey) -> list[Obstacle]:
    """Less memory than what is to be started needs."""
    available = survey.memory_mb
    expected = sum(unit.memory_mb for unit in todo)
    if available >= expected:
        return []
    largest = ", ".join(u.name for u in sorted(todo, key=lambda u: -u.memory_mb)[:3])
    return [
        obstacle(
            "memory",
            f"{available} MB available",
            f"{expected} MB for what does not run yet (most: {largest})",
            "stop other programs, or leave out services or exporters",
        )
    ]


def _disk(plan: HostPlan, survey: Survey) -> list[Obstacle]:
    folder, free = survey.disk_at, survey.disk_mb
    problems = []
    if not survey.disk_writable:
        problems.append(
            obstacle(
                "state folder",
                f"{folder} cannot be written",
                "writable",
                "set OBS_STATE_DIR to a folder of yours",
            )
        )
    expected = _DISK_MB_OPENSEARCH if _has_opensearch(plan) else _DISK_MB
    if free < expected:
        problems.append(
            obstacle(
                "disk",
                f"{free} MB free at {folder}",
                f"{expected} MB",
                "free some, or set OBS_STATE_DIR to a folder on another disk",
            )
        )
    return problems


def _has_opensearch(plan: HostPlan) -> bool:
    return any("opensearch" in unit.engines for unit in plan.parts)


def ports(
    units: Iterable[HostUnit], machine: Machine, survey: Survey, known: Collection[int] = ()
) -> list[Obstacle]:
    """Ports that two want, or that somebody else has. `known` are processes of the stack; the machine is
    asked about others."""
    wanted: dict[int, str] = {}
    problems = []
    for unit in units:
        for port in unit.ports:
            if port in wanted:
                both = f"{wanted[port]} and {unit.name}"
                problems.append(
                    obstacle(f"port {port}", f"wanted by {both}", "one unit", "change one of them")
                )
            wanted[port] = unit.name
    pids = {holder.pid for holder in survey.ports.values() if holder.pid and not holder.free}
    ours = pids & {*known} | machine.keeper.owned(pids - {*known})
    held = {port: survey.ports[port] for port in wanted if port in survey.ports}
    held = {port: holder for port, holder in held.items() if not holder.free and holder.pid not in ours}
    # One that ended between the two questions is nobody's any more: another run of the stack restarts it.
    now = machine.reach.ports(held)
    for port, holder in held.items():
        if port not in now or now[port].free or now[port].pid != holder.pid:
            continue
        problems.append(
            obstacle(
                f"port {port}",
                f"held by {_who(holder)}",
                f"free, for {wanted[port]}",
                "end that process, or set another deploy.port_base in the stack file",
            )
        )
    return problems


def _who(holder: Holder) -> str:
    if holder.pid is not None:
        who = f"pid {holder.pid}: {holder.command}" if holder.command else f"pid {holder.pid}"
    else:
        who = "the kernel, or a process of another user" if holder.outgoing else "a process of another user"
    return f"{who} (an outgoing connection has it for a while)" if holder.outgoing else who


def ephemeral(units: Iterable[HostUnit], survey: Survey) -> list[Obstacle]:
    """Ports that an outgoing connection may have by chance."""
    if survey.ephemeral_ports is None:
        return []
    first, last = survey.ephemeral_ports
    inside = sorted(port for unit in units for port in unit.ports if first <= port <= last)
    if not inside:
        return []
    return [
        obstacle(
            "deploy.port_base",
            f"ports {inside[0]} to {inside[-1]}",
            f"none in {first} to {last}, where any outgoing connection may take one",
            "set another deploy.port_base in the stack file",
            fatal=False,
        )
    ]


def _kernel(plan: HostPlan, survey: Survey) -> list[Obstacle]:
    found = survey.max_map_count
    if not _has_opensearch(plan) or found is None or found >= MAX_MAP_COUNT:
        return []
    return [
        obstacle(
            "vm.max_map_count",
            str(found),
            f"{MAX_MAP_COUNT} for OpenSearch with much data",
            f"sysctl -w vm.max_map_count={MAX_MAP_COUNT} (on loopback OpenSearch starts without)",
            fatal=False,
        )
    ]
