"""The keeper of this machine: `supervisor`, since nobody here may be asked for an init system.

One supervisord per stack (`vsi.keeper`), reached only through a Unix socket in the state folder (`.rpc`).
It is started by whoever needs it first and outlives them. Programs do not start by themselves: what starts
them knows the order in which they need each other.
"""

import contextlib
import http.client
import os
import pwd
import shlex
import signal
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from vsi.errors import DeployError
from vsi.guard import kill_all, processes_of
from vsi.keepers import KEPT_STATES, Entry, File, Program, Trouble
from vsi.local import logs, processes
from vsi.local.locks import hold
from vsi.local.rpc import SOCKET, Transport, config_text, connect, earlier_socket
from vsi.paths import RELATIVE, REPO, Cache, StatePaths, Tokens, View
from vsi.program import clean_environment, intact, program_file, run_script
from vsi.unit import HostUnit

ANSWER_SECONDS = 5.0
"""How long one question waits for its answer."""
STARTING_SECONDS = 10.0
"""How old it is at most, on a busy machine, when its socket is there."""
SILENT_SECONDS = 30.0
"""How long a supervisor whose process works may be silent before it counts as hung. On an overloaded machine
it is only slow, and to replace it ends every process of the stack."""
_RPC_SECONDS = 150
_NOT_RUNNING, _ALREADY_STARTED, _BAD_NAME, _ALREADY_ADDED, _CANT_REREAD = 70, 60, 10, 90, 92
_SPAWN_ERROR, _ABNORMAL = 50, 40


