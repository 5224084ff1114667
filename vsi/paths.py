"""Where a stack lives on a host, and what the tokens of a plan stand for there.

Only this module knows real folders: plans and rendered text hold none, so that equal specs give equal
plans on every machine.
"""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vsi.errors import DeployError

REPO = Path(__file__).resolve().parent.parent
"""The checkout, for the token `{repo}` and the default state folder."""

_TOKEN = re.compile(
    r"\{(conf|data|log|cache|state|secrets|python|repo|engine:([A-Za-z0-9_.-]+)(?::([A-Za-z0-9_.-]+))?)\}"
)
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")


@dataclass(frozen=True)
class UnitPaths:
    """The folders of one unit."""

    root: Path
    data: Path
    """What the process keeps; survives a removal unless the plan says otherwise."""

    @property
    def conf(self) -> Path:
        """What the process reads, and its working directory."""
        return self.root / "conf"

    @property
    def staged(self) -> Path:
        """Where new files are checked: a sibling of conf, so that relative paths mean the same."""
        return self.root / "conf.next"

    @property
    def previous(self) -> Path:
        """What stood before a change, until that has proved itself."""
        return self.root / "previous"

    @property
    def log(self) -> Path:
        """Where the supervisor writes what the process says; on servers the journal has it."""
        return self.root / "log"

    @property
    def cache(self) -> Path:
        """What checks remember to be quicker the next time; may be gone at any time."""
        return self.root / "cache"

    @property
    def credentials(self) -> Path:
        """On servers, the secrets and certificates of this unit alone."""
        return self.root / "credentials"

    @property
    def scratch(self) -> Path:
        """Where an apply keeps what it needs for a moment, secrets among it: ours alone, unlike /tmp."""
        return self.root / "scratch"

    @property
    def applied(self) -> Path:
        """What was last carried out: read by drift, status and start, none of which know the plan."""
        return self.root / "applied.json"

    @property
    def run(self) -> Path:
        """The script that the keeper starts; readable, and can be started by hand."""
        return self.root / "run"


@dataclass(frozen=True)
class StatePaths:
    """The state folder of one stack on one host."""

    root: Path
    kept: Path | None = None
    """Where what units keep is, a folder a unit, if it is not among a unit's own."""

    def unit(self, name: str) -> UnitPaths:
        """The folders of a unit."""
        own = self.root / "units" / name
        return UnitPaths(own, self.kept / name if self.kept else own / "data")

    @property
    def units(self) -> Path:
        return self.root / "units"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def tls(self) -> Path:
        return self.root / "secrets" / "tls"

    @property
    def supervisor(self) -> Path:
        return self.root / "supervisor"

    @property
    def programs(self) -> Path:
        return self.root / "supervisor" / "programs"

    @property
    def locks(self) -> Path:
        """Lock files stay when a unit goes: removing a locked file would let two holders in."""
        return self.root / "locks"


RELATIVE = StatePaths(Path())
"""Paths as a `Look` names them: from the state folder. `*` stands for any unit."""


def state_paths(stack: str, environ: Mapping[str, str] | None = None) -> StatePaths:
    """The state folder of a stack: `$OBS_STATE_DIR/<stack>`, else `.state/<stack>` in the checkout.

    Links are followed: whichever way leads there, it is the same folder. Raises DeployError for a path with a
    line break or another control character, which no configuration file here could hold."""
    environ = os.environ if environ is None else environ
    check_name("stack", stack)
    base = environ.get("OBS_STATE_DIR")
    root = (Path(base) if base else REPO / ".state") / stack
    root = Path(os.path.realpath(root))
    if any(ord(character) < 32 or ord(character) == 127 for character in str(root)):
        raise DeployError(
            stack,
            f"the state folder {str(root)!r} holds a tab, a line break or another control character, which "
            "the engines' files cannot express. Set OBS_STATE_DIR to a folder without.",
        )
    return StatePaths(root)


def check_name(what: str, name: str) -> None:
    """Names become folders and program names; anything else is refused before it does harm."""
    if not _NAME.fullmatch(name):
        raise DeployError(name, f"{what} name {name!r}: expected small letters, digits, '-', '_' and '.'")


def check_file_path(unit: str, path: str) -> None:
    """Rendered files stay inside the conf folder."""
    parts = path.split("/")
    if not path or path.startswith("/") or any(part in ("", ".", "..") for part in parts) or "\0" in path:
        raise DeployError(unit, f"file path {path!r}: expected a path below the conf folder")


class Places(Protocol):
    """Where programs are on a host. What is not there is told in words that fit a user."""

    @property
    def python(self) -> str:
        """The interpreter of this project's own programs."""

    @property
    def code(self) -> str:
        """What it finds them in; '' where it knows by itself."""

    def folder(self, engine: str) -> str:
        """An engine. Raises SuiteError or OSError if it is not there."""

    def executable(self, engine: str, name: str) -> str:
        """A program of an engine; where it lies in the artifact depends on the channel that brought it."""


class Cache:
    """The places of this machine: the cache of engines, asked only where a plan names one."""

    python = sys.executable
    code = str(REPO)

    def folder(self, engine: str) -> str:
        """See `Places`."""
        from engines.store import Store

        found = Store().locate(engine)
        if found is None:
            raise FileNotFoundError("nothing there")
        return str(found)

    def executable(self, engine: str, name: str) -> str:
        """See `Places`."""
        from engines.store import Store

        return str(Store().executable(engine, name))


@dataclass(frozen=True)
class View:
    """Folders as one process finds them, which need not be as root does."""

    conf: str
    data: str
    log: str
    cache: str
    secrets: str
    state: str

    @staticmethod
    def of(state: StatePaths, unit: str, *, staged: bool = False) -> "View":
        """The folders as they are; `{conf}` is the staged copy for checks."""
        own = state.unit(unit)
        conf = own.staged if staged else own.conf
        return View(*map(str, (conf, own.data, own.log, own.cache, state.secrets, state.root)))


@dataclass(frozen=True)
class Tokens:
    """Replaces the tokens of a plan's commands by a host's folders."""

    unit: str
    view: View
    places: Places

    def fill(self, text: str) -> str:
        """The text with every token replaced. Raises DeployError when an engine is not there."""
        view, places = self.view, self.places

        def value(match: re.Match[str]) -> str:
            if match[2]:
                return self._engine(match[2], match[3])
            if match[1] in ("python", "repo"):  # asked only for whom needs it: not every unit has one
                return places.python if match[1] == "python" else places.code
            return {
                "conf": view.conf,
                "data": view.data,
                "log": view.log,
                "cache": view.cache,
                "state": view.state,
                "secrets": view.secrets,
            }[match[1]]

        return _TOKEN.sub(value, text)

    def _engine(self, name: str, executable: str | None) -> str:
        try:
            if executable is not None:
                return self.places.executable(name, executable)
            return self.places.folder(name)
        except DeployError:
            raise
        except Exception as error:
            raise DeployError(
                self.unit, f"engine {name!r} is not in the cache: {error}. Run `obs engines build {name}`."
            ) from error

    def command(self, arguments: tuple[str, ...]) -> list[str]:
        """An argument list with every token replaced."""
        return [self.fill(argument) for argument in arguments]
