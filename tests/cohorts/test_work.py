"""Heads are made and taken down a few at a time, each step recorded, so that any next run goes on there."""

import contextlib
import threading
from pathlib import Path

import pytest

from cohorts import record
from cohorts.record import Entry, Record, read
from cohorts.work import Work
from tests.cohorts.records import Killed, Pretended, Unseen, begun, entry, stack_files, text


def _work(folder: Path, known: Record, runner: Pretended) -> Work:
    stacks = folder / "stacks"
    stacks.mkdir(exist_ok=True)
    return Work(folder / "state", stacks, known, runner, Unseen())


def _texts(known: Record) -> list[tuple[Entry, str]]:
    return [(one, text(number)) for number, one in enumerate(known.heads.values())]


def _again(folder: Path, runner: Pretended) -> Work:
    """A new run, which knows what the last one recorded."""
    known = read(folder / "state", "otel")
    assert known is not None
    return _work(folder, known, runner)


def test_heads_are_made_in_the_order_of_the_roster(tmp_path: Path) -> None:
    known, runner = begun(entry(2), entry(1), entry(3)), Pretended()

    tally = _work(tmp_path, known, runner).create(_texts(known))

    assert runner.calls == [("up", "cohort-otel-p2"), ("up", "cohort-otel-p1"), ("up", "cohort-otel-p3")]
    assert tally.done == [stack for _, stack in runner.calls]
    found = read(tmp_path / "state", "otel")
    assert found is not None
    assert [one.state for one in found.heads.values()] == ["up", "up", "up"]


def test_each_head_has_its_stack_file_and_a_passphrase_that_only_the_owner_reads(tmp_path: Path) -> None:
    known = begun(entry(1), entry(2))

    _work(tmp_path, known, Pretended()).create(_texts(known))

    assert stack_files(tmp_path / "stacks") == ["Pulumi.cohort-otel-p1.yaml", "Pulumi.cohort-otel-p2.yaml"]
    files = [record.passphrase_file(tmp_path / "state", f"cohort-otel-p{number}") for number in (1, 2)]
    phrases = [file.read_text(encoding="utf-8") for file in files if file]
    assert len(set(phrases)) == 2
    assert all(len(phrase) > 30 for phrase in phrases)
    assert all(file.stat().st_mode & 0o077 == 0 for file in files if file)
    recorded = (tmp_path / "state" / ".cohorts" / "otel" / "record.json").read_text(encoding="utf-8")
    assert not any(phrase in recorded for phrase in phrases)


def test_no_more_than_allowed_run_at_a_time(tmp_path: Path) -> None:
    gate = threading.Barrier(3)
    known = begun(*[entry(number) for number in range(6)], parallel=3)

    def together(_: str) -> None:
        gate.wait(timeout=300)

    runner = Pretended(then=together)

    _work(tmp_path, known, runner).create(_texts(known))

    assert runner.most == 3


def test_a_second_create_changes_nothing(tmp_path: Path) -> None:
    known, runner = begun(entry(1), entry(2)), Pretended()
    _work(tmp_path, known, runner).create(_texts(known))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    runner.calls.clear()

    tally = _again(tmp_path, runner).create(_texts(known))

    assert runner.calls == []
    assert tally.untouched == ["cohort-otel-p1", "cohort-otel-p2"]
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_asked_to_it_looks_at_those_that_are_up_too(tmp_path: Path) -> None:
    known, runner = begun(entry(1)), Pretended()
    _work(tmp_path, known, runner).create(_texts(known))

    _again(tmp_path, runner).create(_texts(known), again=True)

    assert runner.calls == [("up", "cohort-otel-p1")] * 2


def test_only_what_failed_is_tried_again(tmp_path: Path) -> None:
    known, runner = begun(entry(1), entry(2), entry(3)), Pretended(fails={"cohort-otel-p2"})
    tally = _work(tmp_path, known, runner).create(_texts(known))
    assert tally.failed == {"cohort-otel-p2": "it did not answer"}
    found = read(tmp_path / "state", "otel")
    assert found is not None
    assert found.heads["p2@example.org"].state == "failed"
    assert found.heads["p2@example.org"].error == "it did not answer"
    better = Pretended()
    better.there = set(runner.there)

    _again(tmp_path, better).create([(one, text(n)) for n, one in enumerate(found.heads.values())])

    assert better.calls == [("up", "cohort-otel-p2")]


def test_a_head_that_somebody_took_down_is_made_again(tmp_path: Path) -> None:
    known, runner = begun(entry(1), entry(2)), Pretended()
    _work(tmp_path, known, runner).create(_texts(known))
    runner.there.discard("cohort-otel-p1")
    runner.calls.clear()

    _again(tmp_path, runner).create(_texts(known))

    assert runner.calls == [("up", "cohort-otel-p1")]


def test_a_changed_template_reaches_all_but_what_was_edited_by_hand(tmp_path: Path) -> None:
    known, runner = begun(entry(1), entry(2)), Pretended()
    work = _work(tmp_path, known, runner)
    work.create(_texts(known))
    edited = work.stack_file("cohort-otel-p1")
    edited.write_text(
        edited.read_text(encoding="utf-8").replace("number: 0", "number: 100"), encoding="utf-8"
    )
    newer = [(one, text(number, ", more: 1")) for number, one in enumerate(known.heads.values())]

    tally = _work(tmp_path, known, runner).create(newer)

    assert tally.edited == ["cohort-otel-p1"]
    assert "number: 100" in edited.read_text(encoding="utf-8")
    assert "more: 1" in work.stack_file("cohort-otel-p2").read_text(encoding="utf-8")
    assert _work(tmp_path, known, runner).create(newer).untouched == ["cohort-otel-p1", "cohort-otel-p2"]


