"""A machine in memory: a reach and a keeper that can be killed after any step, and processes to watch.

A process stands for an engine: it knows the files, the script and the stamps of secrets that it read when it
was started, reads files and secrets again on a reload, and listens on the port that `app.conf` names.
"""

import hashlib
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from vsi import changes
from vsi.changes import ChangeFailed, Step, Steps
from vsi.keepers import Entry, File, Program, Trouble
from vsi.machine import Machine
from vsi.paths import StatePaths
from vsi.reach import Answer, Facts, Found, Get, Holder, Look, Question, Report, Said, Survey
from vsi.records import foreign
from vsi.unit import HostUnit

ROOT = Path("/state/toys")
PATHS = StatePaths(ROOT)
REJECTED = b"unknown option"
"""What a check refuses, as an engine would a misspelt setting."""
BROKEN = b"broken"
"""In a script or a file: no check sees it, a process that is started with it ends, and a reload fails."""


class Killed(BaseException):
    """The run ends here, as by `kill -9`: nobody may catch it."""


@dataclass
class Stored:
    """A file."""

    data: bytes
    mode: int = 0o600
    mtime: int = 0


@dataclass
class Running:
    """A process, and what it read."""

    pid: int
    files: dict[str, bytes]
    script: bytes
    secrets: dict[str, int]
    reload_failed: bool = False

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.files["app.conf"].split()[0])


@dataclass
class World:
    """All that survives the end of a run."""

    files: dict[str, Stored] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    processes: dict[str, Running] = field(default_factory=dict)
    taken: dict[str, bytes] = field(default_factory=dict)
    """What the keeper was last told of each program."""
    awake: bool = False
    settings: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """What the setup of each unit brought in."""
    held: set[str] = field(default_factory=set)
    sick: bool = False
    """Whether nothing starts here any more."""
    clock: int = 0
    moments: list[str] = field(default_factory=list)
    looks: int = 0
    """How often somebody looked: each is a round trip, where a network is between."""
    last: int | None = None
    """After so many moments the run is killed."""

    def moment(self, what: str) -> None:
        """Something was changed."""
        self.moments.append(what)
        if self.last is not None and len(self.moments) >= self.last:
            raise Killed(what)

    def write(self, path: str, data: bytes) -> bool:
        """True if that changes anything."""
        if path in self.files and self.files[path].data == data:
            return False
        self.clock += 1
        self.files[path] = Stored(data, mtime=self.clock)
        return True

    def below(self, folder: object) -> dict[str, bytes]:
        """The files of a folder, by relative path."""
        start = f"{folder}/"
        return {p.removeprefix(start): f.data for p, f in self.files.items() if p.startswith(start)}

    def secrets(self) -> dict[str, int]:
        """Times at which secrets were written."""
        start = f"{PATHS.secrets}/"
        return {p.removeprefix(start): f.mtime for p, f in self.files.items() if p.startswith(start)}

    def begin(self, last: int | None = None) -> None:
        """A new run; the locks of the one before ended with it."""
        self.moments, self.looks, self.last, self.held = [], 0, last, set()


def _matches(pattern: str, path: str) -> bool:
    wanted, parts = pattern.split("/"), path.split("/")
    if wanted[-1] == "**":
        wanted, parts = wanted[:-1], parts[: len(wanted) - 1] if len(parts) >= len(wanted) else []
    if len(wanted) != len(parts):
        return False
    return all(fnmatchcase(part, want) for want, part in zip(wanted, parts, strict=True))


@contextmanager
def _until_killed(end: Callable[[], None]) -> Iterator[None]:
    """What is cleaned up after success and failure, but not when the run is killed."""
    try:
        yield
    except Killed:
        raise
    except BaseException:
        end()
        raise
    end()


