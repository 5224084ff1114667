import hashlib
from pathlib import Path

import pytest

from engines import release
from engines.errors import EngineError
from engines.progress import Silent
from engines.store import Store
from tests.engines_unit import toys
from tests.engines_unit.conftest import FakeGo, Mirror
from tests.engines_unit.test_store import worker
from tests.waiting import until

PATH = "/toys/1.0/toy-1.0.linux-amd64.tar.gz"
CONTENT = toys.archive({"toy": b"a program" * 500, "README": b"text"})


@pytest.fixture
def store(tmp_path: Path, mirror: Mirror) -> Store:
    """A store whose one engine is locked to CONTENT, which the mirror serves."""
    toys.sources(tmp_path / "tools")
    made = toys.store(tmp_path, toys.released())
    toys.lock_archive(made, toys.released(), CONTENT)
    mirror.files[PATH] = CONTENT
    return made


def parts(store: Store) -> list[Path]:
    return list((store.cache / "downloads").glob("*"))


def test_downloads_checks_and_unpacks(store: Store, mirror: Mirror) -> None:
    folder = store.ensure(["toy"])["toy"]
    assert store.executable("toy", "toy") == folder / "toy"
    assert (folder / "toy").read_bytes() == b"a program" * 500
    assert toys.channel(store) == "release"
    assert mirror.gets() == [None]
    assert parts(store) == []


def test_a_second_run_is_offline(store: Store, mirror: Mirror) -> None:
    folder = store.ensure(["toy"])["toy"]
    mirror.close()
    mirror.asked.clear()
    assert store.ensure(["toy"])["toy"] == folder
    assert mirror.asked == []


def test_a_broken_connection_is_resumed_where_it_broke(store: Store, mirror: Mirror) -> None:
    mirror.break_after = [30, 20]
    store.ensure(["toy"])
    assert mirror.gets() == [None, "bytes=30-", "bytes=50-"]


def test_the_next_run_resumes_what_this_one_left(store: Store, mirror: Mirror) -> None:
    mirror.break_after = [10] * release.ATTEMPTS
    with pytest.raises(EngineError, match=f"broke off 4 times .*; {10 * release.ATTEMPTS} bytes are kept"):
        store.ensure(["toy"])
    [part] = parts(store)
    assert part.read_bytes() == CONTENT[: 10 * release.ATTEMPTS]
    mirror.asked.clear()
    store.ensure(["toy"])
    assert mirror.gets() == [f"bytes={10 * release.ATTEMPTS}-"]


def test_a_server_without_ranges_is_read_from_the_beginning(store: Store, mirror: Mirror) -> None:
    mirror.ranges = False
    mirror.break_after = [30]
    folder = store.ensure(["toy"])["toy"]
    assert mirror.gets() == [None, "bytes=30-"]
    assert (folder / "README").read_bytes() == b"text"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_part_that_is_longer_than_the_file_is_thrown_away(
    store: Store, mirror: Mirror, ranges: bool
) -> None:
    mirror.ranges = ranges
    mirror.break_after = [10] * release.ATTEMPTS
    with pytest.raises(EngineError):
        store.ensure(["toy"])
    [part] = parts(store)
    part.write_bytes(b"x" * (len(CONTENT) + 7))
    store.ensure(["toy"])


def test_a_complete_part_is_used_as_it_is(store: Store, mirror: Mirror) -> None:
    mirror.break_after = [len(CONTENT) - 1] * 1
    mirror.break_after += [0] * (release.ATTEMPTS - 1)
    with pytest.raises(EngineError):
        store.ensure(["toy"])
    [part] = parts(store)
    part.write_bytes(CONTENT)
    store.ensure(["toy"])
    assert mirror.gets()[-1] == f"bytes={len(CONTENT)}-"


def test_a_bad_checksum_deletes_the_file_and_names_both(store: Store, mirror: Mirror) -> None:
    other = toys.archive({"toy": b"something else"})
    mirror.files[PATH] = other
    with pytest.raises(EngineError) as caught:
        store.ensure(["toy"])
    message = str(caught.value)
    assert "bad checksum" in message
    assert f"expected sha256:{hashlib.sha256(CONTENT).hexdigest()}" in message
    assert f"got      sha256:{hashlib.sha256(other).hexdigest()}" in message
    assert parts(store) == []
    assert store.locate("toy") is None
    assert list((store.cache / "toy").iterdir()) == []


def test_a_truncated_file_is_a_bad_checksum(store: Store, mirror: Mirror) -> None:
    mirror.files[PATH] = CONTENT[:-20]
    with pytest.raises(EngineError, match="bad checksum"):
        store.ensure(["toy"])
    assert store.locate("toy") is None


@pytest.mark.parametrize("status", [404, 410])
def test_a_file_that_is_gone_is_said_before_anything_is_made(
    store: Store, mirror: Mirror, status: int
) -> None:
    mirror.status = status
    with pytest.raises(EngineError, match=rf"toy-1.0.linux-amd64.tar.gz is gone \(status {status}\)"):
        store.ensure(["toy"])
    assert mirror.gets() == []
    assert parts(store) == []


