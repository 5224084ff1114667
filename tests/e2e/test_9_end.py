"""The end of a stack: nothing runs, nothing listens, and what is kept is told."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.e2e.shop import Shop
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


@pytest.mark.parametrize("seconds", [1.5, 4.0, 8.0])
def test_up_killed_in_the_middle_is_repeated_without_doubles(shop: Shop, seconds: float) -> None:
    text = shop.stack_file.read_text()
    changed = text.replace("options: {rate: 5}", f"options: {{rate: {3 + seconds}}}")
    changed = changed.replace("error_hold: 5s", f"error_hold: {int(10 + seconds)}s")
    shop.stack_file.write_text(changed)
    run = subprocess.Popen(
        [sys.executable, "-m", "obs", "up"],
        cwd=shop.root,
        env=shop.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    ends = time.monotonic() + seconds
    until(lambda: time.monotonic() > ends or run.poll() is not None, "the moment", seconds=120)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    shop.obs("up", "--wait")
    until(shop.whole, "everything runs", seconds=120)
    shop.obs("preview", "--expect-no-changes")
    shop.stack_file.write_text(text)
    shop.obs("up")


def test_destroy_leaves_only_kept_data_and_lists_it(shop: Shop) -> None:
    done = shop.obs("destroy", "--yes")
    assert "kept" in done.stdout
    assert "opensearch" in done.stdout
    assert not shop.processes()
    for offset in (0, 1, 10, 20, 150):
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", shop.base + offset), 1)
    left = [path for path in shop.state.rglob("*") if path.is_file()]
    allowed = (shop.state / "units", shop.state / "secrets")
    assert all(any(path.is_relative_to(root) for root in allowed) for path in left), left
    assert all("/data/" in str(path) for path in left if path.is_relative_to(shop.state / "units"))
    assert not shop.status()
