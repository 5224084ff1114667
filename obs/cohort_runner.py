"""Runs the stacks of heads: `obs up` and `obs destroy`, each in a process of its own, as a participant would.

A process a head, since one process can serve the Pulumi engine for one stack alone."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from cohorts.record import LOG, head_folder
from cohorts.survivors import state_of
from cohorts.work import DONE, STOPPED, Result, Told
from obs.describe import was_deployed
from obs.errors import Interrupted
from obs.passphrase import PASSPHRASES
from obs.pulumi import backend_folder, has_state
from obs.signals import handled

OBS = (sys.executable, "-P", "-m", "obs")
_NOISE = ("creating ", "removing ", "reading ", "updating ", "replacing ", "✓ ")
"""How lines begin that only say how far it is."""


class Children:
    """See `cohorts.work.Runner`. Each run's output is in the head's folder."""

    def __init__(self, state: Path, obs: Sequence[str] = OBS) -> None:
        self._state = state
        self._obs = obs
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._alone = threading.Lock()
        self._interrupts = 0

    def up(self, stack: str, told: Told) -> Result:
        """By `obs up`."""
        return self._run(stack, ["up", stack, "--yes", "--wait"], told)

    def down(self, stack: str, told: Told) -> Result:
        """By `obs destroy`, and `pulumi stack rm`."""
        if self.is_there(stack):
            result = self._run(stack, ["destroy", stack, "--yes", "--wait"], told)
            if result.how != "done":
                return result
        told("forgetting its state")
        return self._forget(stack)

    def is_there(self, stack: str) -> bool:
        """In a target, or in the Pulumi engine's state."""
        return was_deployed(stack)

    @contextmanager
    def interruptible(self, stop: threading.Event, tell: Callable[[str], None]) -> Iterator[None]:
        """Inside, after a signal no more heads are begun, and those that run stop in good order."""

        def handle(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
            self._interrupts += 1
            stop.set()
            if self._interrupts == 1:
                tell("stopping: each head finishes what it has begun; once more to stop at once")
            for process in list(self._running.values()):
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGINT if self._interrupts <= 2 else signal.SIGKILL)

        with handled(handle):
            yield

    def _run(self, stack: str, arguments: list[str], told: Told) -> Result:
        folder = head_folder(self._state, stack)
        if folder is None:
            raise ValueError(f"no head: {stack}")
        if self._interrupts:
            return STOPPED
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        said: list[str] = []
        log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(log, "w", encoding="utf-8", buffering=1) as kept:
            process = self._start(stack, arguments)
            for line in process.stdout or ():
                kept.write(line)
                said.append(line.rstrip())
                told(said[-1])
            code = process.wait()
        with self._alone:
            del self._running[stack]
        if code == 0:
            return DONE
        if code == Interrupted.exit_code or self._interrupts:
            return STOPPED
        return Result("failed", _why(said) or f"obs {arguments[0]} ended with exit code {code}")

    def _start(self, stack: str, arguments: list[str]) -> subprocess.Popen[str]:
        """In a session of its own, since signals come from us alone; ended in good order when we end."""
        variables = {name: value for name, value in os.environ.items() if name not in PASSPHRASES}
        variables |= {"OBS_STATE_DIR": str(self._state), "PYTHONUNBUFFERED": "1"}
        setpriv = shutil.which("setpriv")
        bound = [setpriv, "--pdeathsig", "TERM"] if setpriv else []
        with self._alone:
            process = subprocess.Popen(
                [*bound, *self._obs, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=variables,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
            self._running[stack] = process
        if self._interrupts:  # a signal that came before it could be told
            process.send_signal(signal.SIGINT)
        return process

    def _forget(self, stack: str) -> Result:
        """What the Pulumi engine keeps of a stack without resources."""
        from pulumi.automation.errors import CommandError

        from obs.paths import ROOT, clear_put_together
        from obs.pulumi import BoundPulumi, environment, find_pulumi

        backend = backend_folder()
        if backend is None or has_state(stack):
            pulumi = find_pulumi()
            command = ["stack", "rm", "--yes", "--preserve-config", "--stack", stack]
            try:
                BoundPulumi(pulumi).run(command, str(ROOT), environment(stack, pulumi))
            except CommandError as error:
                if "no stack named" not in str(error):
                    return Result("failed", str(error).strip().splitlines()[-1])
        for path in state_of(backend, stack):  # histories and copies, which it leaves
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        clear_put_together(stack)
        return DONE


def _why(said: list[str]) -> str:
    """The lines that say why a run failed."""
    lines = [line for line in said if line.strip() and not line.startswith(_NOISE)]
    return "\n".join(lines[-6:])