@dataclass(frozen=True)
class MemoryReach:
    """See `vsi.reach.Reach`."""

    world: World

    def look(self, what: Look) -> Facts:
        self.world.looks += 1
        found: dict[str, Found] = {}
        for path in self.world.folders:
            name = "." if path == str(ROOT) else path.removeprefix(f"{ROOT}/")
            if any(_matches(pattern, name) for pattern in what.at):
                found[name] = Found("folder", 0o700, 0)
        for name, file in ((p.removeprefix(f"{ROOT}/"), f) for p, f in self.world.files.items()):
            wishes = {w for w in ("at", "digest", "read") if any(_matches(p, name) for p in getattr(what, w))}
            if wishes:
                digest = hashlib.sha256(file.data).hexdigest() if wishes & {"digest", "read"} else ""
                data = file.data if "read" in wishes else None
                found[name] = Found("file", file.mode, 0, len(file.data), file.mtime, digest, data)
        return Facts(found)

    def ports(self, ports: Collection[int]) -> dict[int, Holder]:
        return {
            p.port: Holder((p.pid,), p.pid, near=(p.pid,))
            for p in self.world.processes.values()
            if p.port in ports
        }

    def get(self, request: Get, timeout: float) -> Answer:
        del timeout
        for process in self.world.processes.values():
            if f":{process.port}/" in request.url:
                good = 0 if process.reload_failed else 1
                text = f"toy_config_last_reload_successful {good}\n"
                text += f"toy_config_last_reload_success_timestamp_seconds {time.time()}\n"
                return Answer(200, text.encode())
        return Answer(fault="ConnectionRefusedError")

    def tail(self, path: str, size: int) -> bytes:
        del path, size
        return b""

    def folder_size(self, path: str) -> int:
        return sum(map(len, self.world.below(path).values()))

    def suspended(self, pid: int) -> bool:
        del pid
        return False

    def greet(self, host: str, port: int, words: bytes, timeout: float) -> Answer:
        raise NotImplementedError

    def survey(self, question: Question) -> Survey:
        raise NotImplementedError

    def run(self, command: tuple[str, ...]) -> Said:
        raise NotImplementedError

    @contextmanager
    def scratch(self, path: str) -> Iterator[None]:
        self.world.folders.add(path)
        with _until_killed(lambda: self.world.folders.discard(path)):
            yield

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        assert name not in self.world.held, f"waits for itself: {name}"
        self.world.held.add(name)
        with _until_killed(lambda: self.world.held.discard(name)):
            yield

    def change(self, steps: Steps, report: Report) -> None:
        done: dict[str, bool] = {}
        for step in steps:
            report(step.name)
            if step.only_if and not done[step.only_if]:
                done[step.name] = False
                continue
            done[step.name] = self._carry_out(step)
            self.world.moment(step.name)

    def _carry_out(self, step: Step) -> bool:
        world = self.world
        match step.change:
            case changes.Folders(paths):
                world.folders |= set(paths)
            case changes.Write(path, data):
                return world.write(path, data)
            case changes.Links():
                raise NotImplementedError
            case changes.Generate(path):
                return path not in world.files and world.write(path, b"made")
            case changes.Stage():
                return self._stage(step.change)
            case changes.Keep():
                self._keep(step.change)
            case changes.Run():
                self._run(step)
            case changes.Activate():
                self._activate(step.change)
            case changes.Tighten(paths):
                for path in paths:
                    world.files[path].mode = 0o600
            case changes.Remove(paths):
                for path in paths:
                    self._remove(path)
            case changes.RemoveEmpty(path):
                if not world.below(path) and not any(f.startswith(f"{path}/") for f in world.folders):
                    world.folders.discard(path)
        return True

    def _stage(self, change: changes.Stage) -> bool:
        present = self.world.below(change.conf)
        wanted = {path: text.encode() for path, text in change.files.items()}
        if not change.again and all(present.get(path) == data for path, data in wanted.items()):
            return False
        self._remove(change.folder)
        for path, data in wanted.items():
            self.world.write(f"{change.folder}/{path}", data)
        return True

    def _keep(self, change: changes.Keep) -> None:
        self._remove(change.folder)
        for name, path in change.copies.items():
            for found, file in list(self.world.files.items()):
                if found == path or found.startswith(f"{path}/"):
                    self.world.write(f"{change.folder}/{name}{found.removeprefix(path)}", file.data)

    def _run(self, step: Step) -> None:
        run: Any = step.change
        files = self.world.below(run.folder)
        assert files, "a command runs beside its files"
        if any(REJECTED in data for data in files.values()):
            raise ChangeFailed(step, REJECTED.decode())
        if run.purpose == "setup":
            if any(b"unwelcome" in data for data in files.values()):
                raise ChangeFailed(step, "the engine does not take it")
            name = Path(run.folder).parent.name
            assert self.world.processes[name].pid, "the engine is set up while it runs"
            self.world.settings[name] = files

    def _activate(self, change: changes.Activate) -> None:
        present = self.world.below(change.conf)
        for path, text in change.files.items():
            if self.world.write(f"{change.conf}/{path}", text.encode()):
                self.world.moment(f"renamed {path}")
        for path in (set(change.managed) - set(change.files)) & set(present) | set(
            foreign(change.files, present)
        ):
            self._remove(f"{change.conf}/{path}")
            self.world.moment(f"removed {path}")
        self._remove(change.folder)

    def _remove(self, path: str) -> None:
        self.world.files = {
            p: f for p, f in self.world.files.items() if p != path and not p.startswith(f"{path}/")
        }
        self.world.folders = {f for f in self.world.folders if f != path and not f.startswith(f"{path}/")}


