"""Four plain servers: from nothing to a verified stack, drifted, cut off, repaired, taken down.

Before the local stack of this folder's other tests, so that the two do not share the machine.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.shop import PATIENCE, WAIT_S, Shop
from tests.hosts.demo import NAMES, STACK, variables
from tests.hosts.fixtures import StartLab
from tests.hosts.lab import Lab
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

Servers = tuple[Shop, Lab]
EXPOSURES = (
    'for u in $(systemctl list-units --plain --no-legend "obs-*" | cut -d" " -f1); do '
    'printf "%s " $u; systemd-analyze security --no-pager $u | tail -1; done'
)


@pytest.fixture(scope="module")
def servers(start_lab: StartLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The stack on its hosts, brought up from nothing by one command."""
    lab = start_lab(NAMES)
    folder = tmp_path_factory.mktemp("servers")
    shop = Shop.make(folder / "project")
    del shop.environment["OBS_PORT_BASE"]
    shop.environment.update(variables(lab, folder / "servers.yaml"))
    shop.obs("up", STACK, "--yes")
    yield shop, lab
    shop.obs("destroy", STACK, "--yes", expect=None)


def rows(shop: Shop) -> list[dict[str, Any]]:
    """What `obs status` says."""
    found: list[dict[str, Any]] = json.loads(shop.obs("status", STACK, "--json", expect=None).stdout)["units"]
    return found


def serving(shop: Shop) -> set[str]:
    """Units that serve, as deployed."""
    return {
        row["unit"] for row in rows(shop) if row["state"] == "running" and not row["silence"] + row["drift"]
    }


def test_a_second_up_changes_nothing(servers: Servers) -> None:
    shop, _ = servers

    assert "nothing to change" in shop.obs("up", STACK, "--yes").stderr


def test_verify_finds_nothing_wrong(servers: Servers) -> None:
    shop, _ = servers
    done = shop.obs("verify", STACK, "--json", "--patience", PATIENCE, expect=None)
    found = {row["name"]: row for row in json.loads(done.stdout)["rows"]}

    assert not [row for row in found.values() if row["result"] == "failed"]
    assert {name for name, row in found.items() if row["result"] == "not applied"} == {
        "observed services scraped"
    }


def test_pulumi_by_hand_sees_the_same(servers: Servers) -> None:
    shop, _ = servers
    script = f'eval "$(python -m obs env {STACK})" && pulumi preview -s {STACK} --expect-no-changes'
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=shop.root,
        env={**shop.environment, "PATH": f"{Path(sys.executable).parent}:{shop.environment['PATH']}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_no_unit_is_exposed_above_two(servers: Servers) -> None:
    _, lab = servers
    lines = [line for host in lab for line in host.ssh(EXPOSURES).splitlines()]

    assert len(lines) > len(NAMES)
    for line in lines:
        assert float(line.split("service: ")[-1].split()[0]) <= 2.0, line


def test_no_secret_stands_in_state_log_or_process_list(servers: Servers) -> None:
    shop, lab = servers
    found = {
        host.ssh(f"cat {path}").strip()
        for host in lab
        for path in host.ssh(f"find /var/lib/obs/{STACK}/secrets -maxdepth 1 -type f").split()
    }
    texts = [path.read_text(errors="replace") for path in shop.root.glob(".state/**/*") if path.is_file()]
    said = "ps -eo args; journalctl --no-pager -o cat -u 'obs-*' | tail -c 5000000"
    texts += [host.ssh(said) for host in lab]

    assert len(found) >= 5
    for secret in found:
        assert not any(secret in text for text in texts)


def test_what_was_changed_by_hand_is_told_and_repaired(servers: Servers) -> None:
    shop, lab = servers
    conf = f"/var/lib/obs/{STACK}/units/prometheus/conf/prometheus.yml"
    before = lab["obs-1"].ssh(f"cat {conf}")
    lab["obs-1"].ssh(f"echo '# by hand' >> {conf}")
    lab["app-1"].ssh(f"systemctl stop obs-{STACK}-payments")

    assert {"prometheus@obs-1", "payments@app-1"} & serving(shop) == set()
    told = shop.obs("refresh", STACK).stderr
    assert "prometheus" in told
    assert "payments" in told
    shop.obs("up", STACK, "--yes")
    assert lab["obs-1"].ssh(f"cat {conf}") == before
    assert {"prometheus@obs-1", "payments@app-1"} <= serving(shop)


def test_a_host_without_power_is_named_and_the_others_go_on(servers: Servers) -> None:
    shop, lab = servers
    all_of_them = serving(shop)
    lab["obs-3"].kill()

    found = {row["unit"]: row["state"] for row in rows(shop)}
    assert found["@obs-3"] == "unreachable"
    assert found["prometheus@obs-1"] == "running"
    failed = shop.obs("up", STACK, "--yes", expect=1)
    assert "obs-3" in failed.stderr
    lab["obs-3"].boot()
    until(lambda: serving(shop) == all_of_them, "all serve again, by themselves", seconds=WAIT_S, every=2)


def test_destroy_leaves_data_alone(servers: Servers) -> None:
    shop, lab = servers
    shop.obs("destroy", STACK, "--yes")

    for host in lab:
        assert host.ssh("systemctl list-units --all --plain --no-legend 'obs-*'") == ""
        assert host.ssh("find /etc/systemd/system -name 'obs-*'") == ""
        assert host.ssh("find /opt/obs -type f 2>/dev/null || true") == ""
    assert lab["obs-2"].ssh(f"ls /var/lib/private/obs/{STACK}/data/opensearch") != ""
