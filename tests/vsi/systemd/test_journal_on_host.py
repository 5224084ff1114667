"""What units of a real host say reaches the files that the log agent reads, once, whoever is killed."""

import json
import subprocess
from pathlib import Path

import pytest

from components.inventory import BY_NAME
from components.plan import part_id
from components.spec import Spec
from engines.setting import default_cache
from tests import specs
from tests.vsi.systemd.conftest import STACK, Place
from tests.vsi.systemd.examples import Opt
from tests.waiting import until
from vsi.servers.site import site_of
from vsi.systemd.places import logs, service
from vsi.unit import HostUnit
from vsi.units import program_unit

pytestmark = pytest.mark.engine

UNIT = "said@1.service"
AGENTS = Path(__file__).parents[3] / "agents"
SCRIPT = 'n=$1; while [ $n -lt $2 ]; do echo "<4>line $n"; n=$((n + 1)); done'
SAY = (
    f"cat >/root/say <<'EOF'\n{SCRIPT}\nEOF\n"
    f"systemctl reset-failed {UNIT} 2>/dev/null; systemd-run -q --wait --unit={UNIT} "
    "/bin/sh /root/say "
)
"""systemd itself would fill in what a command of a unit has of `$n`."""


def _runtime(place: Place) -> None:
    """The newest Python of the cache, with the agents as they are now."""
    found = [path.parent.parent for path in (default_cache() / "runtime").glob("*/bin/python")]
    if not found:
        pytest.skip("no runtime in the cache; `obs engines build` makes it")
    newest = max(found, key=lambda path: path.stat().st_mtime)
    folder = Opt.code.rpartition("/")[0]
    for source, target in ((newest, folder), (AGENTS, f"{folder}/programs/agents")):
        packed = subprocess.run(
            ["tar", "-cf", "-", "--exclude=__pycache__", "-C", source, "."], check=True, capture_output=True
        )
        unpack = f"mkdir -p {target} && tar -xf - -C {target} --no-same-owner && chmod -R a+rX {target}"
        subprocess.run([*place.host.ssh_command(), unpack], input=packed.stdout, check=True)


def _spec(place: Place) -> Spec:
    host = {"name": place.host.name, "address": place.host.address, "roles": ["metrics", "alerting", "demo"]}
    rest = {"name": "rest", "address": "192.0.2.9", "roles": ["logs", "traces", "gateway"]}
    return specs.spec_on_servers(
        servers={"hosts": [host, rest]},
        services=[item for item in specs.stack()["services"] if "run" in item],
        logging={"inputs": [{"name": "said", "journal": UNIT}]},
    )


def _unit(place: Place) -> HostUnit:
    spec = _spec(place)
    host = next(host for host in spec.servers.hosts if host.name == place.host.name)
    unit = program_unit(spec, site_of(spec, STACK, host), BY_NAME["journal"])
    assert unit.id == part_id("journal", place.host.name)
    return unit


def test_each_line_of_a_unit_is_there_once(place: Place) -> None:
    """The reader is killed while the unit speaks, again and again, and starts as systemd starts it."""
    _runtime(place)
    place.sh(f"{SAY} 0 200")
    place.apply(_unit(place))
    file = f"{logs(STACK, 'journal')}/{UNIT}.log"
    until(
        lambda: '"line 199"' in place.sh(f"cat {file} 2>/dev/null; true"), "what was said before is read", 30
    )
    for begin in range(200, 1400, 400):
        kill = f"sleep 0.3; systemctl kill -s KILL {service(STACK, 'journal')}"
        place.sh(f"({kill}) &\n{SAY} {begin} {begin + 400}; wait")
    until(lambda: '"line 1399"' in place.sh(f"tail -n 50 {file}"), "all of it is read", 30)

    records = [json.loads(line) for line in place.sh(f"cat {file}").splitlines()]
    said = [it["message"] for it in records if it["message"].startswith("line ")]
    assert said == [f"line {number}" for number in range(1400)]
    assert {it["log_level"] for it in records if it["message"] in said} == {"warning"}
    exposed = f"systemd-analyze security --no-pager --threshold=20 {service(STACK, 'journal')}"
    assert "exposure level" in place.sh(exposed)
