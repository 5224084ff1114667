"""Servers of a stack: what is wrong with them is told by name, in the stack file and in a file beside it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from components.spec import Spec
from stacks.loader import STACKS, StackFileError, load
from stacks.servers import VARIABLE
from tests import specs

Change = tuple[tuple[str | int, ...], Any]


def _at(stack: Any, path: tuple[str | int, ...], value: Any) -> Any:
    place = stack
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return stack


def _told(stack: Any) -> list[tuple[str, str]]:
    return [
        (problem.key, problem.expected) for problem in Spec.model_validate_json(json.dumps(stack)).problems()
    ]


def test_four_servers_fit_together() -> None:
    spec = specs.spec_on_servers()
    assert [host.name for host in spec.servers.of_role("agent")] == ["obs-1", "obs-2", "obs-3", "app-1"]
    assert [host.at for host in spec.servers.hosts[:2]] == ["192.0.2.11", "[2001:db8::12]"]


HOSTS = ("servers", "hosts")
BASTION = {"name": "bastion", "address": "192.0.2.1"}


@pytest.mark.parametrize(
    ("change", "key", "told"),
    [
        (((*HOSTS, 1, "name"), "obs-1"), "servers.hosts[1].name", "servers.hosts[0] has it too"),
        (((*HOSTS, 1, "address"), "192.0.2.11"), "servers.hosts[1].address", "servers.hosts[0] has it too"),
        (((*HOSTS, 0, "address"), "2001:DB8:0::12"), "servers.hosts[1].address", "has it too"),
        (((*HOSTS, 1, "roles"), ["agent"]), "servers.hosts", "none has logs"),
        (
            ((*HOSTS, 3, "roles"), ["agent"]),
            "servers.hosts",
            "none has demo; demo is for services with `run`",
        ),
        (((*HOSTS, 1, "jump"), "ghost"), "servers.hosts[1].jump", "a host: app-1, obs-1, obs-3"),
        (((*HOSTS, 1, "jump"), "obs-2"), "servers.hosts[1].jump", "a host: app-1, obs-1, obs-3"),
        (((*HOSTS, 0, "jump"), "app-1"), "servers.hosts[0].jump", "begins at a host without `jump`"),
        ((("servers", "key"), "ghost"), "servers.key", "a secret: ssh-key, sudo"),
        ((("services", 4, "hosts"), ["ghost"]), "services[4].hosts[0]", "a host with a role: app-1, obs-1"),
        ((("services", 0, "hosts"), ["obs-1"]), "services[0].hosts[0]", "with the role demo: app-1"),
        ((("services", 0, "hosts"), ["app-1", "app-1"]), "services[0].hosts[1]", "each host once"),
        ((("services", 4, "hosts"), []), "services[4].metrics[0].address", "a host before the port"),
        (((*HOSTS, 0, "labels"), {"env": "x"}), "servers.hosts[0].labels.env", "that the stack sets itself"),
        (((*HOSTS, 0, "labels"), {"user_id": "x"}), "servers.hosts[0].labels.user_id", "forbidden_labels"),
    ],
)
def test_what_does_not_fit(change: Change, key: str, told: str) -> None:
    found = _told(_at(specs.on_servers(), *change))
    assert [(place, told in expected) for place, expected in found if place != "secrets[0].name"] == [
        (key, True)
    ]


def test_a_secret_of_nobody_is_told() -> None:
    assert _told(_at(specs.on_servers(), ("servers", "key"), None))[0][0] == "secrets[0].name"


def test_a_host_without_roles_leads_to_others_or_is_told() -> None:
    stack = specs.on_servers()
    stack["servers"]["hosts"].append(BASTION)
    assert _told(stack) == [
        (
            "servers.hosts[4].roles",
            "missing; expected a role, or another host that names this one as its `jump`",
        )
    ]
    stack["servers"]["hosts"][1]["jump"] = "bastion"
    assert _told(stack) == []


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("address", "192.0.2.300", "an IPv4 address"),
        ("address", "192.0.2", "an IPv4 address"),
        ("address", "2001:db8::1::2", "an IPv6 address"),
        ("address", "192.0.2.1:22", "an IPv6 address, or a name"),
        ("address", "obs@host", "without user and port"),
        ("address", "a..b", "without user and port"),
        ("address", "127.0.0.1", "the other hosts reach"),
        ("address", "::", "the other hosts reach"),
        ("user", "Root!", "lower-case letters"),
        ("port", 0, "greater than or equal to 1"),
        ("port", 65536, "less than or equal to 65535"),
        ("roles", ["metric"], "'metrics'"),
        ("roles", ["logs", "logs"], "twice: logs"),
        ("host_keys", ["ssh-dss AAAA"], "as `ssh-keyscan` prints them"),
        ("host_keys", [specs.HOST_KEY[:-8]], "a whole key"),
        ("host_keys", [specs.HOST_KEY.replace("ssh-ed25519", "ssh-rsa")], "a whole key"),
        ("host_keys", [f"obs-1 {specs.HOST_KEY}"], "its kind, a blank and the key"),
    ],
)
def test_what_is_no_host(key: str, value: Any, told: str) -> None:
    stack = _at(specs.on_servers(), ("servers", "hosts", 1, key), value)
    with pytest.raises(ValidationError) as caught:
        Spec.model_validate_json(json.dumps(stack))
    assert told in " ".join(error["msg"] for error in caught.value.errors())


BESIDE = {"hosts": [{"name": "obs-2", "address": "198.51.100.7", "host_keys": [specs.HOST_KEY]}]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack of four servers, of which one has its address in a file beside."""
    monkeypatch.delenv("OBS_PORT_BASE", raising=False)
    monkeypatch.delenv(VARIABLE, raising=False)
    made = tmp_path / "stacks"
    made.mkdir()
    stack = specs.on_servers(environment={"name": "four"}, servers={"file": "hosts.yaml"})
    del stack["servers"]["hosts"][1]["address"]
    (made / "Pulumi.four.yaml").write_text(yaml.safe_dump({"config": {"obs:spec": stack}}))
    (made / "hosts.yaml").write_text(yaml.safe_dump(BESIDE))
    return made


