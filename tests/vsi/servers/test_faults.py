"""`obs up` on real hosts, killed wherever it may be: the next run converges."""

from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.hosts.lab import Lab
from tests.vsi.servers.small import STACK, UNITS, Run, Small
from tests.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def small(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """Nothing is up yet. The tests of this module follow each other."""
    made = Small.make(tmp_path_factory.mktemp("small") / "project", list(lab)[:3])
    yield made
    for host in made.hosts:
        host.mend()
    made.describe()
    made.obs("destroy", "--yes", expect=None)


def _somewhere(command: str) -> Callable[[Small, Run], bool]:
    def there(small: Small, _: Run) -> bool:
        return any(host.run(f"{command} 2>/dev/null || true") for host in small.hosts)

    return there


def _says(words: str) -> Callable[[Small, Run], bool]:
    return lambda _, run: words in run.said


_PORT = 22400
"""After the first half of the points, programs move to other ports."""
POINTS: dict[str, Callable[[Small, Run], object]] = {
    "it starts": lambda _, run: run.family(),
    "the engine has its lock": lambda small, _: small.shop.pulumi_locks(),
    "keys are made": _says("created keys"),
    "an engine is copied": _says("copying"),
    "keys of hosts are made": _says("making key and certificate"),
    "a host is ready": _says("created host@"),
    "a unit is begun": lambda _, run: run.runs("vsi.apply"),
    "a unit's file is placed": _somewhere(f"ls /etc/systemd/system/obs-{STACK}-*"),
    "a process starts": _somewhere(f"systemctl list-units -q --state=active,activating 'obs-{STACK}-*'"),
    "new files are in place": _somewhere(f"grep -l {_PORT + 3} /var/lib/obs/{STACK}/units/*/conf/*"),
    "a new process serves": _somewhere(f"ss -Hltn | grep ':{_PORT + 3} '"),
}


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("point", POINTS)
def test_up_is_killed_when(small: Small, point: str) -> None:
    """Each run goes on from where the one before was killed."""
    if list(POINTS).index(point) >= len(POINTS) - 2:
        small.describe(port_base=_PORT)
    run = small.begin("up", "--yes")
    until(lambda: run.over or POINTS[point](small, run), point, seconds=120)
    assert not run.over, f"it ended before: {run.said}"
    family = run.family()
    run.kill()
    until(lambda: not any(map(_lives, family)), "nothing of it lives on")


def test_one_up_converges_after_all_of_these(small: Small) -> None:
    """With nothing doubled, and nothing left beside it."""
    small.obs("up", "--yes", "--wait")

    for host in small.hosts:
        assert small.units_on(host) == set(UNITS)
        assert host.run("pgrep -c -x 'node_exporter|caddy'") == "2"
        left = small.left_on(host)
        assert [path for path in left if ".tmp-" in path or "conf.next" in path or "/.new" in path] == []
        assert [path for path in left if "/scratch/" in path] == []
    assert small.shop.pulumi_locks() == []
    small.obs("preview", "--expect-no-changes")
