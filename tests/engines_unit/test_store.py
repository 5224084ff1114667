import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.errors import BadRequest, EngineError
from tests.engines_unit import toys
from tests.engines_unit.conftest import FakeGo
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]


def worker(base: Path, kind: str = "built") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.engines_unit.worker", str(base), kind],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_builds_once_and_finds_it_again(tmp_path: Path, fake_go: FakeGo) -> None:
    toys.sources(tmp_path / "tools", "toy")
    store = toys.store(tmp_path, toys.built())
    assert store.locate("toy") is None

    folder = store.ensure(["toy"])["toy"]

    assert store.locate("toy") == folder
    assert store.executable("toy", "toy").read_text() == "program of example.test/toy\n"
    assert store.ensure(["toy", "toy"]) == {"toy": folder}
    assert fake_go.builds == ["example.test/toy"]
    found = store.find("toy")
    assert found is not None
    assert found.channel == "source"
    assert folder.name == found.key[:12]
    assert found.manifest["made_with"] == "go1.99.0"


def test_an_artifact_stays_good_when_go_is_gone(tmp_path: Path, fake_go: FakeGo) -> None:
    toys.sources(tmp_path / "tools", "toy")
    folder = toys.store(tmp_path, toys.built()).ensure(["toy"])["toy"]
    fake_go.remove()
    assert toys.store(tmp_path, toys.built()).ensure(["toy"])["toy"] == folder


def test_the_go_version_is_asked_once_per_compiler(tmp_path: Path, fake_go: FakeGo) -> None:
    toys.sources(tmp_path / "tools", "one", "two")
    store = toys.store(tmp_path, toys.built("one"), toys.built("two"))
    store.ensure(["one", "two"])
    assert len(Path(f"{fake_go.notes}.asked").read_text().splitlines()) == 1