def test_what_is_not_begun_when_it_is_to_stop_is_not_begun(tmp_path: Path) -> None:
    known = begun(entry(1), entry(2), entry(3))
    runner = Pretended(then=lambda _: work.stop.set())
    work = _work(tmp_path, known, runner)

    tally = work.create(_texts(known))

    assert runner.calls == [("up", "cohort-otel-p1")]
    assert tally.done == ["cohort-otel-p1"]
    assert tally.stopped == ["cohort-otel-p2", "cohort-otel-p3"]


@pytest.mark.parametrize("point", range(8))
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_point_the_next_create_converges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: int, when: str
) -> None:
    """Killed before or after each time that something is recorded, which is between any two steps."""
    known, runner, write = begun(entry(1), entry(2), entry(3)), Pretended(), record.write
    writes = 0

    def dying(state: Path, what: Record) -> None:
        nonlocal writes
        writes += 1
        if writes > point and when == "before":
            raise Killed
        write(state, what)
        if writes > point:
            raise Killed

    monkeypatch.setattr(record, "write", dying)
    work = _work(tmp_path, known, runner)
    with contextlib.suppress(Killed):
        work.create(_texts(known))
    assert writes <= point + 3, "nothing goes on after it was killed, but what had begun"
    monkeypatch.setattr(record, "write", write)

    later = read(tmp_path / "state", "otel") or begun(entry(1), entry(2), entry(3))
    tally = _work(tmp_path, later, runner).create(
        [(one, text(n)) for n, one in enumerate(later.heads.values())]
    )

    assert not tally.failed
    assert runner.there == {"cohort-otel-p1", "cohort-otel-p2", "cohort-otel-p3"}
    assert [one.state for one in later.heads.values()] == ["up", "up", "up"]
    assert [one.port_base for one in later.heads.values()] == [23200, 23400, 23600]
    runner.calls.clear()
    _again(tmp_path, runner).create([(one, text(n)) for n, one in enumerate(later.heads.values())])
    assert runner.calls == []


def test_taken_down_nothing_of_ours_is_left(tmp_path: Path) -> None:
    known, runner = begun(entry(1), entry(2)), Pretended()
    work = _work(tmp_path, known, runner)
    work.create(_texts(known))

    tally = work.destroy(list(known.heads.values()), lambda _: False)

    assert runner.there == set()
    assert tally.failed == {}
    assert known.heads == {}
    assert stack_files(tmp_path / "stacks") == []
    record.forget(tmp_path / "state", "otel")
    assert list((tmp_path / "state").rglob("*")) == [tmp_path / "state" / ".cohorts"]


def test_a_head_of_which_something_is_left_stays_recorded(tmp_path: Path) -> None:
    known, runner = begun(entry(1), entry(2)), Pretended()
    work = _work(tmp_path, known, runner)
    work.create(_texts(known))

    work.destroy(list(known.heads.values()), lambda one: one.slug == "p2")

    found = read(tmp_path / "state", "otel")
    assert found is not None
    assert {one.slug: one.state for one in found.heads.values()} == {"p2": "leaving"}


def test_a_head_that_does_not_go_stays_whole_and_keeps_nobody_from_going(tmp_path: Path) -> None:
    known, runner = begun(entry(1), entry(2)), Pretended()
    _work(tmp_path, known, runner).create(_texts(known))
    stubborn = Pretended(fails={"cohort-otel-p1"})

    tally = _work(tmp_path, known, stubborn).destroy(list(known.heads.values()), lambda _: False)

    assert list(tally.failed) == ["cohort-otel-p1"]
    assert stack_files(tmp_path / "stacks") == ["Pulumi.cohort-otel-p1.yaml"]
    assert [one.slug for one in known.heads.values()] == ["p1"]


def test_a_file_that_is_not_ours_stays_in_the_folder_of_a_head(tmp_path: Path) -> None:
    known, runner = begun(entry(1)), Pretended()
    work = _work(tmp_path, known, runner)
    work.create(_texts(known))
    folder = record.head_folder(tmp_path / "state", "cohort-otel-p1")
    assert folder is not None
    (folder / "notes.txt").write_text("mine", encoding="utf-8")

    work.destroy(list(known.heads.values()), lambda _: folder.exists())

    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert len(known.heads) == 1


def test_a_stack_file_of_somebody_else_is_not_written_over(tmp_path: Path) -> None:
    known, runner = begun(entry(1)), Pretended()
    work = _work(tmp_path, known, runner)
    work.stack_file("cohort-otel-p1").write_text("config: {}\n", encoding="utf-8")

    tally = work.create(_texts(known))

    assert "there already" in tally.failed["cohort-otel-p1"]
    assert runner.calls == []
    assert work.stack_file("cohort-otel-p1").read_text(encoding="utf-8") == "config: {}\n"
