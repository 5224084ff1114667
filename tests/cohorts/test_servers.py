"""A cohort on servers: each participant has hosts of the own, which the roster names."""

from pathlib import Path
from typing import Any

import pytest

import vsi.servers.machine
from cohorts.model import Cohort
from cohorts.plan import CohortPlan, plan
from cohorts.survivors import Away, Survivor, Where, marked
from cohorts.template import plan_of, spec_of, template_of, text_of, who_of
from components.errors import SuiteError
from components.spec import Spec
from stacks.loader import STACKS, load
from targets import refusals, target
from tests.cohorts.cases import NOW, ROOMY, cohort, person
from vsi.errors import Unreachable
from vsi.reach import Facts, Found, Look

TEMPLATE = "dev-vsi"
NAMES = ("obs-1", "obs-2", "obs-3", "app-1")


def _hosts(number: int, *names: str) -> dict[str, Any]:
    return {name: {"address": f"198.51.100.{number}{at}"} for at, name in enumerate(names or NAMES)}


def _cohort(*people: dict[str, Any], **more: Any) -> Cohort:
    two = (person(1, hosts=_hosts(1)), person(2, hosts=_hosts(2)))
    return cohort(*(people or two), **{"template": TEMPLATE, "target": "vsi", **more})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("stacks")
    for name in ("base.yaml", f"Pulumi.{TEMPLATE}.yaml", f"hosts.{TEMPLATE}.yaml"):
        (made / name).write_bytes((STACKS / name).read_bytes())
    return made


@pytest.fixture(scope="module")
def spec(folder: Path) -> Spec:
    return template_of(_cohort(), folder)


def _plan(spec: Spec, made: Cohort) -> CohortPlan:
    return plan(made, spec, ROOMY, NOW)


def _said(spec: Spec, made: Cohort) -> list[str]:
    return [str(problem) for problem in _plan(spec, made).problems]


def test_a_head_has_hosts_of_its_own_and_the_templates_ports(folder: Path, spec: Spec) -> None:
    made = _plan(spec, _cohort())
    assert made.problems == ()
    head = made.heads[1]
    (folder / f"Pulumi.{head.stack}.yaml").write_text(text_of(_cohort(), head, folder), encoding="utf-8")

    read = load(head.stack, folder, refusals)

    assert read == spec_of(spec, head.stack, 0, who_of(_cohort(), head))
    assert [host.address for host in read.servers.hosts] == [f"198.51.100.2{at}" for at in range(4)]
    assert [host.roles for host in read.servers.hosts] == [host.roles for host in spec.servers.hosts]
    assert read.servers.hosts[0].labels == {"cohort": "otel", "participant": "person2"}
    assert (read.deploy.port_base, read.deploy.retain) == (spec.deploy.port_base, False)


def test_nothing_of_a_head_names_a_host_of_another(spec: Spec) -> None:
    one, other = (
        plan_of(spec, head.stack, 0, who=who_of(_cohort(), head)).model_dump_json()
        for head in _plan(spec, _cohort()).heads
    )

    assert "198.51.100.1" in one
    assert "198.51.100.2" in other
    assert "198.51.100.2" not in one
    assert "person2" not in one


def test_how_the_templates_host_is_reached_is_not_how_a_participants_is(spec: Spec) -> None:
    hosts = tuple(host.model_copy(update={"port": 2222, "user": "train"}) for host in spec.servers.hosts)
    ported = spec.model_copy(update={"servers": spec.servers.model_copy(update={"hosts": hosts})})
    made = _cohort(person(1, hosts={**_hosts(1), "obs-2": {"address": "203.0.113.9", "user": "ana"}}))

    own = spec_of(ported, "cohort-otel-person1", 0, who_of(made, _plan(ported, made).heads[0])).servers.hosts

    assert [(host.port, host.user) for host in own] == [
        (None, None),
        (None, "ana"),
        (None, None),
        (None, None),
    ]


