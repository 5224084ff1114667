"""What is left of heads after they were taken down, and of stacks that no cohort knows any more.

Looks for itself at what is there, and believes no record: a stray process has none."""

import contextlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import psutil

from cohorts import record
from cohorts.files import TAG
from cohorts.model import WIDTH
from components.errors import SuiteError
from components.heads import PREFIX
from targets import operating, target

Kind = Literal["unit", "process", "port", "file", "state", "tag", "there"]
"""`there` is what a place elsewhere has by its own mark."""


class Survivor(NamedTuple):
    """One thing that is still there."""

    stack: str
    kind: Kind
    what: str
    """The thing itself: a path, a process, a port and who has it."""


class Process(NamedTuple):
    """A process of a head."""

    pid: int
    command: str
    memory: int
    """Resident, in bytes."""


class Away(NamedTuple):
    """A place elsewhere in which heads are."""

    target: str
    place: Mapping[str, Any]
    """As the target knows it by."""


@dataclass(frozen=True)
class Where:
    """Folders, and places elsewhere, in which something of a head can be."""

    state: Path
    stacks: Path
    backend: Path | None
    """The Pulumi engine's; None if it is no folder."""
    away: tuple[Away, ...] = ()


def of_heads(where: Where, heads: Mapping[str, int]) -> list[Survivor]:
    """Everything that is left of these stacks; each with the first of its ports."""
    running = processes(where.state)
    listening = listeners()
    found: list[Survivor] = []
    for stack, base in heads.items():
        found += [Survivor(stack, "unit", unit) for unit in _units(stack)]
        found += [
            Survivor(stack, "process", f"{process.pid}: {process.command}")
            for process in running.get(stack, ())
        ]
        found += [
            Survivor(stack, "port", f"{port}, held by {listening[port]}")
            for port in (range(base, base + WIDTH) if base else ())
            if port in listening
        ]
        found += [Survivor(stack, kind, str(path)) for kind, path in _files(where, stack)]
    found += marked(where, heads)
    return list(dict.fromkeys(found))


def marked(where: Where, stacks: Collection[str] | None = None) -> list[Survivor]:
    """What places elsewhere have of these stacks, or of any head. One that cannot be asked is among it:
    nobody knows then that nothing is left."""
    found = []
    for target_name, place in where.away:
        kind = target(target_name).heads
        if kind is None:
            continue
        try:
            found += [Survivor(stack, "there", what) for stack, what in kind.marked(place, stacks)]
        except SuiteError as error:
            found.append(Survivor(target_name, "there", f"not asked: {error}"))
    return found


def of_tag(where: Where, cohort: str, known: Iterable[str]) -> list[Survivor]:
    """Stack files that say they are of this cohort, under names that none of its heads has."""
    known = set(known)
    found = []
    for file in sorted(where.stacks.glob("Pulumi.*.yaml")):
        stack = file.name[len("Pulumi.") : -len(".yaml")]
        if stack not in known and _tag(file) == cohort:
            found.append(Survivor(stack, "tag", f"{file} says that it is of cohort {cohort}"))
    heads = f"{PREFIX}{cohort}-"
    found += [
        one
        for one in marked(where)
        if one.stack not in known and re.fullmatch(f"{heads}[a-z0-9]+", one.stack)
    ]
    return found


