"""An empty lock: what publishers and mirrors offer is taken on first use, recorded, and held to."""

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.engine import Engine, Release
from engines import builds, first_use
from engines.errors import EngineError
from engines.records import Record, Records
from engines.store import Store
from obs.commands.engines import app
from tests.engines_unit import toys
from tests.engines_unit.conftest import FakeGo, Mirror
from tests.engines_unit.test_release import CONTENT, PATH, Noted

SUMS = "/toys/1.0/sums.txt"
SHA = hashlib.sha256(CONTENT).hexdigest()


class Told(Noted):
    """Keeps what is being done and what is noted."""

    def note(self, text: str) -> None:
        self.said.append(text)


def either(**changes: object) -> Engine:
    """An engine with both channels."""
    fields: dict[str, object] = {
        "release": toys.released().release,
        "absent": {},
        "locations": {"release": (("toy", "toy"),)},
    }
    return toys.built("toy", **(fields | changes))


@pytest.fixture
def store(tmp_path: Path, fake_go: FakeGo) -> Store:
    toys.sources(tmp_path / "tools", "toy")
    return toys.store(tmp_path, either())


def publish(mirror: Mirror, content: bytes = CONTENT) -> None:
    mirror.files[PATH] = content
    mirror.files[SUMS] = f"{hashlib.sha256(content).hexdigest()}  {PATH.rpartition('/')[2]}\n".encode()


def test_the_official_archive_is_taken_and_a_line_says_from_where(
    store: Store, mirror: Mirror, fake_go: FakeGo
) -> None:
    publish(mirror)
    told = Told()
    store.ensure(["toy"], progress=told)
    assert toys.channel(store) == "release"
    assert fake_go.builds == []
    sums = f"{mirror.url}{SUMS}"
    assert told.said == [
        f"toy: downloading {mirror.url}{PATH}",
        f"toy: {mirror.url}{PATH} has the checksum that {sums} gave; recorded in {store.records.path}",
    ]
    record = store.records.read()["toy", "1.0", "linux/amd64"]
    assert (record.digest, record.origin) == (f"sha256:{SHA}", f"{mirror.url}{SUMS}")
    assert not store.lock_file.exists(), "the committed lock is the project's"


def test_what_was_taken_is_found_without_a_network(store: Store, mirror: Mirror) -> None:
    publish(mirror)
    folder = store.ensure(["toy"])["toy"]
    mirror.close()
    mirror.asked.clear()
    assert store.ensure(["toy"])["toy"] == folder
    assert mirror.asked == []


@pytest.mark.parametrize("changed", ["checksum and archive", "archive"])
def test_another_archive_under_the_same_name_is_refused(
    store: Store, mirror: Mirror, fake_go: FakeGo, changed: str
) -> None:
    publish(mirror)
    folder = store.ensure(["toy"])["toy"]
    (folder / "manifest.json").unlink()  # it has to be made again
    other = toys.archive({"toy": b"evil"})
    mirror.files[PATH] = other
    if changed != "archive":
        publish(mirror, other)
    with pytest.raises(EngineError, match=f"bad checksum.*\n.*expected sha256:{SHA}"):
        store.ensure(["toy"])
    assert fake_go.builds == []


def test_a_record_is_never_replaced(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.add("toy", "1", "linux/amd64", Record("f", "sha256:aa", "https://one/sums"))
    records.add("toy", "1", "linux/amd64", Record("f", "sha256:aa", "https://two/sums"))
    with pytest.raises(
        EngineError, match="https://three/sums now gives sha256:bb, but sha256:aa was taken from"
    ):
        records.add("toy", "1", "linux/amd64", Record("f", "sha256:bb", "https://three/sums"))
    assert [r.origin for r in records.read().values()] == ["https://one/sums"]


@pytest.mark.parametrize("text", ["", "[]", '{"taken": {"a b": {}}}', '{"taken": {"a b c": {"x": 1}}}'])
def test_a_file_that_is_no_record_is_named(store: Store, text: str) -> None:
    store.cache.mkdir()
    store.records.path.write_text(text)
    with pytest.raises(EngineError, match=r"engines.lock.json: not a record of archives"):
        store.ensure(["toy"])


def test_the_committed_lock_wins(store: Store, mirror: Mirror) -> None:
    publish(mirror)
    store.ensure(["toy"])
    toys.lock_archive(store, either(), b"what the project says")
    with pytest.raises(EngineError, match="bad checksum"):
        store.ensure(["toy"], channel="release")


@pytest.mark.parametrize(
    "sums",
    [None, b"", b"<html>no such page</html>", b"0" * 64 + b"  other.tar.gz\n"],
    ids=["404", "empty", "page", "other"],
)
def test_without_a_checksum_it_is_built_and_the_reason_said(
    store: Store, mirror: Mirror, fake_go: FakeGo, sums: bytes | None
) -> None:
    publish(mirror)
    if sums is None:
        del mirror.files[SUMS]
    else:
        mirror.files[SUMS] = sums
    told = Told()
    store.ensure(["toy"], progress=told)
    assert toys.channel(store) == "source"
    assert told.said[0].startswith(f"toy: no official archive, {mirror.url}{SUMS}")
    assert store.records.read() == {}


@pytest.mark.parametrize(
    "content",
    [
        toys.archive({"programs/toy": b"x"}),
        toys.archive({"other": b"x"}),
        toys.archive({"toy": b"x"}, root="a/b"),
    ],
    ids=["elsewhere", "another", "deeper"],
)
def test_an_archive_with_another_layout_is_built_instead(
    store: Store, mirror: Mirror, fake_go: FakeGo, content: bytes
) -> None:
    publish(mirror, content)
    told = Told()
    store.ensure(["toy"], progress=told)
    assert toys.channel(store) == "source"
    assert any("no program toy at toy" in line and "It is built instead" in line for line in told.said)
    with pytest.raises(EngineError, match="no program toy at toy"):
        store.ensure(["toy"], channel="release")


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_silent_publisher_delays_by_its_patience_and_no_more(silent: str, tmp_path: Path) -> None:
    engines = [toys.released(f"toy{number}") for number in range(6)]
    start = time.monotonic()
    found = first_use.ask(engines, "linux/amd64", silent, tmp_path, patience=0.5)
    assert time.monotonic() - start < 2
    assert [bool(entry.unlocked) for entry in found.values()] == [True] * 6


def test_a_name_server_that_hangs_delays_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: released.wait(20) and [])
    start = time.monotonic()
    found = first_use.ask([toys.released()], "linux/amd64", None, tmp_path, patience=0.3)
    released.set()
    assert time.monotonic() - start < 2
    assert found["toy"].unlocked == "releases.example.test did not answer within 0.3 s"


