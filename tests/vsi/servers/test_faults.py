"""`obs up` on real hosts, killed wherever it may be; two at once; a clock that is off; hosts that leave."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

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


def test_of_two_runs_at_once_the_second_is_refused(small: Small, tmp_path: Path) -> None:
    """In the same checkout, and in another one that shares the state."""
    other = Small.make(tmp_path / "project", small.hosts)
    other.file.write_text(small.file.read_text())
    other.shop.environment["PULUMI_BACKEND_URL"] = f"file://{small.shop.root}/.state"
    run = small.begin("up", "--yes")
    until(lambda: run.over or small.shop.pulumi_locks(), "it has the stack")
    assert not run.over

    family = run.family()
    for process in family:
        process.suspend()
    try:
        assert "locked by a Pulumi run" in other.obs("refresh", expect=3).stderr
        assert f"`obs up {STACK}`" in small.obs("refresh", expect=3).stderr
    finally:
        for process in family:
            process.resume()
    until(lambda: run.over, "the first ends", 120)
    assert run.process.returncode == 0, run.said


def test_a_clock_that_is_off_is_told_before_anything_changes(small: Small) -> None:
    host = small.hosts[1]
    ahead = 'if [ "$1" = +%s ]; then echo $(($(/usr/bin/date +%s) + 600)); else exec /usr/bin/date "$@"; fi'
    host.run(f"cat >/usr/local/bin/date <<'EOF'\n#!/bin/sh\n{ahead}\nEOF\nchmod 755 /usr/local/bin/date")
    try:
        said = small.obs("up", "--yes", expect=1).stderr
        assert f"{host.name}: clock: 10 min" in said
        assert "ahead" in said
        assert "nothing was changed" in said
    finally:
        host.run("rm /usr/local/bin/date")


def test_a_host_that_left_is_cleaned_and_its_data_told(small: Small) -> None:
    gone = small.hosts[2]
    data = f"/var/lib/private/obs/{STACK}/data/front/file"
    gone.run(f"echo kept >{data}")
    small.describe("h1", "h2", port_base=_PORT)
    done = small.obs("up", "--yes")

    assert f"{gone.name} left the inventory" in done.stderr
    assert f"{gone.name}:/var/lib/private/obs/{STACK}/data/front" in done.stdout
    assert small.units_on(gone) == set()
    assert small.left_on(gone) == [data]
    assert json.loads(small.known.read_text())["cleaned"] == [gone.name]
    small.obs("preview", "--expect-no-changes")


def test_a_host_that_left_and_cannot_be_reached_is_asked_about(small: Small) -> None:
    gone = small.hosts[1]
    gone.cut()
    small.describe("h1", port_base=_PORT)

    refused = small.obs("up", "--yes", expect=2).stderr
    assert f"{gone.name} left the inventory and cannot be reached" in refused
    assert f"--forget-host {gone.name}" in refused
    assert "in the inventory" in small.obs("up", "--yes", "--forget-host", "h1", expect=2).stderr
    small.obs("up", "--yes", "--forget-host", gone.name)
    assert gone.name not in small.known.read_text()
    small.obs("preview", "--expect-no-changes")
    gone.mend()
    assert small.units_on(gone) == set(UNITS), "nobody touched it"


def test_destroy_leaves_nothing_known_once_no_data_is_left(small: Small) -> None:
    lasting = small.hosts[2]
    told = small.obs("destroy", "--yes")

    assert f"{lasting.name}:/var/lib/private" in told.stdout
    assert small.left_on(small.hosts[0]) == []
    lasting.run("rm -r /var/lib/private/obs")
    small.obs("destroy", "--yes")
    assert not small.known.exists()
