"""Drives the real `pulumi` program over this project, through the Automation API's local workspace.

What is run is what a user would type: the same Pulumi.yaml, program, stack files and state. This module
adds what a hand-typed command takes from `obs env`, a bond of life between `obs` and the Pulumi engine, and
the repair of what a run that was killed has left.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import FrameType
from typing import IO, Any

from pulumi.automation import (
    CommandResult,
    Deployment,
    LocalWorkspace,
    OutputMap,
    PulumiCommand,
    Stack,
    UpdateSummary,
)
from pulumi.automation.errors import CommandError, create_command_error
from pulumi.automation.events import EngineEvent
from semver import VersionInfo

from components import catalog
from obs import providers, recorded
from obs.errors import Interrupted, ObsError
from obs.hosts import served
from obs.lock import clear_stale_locks
from obs.notices import tell_new
from obs.passphrase import known
from obs.paths import PLUGINS, ROOT, STATE_VARIABLE, made, state_folder
from obs.signals import handled

PROJECT = "observability"
"""The name in Pulumi.yaml."""
FILE_SCHEME = "file://"

OnEvent = Callable[[EngineEvent], Any]


class PulumiFailed(ObsError):
    """The Pulumi engine ended with an error; what went wrong has come as events before."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output


def pulumi_on_path() -> Path | None:
    """The Pulumi CLI on PATH, if it has the catalogue's major and minor version: no other is tested."""
    found = shutil.which("pulumi")
    if found is None or (have := _version(Path(found))) is None:
        return None
    wanted = VersionInfo.parse(catalog.engine("pulumi").version)
    return Path(found).absolute() if (have.major, have.minor) == (wanted.major, wanted.minor) else None


def find_pulumi() -> Path:
    """The Pulumi CLI: the one on PATH if its version fits, else the one in the cache of engines.

    ObsError, or the cache's own error, saying what to run if there is neither."""
    if path := pulumi_on_path():
        return path
    from engines.store import Store

    store, other = Store(), shutil.which("pulumi")
    if other is None:
        return store.executable("pulumi", "pulumi")
    has = f"pulumi: {other} has version {_version(Path(other)) or 'unknown'}"
    wanted = catalog.engine("pulumi").version
    if store.locate("pulumi") is None:
        raise ObsError(
            f"{has}; expected {wanted}, or another patch of it; get it with `obs engines build pulumi`"
        )
    path = store.executable("pulumi", "pulumi")
    _tell_once(f"{has}, so {path} is used, which has {wanted}")
    return path


@cache
def _tell_once(text: str) -> None:
    tell_new("pulumi", [text])


def backend_folder() -> Path | None:
    """The folder that holds the state; None if PULUMI_BACKEND_URL names a back end of another kind."""
    url = os.environ.get("PULUMI_BACKEND_URL")
    if not url:
        return state_folder()
    if url.startswith(FILE_SCHEME):
        return Path(url.removeprefix(FILE_SCHEME).split("?")[0]).expanduser().absolute()
    return None


def checkpoint_of(stack: str) -> Path | None:
    """Where the engine keeps the stack's state; None where that is no file of this machine."""
    folder = backend_folder()
    return folder / ".pulumi" / "stacks" / PROJECT / f"{stack}.json" if folder else None


def has_state(stack: str) -> bool:
    """Whether the stack has state in a back end that is a folder."""
    folder = backend_folder()
    return folder is not None and any((folder / ".pulumi" / "stacks").glob(f"**/{stack}.json*"))


