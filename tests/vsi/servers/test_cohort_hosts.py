"""A cohort on real hosts, a server for each participant, by the command line and the real Pulumi engine."""

from collections.abc import Iterator

import pytest
import yaml

from tests.hosts.host import Host
from tests.hosts.lab import Lab
from tests.vsi.servers.small import STACK, UNITS, Small

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]
FILE = "training.yaml"
PEOPLE = ("ana", "bo")


@pytest.fixture
def small(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """The template has the first host, on which nothing is put; each participant has one of the others."""
    made = Small.make(tmp_path_factory.mktemp("cohort") / "project", list(lab)[:3])
    made.shop.environment["PYTHONPATH"] = str(made.shop.root)  # each head's run is of the copy, too
    made.describe(made.hosts[0].name)
    content = {"name": "two", "template": STACK, "target": "vsi", "expires": "2099-12-01T18:00:00Z"}
    roster = [
        {
            "name": who,
            "email": f"{who}@example.org",
            "hosts": {made.hosts[0].name: {"address": host.address, "host_keys": [host.host_key]}},
        }
        for who, host in zip(PEOPLE, made.hosts[1:], strict=True)
    ]
    (made.shop.root / FILE).write_text(yaml.safe_dump({**content, "roster": roster}))
    yield made
    _cohort(made, "destroy", "--yes", expect=None)
    for host in made.hosts:
        host.run(
            "rm -rf /var/lib/obs/cohort-* /var/lib/private/obs/cohort-* /etc/systemd/system/obs-cohort-*; "
            "systemctl daemon-reload"
        )


def _cohort(small: Small, command: str, *more: str, expect: int | None = 0) -> str:
    done = small.shop.obs("cohort", command, FILE, *more, expect=expect)
    return done.stdout + done.stderr


def _running(host: Host) -> set[str]:
    """What systemd runs there of any head."""
    said = host.run("systemctl list-units --plain --no-legend --state=active 'obs-cohort-*'")
    return {line.split()[0] for line in said.splitlines()}


def test_each_has_a_host_and_nothing_is_left_on_any(small: Small) -> None:
    template, ana, bo = small.hosts

    assert "2 brought up" in _cohort(small, "create")
    for who, host in zip(PEOPLE, (ana, bo), strict=True):
        assert _running(host) == {f"obs-cohort-two-{who}-{unit}.service" for unit in UNITS}
    assert _running(template) == set()
    assert "nothing to change" in _cohort(small, "create")
    assert "2/2" in _cohort(small, "status")

    folder, unit = "/var/lib/private/obs/cohort-two-ana", "obs-cohort-two-bo-by-hand.service"
    ana.run(f"mkdir -p {folder} && touch {folder}/by-hand")
    bo.run(f"touch /etc/systemd/system/{unit}")
    left = _cohort(small, "destroy", "--yes", expect=1)
    name = template.name
    assert f"cohort-two-ana  there    {name}: {folder}" in left
    assert f"cohort-two-bo   there    {name}: /etc/systemd/system/{unit}" in left
    assert "2 things are still there" in left
    assert _running(ana) == _running(bo) == set()

    ana.run(f"rm -r {folder}")
    bo.run(f"rm /etc/systemd/system/{unit}")
    assert "nothing is left of them" in _cohort(small, "destroy", "--yes")
