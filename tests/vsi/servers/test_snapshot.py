"""What a run has seen of its hosts: each asked once, for all its parts, and again after a change."""

import threading
from typing import Any

import pytest

from vsi.errors import Unreachable
from vsi.reach import Facts
from vsi.servers import snapshot
from vsi.servers.known import Known
from vsi.servers.snapshot import Seen, Way, changing, seen
from vsi.ssh.connection import Connection, Login

ONE, TWO = (Connection(host=name, address=f"10.0.0.{number}") for number, name in enumerate(("h1", "h2"), 1))


def way(connection: Connection = ONE, stack: str = "dev") -> Way:
    return Way(stack, connection, Login())


class Hosts:
    """Those of the stack `dev`; each answer is another object."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down: set[str] = set()
        self.begun = threading.Event()
        self.lock = "1.5"

    def look(self, way: Way) -> Seen:
        self.asked.append(f"{way.stack}/{way.connection.host}")
        if len(self.asked) > 1:
            self.begun.set()
        if way.connection.host in self.down:
            raise Unreachable(way.connection.host, "no route")
        return Seen(Facts({}), {}, "", lock=self.lock)


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Hosts:
    made = Hosts()
    known = Known(connections=(ONE, TWO))
    monkeypatch.setattr(snapshot, "_taken", {})
    monkeypatch.setattr(snapshot, "look", made.look)
    monkeypatch.setattr(snapshot, "recall", lambda stack: known if stack == "dev" else None)
    return made


def test_all_parts_of_all_hosts_are_answered_by_one_question_each(hosts: Hosts) -> None:
    answers = [seen(way(), part) for part in ("host@h1", "prometheus@h1", "front@h1")]
    others = [seen(way(TWO), part) for part in ("host@h2", "opensearch@h2")]

    assert sorted(hosts.asked) == ["dev/h1", "dev/h2"]
    assert len({*map(id, answers)}) == len({*map(id, others)}) == 1


def test_the_other_hosts_are_asked_at_the_same_time(hosts: Hosts) -> None:
    seen(way(), "host@h1")

    assert hosts.begun.wait(10)
    assert sorted(hosts.asked) == ["dev/h1", "dev/h2"]


def test_a_part_that_asks_again_is_in_another_run(hosts: Hosts) -> None:
    for _ in range(2):
        for part in ("host@h1", "front@h1"):
            seen(way(), part)
        for part in ("host@h2", "front@h2"):
            seen(way(TWO), part)

    assert sorted(hosts.asked) == ["dev/h1", "dev/h1", "dev/h2", "dev/h2"]


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_told_that_was_seen_before_a_change_or_during_one(hosts: Hosts, fails: bool) -> None:
    before = seen(way(), "a@h1")
    seen(way(TWO), "a@h2")
    with pytest.raises(ValueError, match="x") if fails else _plain(), changing(ONE):
        during = seen(way(), "b@h1")
        if fails:
            raise ValueError("x")
    after = seen(way(), "c@h1")
    seen(way(TWO), "b@h2")

    assert len({id(before), id(during), id(after)}) == 3
    assert hosts.asked.count("dev/h1") == 3


def test_two_stacks_on_one_host_are_asked_each_for_itself_and_both_forgotten(hosts: Hosts) -> None:
    ours, other = seen(way(), "a@h1"), seen(way(stack="other"), "a@h1")
    with changing(ONE):
        pass

    assert ours is not other
    assert seen(way(), "b@h1") is not ours
    assert seen(way(stack="other"), "b@h1") is not other


def test_a_host_that_does_not_answer_is_waited_for_once(hosts: Hosts) -> None:
    hosts.down = {"h1"}
    for part in ("host@h1", "front@h1", "prometheus@h1"):
        with pytest.raises(Unreachable, match="no route"):
            seen(way(), part)
    seen(way(TWO), "host@h2")
    assert sorted(hosts.asked) == ["dev/h1", "dev/h2"]

    hosts.down = set()
    seen(way(), "host@h1")
    assert hosts.asked.count("dev/h1") == 2


def test_what_was_seen_long_ago_is_not_told(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    first = seen(way(), "a@h1")
    monkeypatch.setattr(snapshot, "FRESH_SECONDS", 0)

    assert seen(way(), "b@h1") is not first


def test_a_run_that_begins_has_all_hosts_looked_at_anew_before_anything_reads(hosts: Hosts) -> None:
    long_ago = seen(way(), "a@h1")
    seen(way(TWO), "a@h2")
    hosts.asked.clear()
    hosts.begun.clear()
    snapshot.ahead("dev")

    assert hosts.begun.wait(10)
    assert sorted(hosts.asked) == ["dev/h1", "dev/h2"]
    assert seen(way(), "a@h1") is not long_ago
    assert sorted(hosts.asked) == ["dev/h1", "dev/h2"]


def test_what_was_looked_at_before_the_hosts_were_locked_counts_if_nobody_had_them_since(
    hosts: Hosts,
) -> None:
    snapshot.ahead("dev")
    for connection in (ONE, TWO):
        snapshot.locked("dev", connection, "1.5")
    snapshot.ahead("dev")
    for part in ("a", "b"):
        seen(way(), f"{part}@h1")
        seen(way(TWO), f"{part}@h2")

    assert sorted(hosts.asked) == ["dev/h1", "dev/h2"]


@pytest.mark.parametrize(("looked", "before"), [("1.5", "2.5"), ("never", "1.5"), ("", "1.5"), ("", "")])
def test_what_another_run_may_have_changed_since_is_looked_at_again(
    hosts: Hosts, looked: str, before: str
) -> None:
    hosts.lock = looked
    snapshot.ahead("dev")
    snapshot.locked("dev", ONE, before)
    first, second = (seen(way(), part) for part in ("a@h1", "b@h1"))

    assert first is second
    assert sorted(hosts.asked) == ["dev/h1", "dev/h1", "dev/h2"]


def test_the_lock_of_another_stack_says_nothing_of_this_one(hosts: Hosts) -> None:
    snapshot.ahead("dev")
    snapshot.locked("other", ONE, "9.9")
    seen(way(), "a@h1")

    assert sorted(hosts.asked) == ["dev/h1", "dev/h2"]


@pytest.mark.parametrize("source", ["config:ssh-key", "environment:OBS_NOT_SET"])
def test_what_only_the_engine_decrypts_or_nobody_has_is_not_logged_in_with_ahead(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    known = Known(connections=(ONE, TWO), login=(("key", source),))
    monkeypatch.setattr(snapshot, "recall", lambda _: known)
    snapshot.ahead("dev")

    assert snapshot._taken == {}
    assert hosts.asked == []


def test_of_a_stack_that_is_nowhere_nothing_is_looked_at_ahead(hosts: Hosts) -> None:
    snapshot.ahead("other")

    assert hosts.asked == []


def _plain() -> Any:
    import contextlib

    return contextlib.nullcontext()
