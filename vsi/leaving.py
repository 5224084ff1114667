"""A node of a store that leaves: first its copies are put in place on those that stay, then its vote is taken
from it, and only then it is stopped.

OpenSearch does the moving, by a setting that says on which nodes nothing may lie; here it is set, waited for,
and taken back. What stays on a host that left is its data, as they were when all copies were in place
elsewhere.
"""

import json
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from vsi.reach import Answer, Report
from vsi.settled import NODES, NOT_LET_IN, Say, parsed

EXCLUDED = "/_cluster/settings?filter_path=persistent.cluster.routing.allocation.exclude"
SETTINGS = "/_cluster/settings"
EXCLUDE = "cluster.routing.allocation.exclude._name"
COPIES = "/_cat/shards?format=json&bytes=b&h=index,shard,prirep,state,node,store"
ROOM = "/_cat/allocation?format=json&bytes=b&h=node,disk.avail"
RETIRED = "/_cluster/state/metadata?filter_path=metadata.cluster_coordination.voting_config_exclusions"
VOTES = "/_cluster/voting_config_exclusions"
KEPT_FREE = 3 << 30
"""Bytes that each node leaves free: the lowest watermark that the stack sets."""
PAUSE_SECONDS = 5
SHOWN = 3
_turn = threading.Lock()
"""Nodes that leave together write one setting."""


@dataclass(frozen=True)
class Copies:
    """What those that stay lack, so that others may go."""

    staying: frozenset[str]
    lacking: tuple[str, ...]
    bytes_lacking: int
    room: int | None = None
    """Bytes that they may still take; None if they do not tell."""

    def __str__(self) -> str:
        more = f" and {len(self.lacking) - SHOWN} more" if len(self.lacking) > SHOWN else ""
        shown = ", ".join(self.lacking[:SHOWN])
        return f"{len(self.lacking)} copies not yet on {_names(self.staying)}: {shown}{more}"


def copies(say: Say, leaving: Collection[str]) -> Copies:
    """Asks where all copies are. Raises StoreError if the store does not tell."""
    shards, nodes = _asked(say, COPIES), _asked(say, NODES)
    staying = frozenset(node["name"] for node in nodes if "d" in (node.get("node.role") or "")) - {*leaving}
    lacking, size = _lacking(shards, staying)
    room = None
    if lacking:
        rows = parsed(say("GET", ROOM, ""))
        if isinstance(rows, list):
            free = [
                int(row["disk.avail"]) for row in rows if row.get("node") in staying and row["disk.avail"]
            ]
            room = sum(max(0, one - KEPT_FREE) for one in free)
    return Copies(staying, tuple(lacking), size, room)


class StoreError(Exception):
    """What a store does not answer as it should; in a few words."""


class ShutOut(StoreError):
    """It does not know who asks."""


def _asked(say: Say, path: str) -> Any:
    answer = say("GET", path, "")
    found = parsed(answer)
    if found is None:
        raise _failure(path, answer)
    return found


def _failure(path: str, answer: Answer) -> StoreError:
    kind = ShutOut if answer.status in NOT_LET_IN else StoreError
    return kind(f"{path.partition('?')[0]} answers {answer.fault or answer.status}")


def _done(say: Say, method: str, path: str, body: Any = None) -> None:
    answer = say(method, path, json.dumps(body) if body is not None else "")
    if answer.status != 200:
        raise _failure(path, answer)


def _lacking(shards: Iterable[dict[str, Any]], staying: frozenset[str]) -> tuple[list[str], int]:
    """Copies that are to be on those that stay and are not, in words, and their size. Each node takes one of
    the same data; of those that are to be there, at most as many as there are nodes."""
    wanted: dict[tuple[str, str], int] = {}
    there: dict[tuple[str, str], int] = {}
    sizes: dict[tuple[str, str], int] = {}
    for row in shards:
        key = row["index"], row["shard"]
        wanted[key] = wanted.get(key, 0) + 1
        sizes[key] = max(sizes.get(key, 0), int(row.get("store") or 0))
        node = (row.get("node") or "").partition(" ")[0]
        if row["state"] in ("STARTED", "RELOCATING") and node in staying:
            there[key] = there.get(key, 0) + 1
    found, size = [], 0
    for (index, shard), count in sorted(wanted.items()):
        missing = min(count, len(staying)) - there.get((index, shard), 0)
        if missing > 0:
            found += [f"{index} shard {shard}"] * missing
            size += sizes[index, shard] * missing
    return found, size


