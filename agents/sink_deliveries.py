"""Where the sink keeps what was delivered: in memory, and in a file to which lines are only ever appended.

Both hold the newest ``LIMIT``. The file is written anew when it has grown to twice that: the dead man's
switch alone reports every minute.
"""

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import structlog
from pydantic import ValidationError

from agents.sink_payloads import Delivery

LIMIT = 10_000  # deliveries in memory
FILE = "deliveries.jsonl"


class Deliveries:
    """The deliveries, oldest first. ``folder`` is made when absent; None keeps them in memory only.

    Raises OSError when the folder cannot be used.
    """

    def __init__(self, folder: Path | None) -> None:
        self._items: deque[Delivery] = deque(maxlen=LIMIT)
        self._path = folder / FILE if folder else None
        self._written = 0
        if folder is None or self._path is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._path.touch()
        self._load(self._path.read_text(encoding="utf-8", errors="replace"))

    def _load(self, text: str) -> None:
        for line in filter(None, text.split("\n")):
            try:
                self._items.append(Delivery.model_validate_json(line))
            except ValidationError:  # the sink was killed while writing this line
                structlog.get_logger().warning("skipped a line of the deliveries that cannot be read")
            self._written += 1
        if text and not text.endswith("\n"):
            self._append("\n")

    def _append(self, text: str) -> None:
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)

    def add(self, delivery: Delivery) -> None:
        """Keep one; in the file before the sender gets its answer."""
        self._append(delivery.model_dump_json() + "\n")
        self._items.append(delivery)
        self._written += 1
        if self._path is not None and self._written >= 2 * LIMIT:
            fresh = self._path.with_suffix(".new")
            text = "".join(item.model_dump_json() + "\n" for item in self._items)
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self._path)  # whole or not at all, whenever the sink is killed
            self._written = len(self._items)

    def clear(self) -> int:
        """Forget all; returns how many there were."""
        count = len(self._items)
        self._items.clear()
        self._written = 0
        if self._path is not None:
            self._path.write_text("")
        return count

    def all(self) -> Iterator[Delivery]:
        """Oldest first."""
        return iter(tuple(self._items))

    def find(
        self,
        *,
        kind: str | None = None,
        team: str | None = None,
        receiver: str | None = None,
        alertname: str | None = None,
        status: str | None = None,
        since: datetime | None = None,
        limit: int = LIMIT,
    ) -> list[Delivery]:
        """The newest ``limit`` of those that match all that is given, oldest first.

        ``receiver`` is ``kind/team``, or the team alone.
        """
        found = [
            item
            for item in self._items
            if (kind is None or item.kind == kind)
            and (team is None or item.team == team)
            and (receiver is None or receiver in (item.receiver, item.team))
            and (alertname is None or alertname in item.alertnames)
            and (status is None or item.status == status)
            and (since is None or datetime.fromisoformat(item.received_at) >= since)
        ]
        return found[-limit:]
