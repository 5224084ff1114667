"""How the heads of a cohort are: what serves, what they use, how long they have left."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cohorts import survivors
from cohorts.record import Entry, Record
from cohorts.survivors import Where
from components.errors import SuiteError
from components.target import UnitStatus
from targets import operating


@dataclass(frozen=True)
class HeadStatus:
    """One head. Sizes in MiB."""

    entry: Entry
    stack: str
    serving: int
    units: int
    memory_mb: int
    disk_mb: int
    trouble: tuple[str, ...]
    """What is not as it should be."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "name": self.entry.name,
            "email": self.entry.email,
            "team": self.entry.team,
            "stack": self.stack,
            "state": self.entry.state,
            "serving": self.serving,
            "units": self.units,
            "memory_mb": self.memory_mb,
            "disk_mb": self.disk_mb,
            "trouble": list(self.trouble),
        }


Ask = Callable[[str], list[UnitStatus]]
"""How the parts of a stack are, by its place alone."""


def status(record: Record, where: Where, ask: Ask = lambda _: []) -> list[HeadStatus]:
    """Every head that the cohort has, asked whether it serves, with what its processes and files use now.
    `ask` is for those of which nothing but the place itself knows."""
    running = survivors.processes(where.state)
    found = []
    for entry in record.heads.values():
        stack = record.stack(entry)
        rows = _rows(stack, ask if entry.state == "up" else lambda _: [])
        memory = sum(process.memory for process in running.get(stack, ())) // 2**20
        disk = survivors.disk(where, stack) // 2**20
        serving = sum(row.well for row in rows)
        trouble = _trouble(record, entry, serving, len(rows))
        if entry.is_store:
            trouble += _over("memory", memory, record.store_mb)
        else:
            trouble += _over("memory", memory, record.memory_mb) + _over("disk", disk, record.disk_mb)
        found.append(HeadStatus(entry, stack, serving, len(rows), memory, disk, tuple(trouble)))
    return found


def _rows(stack: str, ask: Ask) -> list[UnitStatus]:
    known = [operate for _, operate in operating() if operate.is_there(stack)]
    if known:
        return [row for operate in known for row in operate.status(stack)]
    try:
        return ask(stack)
    except SuiteError as error:
        return [UnitStatus.unreachable(stack, str(error).splitlines()[0])]


def _trouble(record: Record, entry: Entry, serving: int, units: int) -> list[str]:
    if entry.state != "up":
        words = {"seated": "not made", "making": "cut off while it was made", "leaving": "not all gone yet"}
        return [words.get(entry.state, f"failed: {entry.error}")]
    if serving < units or not units:
        return [f"{units - serving} of {units} units are not well: obs status {record.stack(entry)}"]
    return []


def _over(what: str, used: int, quota: int) -> list[str]:
    return [f"{what}: {used} MB used, {quota} MB set aside"] if quota and used > quota else []


def left(record: Record, now: datetime) -> str:
    """How long a cohort has, in words; what to do where that is not long."""
    rest = record.expires - now
    until = record.expires.isoformat(timespec="minutes")
    if rest <= timedelta():
        return f"past its time since {until}: obs cohort expire takes it down, obs cohort extend moves it"
    if rest <= timedelta(seconds=record.warn_seconds):
        return f"ends at {until}, in {_span(rest)}: obs cohort extend moves it"
    return f"until {until}, in {_span(rest)}"


def _span(rest: timedelta) -> str:
    hours = int(rest.total_seconds()) // 3600
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} hours" if hours >= 2 else f"{int(rest.total_seconds()) // 60} minutes"
