"""The end of a stack: nothing runs, nothing listens, and what is kept is told."""

import contextlib
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable

import psutil
import pytest

from tests import families
from tests.e2e.shop import WAIT_S, Shop
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


RATE, HOLD = re.compile(r"options: \{rate: [0-9.]+\}"), re.compile("error_hold: [0-9]+s")


class Run:
    """An `obs up` under way, and what it has started."""

    def __init__(self, shop: Shop, number: int) -> None:
        self.shop = shop
        self.rate = f"{3 + number / 10}"
        """Of the load generator: what this run is to bring."""
        text = RATE.sub(f"options: {{rate: {self.rate}}}", shop.stack_file.read_text())
        shop.stack_file.write_text(HOLD.sub(f"error_hold: {10 + number}s", text))
        self.before = self.load()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "obs", "up"],
            cwd=shop.root,
            env=shop.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def load(self) -> list[int]:
        """The load generator's process; at most one."""
        return self.shop.leaders().get("loadgen", [])

    def placed(self) -> bool:
        """Whether the load generator's new settings are those that its next process reads."""
        return f'"rate": {self.rate}\n' in (self.shop.state / "units/loadgen/conf/settings.json").read_text()

    def family(self) -> list[psutil.Process]:
        """The run and its descendants."""
        return families.family(self.process.pid)

    def runs(self, *words: str) -> bool:
        """Whether a descendant's command holds one of the words."""
        return families.runs(self.process.pid, *words)


POINTS: dict[str, Callable[[Run], object]] = {
    "it starts": lambda run: run.family(),
    "the engine has its lock": lambda run: run.shop.pulumi_locks() and run.runs("/bin/pulumi"),
    "the first unit is begun": lambda run: run.runs("vsi.apply"),
    "files are staged": lambda run: (
        run.runs("vsi.apply") and (run.shop.state / "units/prometheus/conf.next").exists()
    ),
    "a check runs": lambda run: run.runs("promtool", "--check"),
    "new files are in place": Run.placed,
    "the old process is gone": lambda run: run.placed() and not set(run.before) & set(run.load()),
    "the new process is there": lambda run: run.placed() and set(run.load()) - set(run.before),
}


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("point", POINTS)
def test_up_is_killed_when(shop: Shop, point: str) -> None:
    """Each run brings something new, finds what the one before left behind, and is killed itself: by turns
    `obs` alone, which the rest has to notice, and all of it. No double runs after any of them."""
    number = list(POINTS).index(point)
    run = Run(shop, number)
    try:
        until(lambda: run.process.poll() is not None or POINTS[point](run), point, seconds=WAIT_S)
        assert run.process.poll() is None, f"it ended with {run.process.returncode} before"
        family = run.family()
        for process in family[1:] if number % 2 else []:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    finally:
        run.process.kill()
        run.process.wait()
    until(lambda: not any(map(_lives, family)), "nothing of it lives on")
    doubles = {unit: pids for unit, pids in shop.leaders().items() if len(pids) > 1}
    assert doubles == {}


def test_one_up_repairs_what_all_of_these_left(shop: Shop) -> None:
    shop.obs("up", "--wait")
    until(shop.whole, "everything runs", seconds=WAIT_S)
    assert shop.leaders() == {unit: [pid] for unit, pid in shop.pids().items()}
    assert shop.pulumi_locks() == []
    rate = RATE.search(shop.stack_file.read_text())
    assert rate is not None
    settings = (shop.state / "units/loadgen/conf/settings.json").read_text()
    assert rate[0] == f"options: {{rate: {json.loads(settings)['options']['rate']}}}"
    shop.obs("preview", "--expect-no-changes")


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
