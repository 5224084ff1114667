"""What units of a real host say reaches the files that the log agent reads, once, whoever is killed."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.inventory import BY_NAME
from components.plan import part_id
from components.spec import Spec
from engines.setting import default_cache
from tests import specs
from tests.hosts.journal import speak
from tests.vsi.systemd.conftest import STACK, Place
from tests.vsi.systemd.examples import Opt
from tests.waiting import until
from vsi.reach import Get
from vsi.servers.site import site_of
from vsi.systemd.places import logs, service
from vsi.unit import HostUnit
from vsi.units import program_unit

pytestmark = pytest.mark.engine

UNIT, TALKER, LATER = UNITS = ("said@1.service", "talker.service", "later.service")
AGENTS = Path(__file__).parents[3] / "agents"
SCRIPT = 'n=$1; while [ $n -lt $2 ]; do echo "<4>line $n"; n=$((n + 1)); done'
_VACUUM = "journalctl --quiet --vacuum-size=1"
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
        logging={
            "inputs": [{"name": unit.partition("@")[0].partition(".")[0], "journal": unit} for unit in UNITS]
        },
    )


def _file(unit: str) -> str:
    return f"{logs(STACK, 'journal')}/{unit}.log"


def _records(place: Place, unit: str) -> list[dict[str, str]]:
    """What of a unit's own words is in its file; systemd speaks about it too."""
    records = [json.loads(line) for line in place.sh(f"cat {_file(unit)} 2>/dev/null; true").splitlines()]
    return [record for record in records if record["message"].startswith("said ")]


def _messages(place: Place, unit: str) -> list[str]:
    return [record["message"] for record in _records(place, unit)]


def _metric(place: Place, name: str, unit: str) -> float:
    ready = _unit(place).process.ready
    assert ready is not None
    page = place.machine.reach.get(Get(ready.url.replace("/health", "/metrics")), 20)
    assert not page.fault, page.fault
    (line,) = [it for it in page.body.decode().splitlines() if it.startswith(f'{name}{{unit="{unit}"}} ')]
    return float(line.rpartition(" ")[2])


def _runs(place: Place, unit: str) -> None:
    place.host.run(f"systemctl reset-failed {unit} 2>/dev/null; systemd-run -q --unit={unit} sleep infinity")


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
    file = _file(UNIT)
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


@pytest.fixture
def followed(place: Place) -> Iterator[Place]:
    """A unit that speaks, and the reader; of other tests the journal has nothing."""
    _runtime(place)
    place.host.run(f"journalctl --rotate; {_VACUUM}")
    _runs(place, TALKER)
    place.apply(_unit(place))
    yield place
    place.host.run(f"systemctl stop {TALKER} {LATER} 2>/dev/null; true")


def test_what_is_no_plain_text_is_one_record_each(followed: Place) -> None:
    """Several lines, colours, bytes of another encoding, nothing at all."""
    speak(
        followed.host,
        TALKER,
        (3, b"said a\n  at b\n\tat c\n"),
        (6, b"said h\xc3\xa9 \x1b[31mred\x1b[0m"),
        (7, b"said \xff\xfe\x00."),
        (4, b""),
        (1, b"said last"),
    )
    until(lambda: "said last" in _messages(followed, TALKER), "all of it is read", 30)

    assert [(it["log_level"], it["message"]) for it in _records(followed, TALKER)] == [
        ("error", "said a\n  at b\n\tat c"),
        ("info", "said h\u00e9 \x1b[31mred\x1b[0m"),
        ("debug", "said \ufffd\ufffd\0."),
        ("critical", "said last"),
    ]


def test_a_unit_that_is_not_there_is_read_from_when_it_is(followed: Place) -> None:
    until(lambda: _metric(followed, "obs_journal_followed", LATER) == 1, "it is followed", 30)
    assert _metric(followed, "obs_journal_entries_total", LATER) == 0

    _runs(followed, LATER)
    speak(followed.host, LATER, (6, b"said at last"))
    until(lambda: _messages(followed, LATER) == ["said at last"], "it is read", 30)


def test_a_reboot_loses_and_doubles_nothing(followed: Place) -> None:
    """The host loses its power between what was read and what was not."""
    reader, host = service(STACK, "journal"), followed.host
    speak(host, TALKER, (6, b"said one"))
    until(lambda: _messages(followed, TALKER) == ["said one"], "it is read", 30)
    host.run(f"systemctl kill -s KILL {reader}; systemctl stop {reader}")
    speak(host, TALKER, (6, b"said unread"))
    host.kill()
    host.boot()
    _runs(followed, TALKER)
    speak(host, TALKER, (6, b"said after"))

    until(lambda: "said after" in _messages(followed, TALKER), "it is read after the boot", 60)
    assert _messages(followed, TALKER) == ["said one", "said unread", "said after"]
    assert _metric(followed, "obs_journal_lost_positions_total", TALKER) == 0


def test_a_journal_that_is_rotated_and_vacuumed(followed: Place) -> None:
    """While it is followed nothing is lost or doubled; where the place is gone, that is counted, and the rest
    is read."""
    reader, host = service(STACK, "journal"), followed.host
    wanted = []
    for number in range(5):
        speak(host, TALKER, (6, f"said {number}".encode()))
        wanted.append(f"said {number}")
        until(lambda: _messages(followed, TALKER) == wanted, f"{wanted[-1]} is read", 30)
        host.run(f"journalctl --rotate; {_VACUUM if number % 2 else 'true'}")
    assert _metric(followed, "obs_journal_lost_positions_total", TALKER) == 0

    host.run(f"systemctl stop {reader}")
    speak(host, TALKER, (6, b"said in vain"))
    host.run(f"journalctl --rotate; {_VACUUM}")
    speak(host, TALKER, (6, b"said then"))
    host.run(f"systemctl start {reader}")
    until(lambda: _messages(followed, TALKER) == [*wanted, "said then"], "what is left is read", 30)
    assert _metric(followed, "obs_journal_lost_positions_total", TALKER) == 1