class Supervisor:
    """The supervisor of one stack. Holds no connection, so an instance may be used from any thread."""

    def __init__(self, state: StatePaths) -> None:
        self.state = state
        self.folder = state.supervisor
        self.config = self.folder / "supervisord.conf"
        self.pid_file = self.folder / "supervisord.pid"
        self.log = self.folder / "supervisord.log"

    def entry(self, unit: HostUnit) -> Entry:
        """The run script, and the program file, which changes with it."""
        tokens = Tokens(unit.name, View.of(self.state, unit.name), Cache())
        script = run_script(unit, tokens)
        return Entry(
            script=File(str(self.state.unit(unit.name).run), script),
            program=File(
                str(self.state.programs / f"{unit.name}.conf"), program_file(unit, self.state, script)
            ),
        )

    def files(self, name: str) -> tuple[str, str]:
        """Where script and program of a unit are, for a `Look`; `*` for those of all."""
        return str(RELATIVE.unit(name).run), str(RELATIVE.programs / f"{name}.conf")

    # --- talking to it

    def _call(self, method: str, *arguments: object, timeout: float = _RPC_SECONDS) -> Any:
        transport = Transport(self.folder, timeout)
        with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)

    def _call_or(self, accepted: set[int], method: str, *arguments: object) -> bool:
        """Call; False when it failed with one of the accepted fault codes."""
        try:
            self._call(method, *arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode in accepted:
                return False
            raise
        return True

    def _ask(self, method: str, *arguments: object) -> Any:
        """What it answers. None at once when its process is gone or stopped, or when it knows no answer;
        after SILENT_SECONDS when it works but is silent."""
        end = time.monotonic() + SILENT_SECONDS
        while True:
            try:
                return self._call(method, *arguments, timeout=ANSWER_SECONDS)
            except xmlrpc.client.Error:
                return None
            except (OSError, http.client.HTTPException):
                if not self._works() or time.monotonic() > end:
                    return None
            time.sleep(0.05)

    def awake(self) -> bool:
        """Whether it answers."""
        return bool(self._ask("getPID"))

    def pid(self) -> int | None:
        """The id of its process, whether it answers or not; None if there is none."""
        return processes.keeper(self.config, self.pid_file)

    def _works(self) -> bool:
        """Whether its process can answer. Not so if its state folder was removed, and this is another one in
        the same place."""
        pid = self.pid()
        if pid is None or not processes.works(pid):
            return False
        return self.pid_file.exists() or processes.works_in(pid, self.state.root)

    def _cut_off(self) -> str:
        """Why it cannot be spoken to although it works, in words for the user; '' if that is not so.

        One of an earlier release, whose socket lay in a folder that was swept, cannot be reached any more."""
        if not self._works():
            return ""
        try:
            connect(self.folder, ANSWER_SECONDS).close()
        except (FileNotFoundError, ConnectionRefusedError):
            stack = self.state.root.name
            return (
                f"its process {self.pid()} and the programs under it run, but its socket "
                f"{earlier_socket(self.folder) or self.folder / SOCKET} was removed, so that it cannot be "
                "told anything. Nothing was ended. Restart the stack when it suits you: "
                f"obs stop {stack}; obs start {stack}"
            )
        except OSError:
            return ""
        return ""

    def _long_cut_off(self) -> str:
        """The same of one that has had the time to make its socket; another run may just be starting it."""
        while (words := self._cut_off()) and processes.age(self.pid()) < STARTING_SECONDS:
            time.sleep(0.1)
        return words

    def programs(self) -> dict[str, Program]:
        """Every program by name, in one call; empty when the supervisor is not there.

        One that does not answer still has its processes: they are named as running."""
        rows = self._ask("getAllProcessInfo")
        if rows is None:
            return self._children()
        return {row["name"]: _program(row) for row in rows if row["name"] != "guard"}

    def _children(self) -> dict[str, Program]:
        pid, now = self.pid(), int(time.time())
        found = processes.children(pid) if pid else ()
        return {
            folder.parent.name: Program(folder.parent.name, "RUNNING", child, int(since), now, "")
            for child, folder, since in found
            if folder.name == "conf" and folder.parent.parent == self.state.units
        }

    def program(self, name: str) -> Program | None:
        """One program, None if the supervisor does not have it."""
        row = self._ask("getProcessInfo", name)
        return _program(row) if row is not None else self.programs().get(name)

    def owned(self, pids: set[int], name: str | None = None) -> set[int]:
        """Which processes are ours, or of one unit.

        By their mark or by their process group: Redis writes its title over its environment, mark and all."""
        leaders = {p.pid for p in self.programs().values() if p.running and name in (None, p.name)}
        found = set()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                if os.getpgid(pid) in leaders:
                    found.add(pid)
        return found | (pids & set(processes_of(str(self.state.root), name)) if pids - found else set())

    def last_words(self, name: str, count: int) -> list[str]:
        """The end of what it wrote."""
        end = logs.tail(self._log(name), 32_768)
        return end.decode(errors="replace").splitlines()[-count:]

    def logs(
        self, names: Collection[str], last: int, *, follow: bool, over: Callable[[], bool]
    ) -> Iterator[tuple[str, str]]:
        """Follows across its rotation."""
        paths = {name: str(self._log(name)) for name in names}
        return logs.lines(paths, last, follow=follow, over=over)

    def _log(self, name: str) -> Path:
        return self.state.unit(name).log / f"{name}.log"

    # --- its own life

    def wake(self) -> bool:
        """Start it unless it runs. True when it had to be started, so that its programs are stopped.

        Safe with several callers at once. What a killed supervisor left is ended first. DeployError, and
        nothing is ended, if it works but lost its socket, or is another user's."""
        if self._usable():
            return False
        with hold(self.state.locks, "supervisor"):
            if self._usable():
                return False
            if lost := self._cut_off():
                raise DeployError("supervisor", lost)
            self._clear_away()
            self._start()
            return True

    def _usable(self) -> bool:
        if not self.awake():
            return False
        if stranger := self._stranger():
            raise DeployError("supervisor", stranger)
        if not self.config.exists():
            self.config.write_text(config_text(self.log.name, self.pid_file.name), encoding="utf-8")
        return True

    def trouble(self) -> Trouble | None:
        """Why it must be left alone; None if it can be told things, or is not there."""
        if words := self._stranger():
            return Trouble("user", words)
        if words := self._long_cut_off():
            return Trouble("cut off", words)
        return None

    def _stranger(self) -> str:
        """Whose processes run here, if they are another user's, in words; '' if they are ours or there are
        none. Files that we wrote would not be readable to them."""
        pid = self.pid()
        user = processes.owner(pid) if pid else None
        if user is None or user == os.geteuid():
            return ""
        return (
            f"what runs here belongs to user {_user(user)}, and you are {_user(os.geteuid())}; "
            "expected the same user. Run it as that one"
        )

    def _clear_away(self) -> None:
        """End a supervisor that no longer answers and all that ran under it; remove socket and pid file."""
        pid = self.pid()
        if pid:
            kill_all([pid])
        root = str(self.state.root)
        end = time.monotonic() + 20
        while (left := processes_of(root)) or (pid and processes.is_alive(pid)):
            kill_all(left)
            if time.monotonic() > end:
                raise DeployError(
                    "supervisor", f"processes {left or [pid]} of an earlier run cannot be ended"
                )
            time.sleep(0.02)
        if earlier := earlier_socket(self.folder):
            earlier.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                earlier.parent.rmdir()
        (self.folder / SOCKET).unlink(missing_ok=True)
        self.pid_file.unlink(missing_ok=True)

    def _start(self) -> None:
        self.state.programs.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._set_aside_broken()
        self.config.write_text(config_text(self.log.name, self.pid_file.name), encoding="utf-8")
        guard = shlex.join([sys.executable, "-P", str(REPO / "vsi" / "guard.py")])
        (self.folder / "guard").write_text(f"exec {guard}\n", encoding="utf-8")
        out = self.folder / "start.log"
        with out.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-P", str(REPO / "vsi" / "keeper.py"), str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=clean_environment() | {"OBS_GUARD_ROOT": str(self.state.root)},
                cwd=self.state.root,
                start_new_session=True,
            )
        end = time.monotonic() + 30
        while not self.awake():
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                words = "\n".join(out.read_text(errors="replace").splitlines()[-10:])
                raise DeployError("supervisor", f"supervisord did not start:\n{words}")
            time.sleep(0.05)
        process.returncode = 0  # it is meant to outlive us; silences the warning about a running child

    def end(self) -> None:
        """Stop every program and the supervisor: nothing of the stack runs then. Fine if it is not there."""
        with hold(self.state.locks, "supervisor"):
            pid = self.pid()
            if self.awake():
                with contextlib.suppress(OSError, http.client.HTTPException):
                    self._call("stopAllProcesses")
                with contextlib.suppress(OSError, http.client.HTTPException):
                    self._call("shutdown")
            elif pid and processes.works(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)  # it stops its programs, as if asked to
            end = time.monotonic() + 60
            while pid and processes.works(pid) and time.monotonic() < end:
                time.sleep(0.05)
            self._clear_away()

    # --- one program

    def _reread(self) -> tuple[list[str], list[str], list[str]]:
        """Names (added, changed, removed) since programs were last taken over. A broken file is set aside."""
        try:
            added, changed, removed = self._call("reloadConfig")[0]
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != _CANT_REREAD or not self._set_aside_broken():
                raise DeployError(
                    "supervisor", f"cannot read its program files: {fault.faultString}"
                ) from None
            added, changed, removed = self._call("reloadConfig")[0]
        return added, changed, removed

    def _set_aside_broken(self) -> list[str]:
        """Rename program files that are not as written, so that one cannot stop all others from being read.

        Their units count as drifted and are repaired by their next apply."""
        broken = []
        for path in sorted(self.state.programs.glob("*.conf")):
            text = path.read_text(errors="replace")
            if not intact(text) or not text.partition("\n")[2].startswith(f"[program:{path.stem}]\n"):
                path.replace(path.with_suffix(".broken"))
                broken.append(path.stem)
        return broken

    def install(self, name: str) -> bool:
        """Take over the program file of one unit: new, changed or gone. Neighbours keep running.

        True if that stopped it, or it is new: it is not started."""
        added, changed, removed = self._reread()
        if name in changed or name in removed:
            self.stop(name)
            self._call_or({_BAD_NAME}, "removeProcessGroup", name)
        if name in added or name in changed:
            self._call_or({_ALREADY_ADDED}, "addProcessGroup", name)
        return name in added or name in changed

    def start(self, name: str) -> None:
        """Start it and return at once; what is left of an earlier run of the unit is ended before."""
        program = self.program(name)
        if program and program.state in KEPT_STATES:
            return
        kill_all(processes_of(str(self.state.root), name))
        try:
            self._call_or({_ALREADY_STARTED, _SPAWN_ERROR, _ABNORMAL}, "startProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == _BAD_NAME:
                raise DeployError(name, "its program file is missing or was broken. Run `obs up`.") from None
            raise DeployError(name, f"the supervisor says: {fault.faultString}") from None

    def stop(self, name: str) -> None:
        """Stop it and wait until it is gone. Fine if it does not run or is not known."""
        self._call_or({_NOT_RUNNING, _BAD_NAME}, "stopProcess", name)
        self._wait(
            lambda: (p := self.program(name)) is None or p.state not in ("STOPPING", *KEPT_STATES), name
        )
        kill_all(processes_of(str(self.state.root), name))

    def reload(self, name: str, signal_name: str) -> None:
        """Send a signal, such as SIGHUP, to the process alone."""
        self._call_or({_NOT_RUNNING}, "signalProcess", name, int(getattr(signal, signal_name)))

    def _wait(self, done: Callable[[], bool], name: str, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                raise DeployError(name, f"did not stop within {seconds:.0f} s")
            time.sleep(0.05)

    def exits(self) -> dict[str, int]:
        """How often each program ended by itself, as far as the supervisor's log goes back."""
        counts: dict[str, int] = {}
        with contextlib.suppress(OSError):
            for line in self.log.read_text(errors="replace").splitlines():
                _, found, rest = line.partition(" exited: ")
                if found:
                    name = rest.split(" ", 1)[0]
                    counts[name] = counts.get(name, 0) + 1
        return counts


def _program(row: dict[str, Any]) -> Program:
    return Program(
        row["name"],
        row["statename"],
        row["pid"],
        row["start"],
        row["now"],
        row["spawnerr"] or row["description"],
    )


def _user(uid: int) -> str:
    with contextlib.suppress(KeyError):
        return f"{pwd.getpwuid(uid).pw_name} ({uid})"
    return str(uid)
