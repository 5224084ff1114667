"""What is remembered of a cohort beside its heads: who got which seat, and how far each head came.

In `$OBS_STATE_DIR/.cohorts/<cohort>/record.json`, readable by its owner alone, since it has names and
addresses. It holds no secret."""

import contextlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cohorts.heads import NOBODY, Seat, Taken, stack_of
from cohorts.model import WIDTH
from components.errors import SuiteError
from components.heads import PREFIX

FOLDER = ".cohorts"
FILE = "record.json"
HEADS = "heads"
PASSPHRASE = "passphrase"  # noqa: S105
LOG = "last-run.log"
HANDOUT, CREDENTIALS, AUTHORITY = "handout.html", "credentials.txt", "ca.pem"
CERTIFICATE, KEY, CURL = "operator.pem", "operator.key", "own.curl"
"""What a participant shows to the own programs, and the options by which `curl -K` does."""
LENT = "store.json"
"""What a head logs in to the store with that it shares: variables and their values."""
OURS = (PASSPHRASE, LOG, HANDOUT, CREDENTIALS, AUTHORITY, CERTIFICATE, KEY, CURL, LENT)
"""What a head's folder has that goes with it; anything else there survives, and is told."""
_HEAD = re.compile(rf"{PREFIX}([a-z0-9-]+)-([a-z0-9]+)")
State = Literal["seated", "making", "up", "failed", "leaving"]


class Entry(BaseModel):
    """One head, as far as it came."""

    model_config = ConfigDict(extra="forbid")

    name: str
    email: str
    team: str | None = None
    slug: str
    port_base: int
    """0 where nothing of it runs on this machine."""
    state: State = "seated"
    """`making` and `leaving` are begun and, unless a run is at it, were cut off."""
    written: str = ""
    """Digest of its stack file as it was generated last."""
    core: str = ""
    """The same, whatever until when it is."""
    seconds: float = 0
    """How long the last run took that brought it up."""
    error: str = ""
    """The first line of why it failed."""
    place: dict[str, Any] = {}
    """Where it is, in the words of a target that knows it by these (`components.heads`)."""

    @property
    def key(self) -> str:
        """As `Person.key`."""
        return self.email.casefold()

    @property
    def is_store(self) -> bool:
        """Whether it is no participant's, but what their heads share."""
        return self.key == NOBODY.key

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
    memory_mb: int = 0
    """What is set aside for each head, in MiB; 0 if that was not known."""
    disk_mb: int = 0
    store_mb: int = 0
    """Memory that is set aside for the store that heads share, if they do."""
    access: str = ""
    """As in the cohort file."""
    file: str = ""
    """The cohort file, as it was named last."""
    heads: dict[str, Entry] = {}
    """By `Person.key`."""

    def stack(self, entry: Entry) -> str:
        """The name of a head's stack."""
        return stack_of(self.cohort, entry.slug)

    @property
    def store(self) -> Entry | None:
        """The stack that heads share; None where each is a whole one."""
        return self.heads.get(NOBODY.key)

    @property
    def participants(self) -> list[Entry]:
        """The heads."""
        return [entry for entry in self.heads.values() if not entry.is_store]

    @property
    def seats(self) -> dict[str, Seat]:
        """What `heads.allot` wants to know."""
        return {key: entry.seat for key, entry in self.heads.items()}

    @property
    def ports(self) -> list[Taken]:
        """The ports of its heads, for other cohorts."""
        who = f"cohort {self.cohort}"
        return [Taken(e.port_base, e.port_base + WIDTH - 1, who) for e in self.heads.values() if e.port_base]


def folder_of(state: Path, cohort: str) -> Path:
    """Where everything is kept about a cohort."""
    return state / FOLDER / cohort


def head_folder(state: Path, stack: str) -> Path | None:
    """What is kept of one head beside its stack; None for a stack that is no head by its name."""
    match = _HEAD.fullmatch(stack)
    return folder_of(state, match[1]) / HEADS / match[2] if match else None


def passphrase_file(state: Path, stack: str) -> Path | None:
    """What encrypts the secrets of a head in the Pulumi engine's state; None for any other stack."""
    folder = head_folder(state, stack)
    return folder / PASSPHRASE if folder else None


def lend(state: Path, stack: str, values: Mapping[str, str]) -> bool:
    """Keep what a head logs in to a shared store with; whether that is news."""
    folder = head_folder(state, stack)
    if folder is None or lent(state, stack) == values:
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{LENT}.")  # for its owner alone
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(dict(values), file)
        os.replace(name, folder / LENT)
    except OSError as error:
        raise _unwritable(error, folder) from None
    return True


def lent(state: Path, stack: str) -> dict[str, str]:
    """What `lend` keeps of a head; nothing of any other stack."""
    folder = head_folder(state, stack)
    try:
        found: dict[str, str] = json.loads((folder / LENT).read_bytes()) if folder else {}
    except (OSError, ValueError):
        return {}
    return found


def ready(state: Path, cohort: str, slug: str) -> None:
    """Make a head's folder, and its passphrase if it has none. SuiteError if they cannot be written."""
    file = folder_of(state, cohort) / HEADS / slug / PASSPHRASE
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not file.is_file() or not file.stat().st_size:
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as made:
                made.write(secrets.token_urlsafe(32))
    except OSError as error:
        raise _unwritable(error, file) from None


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
        raise _unwritable(error, folder) from None


def forget(state: Path, cohort: str) -> None:
    """Remove the record of a cohort that has no head any more, and the folders that are empty by then."""
    folder = folder_of(state, cohort)
    (folder / FILE).unlink(missing_ok=True)
    for empty in (folder / HEADS, folder):
        with contextlib.suppress(OSError):
            empty.rmdir()


def _unwritable(error: OSError, path: Path) -> SuiteError:
    return SuiteError(
        f"OBS_STATE_DIR: {error.filename or path}: {error.strerror}; expected a writable folder"
    )
