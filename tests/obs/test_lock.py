"""One run at a time; the locks of the dead are cleared, those of the living are not."""

import errno
import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from obs.errors import Locked, ObsError
from obs.lock import clear_stale_locks, stack_lock

HOLDER = """
import sys
from pathlib import Path
from obs.lock import stack_lock
with stack_lock(Path(sys.argv[1]), "local", "up local"):
    print("held", flush=True)
    sys.stdin.read()
"""


def engine_lock(backend: Path, pid: int, since: datetime, host: str = socket.gethostname()) -> Path:
    path = backend / ".pulumi" / "locks" / "organization" / "observability" / "local" / f"{pid}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    stamp = since.strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    path.write_text(json.dumps({"pid": pid, "username": "u", "hostname": host, "timestamp": stamp}))
    return path


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_second_run_is_told_who_holds_the_stack(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(Locked, match=rf"`obs up local` \(process {holder.pid}\)"),
            stack_lock(tmp_path, "local", "up local"),
        ):
            pytest.fail("two hold the lock")
        with stack_lock(tmp_path, "other", "up other"):
            pass
        holder.kill()
    with stack_lock(tmp_path, "local", "up local"):
        assert str(os.getpid()) in (tmp_path / "local.lock").read_text()
    assert (tmp_path / "local.lock").read_text() == ""


@pytest.mark.parametrize("place", ["/proc/x", "{tmp}/file"])
def test_a_folder_that_cannot_be_written_is_named_with_what_to_do(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    folder = Path(place.format(tmp=tmp_path))
    with (
        pytest.raises(
            ObsError, match=rf"OBS_STATE_DIR: {folder}.*; expected a writable folder; set OBS_STATE"
        ),
        stack_lock(folder / ".locks", "local", "up local"),
    ):
        pytest.fail("locked nothing")


def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with (
        pytest.raises(ObsError, match=f"OBS_STATE_DIR: {tmp_path}: No space left on device"),
        stack_lock(tmp_path, "local", "up local"),
    ):
        pytest.fail("holds the lock without saying so")


def test_waiting_gets_the_lock_when_the_holder_ends(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout
        assert holder.stdin
        assert holder.stdout.readline() == "held\n"
        holder.stdin.close()
        with stack_lock(tmp_path, "local", "up local", wait=True):
            assert holder.wait(10) == 0


def test_the_lock_of_a_dead_process_is_cleared(tmp_path: Path) -> None:
    lock = engine_lock(tmp_path, dead_process(), datetime.now(UTC))
    assert len(clear_stale_locks(tmp_path, "local")) == 1
    assert not lock.exists()


def test_the_lock_of_a_living_process_is_left(tmp_path: Path) -> None:
    lock = engine_lock(tmp_path, os.getpid(), datetime.now(UTC))
    with pytest.raises(Locked, match=f"process {os.getpid()}"):
        clear_stale_locks(tmp_path, "local")
    assert lock.exists()


def test_a_process_that_got_the_id_later_does_not_hold_the_lock(tmp_path: Path) -> None:
    lock = engine_lock(tmp_path, os.getpid(), datetime.now(UTC) - timedelta(days=300))
    assert clear_stale_locks(tmp_path, "local")
    assert not lock.exists()


def test_the_lock_of_another_machine_is_left(tmp_path: Path) -> None:
    engine_lock(tmp_path, dead_process(), datetime.now(UTC), host="elsewhere")
    with pytest.raises(Locked, match="elsewhere"):
        clear_stale_locks(tmp_path, "local")


def test_locks_of_other_stacks_are_none_of_ours(tmp_path: Path) -> None:
    engine_lock(tmp_path, os.getpid(), datetime.now(UTC))
    assert clear_stale_locks(tmp_path, "staging") == []
