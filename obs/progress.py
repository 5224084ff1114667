"""The Pulumi engine's events as lines that a person can follow, and as the reasons of a failure."""

import contextlib
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from components.target import Kept
from obs.console import err
from obs.parts import Parts

WORDS = {
    "create": ("creating", "created"),
    "update": ("updating", "updated"),
    "delete": ("removing", "removed"),
    "replace": ("replacing", "replaced"),
    "refresh": ("reading", "read"),
    "create-replacement": ("creating anew", "created anew"),
    "import": ("taking over", "taken over"),
    "delete-replaced": ("removing the old", "removed the old"),
}
PLANNING = "the Pulumi engine starts and plans"
TOLD = "obs.told"
"""The logger by which whoever carries a part out says what it does; records have the part's id as `part`. One
with `kept`, a place and a size, is about data that stays when its part goes."""
_COLOUR = re.compile(r"<\{%[^}]*%\}>|\x1b\[[0-9;]*m")
_NOISE = re.compile(r"^(error: )?Exception calling application: ", re.MULTILINE)
_AMBIENT = re.compile(r"using pulumi-\S+ from \$PATH")
"""The Pulumi engine's remark that it found our plugins, as it should."""


def plain(message: str) -> str:
    """A message of the Pulumi engine without its colours and the words that gRPC puts in front."""
    return _NOISE.sub("", _COLOUR.sub("", message)).strip()


