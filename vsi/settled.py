"""Whether a store has every copy of its data in place; the wait for that, before one of its nodes is changed.

A node that serves again has not yet all of its copies: with the next one, the only copy of something may go.
OpenSearch is asked: the node that is to be changed, by the user that may ask for its state and nothing else.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from vsi.errors import DeployError
from vsi.machine import Machine
from vsi.program import digest
from vsi.reach import Answer, Get, Look, Report
from vsi.records import (
    Request,
    Started,
    certificate_files,
    digest_of,
    file_digests,
    look_at_secrets,
    read_applied,
    secret_stamps,
)
from vsi.telling import decide

HEALTH = "/_cluster/health"
SHARDS = "/_cat/shards?format=json&h=index,shard,prirep,state,node"
NODES = "/_cat/nodes?format=json&h=name,version,node.role"
VOTES = "/_cluster/state/metadata?filter_path=metadata.cluster_coordination.last_committed_config"
EXPLAIN = "/_cluster/allocation/explain"
ASKED_SECONDS, TOLD_SECONDS = 15, 90
PAUSE_SECONDS = 5
NOT_LET_IN = (401, 403)
NO_PASSWORD = "FileNotFoundError"  # noqa: S105 - the name of a fault
SHOWN = 3
"""So many missing copies are named."""

_FAILED = 500

Ask = Callable[[str], Answer]
"""Asks the store for a path."""
Say = Callable[[str, str, str], Answer]
"""Tells the store something: method, path, body; '' for none."""


@dataclass(frozen=True)
class Unsettled:
    """Why a store cannot do without one of its nodes."""

    words: str
    left: int = 0
    """How many copies are missing or under way; 0 where that is not known."""
    whole: bool = False
    """Whether no copy is missing: some are only on their way to another node."""
    shut_out: bool = False
    """Whether it does not know who asks."""


def unsettled(ask: Ask, members: int) -> Unsettled | None:
    """What a store that shall have so many nodes lacks; None if each copy that can have a place is in it, and
    one of the nodes that are there can be done without.

    A copy for which there is no node can have none: each has one already, or is of an older version than the
    one that the copy would be made from, as there are while a version is changed node by node."""
    answer = ask(HEALTH)
    health = parsed(answer)
    if not isinstance(health, dict):
        shut_out = answer.status in NOT_LET_IN or answer.fault == NO_PASSWORD
        return Unsettled(f"{HEALTH} answers {answer.fault or answer.status}", shut_out=shut_out)
    absent, moving = _number(health, "unassigned_shards"), _number(health, "initializing_shards")
    moving += _number(health, "relocating_shards")
    if health.get("status") == "green" and not absent and not moving:
        return _without_majority(ask, health, members)
    missing: list[str] = []
    if absent:
        shards, nodes = parsed(ask(SHARDS)), parsed(ask(NODES))
        if not isinstance(shards, list) or not isinstance(nodes, list):
            return Unsettled(f"{_words(health)}, {absent} copies missing; which, it does not tell")
        missing = list(_to_be_placed(shards, nodes))
    if not missing and not moving and health.get("status") != "red":
        return _without_majority(ask, health, members)
    words = [_words(health)]
    if missing:
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        words.append(f"{len(missing)} copies missing ({', '.join(missing[:SHOWN])}{more})")
    if moving:
        words.append(f"{moving} being made or moved")
    return Unsettled(", ".join(words), len(missing) + moving, whole=health.get("status") == "green")


def _without_majority(ask: Ask, health: dict[str, Any], members: int) -> Unsettled | None:
    """Of a cluster whose nodes are not all there: whether one less is no majority of those that may vote. One
    that has one vote, as a node alone, cannot be changed otherwise."""
    there = _number(health, "number_of_nodes")
    if there >= members:
        return None
    answer = parsed(ask(VOTES))
    try:
        votes = len(answer["metadata"]["cluster_coordination"]["last_committed_config"])
    except (TypeError, KeyError):
        return Unsettled(f"{_words(health)}, and shall have {members}; how many may vote, it does not tell")
    if votes < 2 or there - 1 > votes // 2:
        return None
    return Unsettled(f"{_words(health)}, and shall have {members}: without one more, no majority is left")


def _words(health: dict[str, Any]) -> str:
    return f"the cluster is {health.get('status')}, of {_number(health, 'number_of_nodes')} nodes"


def _number(found: dict[str, Any], key: str) -> int:
    value = found.get(key, 0)
    return value if isinstance(value, int) else 0


def parsed(answer: Answer) -> Any:
    """What was answered; None if that is an error, or none of JSON."""
    if answer.status != 200:
        return None
    try:
        return json.loads(answer.body)
    except ValueError:
        return None


def _to_be_placed(shards: list[dict[str, str]], nodes: list[dict[str, str]]) -> Iterator[str]:
    """The missing copies, in words, but those that no node could take."""
    versions = {node["name"]: _version(node) for node in nodes if "d" in (node.get("node.role") or "")}
    held: dict[tuple[str, str], set[str]] = {}
    primaries: dict[tuple[str, str], str] = {}
    for row in shards:
        if row["state"] != "UNASSIGNED":
            key, node = (row["index"], row["shard"]), (row.get("node") or "").partition(" ")[0]
            held.setdefault(key, set()).add(node)
            if row["prirep"] == "p":
                primaries[key] = node
    for row in shards:
        if row["state"] == "UNASSIGNED":
            key = row["index"], row["shard"]
            least = versions.get(primaries.get(key, ""), ())
            able = {name for name, version in versions.items() if version >= least} - held.get(key, set())
            if row["prirep"] == "p":
                yield f"all of {row['index']} shard {row['shard']}"
            elif able:
                yield f"{row['index']} shard {row['shard']}"


def _version(node: dict[str, str]) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", (node.get("version") or "").partition("-")[0])))


def wait_settled(
    ask: Ask,
    members: int,
    seconds: float,
    tell: Report,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Unsettled | None:
    """Wait until one of so many nodes can be done without. Returns what stands against it when no copy more
    came into place for `seconds`; at once, if the store does not know who asks. Tells what it waits for."""
    least, last, told = None, clock(), ""
    while (found := unsettled(ask, members)) is not None and not found.shut_out:
        if found.left and (least is None or found.left < least):
            least, last = found.left, clock()
        if found.words != told:
            told = found.words
            tell(told)
        if clock() - last > seconds:
            return found
        sleep(PAUSE_SECONDS)
    return found


def restarts(machine: Machine, request: Request) -> bool:
    """Whether putting a unit on its host would restart what runs there, as far as can be told before. What is
    only brought into a running engine (a template, a role) takes nobody's copies away."""
    unit, reach = request.unit, machine.reach
    record = read_applied(reach, unit.name)
    if record is None or not record.complete:
        return True
    written = {f"secrets/{name}": value for name, value in request.values.items() if name in unit.secrets}
    facts = reach.look(look_at_secrets() | Look(digest=tuple(written)))
    if any(facts.digest(path) != digest(value) for path, value in written.items()):
        return True
    entry = machine.keeper.entry(unit)
    goal = Started(
        files=file_digests(unit.files),
        program=digest_of(digest(entry.program.text), digest(entry.script.text)),
        secrets=secret_stamps(facts, unit.secrets, certificate_files(facts, unit)),
        engines=request.engines,
    )
    program = machine.program(unit.name)
    return decide(machine, program, record.started, goal, unit.process) in ("start", "restart")