def excluded(say: Say) -> set[str]:
    """Names of the nodes on which nothing may lie."""
    found = _asked(say, EXCLUDED)
    try:
        names = found["persistent"]["cluster"]["routing"]["allocation"]["exclude"]["_name"]
    except (KeyError, TypeError):
        return set()
    return {name for name in str(names).split(",") if name}


def exclude(say: Say, *, add: Collection[str] = (), take: Collection[str] = ()) -> set[str]:
    """Write on which nodes nothing may lie; what others wrote stays. Returns them."""
    with _turn:
        before = excluded(say)
        after = (before | {*add}) - {*take}
        if after != before:
            _done(say, "PUT", SETTINGS, {"persistent": {EXCLUDE: ",".join(sorted(after)) or None}})
        return after


def move_away(
    say: Say,
    leaving: Collection[str],
    seconds: float,
    tell: Report,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Have all copies put in place on the nodes that stay, and take the votes of those that leave. Raises
    StoreError, everything as before, when no further one came into place for `seconds`, or when those that
    stay have no room."""
    try:
        gone = exclude(say, add=leaving)
        _wait(lambda: copies(say, gone | excluded(say)), seconds, tell, clock, sleep)
        _done(say, "POST", f"{VOTES}?node_names={','.join(sorted(leaving))}&timeout=60s")
    except StoreError:
        _give_back(say, leaving, tell)
        raise


def _wait(
    ask: Callable[[], Copies],
    seconds: float,
    tell: Report,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    least, last, told, silent = None, clock(), "", ""
    while True:
        try:
            found = ask()
            silent = ""
        except StoreError as error:
            silent = str(error)
        if not silent:
            if not found.staying:
                raise StoreError("no other node of the store is there that could take its copies")
            if not found.lacking:
                return
            if found.room is not None and found.bytes_lacking > found.room:
                size, room = (f"{amount / 2**30:.1f} GB" for amount in (found.bytes_lacking, found.room))
                raise StoreError(f"{found}. They are {size}, and there is room for {room}")
            if least is None or len(found.lacking) < least:
                least, last = len(found.lacking), clock()
        words = silent or str(found)
        if words != told:
            told = words
            tell(told)
        if clock() - last > seconds:
            raise StoreError(f"{words}, and for {seconds:g} s no further one came into place")
        sleep(PAUSE_SECONDS)


def _give_back(say: Say, names: Collection[str], tell: Report) -> None:
    try:
        welcome(say, names)
    except StoreError as error:
        tell(f"still to be given back to {_names(names)}: copies and vote ({error})")


def welcome(say: Say, names: Collection[str]) -> None:
    """Copies may lie on nodes again, and they may vote, if they once left. Asks before it writes."""
    exclude(say, take=names)
    found = _asked(say, RETIRED)
    try:
        retired = {
            it["node_name"] for it in found["metadata"]["cluster_coordination"]["voting_config_exclusions"]
        }
    except (KeyError, TypeError):
        retired = set()
    if retired & {*names}:
        _done(say, "DELETE", f"{VOTES}?wait_for_removal=false")
        if others := retired - {*names}:
            _done(say, "POST", f"{VOTES}?node_names={','.join(sorted(others))}&timeout=60s")


def only_here(say: Say, name: str) -> list[str] | None:
    """Of a node that does not take part: data that no other has, so that it may lie there. None if it does
    take part."""
    nodes = {node["name"] for node in _asked(say, NODES)}
    if name in nodes:
        return None
    held: dict[tuple[str, str], bool] = {}
    for row in _asked(say, COPIES):
        key = row["index"], row["shard"]
        held[key] = held.get(key, False) or row["state"] in ("STARTED", "RELOCATING")
    return sorted(f"{index} shard {shard}" for (index, shard), there in held.items() if not there)


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