def test_a_file_beside_lies_over_the_stack_file(folder: Path) -> None:
    servers = load("four", folder).servers
    assert [host.address for host in servers.hosts][:2] == ["192.0.2.11", "198.51.100.7"]
    assert (servers.hosts[1].roles, servers.user) == (("logs",), "deploy")


def test_a_variable_names_another_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = folder.parent / "other.yaml"
    other.write_text("hosts: [{name: obs-2, address: 198.51.100.8}]\n")
    monkeypatch.setenv(VARIABLE, str(other))
    assert load("four", folder).servers.hosts[1].address == "198.51.100.8"


@pytest.mark.parametrize(
    ("text", "where", "told"),
    [
        ("hosts:\n  - {name: obs-2, address: 192.0.2.300}\n", "stacks/hosts.yaml:2", "an IPv4 address"),
        ("hosts:\n- name: obs-2\n  adress: 198.51.100.7\n", "stacks/hosts.yaml:3", "did you mean address?"),
        ("user: deploy\nusr: x\n", "stacks/hosts.yaml:2", "expected one of file, hosts, key, port"),
        ("hosts: [\n", "stacks/hosts.yaml:2", "expected valid YAML"),
        ("- obs-2\n", "stacks/hosts.yaml:1", "expected a mapping with what `servers` may have"),
        ("file: more.yaml\n", "stacks/hosts.yaml:1", "one leads to no other"),
        ("hosts:\n- name: obs-2\n  address: 1.5\n", "stacks/hosts.yaml:3", "write it in quotes"),
    ],
)
def test_what_is_wrong_there_is_told_there(folder: Path, text: str, where: str, told: str) -> None:
    (folder / "hosts.yaml").write_text(text)
    with pytest.raises(StackFileError) as caught:
        load("four", folder)
    found = [problem for problem in caught.value.problems if problem.where == where]
    assert [told in problem.expected for problem in found] == [True], str(caught.value)
    assert found[0].key.startswith("servers")


def test_a_file_that_is_not_there(folder: Path) -> None:
    (folder / "hosts.yaml").unlink()
    with pytest.raises(StackFileError, match=r"stacks/hosts\.yaml: servers: No such file or directory"):
        load("four", folder)


@pytest.mark.parametrize("name", ["../hosts.yaml", "/etc/hosts.yaml", "hosts.json", 7, None])
def test_a_file_elsewhere(folder: Path, name: object) -> None:
    file = folder / "Pulumi.four.yaml"
    file.write_text(file.read_text().replace("file: hosts.yaml", f"file: {json.dumps(name)}"))
    with pytest.raises(StackFileError, match="expected the name of a file beside this one") as caught:
        load("four", folder)
    assert [problem.key for problem in caught.value.problems] == ["servers.file"]


def test_a_private_key_in_the_place_of_its_name_is_not_shown(folder: Path) -> None:
    file = folder / "Pulumi.four.yaml"
    file.write_text(file.read_text().replace("key: ssh-key", "key: 'hunter2 OPENSSH'"))
    with pytest.raises(StackFileError) as caught:
        load("four", folder)
    assert "(not shown)" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_servers_are_in_the_schema() -> None:
    schema = json.loads((STACKS / "schema.json").read_text())["$defs"]["Servers"]["properties"]
    assert {"file", "hosts", "key", "port", "sudo_password", "user"} == set(schema)
