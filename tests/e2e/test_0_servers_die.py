"""Four servers on which there are several of everything; one of each dies in turn under load.

It takes seven minutes or more, and 10 GB of memory, so it is asked for: OBS_TEST_DEATHS=1. On a machine that
is busy with other things `obs up` is not done in time.
"""

import json
import os
import re
from collections.abc import Iterator
from functools import partial

import pytest

from tests.e2e import counting
from tests.e2e.shop import WAIT_S, Shop
from tests.hosts import open_files
from tests.hosts.demo import NAMES, STACK, variables
from tests.hosts.fixtures import StartLab
from tests.hosts.lab import Lab
from tests.waiting import until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(not os.environ.get("OBS_TEST_DEATHS"), reason="takes long: OBS_TEST_DEATHS=1"),
    pytest.mark.skipif(bool(open_files.obstacle()), reason=open_files.obstacle()),
]

ROLES = {
    "obs-1": "metrics, alerting, logs",
    "obs-2": "metrics, alerting, logs",
    "obs-3": "logs, traces, gateway",
    "app-1": "traces, gateway, demo",
}
DEATHS = (
    ("prometheus", "obs-1", "TargetDown"),
    ("alertmanager", "obs-1", "TargetDown"),
    ("collector", "obs-3", "TargetDown"),
    ("opensearch", "obs-1", "OpenSearchNodeMissing"),
)
"""One of each that there are several of, and the alert on it."""

Servers = tuple[Shop, Lab]


def several(stack: str) -> str:
    """The example's stack file, with several hosts of each role and a copy of each record."""
    for host, roles in ROLES.items():
        stack, found = re.subn(rf"name: {host}, roles: \[[^]]*\]", f"name: {host}, roles: [{roles}]", stack)
        assert found == 1
    for old, new in (
        ("opensearch_heap_mb: 768", "opensearch_heap_mb: 512"),
        ("shards: 1, replicas: 0", "shards: 1, replicas: 1"),
        ("storage: {replicas: 0}", "storage: {replicas: 1}"),
        # beside it are marked requests, each of whose traces is kept: all of it is to fit two processors
        ("options: {rate: 5}", "options: {rate: 1}"),
    ):
        assert old in stack
        stack = stack.replace(old, new)
    return stack


@pytest.fixture(scope="module")
def servers(start_lab: StartLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The stack on its hosts."""
    lab = start_lab(NAMES, many_files=True)
    folder = tmp_path_factory.mktemp("several")
    shop = Shop.make(folder / "project")
    file = shop.root / "stacks" / f"Pulumi.{STACK}.yaml"
    file.write_text(several(file.read_text()))
    del shop.environment["OBS_PORT_BASE"]
    shop.environment.update(variables(lab, folder / "servers.yaml"))
    shop.obs("up", STACK, "--yes")
    yield shop, lab
    shop.obs("destroy", STACK, "--yes", expect=None)


def test_verify_finds_nothing_wrong(servers: Servers) -> None:
    shop, _ = servers
    done = shop.obs("verify", STACK, "--json", expect=None)

    assert not [row for row in json.loads(done.stdout)["rows"] if row["result"] == "failed"]


def test_each_is_killed_and_nothing_is_lost(servers: Servers) -> None:
    """Killed, and away for as long as it takes until somebody is told."""
    shop, lab = servers
    spec, access, at = counting.reached(shop, STACK)
    load = counting.Load(lab, STACK, spec)
    try:
        for program, host, alert in DEATHS:
            unit = f"obs-{STACK}-{program}"
            lab[host].ssh(f"systemctl kill --signal=KILL {unit}; systemctl stop {unit}")
            told = partial(load.told, at, alert, program)
            until(told, f"{alert} of {program} is told", seconds=WAIT_S, every=1)
            lab[host].ssh(f"systemctl start {unit}")
        until(
            lambda: not counting.silent(access),
            lambda: f"all serve again, not so {counting.silent(access)}",
            seconds=WAIT_S,
            every=2,
        )
    finally:
        load.stop()
    assert len(load.sent) > 100, "hardly any requests were sent"
    load.settle(at)
    assert {program: load.told(at, alert, program) for program, _, alert in DEATHS} == dict.fromkeys(
        (program for program, _, _ in DEATHS), 1
    )
    at.close()