def environment(stack: str, pulumi: Path) -> dict[str, str]:
    """The variables under which `pulumi` works here, whether started by `obs` or typed by hand.

    The plugins that the CLI brought, if any, stand before ours: the official CLI has its own language host.
    `obs` itself is on the PATH too, so that it need not be typed with its folder; the cache's providers last.
    """
    from engines.proxy import exempt

    path = [str(pulumi.resolve().parent), str(pulumi.parent), str(PLUGINS), str(Path(sys.executable).parent)]
    path = list(dict.fromkeys(path))
    path += [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if part not in path]
    path += providers.folders(home := providers.pulumi_home())
    backend = backend_folder()
    # Without metadata: the engine writes it to files of their own, which a SIGKILL can leave empty, and then
    # can no longer read its state ("failed to load checkpoint: EOF").
    own = f"{FILE_SCHEME}{backend}?create_dir=true&metadata=skip"
    url = own if backend else os.environ["PULUMI_BACKEND_URL"]
    variables = {
        "PATH": os.pathsep.join(path),
        "PULUMI_BACKEND_URL": url,
        "PULUMI_HOME": str(home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "OBS_PYTHON": sys.executable,
        **exempt(os.environ),
    }
    return variables | known(stack)


def exports(variables: Mapping[str, str]) -> str:
    """Shell text that sets the variables, for `eval`."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items()))


class BoundPulumi(PulumiCommand):
    """The CLI, ended by the kernel when `obs` ends, and interrupted only when `obs` says so.

    It runs in a session of its own: otherwise Ctrl-C in a terminal would reach it twice, once from the
    terminal and once from us, and the second interruption makes it drop everything.
    """

    def __init__(self, path: Path) -> None:
        self.command = str(path)
        version = _version(path)
        if version is None:
            raise ObsError(
                f"pulumi: {path} does not answer to `pulumi version`; run `obs engines build pulumi`"
            )
        self.version = version
        self._running: subprocess.Popen[str] | None = None
        self._interrupts = 0

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,
        on_error: Callable[[str], Any] | None = None,
    ) -> CommandResult:
        """Run to the end; CommandError if it fails, Interrupted if it was stopped by a signal to `obs`."""
        lines: dict[str, list[str]] = {"stdout": [], "stderr": []}

        def read(stream: IO[str], name: str, tell: Callable[[str], Any] | None) -> None:
            for line in stream:
                lines[name].append(line.rstrip())
                if tell:
                    tell(line.rstrip())

        with (
            served(args[0], additional_env) as hosts,
            subprocess.Popen(
                [*_die_with_us(), self.command, "--non-interactive", *args],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env={**os.environ, **additional_env, **hosts, "PULUMI_AUTOMATION_API": "true"},
                encoding="utf-8",
                start_new_session=True,
            ) as process,
        ):
            self._running = process
            readers = [
                threading.Thread(target=read, args=(process.stdout, "stdout", on_output)),
                threading.Thread(target=read, args=(process.stderr, "stderr", on_error)),
            ]
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join()
            code = process.wait()
            self._running = None
        if self._interrupts:
            raise Interrupted("interrupted: the next run goes on from here")
        result = CommandResult("\n".join(lines["stdout"]), "\n".join(lines["stderr"]), code)
        if code != 0:
            raise create_command_error(result)
        return result

    @contextmanager
    def interruptible(self, tell: Callable[[str], Any]) -> Iterator[None]:
        """Inside, a signal to `obs` asks a running Pulumi engine to stop; `obs` ends only afterwards."""

        def handle(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
            self._interrupts += 1
            process = self._running
            if process is None:
                raise KeyboardInterrupt
            if self._interrupts == 1:
                tell("stopping: the Pulumi engine finishes what it has begun; once more to stop at once")
            process.send_signal(signal.SIGINT if self._interrupts <= 2 else signal.SIGKILL)

        with handled(handle):
            yield


def _die_with_us() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []


@cache
def _version(path: Path) -> VersionInfo | None:
    """What a CLI says of itself, asked once; None if it does not say. Of the one in our cache it is known."""
    from engines.store import Store

    artifact = Store().locate("pulumi")
    if artifact and path.is_relative_to(artifact) and path.is_file():
        return VersionInfo.parse(catalog.engine("pulumi").version)
    try:
        found = subprocess.run(
            [str(path), "version"],
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            capture_output=True,
            text=True,
            check=False,
        )
        return VersionInfo.parse(found.stdout.strip().removeprefix("v"))
    except (OSError, ValueError):
        return None


class _Stack(Stack):
    """A stack that is there, and does not ask the CLI for that, nor, three times and after each operation,
    for what nobody reads here: each question is a start of it."""

    def __init__(self, name: str, workspace: LocalWorkspace) -> None:
        self.name, self.workspace = name, workspace

    def outputs(self) -> OutputMap:
        return {}

    def info(self, show_secrets: bool = True) -> UpdateSummary:  # noqa: ARG002
        return UpdateSummary("update", datetime.now(UTC), "", {}, {}, "succeeded")


class Driver:
    """One stack under the real Pulumi engine. Hold the stack's lock while using it."""

    def __init__(self, stack: str, more: Mapping[str, str] | None = None) -> None:
        pulumi = find_pulumi()
        variables = environment(stack, pulumi) | dict(more or {})
        made(home := Path(variables["PULUMI_HOME"]), "PULUMI_HOME")
        providers.without_logs(home)
        self.name, self._variables = stack, variables
        self.command = BoundPulumi(pulumi)
        # No project_settings: they would rewrite Pulumi.yaml.
        self._workspace = LocalWorkspace(work_dir=str(ROOT), env_vars=variables, pulumi_command=self.command)

    def select(self) -> None:
        """Choose the stack; made, empty, if there is none. PulumiFailed if that cannot be."""
        if folder := backend_folder():
            made(folder, "PULUMI_BACKEND_URL" if os.environ.get("PULUMI_BACKEND_URL") else STATE_VARIABLE)
        with _failures():
            checkpoint = checkpoint_of(self.name)
            if checkpoint is None or not checkpoint.is_file():
                Stack.create_or_select(self.name, self._workspace)
            self._stack = _Stack(self.name, self._workspace)

    def _may_be_pending(self) -> bool:
        """Whether operations of a run that was cut off may stand in the state. A quote inside a text stands
        there escaped, so the key is found only as a key."""
        checkpoint = checkpoint_of(self.name)
        if checkpoint is None:
            return True
        try:
            return b'"pending_operations":' in checkpoint.read_bytes()
        except OSError:
            return True

    def deployed(self) -> list[str]:
        """The URNs in the stack's state; none where that is no file of this machine."""
        return recorded.urns(checkpoint_of(self.name))

    def prepare(self) -> list[str]:
        """Choose the stack and repair what a killed run left; returns what was repaired."""
        folder = backend_folder()
        repaired = clear_stale_locks(folder, self.name) if folder else []
        self.select()
        if not self._may_be_pending():
            return repaired
        state = self._stack.export_stack()
        pending = (state.deployment or {}).get("pending_operations") or []
        if pending:
            # Every operation of ours may be begun again, so none that was cut off needs a decision.
            rest = {**(state.deployment or {}), "pending_operations": []}
            self._stack.import_stack(Deployment(version=state.version, deployment=rest))
            repaired.append(f"{len(pending)} operations that were cut off")
        return repaired

    def up(self, on_event: OnEvent) -> None:
        """Update; PulumiFailed if it ended with an error. Pulumi.yaml says to refresh first."""
        with _failures(), _heard(on_event) as hear:
            self._stack.up(on_event=hear, suppress_outputs=True, color="never")

    def preview(self, on_event: OnEvent) -> None:
        """Preview, as `up` would do it; changes nothing. PulumiFailed if it ended with an error."""
        with _failures(), _heard(on_event) as hear:
            self._stack.preview(on_event=hear, suppress_outputs=True, color="never")

    def refresh(self, on_event: OnEvent, preview_only: bool = False) -> None:
        """Take what really runs into the state, or only read it. PulumiFailed if it ended with an error."""
        with _failures(), _heard(on_event) as hear, self._recorded() as stack:
            stack.refresh(on_event=hear, color="never", preview_only=preview_only)

    def destroy(self, on_event: OnEvent) -> None:
        """Take down all but what is protected and its needs. PulumiFailed if it ended with an error."""
        with _failures(), _heard(on_event) as hear, self._recorded() as stack:
            stack.destroy(on_event=hear, color="never", exclude_protected=bool(self.protected()))

    def protected(self) -> list[tuple[str, str]]:
        """Type and id of each resource that a `destroy` leaves, since its target says so."""
        with _failures():
            return recorded.protected(checkpoint_of(self.name), lambda: self._stack.export_stack().deployment)

    @contextmanager
    def _recorded(self) -> Iterator[Stack]:
        """The stack as its state alone knows it: its own file may be gone or broken."""
        found = recorded.deployment(checkpoint_of(self.name)) or self._stack.export_stack().deployment
        configuration = recorded.configuration(found)
        if not configuration:
            yield self._stack
            return
        with recorded.project_of_links(ROOT, self.name, configuration) as folder:
            yield _Stack(
                self.name,
                LocalWorkspace(work_dir=str(folder), env_vars=self._variables, pulumi_command=self.command),
            )


@contextmanager
def _heard(on_event: OnEvent) -> Iterator[OnEvent]:
    """A listener whose failure does not reach the engine, which would wait for it for ever.

    What it raised first is raised at the end."""
    failures: list[BaseException] = []

    def hear(event: EngineEvent) -> None:
        if failures:
            return
        try:
            on_event(event)
        except BaseException as failure:
            failures.append(failure)

    yield hear
    if failures:
        raise failures[0]


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        raise PulumiFailed(str(error)) from None