@dataclass(frozen=True)
class MemoryKeeper:
    """See `vsi.keepers.Keeper`."""

    world: World

    def entry(self, unit: HostUnit) -> Entry:
        script = " ".join(unit.process.command)
        own, programs = PATHS.unit(unit.name), PATHS.programs
        return Entry(File(str(own.run), script), File(str(programs / f"{unit.name}.conf"), f"[{script}]"))

    def files(self, name: str) -> tuple[str, str]:
        return f"units/{name}/run", f"supervisor/programs/{name}.conf"

    def trouble(self) -> Trouble | None:
        return None

    def awake(self) -> bool:
        return self.world.awake

    def wake(self) -> bool:
        if self.world.awake:
            return False
        self.world.processes, self.world.taken, self.world.awake = {}, {}, True
        self.world.moment("woke the keeper")
        return True

    def programs(self) -> dict[str, Program]:
        running = self.world.processes
        return {
            name: Program(name, "RUNNING", running[name].pid, 1, 2, "")
            if name in running
            else Program(name, "STOPPED", 0, 0, 2, "")
            for name in self.world.taken
        }

    def install(self, name: str) -> bool:
        stored = self.world.files.get(str(PATHS.programs / f"{name}.conf"))
        if stored is not None and self.world.taken.get(name) == stored.data:
            return False
        self.stop(name)
        if stored is None:
            return self.world.taken.pop(name, None) is not None
        self.world.taken[name] = stored.data
        self.world.moment(f"took {name} over")
        return True

    def start(self, name: str) -> None:
        if name in self.world.processes:
            return
        self.world.clock += 1
        own = PATHS.unit(name)
        script = self.world.files[str(own.run)].data
        made = Running(self.world.clock, self.world.below(own.conf), script, self.world.secrets())
        ends = self.world.sick or any(BROKEN in text for text in (made.script, *made.files.values()))
        if not ends and not any(other.port == made.port for other in self.world.processes.values()):
            self.world.processes[name] = made
        self.world.moment(f"started {name}")

    def stop(self, name: str) -> None:
        if self.world.processes.pop(name, None):
            self.world.moment(f"stopped {name}")

    def reload(self, name: str, signal_name: str) -> None:
        assert signal_name == "SIGHUP"
        process = self.world.processes[name]
        before, process.files = process.files, self.world.below(PATHS.unit(name).conf)
        process.secrets = self.world.secrets()
        others = [other for other in self.world.processes.values() if other is not process]
        broken = any(BROKEN in text for text in process.files.values())
        process.reload_failed = broken or any(other.port == process.port for other in others)
        if process.reload_failed:
            process.files = before
        self.world.moment(f"reloaded {name}")

    def program(self, name: str) -> Program | None:
        return self.programs().get(name)

    def owned(self, pids: set[int], name: str | None = None) -> set[int]:
        return {p.pid for n, p in self.world.processes.items() if p.pid in pids and name in (None, n)}

    def last_words(self, name: str, count: int) -> list[str]:
        del name, count
        return []

    def logs(
        self, names: Collection[str], last: int, *, follow: bool, over: Callable[[], bool]
    ) -> Iterator[tuple[str, str]]:
        raise NotImplementedError

    def exits(self) -> dict[str, int]:
        return {}

    def end(self) -> None:
        self.world.processes, self.world.taken, self.world.awake = {}, {}, False


def machine_in(world: World) -> Machine:
    """The machine that a world is."""
    return Machine(PATHS, MemoryReach(world), MemoryKeeper(world))