def orphans(where: Where, known: Iterable[str]) -> list[Survivor]:
    """What is there of heads, by their names, that no cohort knows. `known` are the stacks of all heads."""
    known, running, away = set(known), processes(where.state), marked(where)
    names = {stack for stack in running if stack.startswith(PREFIX)}
    names |= {path.name for path in where.state.glob(f"{PREFIX}*")}
    names |= {
        path.name[len("Pulumi.") : -len(".yaml")] for path in where.stacks.glob(f"Pulumi.{PREFIX}*.yaml")
    }
    names |= {
        f"{PREFIX}{path.parents[1].name}-{path.name}"
        for path in (where.state / record.FOLDER).glob(f"*/{record.HEADS}/*")
    }
    if where.backend:
        stacks = where.backend / ".pulumi" / "stacks"
        names |= {path.name.partition(".json")[0] for path in stacks.glob(f"**/{PREFIX}*.json*")}
    found: list[Survivor] = []
    for stack in sorted(names - known):
        found += [Survivor(stack, "unit", unit) for unit in _units(stack)]
        found += [
            Survivor(stack, "process", f"{process.pid}: {process.command}")
            for process in running.get(stack, ())
        ]
        found += [Survivor(stack, kind, str(path)) for kind, path in _files(where, stack)]
    found += [one for one in away if one.stack not in known]
    return list(dict.fromkeys(found))


def processes(state: Path) -> dict[str, list[Process]]:
    """Stack -> processes that name its state folder: as program or argument, as their folder, or in their
    environment. Not this process, nor those that it came from."""
    roots = {str(state), os.path.realpath(state)}
    inside = re.compile(rf"(?:{'|'.join(map(re.escape, roots))})/([a-z0-9][a-z0-9_.-]*)(?=[/:;,\s'\"]|$)")
    ours = _ours()
    found: dict[str, list[Process]] = {}
    for process in psutil.process_iter():
        if process.pid in ours:
            continue
        for stack in {match for text in _said_by(process) for match in inside.findall(text)}:
            with contextlib.suppress(psutil.Error):
                command = " ".join(process.cmdline())[:100]
                found.setdefault(stack, []).append(Process(process.pid, command, process.memory_info().rss))
    return found


def _ours() -> set[int]:
    ours = {os.getpid()}
    with contextlib.suppress(psutil.Error):
        ours |= {parent.pid for parent in psutil.Process().parents()}
    return ours


def _said_by(process: psutil.Process) -> Iterator[str]:
    """What a process can be known by, as far as we may look."""
    with contextlib.suppress(psutil.Error, OSError):
        yield from process.cmdline()
    with contextlib.suppress(psutil.Error, OSError):
        yield process.cwd()
    with contextlib.suppress(psutil.Error, OSError):
        yield from process.environ().values()


def listeners() -> dict[int, str]:
    """Port -> who listens on it."""
    found: dict[int, str] = {}
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr:
                who = f"process {connection.pid}" if connection.pid else "a process of another user"
                found.setdefault(connection.laddr.port, who)
    return found


def _units(stack: str) -> list[str]:
    """Units that are recorded where the stack went, in whichever target."""
    return [unit for _, operate in operating() if operate.is_there(stack) for unit in operate.units(stack)]


def _files(where: Where, stack: str) -> Iterator[tuple[Kind, Path]]:
    """What bears the stack's name."""
    paths = [
        where.state / stack,
        where.state / ".locks" / f"{stack}.lock",
        where.stacks / f"Pulumi.{stack}.yaml",
        record.head_folder(where.state, stack),
    ]
    for path in paths:
        if path is not None and (path.exists() or path.is_symlink()):
            yield "file", path
    for path in state_of(where.backend, stack):
        yield "state", path


def state_of(backend: Path | None, stack: str) -> list[Path]:
    """What the Pulumi engine keeps of a stack: its state, and copies and histories of it."""
    if backend is None:
        return []
    found = [path for path in (backend / ".pulumi").glob(f"*/**/{stack}*") if _is_of(path.name, stack)]
    return sorted(path for path in found if not any(other in path.parents for other in found))


def _is_of(name: str, stack: str) -> bool:
    """`ana`, `ana.json`, `ana.json.bak`, `ana.20261129T1.json`; not `ana2.json`."""
    return name == stack or name.startswith(f"{stack}.")


def _tag(file: Path) -> str | None:
    try:
        match = TAG.search(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return match[1] if match else None


def disk(where: Where, stack: str) -> int:
    """Bytes of the files below a head's state folder; what goes meanwhile counts nothing."""
    total = 0
    for folder, _, names in os.walk(where.state / stack):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512
    return total