def test_a_host_that_cannot_be_reached_is_asked_once(tmp_path: Path, mirror: Mirror) -> None:
    mirror.close()
    told = Told()
    engines = [toys.released("one"), toys.released("two")]
    store = toys.store(tmp_path, *engines)
    with pytest.raises(EngineError, match="did not answer"):
        store.ensure(["one", "two"], progress=told)
    assert len([line for line in told.said if "no official archive" in line]) == 1


def test_digests_of_members_make_a_record_and_no_second_download(
    tmp_path: Path, mirror: Mirror, fake_go: FakeGo
) -> None:
    toys.sources(tmp_path / "tools", "toy")
    plain = toys.released().release
    assert plain is not None
    members = Release(plain.url, plain.checksums, plain.platforms, digests_of="members")
    store = toys.store(tmp_path, either(release=members))
    mirror.files[PATH] = CONTENT
    program = hashlib.sha256(b"a program" * 500).hexdigest()
    readme = hashlib.sha256(b"text").hexdigest()
    mirror.files[SUMS] = f"{program}  toy-1.0/toy\n{readme}  toy-1.0/README\n".encode()
    store.ensure(["toy"])
    assert toys.channel(store) == "release"
    assert [path for method, path, wanted in mirror.asked if method == "GET" and wanted is None] == [
        SUMS,
        PATH,
    ]


def test_a_build_is_exported_and_taken_by_the_next_machine(
    tmp_path: Path, fake_go: FakeGo, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.sources(tmp_path / "tools", "toy")
    first = toys.store(tmp_path, toys.built())
    folder = first.ensure(["toy"])["toy"]
    (folder / "jdk").symlink_to("/usr/lib/jvm/some-java")
    found = first.find("toy")
    assert found is not None
    path = builds.write(tmp_path / "mirror", folder, found.engine, found.key, first.platform)
    for file in (path, path.with_name(f"{path.name}.sha256")):
        mirror.files["/" + file.relative_to(tmp_path / "mirror").as_posix()] = file.read_bytes()
    fake_go.remove()

    told = Told()
    other = Store(
        tmp_path / "other",
        engines=[toys.built()],
        tools=first.tools,
        lock=first.lock_file,
        platform=toys.PLATFORM,
    )
    taken = other.ensure(["toy"], progress=told)["toy"]
    assert (taken / "bin" / "toy").read_text() == (folder / "bin" / "toy").read_text()
    assert not (taken / "jdk").is_symlink()
    manifest = json.loads((taken / "manifest.json").read_text())
    assert (manifest["channel"], manifest["key"]) == ("source", found.key)
    assert manifest["made_with"].startswith(mirror.url)
    assert any("is a build of these very sources" in line for line in told.said)

    (taken / "manifest.json").unlink()
    mirror.files["/" + path.relative_to(tmp_path / "mirror").as_posix() + ".sha256"] = b"0" * 64
    with pytest.raises(EngineError, match=r"now gives sha256:0+, but"):
        other.ensure(["toy"])


def test_a_mirror_without_builds_changes_nothing(store: Store, mirror: Mirror, fake_go: FakeGo) -> None:
    store.ensure(["toy"], channel="source")
    assert fake_go.builds == ["example.test/toy"]


def test_export_says_what_it_wrote_and_what_there_is_not(tmp_path: Path) -> None:
    def obs(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, list(words))
        return result.exit_code, result.output

    target, file = tmp_path / "mirror", tmp_path / "file"
    file.touch()
    assert obs("export", str(target), "otelcol") == (0, "otelcol: no build in the cache\n")
    assert obs("build", "redis")[0] == 0
    assert obs("export", str(file), "redis")[0] == 1
    assert obs("export", str(target), "redis")[0] == 0
    assert [path.suffix for path in sorted((target / "obs" / "redis").iterdir())] == [".gz", ".sha256"]