def test_a_host_that_is_only_a_way_may_be_everybodys(spec: Spec) -> None:
    way = spec.servers.hosts[0].model_copy(update={"name": "way", "roles": (), "address": "192.0.2.99"})
    servers = spec.servers.model_copy(update={"hosts": (*spec.servers.hosts, way)})

    assert _said(spec.model_copy(update={"servers": servers}), _cohort()) == []


@pytest.mark.parametrize(
    ("people", "says"),
    [
        (
            [person(1, hosts=_hosts(1, *NAMES[:2])), person(2, hosts=_hosts(2))],
            "roster[0].hosts = without obs-3, app-1: expected one of the participant's own for each of",
        ),
        (
            [person(1, hosts={**_hosts(1), "obs-9": {"address": "198.51.100.99"}})],
            "roster[0].hosts.obs-9 = 198.51.100.99: expected names of hosts of the template: app-1, obs-1",
        ),
        (
            [
                person(1, hosts=_hosts(1)),
                person(2, hosts={**_hosts(2), "app-1": {"address": "198.51.100.10"}}),
            ],
            "roster[1].hosts.app-1.address = '198.51.100.10': expected each host for one participant: ros",
        ),
    ],
)
def test_hosts_that_are_missing_or_anothers_are_refused(
    spec: Spec, people: list[dict[str, Any]], says: str
) -> None:
    (said,) = _said(spec, _cohort(*people))

    assert said.startswith(says)


def test_hosts_mean_nothing_on_another_target() -> None:
    made = cohort(person(1, hosts=_hosts(1)))

    (said,) = _said(template_of(made), made)

    assert said.startswith("roster[0].hosts = ...: expected none: target local has no hosts of participants")


class _Reach:
    """A host with these files, which never answers where there are none."""

    there: dict[str, bytes | None] | None = None

    def look(self, what: Look) -> Facts:
        if self.there is None:
            raise Unreachable("obs-1", "no route to host")
        assert what.at
        return Facts({path: Found("file", 0o644, 0, data=data) for path, data in self.there.items()})


@pytest.fixture
def away(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> Away:
    """Where a head went that has one host."""
    monkeypatch.setenv("OBS_SSH_KEY", "a key")
    monkeypatch.setattr(_Reach, "there", None)

    class Machine:
        reach = _Reach()

    monkeypatch.setattr(vsi.servers.machine, "server", lambda *_: Machine)
    kind = target("vsi").heads
    assert kind
    place = kind.place(spec)
    return Away("vsi", {**place, "connections": place["connections"][:1]})


def test_what_a_host_has_of_a_head_is_found_whatever_any_record_says(
    away: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, units = "cohort-otel-ana", "/etc/systemd/system"
    there: dict[str, bytes | None] = {
        f"/var/lib/obs/{stack}": None,
        f"/var/lib/private/obs/{stack}": None,
        f"{units}/obs-{stack}-jaeger.service": b"ExecStart=/var/lib/obs/cohort-otel-ana/units/jaeger/run\n",
        f"{units}/obs-{stack}-by-hand.service": b"ExecStart=/bin/sleep\n",
    }
    monkeypatch.setattr(_Reach, "there", there)

    found = marked(Where(Path("/s"), Path("/t"), None, (away,)), [stack])

    assert sorted(found) == sorted(Survivor(stack, "there", f"obs-1: {path}") for path in there)


def test_a_host_that_does_not_answer_is_not_taken_for_an_empty_one(away: Away) -> None:
    (found,) = marked(Where(Path("/s"), Path("/t"), None, (away,)), ["cohort-otel-ana"])

    assert found == Survivor("vsi", "there", "not asked: obs-1: no route to host")
    kind = target("vsi").heads
    assert kind
    with pytest.raises(SuiteError):
        kind.marked(away.place, None)


def test_a_place_is_remembered_without_secrets(away: Away) -> None:
    assert away.place["login"] == {"key": "environment:OBS_SSH_KEY"}
