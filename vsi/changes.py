"""What can be done to a host, as data. `vsi.operations` says how; nothing else changes a host.

Every path is absolute, of the host. A step is named for progress and for errors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
"""Modes that keep others out."""


def folder_of(mode: int) -> int:
    """The mode of a folder that those may enter who may read its files: 0700 for 0600, 0755 for 0644."""
    return mode | (mode & 0o444) >> 2


@dataclass(frozen=True)
class Folders:
    """Folders of one mode."""

    paths: tuple[str, ...]
    mode: int = PRIVATE_FOLDER


@dataclass(frozen=True)
class Write:
    """One file, replaced as a whole, if it differs."""

    path: str
    data: bytes = field(repr=False)
    mode: int = PRIVATE_FILE


@dataclass(frozen=True)
class Links:
    """A folder that holds just these symbolic links, by name: where each leads to."""

    folder: str
    targets: Mapping[str, str]


@dataclass(frozen=True)
class Generate:
    """A file with a random value, made on the host if there is none, so that it never travels."""

    path: str


@dataclass(frozen=True)
class Stage:
    """A copy of what the conf folder shall be, for checks; nothing if it is so already, unless `again`."""

    folder: str
    conf: str
    files: Mapping[str, str] = field(repr=False)
    again: bool
    links: Mapping[str, str] = field(default_factory=dict)
    """Symbolic links beside the files, by name."""
    mode: int = PRIVATE_FILE
    """Of the files; who may read them may enter their folders."""


@dataclass(frozen=True)
class Keep:
    """Copies, by the names that they get in a folder, which is there as a whole or not at all. What is not
    there is left out."""

    folder: str
    copies: Mapping[str, str]


@dataclass(frozen=True)
class Run:
    """A command of an engine, in a bare environment, ended with us and after `seconds`."""

    purpose: Literal["check", "setup"]
    arguments: tuple[str, ...]
    folder: str
    environment: Mapping[str, str]
    seconds: int


@dataclass(frozen=True)
class Activate:
    """Each changed file renamed from the staged copy into place; of `managed`, what is not planned gone."""

    folder: str
    conf: str
    files: Mapping[str, str] = field(repr=False)
    managed: tuple[str, ...]
    links: Mapping[str, str] = field(default_factory=dict)
    mode: int = PRIVATE_FILE


@dataclass(frozen=True)
class Tighten:
    """Files of ours in a mode, as they are otherwise."""

    paths: tuple[str, ...]
    mode: int = PRIVATE_FILE


@dataclass(frozen=True)
class Remove:
    """Files or whole folders gone."""

    paths: tuple[str, ...]


@dataclass(frozen=True)
class RemoveEmpty:
    """A folder gone, if there is nothing in it."""

    path: str


Change = Folders | Write | Links | Generate | Stage | Keep | Run | Activate | Tighten | Remove | RemoveEmpty


@dataclass(frozen=True)
class Step:
    """One change, under a name. `only_if` names an earlier step of the same call that must have changed
    something."""

    name: str
    change: Change
    only_if: str = ""


class ChangeFailed(Exception):
    """A step failed on the host: which one, and what its commands said, not yet masked."""

    def __init__(self, step: Step | None, output: str) -> None:
        super().__init__(step.name if step else "pyinfra")
        self.step = step
        self.output = output

    @property
    def name(self) -> str:
        """The name of the step; `pyinfra` if it is not one of them."""
        return self.step.name if self.step else "pyinfra"

    def last_words(self, lines: int = 20) -> str:
        """The end of what its commands said."""
        return "\n".join(self.output.splitlines()[-lines:])


Steps = Sequence[Step]
