"""What goes to another machine: whole, and nothing of this one."""

import io
import json
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest

from components.catalog import ENGINES
from components.engine import Engine
from engines import pack
from engines.errors import EngineError
from engines.store import Store

PROMETHEUS = next(engine for engine in ENGINES if engine.name == "prometheus")
OPENSEARCH = next(engine for engine in ENGINES if engine.name == "opensearch")


def cached(store: Store, engine: Engine) -> Path:
    """An artifact as a build leaves it, of a few bytes."""
    key = store.key(engine, "source")
    assert key
    folder = store.cache / engine.name / key[:12]
    programs = {}
    for _, path in engine.executables_in("source"):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(0o700)
        programs[path] = file.stat().st_size
    manifest = {"key": key, "size": 30, "programs": programs}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("OBS_ENGINE_CHANNEL", "source")
    return Store(tmp_path / "cache", engines=(PROMETHEUS, OPENSEARCH))


def members(name: str, store: Store) -> dict[str, tarfile.TarInfo]:
    pieces = list(pack.archive(pack.packed([name], store)[name]))
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        return {member.name: member for member in tar}


def test_all_of_an_artifact_goes_and_belongs_to_root(store: Store) -> None:
    folder = cached(store, PROMETHEUS)
    (folder / "bin" / "same").symlink_to("prometheus")
    os.utime(folder / "bin" / "promtool", (1000, 1000))
    found = members("prometheus", store)
    assert sorted(found) == ["bin", "bin/prometheus", "bin/promtool", "bin/same", "manifest.json"]
    assert {name: member.mode for name, member in found.items() if not member.issym()} == {
        "bin": 0o755, "bin/prometheus": 0o755, "bin/promtool": 0o755, "manifest.json": 0o644,
    }  # fmt: skip
    assert found["bin/same"].linkname == "prometheus"
    assert found["bin/promtool"].mtime == 1000
    assert {(member.uid, member.gid) for member in found.values()} == {(0, 0)}
    assert pack.packed(["prometheus"], store)["prometheus"].key == store.key(PROMETHEUS, "source")


def test_it_comes_in_pieces(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "CHUNK", 100)
    cached(store, PROMETHEUS)
    sizes = [len(piece) for piece in pack.archive(pack.packed(["prometheus"], store)["prometheus"])]
    assert set(sizes[:-1]) == {100}
    assert 0 < sizes[-1] <= 100


def test_it_is_made_once_for_all_that_take_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    write = pack._write

    def counted(engine: pack.Packed, file: IO[bytes]) -> None:
        made.append(engine.engine)
        write(engine, file)

    monkeypatch.setattr(pack, "_write", counted)
    cached(store, PROMETHEUS)
    goal = pack.packed(["prometheus"], store)["prometheus"]
    with ThreadPoolExecutor(4) as pool:
        archives = set(pool.map(lambda _: b"".join(pack.archive(goal)), range(4)))

    assert made == ["prometheus"]
    assert len(archives) == 1
    assert not [path for path in goal.path.parent.iterdir() if path.is_file()]


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../other"])
def test_a_link_that_leads_out_is_refused(store: Store, target: str) -> None:
    (cached(store, PROMETHEUS) / "bin" / "out").symlink_to(target)
    with pytest.raises(EngineError, match="this link leads out of the artifact"):
        members("prometheus", store)


@pytest.fixture
def java(tmp_path: Path) -> Path:
    """A Java as Debian has it: its settings lie elsewhere, and developers' things beside it."""
    home, settings = tmp_path / "jvm", tmp_path / "etc"
    for folder in (home / "bin", home / "jmods", home / "conf", settings):
        folder.mkdir(parents=True)
    (home / "bin" / "java").write_text("java")
    (home / "jmods" / "java.base.jmod").write_text("large")
    (home / "release").write_text('JAVA_VERSION="17.0.15"\n')
    (settings / "java.security").write_text("settings")
    (home / "conf" / "java.security").symlink_to(settings / "java.security")
    (home / "conf" / "gone").symlink_to(settings / "gone")
    return home


def test_opensearch_takes_the_java_of_this_machine_along(store: Store, java: Path) -> None:
    (cached(store, OPENSEARCH) / "jdk").symlink_to(java)
    found = members("opensearch", store)
    assert found["jdk/bin/java"].isfile()
    assert found["jdk/conf/java.security"].isfile()  # not a link that leads to nothing on a host
    assert not any(name.startswith(("jdk/jmods", "jdk/conf/gone")) for name in found)


def test_another_java_is_another_archive(store: Store, java: Path) -> None:
    (cached(store, OPENSEARCH) / "jdk").symlink_to(java)
    before = pack.packed(["opensearch"], store)["opensearch"].key
    (java / "release").write_text('JAVA_VERSION="17.0.16"\n')
    after = pack.packed(["opensearch"], store)["opensearch"].key
    assert len({before, after, store.key(OPENSEARCH, "source")}) == 3


def test_a_java_that_is_gone_is_told(store: Store) -> None:
    (cached(store, OPENSEARCH) / "jdk").symlink_to(store.cache / "no-longer")
    with pytest.raises(EngineError, match=r"leads to none\. Run: obs engines build opensearch"):
        pack.packed(["opensearch"], store)


def test_a_java_of_its_own_stays(store: Store) -> None:
    folder = cached(store, OPENSEARCH)
    (folder / "jdk" / "bin").mkdir(parents=True)
    (folder / "jdk" / "bin" / "java").write_text("its own")
    assert "jdk/bin/java" in members("opensearch", store)
    assert pack.packed(["opensearch"], store)["opensearch"].key == store.key(OPENSEARCH, "source")


def test_what_is_not_in_the_cache_is_told_at_once(store: Store) -> None:
    with pytest.raises(EngineError, match=r"not in the cache of engines: prometheus, opensearch\. Run: obs"):
        pack.packed(["prometheus", "opensearch"], store)
    other = Store(store.cache, engines=(PROMETHEUS,), platform="linux/arm64")
    cached(store, PROMETHEUS)
    if not other.setting.native:
        with pytest.raises(EngineError, match="not in the cache of engines for linux/arm64: prometheus"):
            pack.packed(["prometheus"], other)