def test_a_build_that_fails_leaves_nothing_and_shows_its_log(
    tmp_path: Path, fake_go: FakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.sources(tmp_path / "tools", "toy")
    store = toys.store(tmp_path, toys.built())
    monkeypatch.setenv("FAKE_GO_FAIL", "1")
    with pytest.raises(EngineError) as caught:
        store.ensure(["toy"])
    message = str(caught.value)
    log = tmp_path / "cache" / "logs" / "toy.log"
    assert "toy 1.0, channel source: go ended with 3" in message
    assert "line 30" in message
    assert "line 11\n" in message
    assert "line 10\n" not in message
    assert str(log) in message
    assert "line 1\n" in log.read_text()
    assert list((tmp_path / "cache" / "toy").iterdir()) == []
    monkeypatch.delenv("FAKE_GO_FAIL")
    store.ensure(["toy"])


def test_a_damaged_artifact_is_made_again(tmp_path: Path, fake_go: FakeGo) -> None:
    toys.sources(tmp_path / "tools", "toy")
    store = toys.store(tmp_path, toys.built())
    folder = store.ensure(["toy"])["toy"]
    (folder / "bin" / "toy").write_text("")
    assert store.locate("toy") is None
    assert store.ensure(["toy"])["toy"] == folder
    assert len(fake_go.builds) == 2


def test_a_build_without_its_program_is_refused(tmp_path: Path, fake_go: FakeGo) -> None:
    toys.sources(tmp_path / "tools", "toy")
    engine = toys.built(executables=(("toy", "bin/toy"), ("ctl", "bin/ctl")))
    with pytest.raises(EngineError, match="no program ctl at bin/ctl"):
        toys.store(tmp_path, engine).ensure(["toy"])


def test_two_processes_make_it_once_and_the_second_says_that_it_waits(
    tmp_path: Path, fake_go: FakeGo
) -> None:
    toys.sources(tmp_path / "tools", "toy")
    fake_go.hold.touch()
    first = worker(tmp_path)
    until(lambda: fake_go.builds)
    second = worker(tmp_path)
    assert second.stdout is not None
    assert second.stdout.readline() == "wait\n"
    fake_go.hold.unlink()
    said_first, _ = first.communicate(timeout=30)
    said_second, _ = second.communicate(timeout=30)
    assert (first.returncode, second.returncode) == (0, 0)
    assert said_first.splitlines()[-1] == said_second.splitlines()[-1]
    assert "start" not in said_second
    assert fake_go.builds == ["example.test/toy"]


def test_killed_in_the_middle_the_next_run_cleans_up_and_builds(tmp_path: Path, fake_go: FakeGo) -> None:
    toys.sources(tmp_path / "tools", "toy")
    store = toys.store(tmp_path, toys.built())
    fake_go.hold.touch()
    killed = worker(tmp_path)
    until(lambda: fake_go.builds)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(timeout=30)
    left = list((tmp_path / "cache" / "toy").iterdir())
    assert [path.name[:5] for path in left] == [".tmp-"]
    assert store.locate("toy") is None
    fake_go.hold.unlink()

    folder = store.ensure(["toy"])["toy"]

    assert list((tmp_path / "cache" / "toy").iterdir()) == [folder]
    assert (folder / "bin" / "toy").read_text() == "program of example.test/toy\n"


def test_sources_changed_during_a_build_are_not_taken_for_the_old_ones(
    tmp_path: Path, fake_go: FakeGo
) -> None:
    tools = toys.sources(tmp_path / "tools", "toy")
    fake_go.hold.touch()
    building = worker(tmp_path)
    until(lambda: fake_go.builds)
    (tools / "toy" / "go.sum").write_text("other sums\n")
    fake_go.hold.unlink()
    _, said = building.communicate(timeout=30)
    assert building.returncode != 0
    assert "its sources were changed while it was being built" in said
    assert list((tmp_path / "cache" / "toy").iterdir()) == []


def test_all_obstacles_are_told_before_anything_is_made(tmp_path: Path, fake_go: FakeGo) -> None:
    toys.sources(tmp_path / "tools", "toy")
    store = toys.store(tmp_path, toys.built(), toys.released("one"), toys.released("two"))
    with pytest.raises(EngineError) as caught:
        store.ensure(["toy", "one", "two"])
    message = str(caught.value)
    for name in ("one", "two"):
        assert f"{name} 1.0 cannot be had for linux/amd64:" in message
    assert message.count("  release: the archive's checksum is unlocked") == 2
    assert message.count("  source: there is none, toys have no source") == 2
    assert "releases.example.test/toys/1.0/sums.txt did not answer" in message
    assert "OBS_ENGINE_MIRROR can name another place" in message
    assert fake_go.builds == []


def test_a_channel_that_is_not_allowed_is_named_as_the_way_out(tmp_path: Path, fake_go: FakeGo) -> None:
    toys.sources(tmp_path / "tools", "toy")
    engine = toys.built(release=toys.released().release, absent={}, locations={"release": (("toy", "toy"),)})
    with pytest.raises(EngineError) as caught:
        toys.store(tmp_path, engine).ensure(["toy"], channel="release")
    assert "release: the archive's checksum is unlocked" in str(caught.value)
    assert "releases.example.test/toys/1.0/sums.txt did not answer" in str(caught.value)
    assert "allow the channel source (OBS_ENGINE_CHANNEL=auto)" in str(caught.value)
    assert fake_go.builds == []


def test_a_cache_that_cannot_be_used_is_named(tmp_path: Path, fake_go: FakeGo) -> None:
    toys.sources(tmp_path / "tools", "toy")
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(EngineError, match=r"the cache .*/cache cannot be used: .*OBS_CACHE can name another"):
        toys.store(tmp_path, toys.built()).ensure(["toy"])


@pytest.mark.parametrize("name", ["prometeus", "", "../etc"])
def test_an_unknown_engine_is_bad_input(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadRequest, match="in the catalogue; there are: toy"):
        toys.store(tmp_path, toys.built()).ensure([name])


def test_an_unknown_channel_is_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toys.sources(tmp_path / "tools", "toy")
    store = toys.store(tmp_path, toys.built())
    with pytest.raises(BadRequest, match="the channel is 'binary'; expected one of: release, source, auto"):
        store.ensure(["toy"], channel="binary")
    monkeypatch.setenv("OBS_ENGINE_CHANNEL", "Source")
    with pytest.raises(BadRequest, match="OBS_ENGINE_CHANNEL is 'Source'"):
        store.locate("toy")


def test_programs_of_what_is_not_cached_or_not_there(tmp_path: Path, fake_go: FakeGo) -> None:
    toys.sources(tmp_path / "tools", "toy")
    store = toys.store(tmp_path, toys.built())
    with pytest.raises(EngineError, match="obs engines build toy"):
        store.executable("toy", "toy")
    store.ensure(["toy"])
    with pytest.raises(BadRequest, match="has no program 'tool'; it has: toy"):
        store.executable("toy", "tool")


def test_locating_is_cheap(tmp_path: Path, fake_go: FakeGo) -> None:
    toys.sources(tmp_path / "tools", "toy")
    store = toys.store(tmp_path, toys.built())
    store.ensure(["toy"])
    best = min(_seconds(lambda: store.locate("toy")) for _ in range(20))
    assert best < 0.005


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def test_a_missing_compiler_is_tried_for_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def no_go(required: str, *_: object) -> None:
        tried.append(required)
        raise EngineError("go is missing, and here is a long story")

    monkeypatch.setattr("engines.toolchains.ensure_go", no_go)
    toys.sources(tmp_path / "tools", "one", "two")
    with pytest.raises(EngineError) as caught:
        toys.store(tmp_path, toys.built("one"), toys.built("two")).ensure(["one", "two"])
    assert len(tried) == 1
    assert str(caught.value).count("a long story") == 1
    assert "two 1.0 cannot be had" in str(caught.value)