def settle(machine: Machine, request: Request, tell: Report) -> None:
    """Before a unit that serves is changed: wait until its store can do without it, if it says how to learn
    that. Raises DeployError when that does not come; the unit runs as before then."""
    unit, asked = request.unit, request.unit.process.settled
    if asked is None:
        return
    found = wait_settled(
        asking(machine, request),
        len(unit.members),
        asked.seconds,
        lambda words: tell(f"{unit.name} is changed later: {words}"),
    )
    if found is None:
        return
    record = read_applied(machine.reach, unit.name)
    if found.whole:
        tell(f"{unit.name} is changed, since no copy is missing: {found.words}")
        return
    if found.shut_out and (record is None or not record.complete):
        # a set-up that failed may be what is to be repaired
        tell(f"{unit.name} is changed without knowing of its copies: user {asked.user}, {found.words}")
        return
    waited = "" if found.shut_out else f", and for {asked.seconds} s no further copy came into place"
    stack = request.stack
    raise DeployError(
        unit.name,
        f"not changed on {request.host}, where it runs as before: {found.words}{waited}. While it restarts, "
        "data that has no other copy in place could not be read.\n"
        f"Why not: `obs status {stack}` (a node that is away, a full disk), and {asked.url}{EXPLAIN} as user "
        f"{asked.user}. When the cluster is green, run `obs up {stack}` again.\n"
        f"To change all nodes at once instead, with an interruption: `obs stop {stack} {unit.name}`, then "
        f"`obs up {stack}`.",
    )


def asking(machine: Machine, request: Request) -> Ask:
    """A way to ask the store on a unit's host."""
    say = saying(machine, request)
    return lambda path: say("GET", path, "")


def saying(machine: Machine, request: Request, *, peers: bool = False) -> Say:
    """A way to tell the store on a unit's host something; with the password as planned, or, before that is
    known there, as the host has it. With `peers`, the host asks those where its own node does not answer."""
    asked = request.unit.process.settled
    if asked is None:
        raise ValueError(f"{request.unit.name} has no store to ask")
    authority = machine.tokens(request.unit.name).fill(asked.ca)
    file, planned = (
        str(machine.paths.secrets / asked.password_secret),
        request.values.get(asked.password_secret),
    )

    def send(request: Get, seconds: float) -> Answer:
        if planned:
            answer = machine.reach.get(replace(request, password=planned), seconds)
            if answer.status not in NOT_LET_IN:
                return answer
        return machine.reach.get(replace(request, password_file=file), seconds)

    def say(method: str, path: str, body: str) -> Answer:
        seconds = ASKED_SECONDS if method == "GET" else TOLD_SECONDS
        answer = Answer(fault="nobody was asked")
        for url in (asked.url, *(asked.peers if peers else ())):
            answer = send(Get(f"{url}{path}", asked.user, "", authority, method=method, body=body), seconds)
            if answer.status is not None and answer.status < _FAILED:
                return answer
        return answer

    return say
