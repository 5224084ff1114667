"""What is left of a head is found by looking: real processes, sockets and files, whatever any record says."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from cohorts import survivors
from cohorts.model import WIDTH
from cohorts.survivors import Where, disk, of_heads, of_tag, orphans, processes

WAITS = "import sys; print('ready', flush=True); sys.stdin.read()"
STACK = "cohort-otel-ana"


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Where:
    state = tmp_path / "state"
    monkeypatch.setenv("OBS_STATE_DIR", str(state))
    for folder in (state, tmp_path / "stacks"):
        folder.mkdir()
    return Where(state, tmp_path / "stacks", state)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No ports of whatever else runs here."""
    monkeypatch.setattr(survivors, "listeners", dict)


@contextmanager
def _running(*arguments: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.communicate()


@pytest.mark.usefixtures("quiet")
def test_where_nothing_is_left_nothing_is_found(where: Where) -> None:
    assert of_heads(where, {STACK: 23000}) == []
    assert orphans(where, ()) == []
    assert of_tag(where, "otel", ()) == []


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("by", ["argument", "folder", "environment"])
def test_a_stray_process_is_found(where: Where, by: str) -> None:
    folder = where.state / STACK / "units" / "prometheus"
    folder.mkdir(parents=True)
    own = os.environ | ({"DATA": f"{folder}/data"} if by == "environment" else {})
    arguments = [f"--config={folder}/conf"] if by == "argument" else []

    with _running(*arguments, cwd=folder if by == "folder" else "/", env=own) as process:
        found = of_heads(where, {STACK: 23000})
        lost = orphans(where, ())
        known = orphans(where, [STACK])

    assert [one.what.partition(":")[0] for one in found if one.kind == "process"] == [str(process.pid)]
    assert str(process.pid) in [one.what.partition(":")[0] for one in lost if one.kind == "process"]
    assert known == []
    assert [one for one in of_heads(where, {STACK: 23000}) if one.kind == "process"] == []


@pytest.mark.usefixtures("quiet")
def test_a_process_of_one_head_is_not_anothers(where: Where) -> None:
    with _running(f"--config={where.state}/{STACK}2/conf"):
        assert of_heads(where, {STACK: 23000}) == []
        assert list(processes(where.state)) == [f"{STACK}2"]


def test_memory_is_that_of_the_process(where: Where) -> None:
    with _running(f"--config={where.state}/{STACK}/conf") as process:
        (found,) = processes(where.state)[STACK]

        assert found.pid == process.pid
        assert found.memory > 0
        assert psutil.Process(process.pid).memory_info().rss < 2 * found.memory


def test_whoever_listens_on_a_port_of_a_head_is_found(where: Where) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]

        inside = of_heads(where, {STACK: port - WIDTH + 1})
        outside = of_heads(where, {STACK: port - WIDTH})

    said = f"{port}, held by process {os.getpid()}"
    assert said in [one.what for one in inside if one.kind == "port"]
    assert said not in [one.what for one in outside]


@pytest.mark.usefixtures("quiet")
def test_files_and_state_of_a_head_are_found_and_no_others(where: Where) -> None:
    ours = [
        where.state / STACK / "units" / "x" / "data",
        where.state / ".locks" / f"{STACK}.lock",
        where.stacks / f"Pulumi.{STACK}.yaml",
        where.state / ".cohorts" / "otel" / "heads" / "ana" / "notes.txt",
        where.state / ".pulumi" / "stacks" / "observability" / f"{STACK}.json",
        where.state / ".pulumi" / "stacks" / "observability" / f"{STACK}.json.bak",
        where.state / ".pulumi" / "history" / "observability" / STACK / "1.json",
    ]
    others = [
        where.state / f"{STACK}2" / "data",
        where.stacks / f"Pulumi.{STACK}2.yaml",
        where.state / ".pulumi" / "stacks" / "observability" / f"{STACK}2.json",
    ]
    for path in (*ours, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")

    found = of_heads(where, {STACK: 23000})

    pulumi = where.state / ".pulumi"
    assert {(one.kind, one.what) for one in found} == {
        ("file", str(where.state / STACK)),
        ("file", str(ours[1])),
        ("file", str(ours[2])),
        ("file", str(ours[3].parent)),
        ("state", str(ours[4])),
        ("state", str(ours[5])),
        ("state", str(pulumi / "history" / "observability" / STACK)),
    }
    assert {one.stack for one in orphans(where, ())} == {STACK, f"{STACK}2"}
    assert {one.stack for one in orphans(where, [STACK])} == {f"{STACK}2"}


@pytest.mark.usefixtures("quiet")
def test_a_broken_link_is_left_too(where: Where) -> None:
    (where.state / STACK).symlink_to("/nowhere")

    assert [one.kind for one in of_heads(where, {STACK: 23000})] == ["file"]


def test_a_file_that_says_it_is_of_the_cohort_is_found_under_any_name(where: Where) -> None:
    (where.stacks / "Pulumi.mine.yaml").write_text("# a copy\n# cohort: otel\nconfig: {}\n", encoding="utf-8")
    (where.stacks / "Pulumi.other.yaml").write_text("# cohort: otel2\nconfig: {}\n", encoding="utf-8")
    (where.stacks / f"Pulumi.{STACK}.yaml").write_text("# cohort: otel\nconfig: {}\n", encoding="utf-8")

    assert [(one.stack, one.kind) for one in of_tag(where, "otel", [STACK])] == [("mine", "tag")]


@pytest.mark.usefixtures("quiet")
def test_units_are_those_that_a_target_has_recorded(where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
    target = SimpleNamespace(is_there=lambda stack: stack == STACK, units=lambda _: ["prometheus", "jaeger"])
    monkeypatch.setattr(survivors, "operating", lambda: iter([("local", target)]))

    found = of_heads(where, {STACK: 23000, f"{STACK}2": 23200})

    assert [(one.stack, one.what) for one in found] == [(STACK, "prometheus"), (STACK, "jaeger")]


def test_disk_is_what_the_files_of_a_head_take(where: Where) -> None:
    folder = where.state / STACK
    folder.mkdir()
    (folder / "data").write_bytes(b"x" * 100_000)

    assert 100_000 <= disk(where, STACK) < 200_000
    assert disk(where, "cohort-otel-none") == 0


def test_thirty_heads_are_looked_for_in_one_pass(where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    iterate = psutil.process_iter

    def counted() -> Iterator[psutil.Process]:
        passes.append(time.monotonic())
        return iterate()

    monkeypatch.setattr(psutil, "process_iter", counted)

    of_heads(where, {f"cohort-otel-p{number}": 23000 + 200 * number for number in range(30)})

    assert len(passes) == 1
