"""What is remembered of a cohort beside its heads: who got which seat, and how far each head came.

In `$OBS_STATE_DIR/.cohorts/<cohort>/record.json`, readable by its owner alone, since it has names and
addresses. It holds no secret."""

import json
import os
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cohorts.heads import Seat, Taken, stack_of
from cohorts.model import WIDTH
from components.errors import SuiteError

FOLDER = ".cohorts"
FILE = "record.json"
State = Literal["seated", "making", "up", "failed", "leaving"]


class Entry(BaseModel):
    """One head, as far as it came."""

    model_config = ConfigDict(extra="forbid")

    name: str
    email: str
    team: str | None = None
    slug: str
    port_base: int
    state: State = "seated"
    """`making` and `leaving` are begun and, unless a run is at it, were cut off."""
    written: str = ""
    """Digest of its stack file as it was generated last."""
    seconds: float = 0
    """How long the last run took that brought it up."""
    error: str = ""
    """The first line of why it failed."""

    @property
    def key(self) -> str:
        """As `Person.key`."""
        return self.email.casefold()

    @property
    def seat(self) -> Seat:
        return Seat(self.slug, self.port_base)


class Record(BaseModel):
    """A cohort that was begun."""

    model_config = ConfigDict(extra="forbid")

    cohort: str
    target: str
    template: str
    expires: datetime
    warn_seconds: int
    parallel: int
    file: str = ""
    """The cohort file, as it was named last."""
    heads: dict[str, Entry] = {}
    """By `Person.key`."""

    def stack(self, entry: Entry) -> str:
        """The name of a head's stack."""
        return stack_of(self.cohort, entry.slug)

    @property
    def seats(self) -> dict[str, Seat]:
        """What `heads.allot` wants to know."""
        return {key: entry.seat for key, entry in self.heads.items()}

    @property
    def ports(self) -> list[Taken]:
        """The ports of its heads, for other cohorts."""
        who = f"cohort {self.cohort}"
        return [Taken(e.port_base, e.port_base + WIDTH - 1, who) for e in self.heads.values()]


def folder_of(state: Path, cohort: str) -> Path:
    """Where everything is kept about a cohort."""
    return state / FOLDER / cohort


def read(state: Path, cohort: str) -> Record | None:
    """The record of a cohort; None if it was never begun, or is gone. SuiteError if it cannot be read."""
    file = folder_of(state, cohort) / FILE
    try:
        return Record.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not as this program writes it"
        raise SuiteError(
            f"{file}: {reason}; expected the record of cohort {cohort}. Restore it, or remove it: "
            "`obs cohort orphans` then finds its heads"
        ) from None


def read_all(state: Path) -> Iterator[Record]:
    """The records of all cohorts that were begun, by name."""
    for file in sorted((state / FOLDER).glob(f"*/{FILE}")):
        if found := read(state, file.parent.name):
            yield found


def write(state: Path, record: Record) -> None:
    """Put it in place as a whole, or not at all. SuiteError if it cannot be written."""
    folder = folder_of(state, record.cohort)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{FILE}.")  # for its owner alone
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, folder / FILE)
    except OSError as error:
        raise SuiteError(
            f"OBS_STATE_DIR: {error.filename or folder}: {error.strerror}; expected a writable folder"
        ) from None
