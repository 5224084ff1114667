import hashlib
import json
from pathlib import Path

import httpx
import pytest

from components.engine import Engine, Release
from engines import publishers, release
from engines.errors import EngineError
from engines.lock import NOT_FETCHED, Lock
from tests.engines_unit import toys
from tests.engines_unit.conftest import Mirror

AMD, ARM = "linux/amd64", "linux/arm64"
SHA = "a" * 64
FILE = "toy-1.0.linux-amd64.tar.gz"


def filled(
    engine: Engine, mirror: Mirror, lock: Lock | None = None
) -> dict[str, tuple[str | None, str | None]]:
    """Digest and reason by platform."""
    with release.client() as http:
        fresh, rows = publishers.fill(lock or Lock({}), [engine], http, mirror.url)
    assert {row.platform for row in rows} == {AMD, ARM}
    return {p: (e.digest, e.unlocked) for (_, _, p), e in fresh.entries.items()}


@pytest.mark.parametrize(
    "text",
    [f"{SHA}  {FILE}\n{'b' * 64}  other.tar.gz\n", f"{SHA.upper()} *{FILE}\n", f"{SHA}  ./{FILE}\n"],
    ids=["plain", "binary mark", "dot"],
)
def test_takes_the_digest_of_its_own_file(mirror: Mirror, text: str) -> None:
    mirror.files["/toys/1.0/sums.txt"] = text.encode()
    rows = filled(toys.released(), mirror)
    assert rows[AMD] == (f"sha256:{SHA}", None)
    assert rows[ARM][0] is None
    assert "has no digest of toy-1.0.linux-arm64.tar.gz" in str(rows[ARM][1])


def test_a_lone_digest_needs_no_name_and_may_be_sha512(mirror: Mirror) -> None:
    mirror.files["/toys/1.0/sums.txt"] = ("c" * 128).encode()
    assert filled(toys.released(), mirror)[AMD][0] == f"sha512:{'c' * 128}"


def test_what_cannot_be_fetched_stays_unlocked_with_the_reason(mirror: Mirror) -> None:
    assert filled(toys.released(), mirror)[AMD] == (
        None,
        f"{mirror.url}/toys/1.0/sums.txt answered with status 404",
    )
    mirror.close()
    assert "did not answer" in str(filled(toys.released(), mirror)[AMD][1])


def test_a_page_that_is_no_checksum_file_gives_nothing(mirror: Mirror) -> None:
    mirror.files["/toys/1.0/sums.txt"] = f"<html>{SHA}  {FILE}</html>".encode()
    assert filled(toys.released(), mirror)[AMD][0] is None


def test_a_known_digest_survives_a_silent_publisher_but_not_a_changed_one(mirror: Mirror) -> None:
    mirror.files["/toys/1.0/sums.txt"] = f"{SHA}  {FILE}\n".encode()
    engine = toys.released()
    with release.client() as http:
        known, _ = publishers.fill(Lock({}), [engine], http, mirror.url)
    mirror.files.clear()
    assert filled(engine, mirror, known)[AMD][0] == f"sha256:{SHA}"
    mirror.files["/toys/1.0/sums.txt"] = f"{'d' * 64}  {FILE}\n".encode()
    with pytest.raises(EngineError, match=f"now gives sha256:d+, the lock has sha256:{SHA}"):
        filled(engine, mirror, known)


class TestMembers:
    """Digests published for the files in the archive, as Jaeger does."""

    content = toys.archive({"toy": b"program"}, root="toy-1.0-linux-amd64")
    engine = toys.released(
        release=Release(
            url="https://releases.example.test/toy-{version}-{platform}.tar.gz",
            checksums="https://releases.example.test/toy-{version}-{platform}.sha256sum.txt",
            platforms=((AMD, "linux-amd64"), (ARM, "linux-arm64")),
            digests_of="members",
        )
    )

    def serve(self, mirror: Mirror, program: bytes) -> None:
        digest = hashlib.sha256(program).hexdigest()
        mirror.files["/toy-1.0-linux-amd64.tar.gz"] = self.content
        mirror.files["/toy-1.0-linux-amd64.sha256sum.txt"] = f"{digest} *toy-1.0-linux-amd64/toy\n".encode()

    def test_the_archive_is_locked_when_its_files_are_as_published(self, mirror: Mirror) -> None:
        self.serve(mirror, b"program")
        rows = filled(self.engine, mirror)
        assert rows[AMD] == (f"sha256:{hashlib.sha256(self.content).hexdigest()}", None)
        assert rows[ARM][0] is None

    def test_another_file_leaves_it_unlocked(self, mirror: Mirror) -> None:
        self.serve(mirror, b"another program")
        digest, reason = filled(self.engine, mirror)[AMD]
        assert digest is None
        assert "toy-1.0-linux-amd64/toy does not have its published digest" in str(reason)

    def test_a_file_without_a_digest_leaves_it_unlocked(self, mirror: Mirror) -> None:
        self.serve(mirror, b"program")
        mirror.files["/toy-1.0-linux-amd64.tar.gz"] = toys.archive(
            {"toy": b"program", "more": b"x"}, root="toy-1.0-linux-amd64"
        )
        assert "differ (toy-1.0-linux-amd64/more)" in str(filled(self.engine, mirror)[AMD][1])


def test_writes_what_it_reads_and_drops_older_versions(tmp_path: Path, mirror: Mirror) -> None:
    path = tmp_path / "lock.json"
    mirror.files["/toys/1.0/sums.txt"] = f"{SHA}  {FILE}\n".encode()
    with release.client() as http:
        lock, _ = publishers.fill(Lock({}), [toys.released()], http, mirror.url)
    lock.write(path, [toys.released()])
    text = path.read_text()
    assert Lock.read(path) == lock
    Lock.read(path).write(path, [toys.released()])
    assert path.read_text() == text
    Lock.read(path).write(path, [toys.released(version="1.1")])
    archives = json.loads(path.read_text())["engines"]["toy"]["archives"]
    assert archives[AMD] == {"file": "toy-1.1.linux-amd64.tar.gz", "unlocked": NOT_FETCHED}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"engines": {"toy": {}}}', '{"engines": {"toy": {"version": 1}}}']
)
def test_a_broken_lock_is_said_to_be(tmp_path: Path, text: str) -> None:
    path = tmp_path / "engines.lock.json"
    path.write_text(text)
    with pytest.raises(EngineError, match=r"engines.lock.json: not a lock file .* run `obs engines lock`"):
        Lock.read(path)


def test_a_mirror_that_answers_with_a_break_is_no_crash(mirror: Mirror) -> None:
    mirror.files["/toys/1.0/sums.txt"] = f"{SHA}  {FILE}\n".encode()
    mirror.break_after = [3, 3]
    assert "did not answer" in str(filled(toys.released(), mirror)[AMD][1])
    assert isinstance(httpx.HTTPError("x"), Exception)
