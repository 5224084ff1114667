"""What getting an engine shows while it lasts: builds take minutes, downloads hundreds of megabytes."""

from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID


class Progress(Protocol):
    """Told what happens. `total` and `done` are bytes for a download, seconds for anything else."""

    def start(self, engine: str, what: str, total: float | None, *, unit: str) -> None:
        """Work on `engine` begins; `what` says which, `unit` is "bytes" or "s"."""

    def advance(self, engine: str, done: float, total: float | None = None) -> None:
        """So much is done, absolute; `total` when it has become known."""

    def wait(self, engine: str) -> None:
        """Another process is at the same engine; this one waits for it."""

    def finish(self, engine: str, size: int, seconds: float) -> None:
        """`engine` is in the cache: `size` bytes, after `seconds`."""

    def note(self, text: str) -> None:
        """What a reader should know beside that: where something came from, or why not."""


class Silent:
    """Shows nothing."""

    def start(self, engine: str, what: str, total: float | None, *, unit: str) -> None: ...
    def advance(self, engine: str, done: float, total: float | None = None) -> None: ...
    def wait(self, engine: str) -> None: ...
    def finish(self, engine: str, size: int, seconds: float) -> None: ...
    def note(self, text: str) -> None: ...


class Shown:
    """A bar per engine on a terminal, a line per event elsewhere. Use as a context manager."""

    def __init__(self, console: "Console") -> None:
        # Only here: most who ask for an engine show nothing, and rich takes long to import.
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        self._tasks: dict[str, TaskID] = {}
        self._unit: dict[str, str] = {}
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[amount]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def start(self, engine: str, what: str, total: float | None, *, unit: str) -> None:
        """See Progress."""
        self._unit[engine] = unit
        expected = f", about {duration(total)}" if unit == "s" and total else ""
        self._say(f"{engine}: {what}{expected}")
        old = self._tasks.pop(engine, None)
        if old is not None:
            self._bars.remove_task(old)
        self._tasks[engine] = self._bars.add_task(f"{engine}: {what}", total=total, amount="")

    def advance(self, engine: str, done: float, total: float | None = None) -> None:
        """See Progress."""
        task = self._tasks.get(engine)
        if task is None:
            return
        known = total if total is not None else self._bars.tasks[self._bars.task_ids.index(task)].total
        if self._unit[engine] == "s":
            amount = f"of about {duration(known)}" if known else ""
        else:
            amount = size(int(done)) + (f" of {size(int(known))}" if known else "")
        self._bars.update(
            task, completed=done if known is None else min(done, known), total=known, amount=amount
        )

    def wait(self, engine: str) -> None:
        """See Progress."""
        self._say(f"{engine}: another process is getting it, waiting for that one")

    def finish(self, engine: str, size: int, seconds: float) -> None:
        """See Progress."""
        task = self._tasks.pop(engine, None)
        if task is not None:
            self._bars.remove_task(task)
        self._say(f"{engine}: in the cache, {_size(size)}, after {duration(seconds)}")

    def note(self, text: str) -> None:
        """See Progress."""
        self._say(text)

    def _say(self, text: str) -> None:
        self._bars.console.print(text, markup=False, emoji=False, highlight=False)


def duration(seconds: float) -> str:
    """A length of time for people: 40 s, 6 min."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def size(count: int) -> str:
    """A number of bytes for people, in decimal units: 56 MB."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


_size = size
