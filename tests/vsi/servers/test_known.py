"""Which hosts of a stack are known on the control machine, and what becomes of those that left."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components import target
from components.spec.problem import Refused
from components.target import FORGET_HOSTS, Departed
from obs import departed
from obs.errors import BadInput
from tests.vsi.servers.host import HostShell, where
from vsi.errors import Unreachable
from vsi.provider import UnitProvider
from vsi.servers import own_address, ready_host
from vsi.servers.known import Known, cleaned, recall, remember
from vsi.servers.machine import Server
from vsi.servers.prepare import take_away
from vsi.servers.ready_host import HostProvider
from vsi.ssh.connection import Connection


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path))
    monkeypatch.delenv(FORGET_HOSTS, raising=False)
    return tmp_path / "dev" / "servers.json"


def planned(*names: str) -> Known:
    return Known(connections=tuple(Connection(host=name, address="10.0.0.1") for name in names))


def known() -> list[str]:
    found = recall("dev")
    return [it.host for it in found.connections] if found else []


def test_a_host_that_left_is_known_until_it_is_cleaned(state: Path) -> None:
    remember("dev", planned("h1", "h2"))
    remember("dev", planned("h1"))
    assert known() == ["h1", "h2"]

    cleaned("dev", "h2", data=False)
    assert known() == ["h1"]
    cleaned("dev", "h1", data=False)
    assert not state.exists(), "nothing is left to be known"


def test_a_host_with_kept_data_is_known_and_no_longer_asked(state: Path) -> None:
    remember("dev", planned("h1", "h2"))
    cleaned("dev", "h2", data=True)
    remember("dev", planned("h1"))

    found = recall("dev")
    assert found
    assert (known(), found.cleaned) == (["h1", "h2"], ("h2",))
    remember("dev", planned("h1", "h2"))
    assert recall("dev") == planned("h1", "h2"), "it is one of the stack again"


def test_a_host_that_was_given_up_is_known_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    remember("dev", planned("h1", "h2"))
    monkeypatch.setenv(FORGET_HOSTS, "h2 h3")
    assert known() == ["h1"]
    remember("dev", planned("h1"))
    monkeypatch.delenv(FORGET_HOSTS)
    assert known() == ["h1"]


def test_nothing_of_a_host_that_was_given_up_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FORGET_HOSTS, "h2")
    props = {"stack": "dev", "host": "h2", "unit": "front"}
    for provider in (UnitProvider(), HostProvider()):
        assert provider.read("id", props).id == ""
        provider.delete("id", props)


def test_who_types_pulumi_is_told_how_to_give_a_host_up(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def no_way(_: object) -> Iterator[None]:
        raise Unreachable("h2", "no answer")
        yield

    monkeypatch.setattr(ready_host, "shell", no_way)
    props = {"stack": "dev", "host": "h2", "connection": planned("h2").connections[0].model_dump_json()}
    with pytest.raises(Unreachable) as caught:
        HostProvider().delete("id", props)
    assert "no answer" in str(caught.value)
    assert f"{FORGET_HOSTS}=h2 pulumi up -s dev" in str(caught.value)


def test_a_machine_that_has_another_name_by_now_keeps_what_it_has(tmp_path: Path) -> None:
    place = where(tmp_path)
    Path(place.root).mkdir(parents=True)
    Path(place.record).write_text('{"host": "new", "engines": {}}')
    take_away("old", place, HostShell(), print)
    assert Path(place.record).exists()
    take_away("new", place, HostShell(), print)
    assert not Path(place.record).exists()


class Asked(Exception):
    """Somebody had to answer."""


def give_up(monkeypatch: pytest.MonkeyPatch, found: list[Departed], *named: str) -> None:
    class Operate:
        def departed(self, *_: object) -> list[Departed]:
            return found

    def ask(question: str, otherwise: str) -> None:
        raise Asked(question, otherwise)

    monkeypatch.setattr("obs.describe.deployed_in", lambda _: Operate())
    departed.give_up("dev", None, named, ask)


def test_only_what_cannot_be_reached_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    give_up(monkeypatch, [Departed("h1", "")])
    with pytest.raises(Asked, match=r"h2 .*cannot be reached: no answer.*--forget-host h2"):
        give_up(monkeypatch, [Departed("h1", ""), Departed("h2", "no answer")])
    with pytest.raises(BadInput, match="expected one of: h1"):
        give_up(monkeypatch, [Departed("h1", "")], "h9")


@pytest.mark.parametrize(
    ("address", "said", "words"),
    [
        ("10.0.0.1", "", ""),
        ("obs-1.example", "10.0.0.1 STREAM obs-1.example\n10.0.0.1 DGRAM\n", ""),
        ("obs-1.example", "127.0.1.1 STREAM obs-1\n", "obs-1.example is 127.0.1.1 on the host itself"),
        ("obs-1.example", "::1 STREAM obs-1\n10.0.0.1 STREAM\n", "is ::1 on the host itself"),
        ("obs-1.example", "", ""),
    ],
)
def test_a_name_that_leads_a_host_to_itself_alone(address: str, said: str, words: str) -> None:
    assert words in own_address.trouble(address, said)
    assert bool(words) == bool(own_address.trouble(address, said))
    assert (own_address.command(address) == ("true",)) == (address == "10.0.0.1")


def test_a_key_in_the_stacks_configuration_is_read_by_status_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "_decrypting", [])
    found = planned("h1").model_copy(update={"login": (("key", "config:ssh-key"),)})
    with pytest.raises(Refused, match=r"obs:ssh-key of the stack's configuration .*is not set"):
        found.machines("dev")

    target.decrypt_by(lambda stack, key: f"{key} of {stack}")
    machine = found.machines("dev")["h1"]
    assert isinstance(machine, Server)
    assert machine.reach.login.key == "obs:ssh-key of dev"
    assert "obs:ssh-key of dev" not in repr(machine)
