"""Makes heads and takes them down, a few at a time, so that a run that was cut off is gone on with.

Each step is recorded before and after it. Who really runs a stack is a `Runner`: nothing is started here."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeVar

from cohorts import files, record
from cohorts.record import Entry, Record, State
from components.errors import SuiteError

T = TypeVar("T")


class Result(NamedTuple):
    """How a run of one head ended."""

    how: Literal["done", "failed", "stopped"]
    error: str = ""


DONE, STOPPED = Result("done"), Result("stopped")
Told = Callable[[str], None]


class Runner(Protocol):
    """What runs a stack. Called from several threads."""

    def up(self, stack: str, told: Told) -> Result:
        """Bring it up, or in line."""

    def down(self, stack: str, told: Told) -> Result:
        """Take it down, and forget it where the Pulumi engine keeps its state."""

    def is_there(self, stack: str) -> bool:
        """Whether something of it is."""


class Shown(Protocol):
    """Who shows how far it is. Called from several threads."""

    def begin(self, stack: str, what: str) -> None: ...

    def step(self, stack: str, text: str) -> None: ...

    def end(self, stack: str, result: Result, seconds: float) -> None: ...


@dataclass
class Tally:
    """What a run did, by stack."""

    done: list[str] = field(default_factory=list)
    untouched: list[str] = field(default_factory=list)
    """Those that were up already."""
    failed: dict[str, str] = field(default_factory=dict)
    """With the first line of why."""
    stopped: list[str] = field(default_factory=list)
    """Those that were cut off, or not begun."""
    edited: list[str] = field(default_factory=list)
    """Those whose stack file was edited by hand, so that it stayed though the template has changed."""


@dataclass
class Work:
    """A run over the heads of one cohort. Hold the cohort's lock while it works."""

    state: Path
    stacks: Path
    record: Record
    runner: Runner
    shown: Shown
    stop: threading.Event = field(default_factory=threading.Event)
    """Set to begin no more heads; what runs is the runner's to stop."""
    tally: Tally = field(default_factory=Tally)
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def stack_file(self, stack: str) -> Path:
        return self.stacks / f"Pulumi.{stack}.yaml"

    def create(self, texts: Sequence[tuple[Entry, str]], again: bool = False) -> Tally:
        """Bring heads up that are not, each with its stack file's text; with `again` those that are, too.

        Entries are in the record before the first is begun, so that each keeps its name and ports."""
        self._save()
        todo = []
        for entry, text in texts:
            stack = self.record.stack(entry)
            same = entry.written == files.digest(text) and self.stack_file(stack).is_file()
            if entry.state == "up" and same and not again and self.runner.is_there(stack):
                self.tally.untouched.append(stack)
            else:
                todo.append((entry, text))
        self._side_by_side(todo, lambda pair: self._make(*pair), lambda pair: pair[0])
        return self.tally

    def destroy(self, entries: Sequence[Entry], survives: Callable[[Entry], bool]) -> Tally:
        """Take heads down. One is forgotten when `survives` finds nothing of it; otherwise it stays recorded,
        and the next run looks again."""

        def take_down(entry: Entry) -> None:
            stack = self.record.stack(entry)
            if self._run(entry, "leaving", self.runner.down).how != "done":
                return
            self._clean(stack)
            if not survives(entry):
                with self._alone:
                    del self.record.heads[entry.key]
                    record.write(self.state, self.record)

        self._side_by_side(list(entries), take_down, lambda entry: entry)
        return self.tally

    def _make(self, entry: Entry, text: str) -> None:
        def up(stack: str, told: Told) -> Result:
            record.ready(self.state, self.record.cohort, entry.slug)
            if files.put(self.stack_file(stack), text, entry.written, entry.core) == "edited":
                self.tally.edited.append(stack)
            entry.written, entry.core = files.digest(text), files.core(text)
            return self.runner.up(stack, told)

        if self._run(entry, "making", up).how == "done":
            self._set(entry, "up")

    def _run(self, entry: Entry, state: State, run: Callable[[str, Told], Result]) -> Result:
        """One run of one head, recorded before and after, and shown."""
        stack, begun = self.record.stack(entry), time.monotonic()
        self._set(entry, state)
        self.shown.begin(stack, state)
        try:
            result = run(stack, lambda text: self.shown.step(stack, text))
        except SuiteError as error:
            result = Result("failed", str(error))
        seconds = round(time.monotonic() - begun, 1)
        entry.seconds = seconds
        self.shown.end(stack, result, seconds)
        with self._alone:
            if result.how == "done":
                self.tally.done.append(stack)
            elif result.how == "failed":
                self.tally.failed[stack] = result.error
            else:
                self.tally.stopped.append(stack)
        if result.how == "failed":
            self._set(entry, "failed" if state == "making" else state, result.error)
        return result

    def _clean(self, stack: str) -> None:
        """What is ours beside the stack itself, and nothing else in its folder."""
        self.stack_file(stack).unlink(missing_ok=True)
        (self.state / ".locks" / f"{stack}.lock").unlink(missing_ok=True)
        folder = record.head_folder(self.state, stack)
        if folder is None or not folder.is_dir():
            return
        for name in record.OURS:
            (folder / name).unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()

    def _side_by_side(
        self, items: Sequence[T], do: Callable[[T], None], entry_of: Callable[[T], Entry]
    ) -> None:
        """Do it for each, a few at a time; what is not begun when `stop` is set counts as stopped."""

        def one(item: T) -> None:
            if self.stop.is_set():
                with self._alone:
                    self.tally.stopped.append(self.record.stack(entry_of(item)))
            else:
                do(item)

        with ThreadPoolExecutor(self.record.parallel) as pool:
            for future in [pool.submit(one, item) for item in items]:
                future.result()

    def _set(self, entry: Entry, state: State, error: str = "") -> None:
        with self._alone:
            entry.state, entry.error = state, error
            record.write(self.state, self.record)

    def _save(self) -> None:
        with self._alone:
            record.write(self.state, self.record)