def test_gone_between_asking_and_fetching(tmp_path: Path, mirror: Mirror) -> None:
    with release.client() as http, pytest.raises(EngineError, match=r"is gone \(status 404\)"):
        release.download(f"{mirror.url}/x", tmp_path / "x", "sha256:00", http, lambda _done, _total: None)


def test_a_mirror_that_does_not_answer_is_named(store: Store, mirror: Mirror) -> None:
    mirror.close()
    with pytest.raises(EngineError, match=rf"{mirror.url}.* does not answer .*OBS_ENGINE_MIRROR"):
        store.ensure(["toy"])


def test_a_server_error_is_tried_again_and_then_told(tmp_path: Path, mirror: Mirror) -> None:
    mirror.status = 503
    with release.client() as http, pytest.raises(EngineError, match=r"broke off 4 times .status 503"):
        release.download(f"{mirror.url}/x", tmp_path / "x", "sha256:00", http, lambda _done, _total: None)
    assert len(mirror.gets()) == release.ATTEMPTS


def test_two_processes_download_it_once(store: Store, mirror: Mirror, tmp_path: Path) -> None:
    processes = [worker(tmp_path, "released") for _ in range(2)]
    said = [process.communicate(timeout=30)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert mirror.gets() == [None]
    assert len({text.splitlines()[-1] for text in said}) == 1


def test_killed_while_downloading_the_next_run_goes_on(store: Store, mirror: Mirror, tmp_path: Path) -> None:
    big = toys.archive({"toy": bytes(range(256)) * 8192, "noise": hashlib.sha512(b"").digest() * 4096})
    toys.lock_archive(store, toys.released(), big)
    mirror.files[PATH] = big
    mirror.break_after = [600] * release.ATTEMPTS
    killed = worker(tmp_path, "released")
    until(lambda: parts(store))
    killed.kill()
    killed.wait(timeout=30)
    mirror.break_after = []
    folder = store.ensure(["toy"])["toy"]
    assert (folder / "toy").stat().st_size == 256 * 8192
    assert [path.name for path in (store.cache / "toy").iterdir()] == [folder.name]


def test_auto_builds_when_the_archive_cannot_be_had(tmp_path: Path, mirror: Mirror, fake_go: FakeGo) -> None:
    toys.sources(tmp_path / "tools", "toy")
    engine = toys.built(release=toys.released().release, absent={}, locations={"release": (("toy", "toy"),)})
    store = toys.store(tmp_path, engine)
    toys.lock_archive(store, engine, CONTENT)

    store.ensure(["toy"])  # the mirror has no such file

    assert toys.channel(store) == "source"
    mirror.files[PATH] = CONTENT
    mirror.asked.clear()
    store.ensure(["toy"])
    assert mirror.asked == []  # what is cached serves
    store.ensure(["toy"], channel="release")
    assert toys.channel(store) == "release"
    assert fake_go.builds == ["example.test/toy"]


class Noted(Silent):
    """Keeps what is being done."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def start(self, engine: str, what: str, total: float | None, *, unit: str) -> None:  # noqa: ARG002
        self.said.append(f"{engine}: {what}")


def test_release_builds_what_nobody_publishes_and_says_so(
    tmp_path: Path, fake_go: FakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.sources(tmp_path / "tools", "toy")
    store, progress = toys.store(tmp_path, toys.built()), Noted()
    monkeypatch.setenv("OBS_ENGINE_CHANNEL", "release")
    store.ensure(["toy"], progress=progress)
    assert toys.channel(store) == "source"
    assert progress.said == [
        "toy: building 1.0 with go1.99.0 (release: there is none, toys are not published)"
    ]


def test_auto_downloads_when_it_can(tmp_path: Path, mirror: Mirror, fake_go: FakeGo) -> None:
    toys.sources(tmp_path / "tools", "toy")
    engine = toys.built(release=toys.released().release, absent={}, locations={"release": (("toy", "toy"),)})
    store = toys.store(tmp_path, engine)
    toys.lock_archive(store, engine, CONTENT)
    mirror.files[PATH] = CONTENT
    store.ensure(["toy"])
    assert toys.channel(store) == "release"
    assert fake_go.builds == []


def test_an_archive_with_another_layout_is_refused_with_what_it_has(store: Store, mirror: Mirror) -> None:
    content = toys.archive({"programs/toy": b"x"})
    toys.lock_archive(store, toys.released(), content)
    mirror.files[PATH] = content
    with pytest.raises(EngineError, match=r"no program toy at toy .* at its top are: programs"):
        store.ensure(["toy"])


def test_the_mirror_replaces_scheme_and_host_only() -> None:
    url = "https://github.com/a/b/releases/c.tar.gz"
    assert release.mirrored(url, None) == url
    assert release.mirrored(url, "http://10.0.0.1:8000/m/") == "http://10.0.0.1:8000/m/a/b/releases/c.tar.gz"