@dataclass
class Watcher:
    """Takes events from the Pulumi engine. A context manager; then read `failed`, `errors`, `counts`."""

    parts: Parts
    quiet: bool = False
    """Whether what is done is left out, for a preview, which does nothing; errors and drift are not."""
    failed: dict[str, str] = field(default_factory=dict)
    """Id of a part -> operation that failed."""
    errors: list[tuple[str | None, str]] = field(default_factory=list)
    """(id of a part or None, message) of each error, once each."""
    counts: dict[str, int] = field(default_factory=dict)
    """Operation -> how many parts."""
    read: list[str] = field(default_factory=list)
    """Ids of the parts that a refresh looked at."""
    kept: list[Kept] = field(default_factory=list)
    """Where data is of parts that were removed."""
    drifted: list[str] = field(default_factory=list)
    """Ids of the parts that a refresh found to differ from what was deployed."""
    _started: dict[str, float] = field(default_factory=dict)
    _reading: dict[str, bool] = field(default_factory=dict)
    _tasks: dict[str, Any] = field(default_factory=dict)
    _read_below: set[str] = field(default_factory=set)
    """Resources below parts that a refresh looks at."""
    _changed: set[str] = field(default_factory=set)
    """Parts below which something was changed."""
    _counted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=err,
            transient=True,
            disable=not err.is_terminal,
        )
        self._listener = _Listener(self.told, self.kept)

    def __enter__(self) -> "Watcher":
        self._progress.start()
        self._listener.attach()
        self._tasks[PLANNING] = self._progress.add_task(PLANNING, total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.detach()
        self._progress.stop()
        self._end_parts()

    def __call__(self, event: Any) -> None:
        """One event of the Automation API."""
        if event.diagnostic_event:
            self._diagnostic(event.diagnostic_event)
        elif event.resource_pre_event:
            self._begin(event.resource_pre_event.metadata)
        elif event.res_outputs_event:
            self._end(event.res_outputs_event.metadata)
        elif event.res_op_failed_event:
            metadata = event.res_op_failed_event.metadata
            if part := self.parts.carrying(metadata):
                self.failed[part] = _op(metadata)
            self._end(metadata, failed=True)

    def _begin(self, metadata: Any) -> None:
        op, part = _op(metadata), self.parts.id_of(metadata.urn)
        if self.parts.carrying(metadata) != part and op == "refresh":
            self._read_below.add(metadata.urn)
        if op not in WORDS or part is None:
            return
        if PLANNING in self._tasks:
            self._progress.remove_task(self._tasks.pop(PLANNING))
        name = self.parts.label(part)
        self._started[part] = time.monotonic()
        self._reading[part] = op == "refresh"
        self._tasks[part] = self._progress.add_task(f"{WORDS[op][0]} {name}", total=None)
        if not err.is_terminal and op != "refresh" and not self.quiet:
            self._line("quiet", f"{WORDS[op][0]} {name}")

    def _end(self, metadata: Any, failed: bool = False) -> None:
        op, part = _op(metadata), self.parts.id_of(metadata.urn)
        if part is None:
            self._end_below(metadata, failed)
            return
        if part not in self._started:
            return
        name = self.parts.label(part)
        seconds = time.monotonic() - self._started.pop(part)
        if part in self._tasks:
            self._progress.remove_task(self._tasks.pop(part))
        if self._reading.pop(part, False) and not failed:
            self.read.append(part)
            self._compare(part, metadata)
            return
        if failed:
            self._line("bad", f"✗ {name}: {op} failed after {seconds:.1f} s")
        else:
            self.counts[op] = self.counts.get(op, 0) + 1
            self._counted.add(part)
            if not self.quiet:
                self._line("good", f"✓ {WORDS[op][1]} {name} in {seconds:.1f} s")

    def _end_below(self, metadata: Any, failed: bool) -> None:
        """Of a resource below a part: what is done to it is done to the part."""
        op, part = _op(metadata), self.parts.carrying(metadata)
        if part is None:
            return
        if failed:
            self._line("bad", f"✗ {self.parts.label(part)}: {op} of {_name(metadata)} failed")
        elif metadata.urn in self._read_below:
            self._read_below.discard(metadata.urn)
            self._compare(part, metadata)
        elif op in WORDS and op != "refresh":
            self._changed.add(part)

    def _compare(self, part: str, metadata: Any) -> None:
        """Note what a refresh found to differ, of a part once."""
        same = metadata.new and (not metadata.old or metadata.old.inputs == metadata.new.inputs)
        if not same and part not in self.drifted:
            self.drifted.append(part)
            self._line("note", f"{self.parts.label(part)}: not as it was deployed")

    def _end_parts(self) -> None:
        """Parts that stay as they are, and had something below them changed."""
        for part in sorted(self._changed - self._counted - self.failed.keys()):
            self.counts["update"] = self.counts.get("update", 0) + 1
            if not self.quiet:
                self._line("good", f"✓ {WORDS['update'][1]} {self.parts.label(part)}")

    def told(self, part: str, words: str) -> None:
        """What is being done to a part: in its line of a terminal, else a line of its own."""
        if err.is_terminal:
            with contextlib.suppress(KeyError):  # it may be done by now: providers have threads of their own
                self._progress.update(self._tasks[part], description=words)
        elif not self.quiet:
            self._line("quiet", words)

    def _diagnostic(self, event: Any) -> None:
        message = plain(event.message)
        if not message or event.ephemeral or _AMBIENT.match(message):
            return
        part = self.parts.below(event.urn) if event.urn else None
        if event.severity == "error":
            if (part, message) not in self.errors and not _follows(message):
                self.errors.append((part, message))
        elif event.severity in ("warning", "info#err"):
            self._line("note", f"{self.parts.label(part) + ': ' if part else ''}{message}")

    def _line(self, style: str, text: str) -> None:
        self._progress.console.print(text, style=style)


class _Listener(logging.Handler):
    """Hears what is told while it is attached."""

    def __init__(self, told: Callable[[str, str], None], kept: list[Kept]) -> None:
        super().__init__()
        self._told, self._kept = told, kept

    def attach(self) -> None:
        """From now on."""
        logger = logging.getLogger(TOLD)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(self)

    def detach(self) -> None:
        """No longer."""
        logging.getLogger(TOLD).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """One record."""
        if found := getattr(record, "kept", None):
            self._kept.append(Kept(*found))
            return
        self._told(getattr(record, "part", ""), record.getMessage())


def _op(metadata: Any) -> str:
    op = metadata.op
    return str(getattr(op, "value", op))


def _name(metadata: Any) -> str:
    """What a resource is called in the state."""
    return str(metadata.urn).rpartition("::")[2]


def _follows(message: str) -> bool:
    """Whether a message only says that another one was an error."""
    return message.startswith(
        ("update failed", "preview failed", "resource operation failed", "destroy failed")
    )
