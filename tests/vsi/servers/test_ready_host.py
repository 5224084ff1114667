"""Hosts made ready as resources: what their inputs are, what a refresh returns, and one on real hosts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.plan import Pillar
from tests.hosts.lab import Lab
from tests.vsi.servers.host import AUTHORITY, HostShell, engine, where
from vsi.errors import DeployError
from vsi.servers import ready_host
from vsi.servers.parts import Certificate, HostReady
from vsi.servers.plan import ServersPlan
from vsi.servers.prepare import Off, Wanted, differences, prepare, survey_of, take_away
from vsi.servers.ready_host import HostProvider, inputs_of, with_differences
from vsi.servers.shell import Shell
from vsi.servers.survey import Where
from vsi.ssh.connection import Connection, Login
from vsi.ssh.master import Master
from vsi.ssh.shell import shell

WAY = Connection(host="h1", address="10.0.0.11")
PART = HostReady(
    place="h1",
    pillar=Pillar.SERVICES,
    engines=("prometheus",),
    certificates=(Certificate(name="prometheus", sans=("10.0.0.11", "h1")), Certificate(name="jaeger")),
)


PLAN = ServersPlan(stack="dev", parts=(PART,), connections=(WAY,), login=(("key", "environment:SSH_KEY"),))


def props(**more: Any) -> dict[str, Any]:
    """Inputs of a host, the authority with them."""
    made = inputs_of(PLAN, PART, {"prometheus": "ab", "jaeger": "cd"})
    return {**made, "ca.pem": AUTHORITY.certificate, "secret_ca-key": AUTHORITY.key, **more}


def test_inputs_are_texts_and_no_secret_is_among_them() -> None:
    made = inputs_of(PLAN, PART, {"prometheus": "ab", "jaeger": "cd"})
    assert made["connection"] == '{"host":"h1","address":"10.0.0.11"}'
    assert made["login"] == {"key": "environment:SSH_KEY"}
    assert made["engines"] == {"prometheus": "ab"}
    assert made["certificates"] == {"jaeger": "", "prometheus": "10.0.0.11 h1"}


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"certificates": {"../x": ""}}, "certificate name '../x'"),
        ({"certificates": {"x": "a name"}}, ""),
        ({"connection": '{"host":"h1","address":"-o x"}'}, "'-o x' is no address"),
    ],
)
def test_what_could_not_be_carried_out_is_refused(odd: dict[str, Any], words: str) -> None:
    failures = HostProvider().check({}, props(**odd)).failures
    assert (words in failures[0].reason) if words else (failures == [])


def test_what_a_refresh_found_is_a_difference_that_an_update_repairs() -> None:
    planned, provider = props(), HostProvider()
    assert not provider.diff("", planned, planned).changes
    assert with_differences(planned, Off({}, {})) == planned
    off = Off({"prometheus": "missing"}, {"jaeger": "ends on 2030-01-01", "x": "nobody planned it"}, "other")
    found = with_differences(planned, off)
    assert found["engines"] == {"prometheus": "missing"}
    assert found["certificates"] == {
        "prometheus": "10.0.0.11 h1", "jaeger": "ends on 2030-01-01", "x": "nobody planned it",
    }  # fmt: skip
    assert found["ca.pem"] == "other"
    assert provider.diff("", found, planned).changes


def test_a_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the provider, on a host that is a folder of this machine."""
    way, goal = HostShell(), engine(tmp_path / "cache")
    monkeypatch.setattr(ready_host, "Where", lambda stack: where(tmp_path, stack))
    monkeypatch.setattr("vsi.servers.prepare.obstacles", lambda *_: [])

    def wanted_of(props: dict[str, Any]) -> Wanted:
        names = ready_host.certificates_of(props)
        place = where(tmp_path)
        return Wanted("h1", place, "", (goal,), names, AUTHORITY, props["plan_version"])

    @contextmanager
    def our_shell(_self: HostProvider, _props: dict[str, Any]) -> Iterator[Shell]:
        yield way

    monkeypatch.setattr(ready_host, "wanted_of", wanted_of)
    monkeypatch.setattr(HostProvider, "_shell", our_shell)
    monkeypatch.setattr(HostProvider, "_renew", lambda *_, **__: None)
    monkeypatch.setattr(HostProvider, "_survey", lambda *_: survey_of(way, "h1", where(tmp_path)))
    planned, provider = props(engines={"prometheus": goal.key}), HostProvider()
    made = provider.create({**planned, "__provider": "x"})
    assert (made.id, made.outs) == ("dev/h1", planned)
    same = provider.read(made.id, planned)
    assert (same.outs, same.inputs) == (planned, None)

    Path(where(tmp_path).tls, "jaeger.pem").unlink()
    seen = provider.read(made.id, planned)
    assert seen.inputs
    assert seen.inputs["certificates"]["jaeger"] == "missing"
    again = provider.read(made.id, seen.outs or {})
    assert again.outs == seen.outs
    provider.update(made.id, seen.outs or {}, planned)
    assert provider.read(made.id, planned).outs == planned

    provider.delete(made.id, planned)
    assert provider.read(made.id, planned).id == ""


def over_ssh(lab: Lab, name: str) -> Master:
    """The connection to a host of the lab."""
    host = lab[name]
    way = Connection(host=name, address=host.address, host_keys=(host.host_key,))
    return Master(way, Login(key=host.key.read_text()))


@pytest.mark.engine
def test_on_a_real_host(lab: Lab, tmp_path: Path) -> None:
    name, place = "h1", Where("keys")
    host = lab[name]
    goal = engine(tmp_path, version="1")
    wanted = Wanted(name, place, "linux/amd64", (goal,), {"prometheus": (host.address,)}, AUTHORITY, "1")
    said: list[str] = []
    with shell(over_ssh(lab, name)) as way:
        prepare(wanted, way, said.append)
        assert "certificate prometheus: missing; making key and certificate" in said
        assert host.run(f"{place.engine('prometheus', goal.key)}/bin/prometheus") == "prometheus 1"
        said.clear()
        prepare(wanted, way, said.append)
        assert said == []
        take_away(name, place, way, said.append)
    assert host.run("ls -d /opt/obs /var/lib/obs/keys 2>/dev/null || true") == ""


@pytest.mark.engine
def test_a_host_that_dies_while_an_engine_comes(lab: Lab, tmp_path: Path) -> None:
    name, place = "h2", Where("keys")
    host = lab[name]
    goal = engine(tmp_path)
    wanted = Wanted(name, place, "linux/amd64", (goal,), {"prometheus": (host.address,)}, AUTHORITY, "1")
    pieces = list(goal.archive())

    def breaks_off() -> Iterator[bytes]:
        yield pieces[0]
        host.kill()
        yield from pieces[1:]

    broken = replace(wanted, engines=(replace(goal, archive=breaks_off),))
    with shell(over_ssh(lab, name)) as way, pytest.raises(DeployError, match=name):
        prepare(broken, way, print)
    host.boot()
    assert host.run(f"ls -A {place.engines}/prometheus").strip().startswith(".tmp-")
    with shell(over_ssh(lab, name)) as way:
        prepare(wanted, way, print)
        survey = survey_of(way, name, place)
    assert host.run(f"ls -A {place.engines}/prometheus").split() == [goal.key]
    off = differences(survey, wanted.keys, wanted.certificates, AUTHORITY.certificate)
    assert off == Off({}, {})
