import os
import signal
from pathlib import Path

import pytest

from engines.prune import prune
from tests.engines_unit import toys
from tests.engines_unit.conftest import FakeGo
from tests.engines_unit.test_store import worker
from tests.waiting import until


@pytest.fixture
def used(tmp_path: Path, fake_go: FakeGo) -> Path:
    """A cache with a current artifact, an old one, one of an engine that is gone, and leftovers."""
    toys.sources(tmp_path / "tools", "toy", "gone")
    toys.store(tmp_path, toys.built(version="0.9"), toys.built("gone")).ensure(["toy", "gone"])
    toys.store(tmp_path, toys.built()).ensure(["toy"])
    cache = tmp_path / "cache"
    (cache / "toy" / ".tmp-0123456789ab-77").mkdir()
    (cache / "toy" / ".tmp-0123456789ab-77" / "half").write_bytes(b"x" * 1000)
    (cache / "downloads").mkdir()
    (cache / "downloads" / "0123456789ab-toy.tar.gz.part").write_bytes(b"x" * 10)
    (cache / "toolchains" / "go-1.19.0").mkdir()
    (cache / "toolchains" / "go-1.20.0").mkdir()
    (cache / "pulumi-home" / "plugins").mkdir(parents=True)
    (cache / "pulumi-home" / "credentials.json").write_text("{}")
    (cache / "toy" / "notes.txt").write_text("a person's")
    return tmp_path


def test_removes_what_nothing_asks_for_and_counts_it(used: Path) -> None:
    store = toys.store(used, toys.built())
    current = store.locate("toy")

    planned = prune(store, dry_run=True)
    assert all(item.path.exists() for item in planned)
    removed = prune(store)

    assert removed == planned
    assert sorted(item.what for item in removed) == [
        "download",
        "go, no longer the pinned version",
        "gone, not in the catalogue",
        "toy, not in the catalogue",
        "toy, unfinished",
    ]
    assert {item.what: item.size for item in removed}["toy, unfinished"] == 1000
    assert not any(item.path.exists() for item in removed)
    assert store.locate("toy") == current
    assert (used / "cache" / "toolchains" / "go-1.20.0").is_dir()
    assert (used / "cache" / "pulumi-home" / "credentials.json").exists()
    assert (used / "cache" / "toy" / "notes.txt").exists()
    assert prune(store) == []


def test_keeps_artifacts_for_hosts_of_another_platform(used: Path) -> None:
    store = toys.store(used, toys.built())
    other = toys.store(used, toys.built(), platform="linux/arm64").ensure(["toy"])["toy"]
    assert other != store.locate("toy")
    prune(store)
    assert other.is_dir()


def test_keeps_its_hands_off_a_build_that_is_going_on(tmp_path: Path, fake_go: FakeGo) -> None:
    toys.sources(tmp_path / "tools", "toy")
    fake_go.hold.touch()
    building = worker(tmp_path)
    until(lambda: fake_go.builds)
    store = toys.store(tmp_path, toys.built())
    try:
        assert prune(store) == []
    finally:
        os.kill(building.pid, signal.SIGKILL)
        building.wait(timeout=30)
    assert [item.what for item in prune(store)] == ["toy, unfinished"]
    fake_go.hold.unlink()


def test_an_empty_cache_is_no_error(tmp_path: Path) -> None:
    toys.sources(tmp_path / "tools", "toy")
    assert prune(toys.store(tmp_path, toys.built())) == []
