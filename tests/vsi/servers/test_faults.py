"""`obs up` on real hosts, killed wherever it may be; a clock that is off; hosts that leave."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.hosts.lab import Lab
from tests.vsi.servers.small import STACK, UNITS, Run, Small
from tests.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]


_WIPE = (
    f"systemctl stop 'obs-{STACK}-*'; cd /etc/systemd/system; rm -rf obs-{STACK}-* */obs-{STACK}-* "
    f"/var/lib/obs/{STACK}* /var/lib/private/obs/{STACK}* /opt/obs/engines/caddy "
    "/opt/obs/engines/node_exporter /usr/local/bin/date; systemctl daemon-reload; "
    f"systemctl reset-failed 'obs-{STACK}-*'; true"
)
"""The hosts are those of other tests too."""


@pytest.fixture(scope="module")
def small(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """Nothing is up yet. The tests of this module follow each other."""
    made = Small.make(tmp_path_factory.mktemp("small") / "project", list(lab)[:3])
    yield made
    for host in made.hosts:
        host.mend()
    made.obs("destroy", "--yes", expect=None)
    for host in made.hosts:
        host.run(_WIPE)


def _somewhere(command: str) -> Callable[[Small, Run], bool]:
    def there(small: Small, _: Run) -> bool:
        return any(host.run(f"{command} 2>/dev/null || true") for host in small.hosts)

    return there


def _says(words: str) -> Callable[[Small, Run], bool]:
    return lambda _, run: words in run.said


_PORT, _NEXT_PORT = 22400, 22600
"""After the first half of the points, programs move to other ports; and once more later."""
_PROCESSES = "pgrep -x 'node_exporter|caddy'"
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


def test_a_run_from_another_checkout_is_told_who_works_there(small: Small, tmp_path: Path) -> None:
    """It has the same state, as where the state is kept for all, but for the moment when it was copied."""
    other = replace(small.shop, root=tmp_path / "project")
    shutil.copytree(small.shop.root, other.root, symlinks=True)
    small.describe(port_base=_NEXT_PORT)
    run = small.begin("up", "--yes")
    until(lambda: run.over or run.runs("vsi.apply"), "a host is changed", seconds=60)

    said = other.obs("up", STACK, "--yes", expect=3).stderr
    assert f"stack '{STACK}' is being changed on {small.hosts[0].name}, " in said
    assert f"by `obs up {STACK}` of " in said
    assert f"(process {run.process.pid}, since" in said
    until(lambda: run.over, "the first ends", seconds=120)
    assert run.process.returncode == 0, run.said


def test_another_stack_on_a_host_disturbs_nobody(small: Small) -> None:
    """Where it would, that is told before anything changes."""
    host, stack = small.hosts[0], "small-2"
    before = host.run(_PROCESSES)
    small.describe(host.name, port_base=_NEXT_PORT, stack=stack)
    said = small.shop.obs("up", stack, "--yes", expect=1).stderr
    # The program at loopback, or who lets others in to it at the host's address.
    holder = r"held by pid \d+: /opt/obs/engines/(node_exporter|caddy)/"
    assert re.search(rf"{host.name}: port {_NEXT_PORT + 3}: {holder}", said)
    assert "nothing was changed" in said
    assert host.run(f"ls -d /var/lib/obs/{stack} || true") == ""

    small.describe(host.name, port_base=_PORT, stack=stack)
    small.shop.obs("up", stack, "--yes")
    assert host.run("pgrep -c -x 'node_exporter|caddy'") == "4"
    small.shop.obs("destroy", stack, "--yes")
    assert host.run(_PROCESSES) == before
    assert host.run(f"ls -d /var/lib/obs/{stack} || true") == ""
    small.obs("preview", "--expect-no-changes")


def test_a_clock_that_is_off_is_told_before_anything_changes(small: Small) -> None:
    host = small.hosts[1]
    ahead = 'if [ "$1" = +%s ]; then echo $(($(/usr/bin/date +%s) + 630)); else exec /usr/bin/date "$@"; fi'
    host.run(f"cat >/usr/local/bin/date <<'EOF'\n#!/bin/sh\n{ahead}\nEOF\nchmod 755 /usr/local/bin/date")
    try:
        said = small.obs("up", "--yes", expect=1).stderr
        assert f"{host.name}: clock: 10 min" in said
        assert "nothing was changed" in said
    finally:
        host.run("rm /usr/local/bin/date")


def test_hosts_that_left_are_cleaned_or_asked_about(small: Small) -> None:
    """Of two, one cannot be reached: nothing is waited for, and nothing is done before that is settled."""
    stays, cleaned, dead = small.hosts
    data = f"/var/lib/private/obs/{STACK}/data"
    cleaned.run(f"echo kept >{data}/front/file")
    dead.cut()
    small.describe(stays.name, port_base=_NEXT_PORT)

    refused = small.obs("up", "--yes", expect=2).stderr
    assert f"{dead.name} left the inventory and cannot be reached" in refused
    assert f"--forget-host {dead.name}" in refused
    assert small.units_on(cleaned) == set(UNITS)

    done = small.obs("up", "--yes", "--forget-host", dead.name)
    assert f"{cleaned.name}:{data}/front" in done.stdout
    assert small.units_on(cleaned) == set()
    left = small.left_on(cleaned)
    assert f"{data}/front/file" in left
    assert all(path.startswith(f"{data}/") for path in left), left
    assert json.loads(small.known.read_text())["cleaned"] == [cleaned.name]
    assert f'"{dead.name}"' not in small.known.read_text()
    small.obs("preview", "--expect-no-changes")
    dead.mend()
    assert small.units_on(dead) == set(UNITS), "nobody touched it"
