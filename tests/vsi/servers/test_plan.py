"""The plan of a stack on four servers: who is where, who is reached how, and what crosses hosts how."""

import json
import re
from typing import Any

import pytest
import yaml

from components.plan import part_id
from components.site import Site
from components.spec import Spec
from tests import specs
from vsi.servers.parts import HostReady
from vsi.servers.plan import ServersPlan, plan
from vsi.servers.refusals import refusals
from vsi.servers.site import LOOPBACK, site_of, where
from vsi.unit import HostUnit

SPEC = specs.spec_on_servers()
HOSTS = {host.name: host for host in SPEC.servers.hosts}
SITES = {name: site_of(SPEC, "four", host) for name, host in HOSTS.items()}
URL = re.compile(r"\b(https?|redis)://(\[[0-9a-f:]+\]|[a-z0-9.-]+):(\d+)")


def _spec(stack: Any) -> Spec:
    return Spec.model_validate_json(json.dumps(stack))


@pytest.fixture(scope="module")
def planned() -> ServersPlan:
    return plan(SPEC, "four")


def _unit(planned: ServersPlan, part: str) -> HostUnit:
    return next(unit for unit in planned.units if unit.id == part)


def _ready(planned: ServersPlan, host: str) -> HostReady:
    return next(part for part in planned.parts if isinstance(part, HostReady) and part.place == host)


def test_equal_specs_give_equal_plans(planned: ServersPlan) -> None:
    assert plan(specs.spec_on_servers(), "four") == planned
    assert not refusals(SPEC)


def test_programs_are_where_their_role_is(planned: ServersPlan) -> None:
    found: dict[str, set[str]] = {}
    for unit in planned.units:
        found.setdefault(unit.name, set()).add(unit.place)
    assert found["prometheus"] == found["alertmanager"] == {"obs-1"}
    assert found["opensearch"] == found["housekeeper"] == {"obs-2"}
    assert found["jaeger"] == found["collector"] == {"obs-3"}
    assert found["node-exporter"] == found["collector-agent"] == set(HOSTS)
    assert found["orders"] == found["redis"] == {"app-1"}


def test_of_two_metrics_hosts_each_has_prometheus_and_the_first_the_pages() -> None:
    stack = specs.on_servers()
    stack["servers"]["hosts"][1]["roles"].append("metrics")
    there = where(_spec(stack))
    assert [host.name for host in there["prometheus"]] == ["obs-1", "obs-2"]
    assert [host.name for host in there["pages"]] == ["obs-1"]


def test_members_are_those_that_replace_each_other() -> None:
    stack = specs.on_servers()
    stack["servers"]["hosts"][1]["roles"].append("metrics")
    planned = plan(_spec(stack), "four")
    members = {unit.id: unit.members for unit in planned.units}
    assert members["prometheus@obs-1"] == members["prometheus@obs-2"] == ("obs-1", "obs-2")
    assert {unit.name for unit in planned.units if unit.members} == {"prometheus"}


def test_needs_lead_to_the_same_host_or_to_all_that_there_are(planned: ServersPlan) -> None:
    agent, orders = _unit(planned, "collector-agent@obs-1"), _unit(planned, "orders@app-1")
    assert set(agent.needs) == {"keys@four", "host@obs-1", "opensearch@obs-2"}
    assert agent.needs_here == ()
    assert set(orders.needs_here) == {"inventory", "payments"}


@pytest.mark.parametrize("name", HOSTS)
def test_what_is_not_on_loopback_speaks_tls_and_knows_both_sides(name: str) -> None:
    site = SITES[name]
    assert site.mutual
    for listener in (*site.listeners.values(), *site.services.values()):
        loopback = listener.host == LOOPBACK
        assert loopback or (listener.tls and not listener.fronted)
        assert all(address.startswith(LOOPBACK) != listener.tls for address in listener.dial)


def _known(site: Site) -> set[tuple[str, bool]]:
    every = (*site.listeners.values(), *site.services.values())
    return {(address, listener.tls) for listener in every for address in listener.dial}


def test_files_name_addresses_of_the_site_alone_and_with_the_right_scheme(planned: ServersPlan) -> None:
    for unit in planned.units:
        asked = {
            (f"{host}:{port}", scheme == "https")
            for _, text in unit.files
            for scheme, host, port in URL.findall(text)
        }
        assert asked <= _known(SITES[unit.place]), unit.id


def test_readiness_is_asked_on_the_host_itself(planned: ServersPlan) -> None:
    for unit in planned.units:
        url = unit.process.ready.url
        own = HOSTS[unit.place].at
        assert f"//{LOOPBACK}:" in url or (url.startswith("https://") and f"//{own}:" in url), unit.id


def test_each_hosts_front_listens_where_others_dial_its_programs(planned: ServersPlan) -> None:
    dialled = {
        address
        for site in SITES.values()
        for listener in (*site.listeners.values(), *site.services.values())
        if listener.fronted
        for address in listener.dial
    }
    served: dict[str, str] = {}
    for name in HOSTS:
        files = dict(_unit(planned, f"front@{name}").files)
        for server in json.loads(files["caddy.json"])["apps"]["http"]["servers"].values():
            served |= dict.fromkeys(server["listen"], name)
    assert {address for address in served if not address.startswith(LOOPBACK)} == dialled
    assert all(address.startswith((LOOPBACK, HOSTS[name].at)) for address, name in served.items())


def test_certificates_are_those_that_files_name(planned: ServersPlan) -> None:
    for unit in planned.units:
        named = {
            found
            for _, text in unit.files
            for found in re.findall(r"credentials/([\w-]+)\.(?:pem|key)", text)
        }
        assert named <= {"ca", *unit.certificates}, unit.id
    assert _unit(planned, "opensearch@obs-2").certificates == ("admin", "opensearch")
    assert _unit(planned, "node-exporter@obs-1").certificates == ()
    ready = _ready(planned, "obs-2")
    needed = {name for unit in planned.units if unit.place == "obs-2" for name in unit.certificates}
    assert {item.name for item in ready.certificates} == needed
    assert ready.certificates[0].sans == ("obs-2", "2001:db8::12")


def test_a_host_gets_the_engines_that_its_units_need(planned: ServersPlan) -> None:
    assert "runtime" in _ready(planned, "obs-1").engines
    assert "opensearch" not in _ready(planned, "obs-1").engines
    assert set(planned.engines) == {engine for host in HOSTS for engine in _ready(planned, host).engines}


def _scraped(planned: ServersPlan, job: str) -> list[dict[str, Any]]:
    files = dict(_unit(planned, "prometheus@obs-1").files)
    [found] = yaml.safe_load(files[f"scrape/{job}.yml"])["scrape_configs"]
    static: list[dict[str, Any]] = found["static_configs"]
    return static


def test_every_hosts_agents_are_scraped_under_its_labels(planned: ServersPlan) -> None:
    first, rest = _scraped(planned, "node-exporter")
    assert (first["targets"], first["labels"]["rack"]) == (["192.0.2.11:21003"], "a")
    assert rest["targets"] == ["[2001:db8::12]:21003", "obs-3.example:21003", "192.0.2.14:21003"]
    assert "rack" not in rest["labels"]


def test_a_port_is_one_on_each_host_of_the_service(planned: ServersPlan) -> None:
    [static] = _scraped(planned, "legacy-billing")
    assert static["targets"] == ["192.0.2.14:9404"]


def test_log_files_are_read_where_their_service_is(planned: ServersPlan) -> None:
    read = {
        unit.place: set(re.findall(r"/var/log/[^\s\"]+", dict(unit.files)["collector.yaml"]))
        for unit in planned.units
        if unit.name == "collector-agent"
    }
    assert all("/var/log/syslog" in paths for paths in read.values())
    assert {place for place, paths in read.items() if "/var/log/billing/*.log" in paths} == {"app-1"}
    assert "/var/log/obs/four/orders/orders.log" in read["app-1"]
    assert not [path for path in read["obs-1"] if "orders" in path]


def test_a_host_with_nothing_to_read_has_no_log_agent() -> None:
    spec = specs.spec_on_servers(logging={"inputs": []})
    assert [host.name for host in where(spec)["collector-agent"]] == ["app-1"]
    [static] = _scraped(plan(spec, "four"), "collector")
    assert static["targets"] == ["obs-3.example:21022", "192.0.2.14:21026"]


def test_connections_and_login_hold_names_of_secrets_alone(planned: ServersPlan) -> None:
    way = planned.connection("app-1")
    assert way is not None
    assert (way.user, way.port, way.jump and way.jump.host) == ("deploy", 22, "obs-1")
    assert planned.login_sources == {"key": "environment:SSH_KEY", "sudo_password": "environment:SUDO"}
    assert not {"ssh-key", "sudo"} & {secret.name for secret in planned.secrets}
    assert planned.connection("elsewhere") is None


def test_a_bastion_gets_nothing_but_is_on_the_way() -> None:
    stack = specs.on_servers()
    stack["servers"]["hosts"].append({"name": "bastion", "address": "192.0.2.1"})
    stack["servers"]["hosts"][1]["jump"] = "bastion"
    found = plan(_spec(stack), "four")
    assert part_id("host", "bastion") not in {part.id for part in found.parts}
    way = found.connection("obs-2")
    assert way is not None
    assert way.jump is not None
    assert way.jump.host == "bastion"


@pytest.mark.parametrize(
    ("path", "value", "key", "told"),
    [
        (("servers", "hosts"), [], "servers.hosts", "target vsi goes to servers"),
        (
            ("servers", "hosts", 2, "roles"),
            ["traces", "gateway", "alerting"],
            "servers.hosts[2].address",
            "IP",
        ),
        (("servers", "hosts", 3, "roles"), ["demo", "logs"], "servers.hosts[3].roles", "give it to a third"),
        (("services", 4, "hosts"), [], "services[4].hosts", "reads the service's log files"),
        (("services", 4, "name"), "admin", "services[4].name", "for its own"),
        (("logging", "index", "replicas"), 1, "logging.index.replicas", "expected 0: target vsi has 1 host"),
    ],
)
def test_what_servers_cannot_do_yet(path: tuple[str | int, ...], value: Any, key: str, told: str) -> None:
    stack = specs.on_servers()
    place: Any = stack
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    found = refusals(_spec(stack))
    assert [(problem.key, told in problem.expected) for problem in found] == [(key, True)]


def _clustered() -> Any:
    """All but traces, gateway and demo on each of three hosts."""
    stack = specs.on_servers(logging={"index": {"replicas": 2}}, tracing={"storage": {"replicas": 1}})
    for host in stack["servers"]["hosts"][:3]:
        host["roles"] = [*{*host["roles"], "metrics", "logs", "alerting"}]
    stack["servers"]["hosts"][2]["address"] = "192.0.2.13"
    return stack


def test_several_of_a_role_are_planned_and_wait_for_the_first_alone() -> None:
    spec = _spec(_clustered())
    assert not refusals(spec)
    found = plan(spec, "four")
    nodes = [unit for unit in found.units if unit.name == "opensearch"]
    assert [bool(node.setup) for node in nodes] == [True, False, False]
    assert [node.certificates for node in nodes] == [
        ("admin", "opensearch"),
        ("opensearch",),
        ("opensearch",),
    ]
    assert [node.secrets for node in nodes[1:]] == [("opensearch-exporter",)] * 2
    assert not [need for node in nodes for need in node.needs if "opensearch" in need]
    agent, payments = _unit(found, "collector-agent@obs-2"), _unit(found, "collector-agent@app-1")
    assert {need for need in agent.needs if "opensearch" in need} == {"opensearch@obs-1", "opensearch@obs-2"}
    assert {need for need in payments.needs if "opensearch" in need} == {"opensearch@obs-1"}


def test_each_of_several_nodes_is_asked_for_its_copies_before_it_is_changed() -> None:
    found = plan(_spec(_clustered()), "four")
    for node in (unit for unit in found.units if unit.name == "opensearch"):
        asked = node.process.settled
        assert asked is not None
        assert asked.url == node.process.ready.url.removesuffix("/_plugins/_security/health")
        assert (asked.user, asked.ca) == ("exporter", node.process.ready.ca)
        assert asked.password_secret in node.secrets
    assert not [unit for unit in found.units if unit.process.settled and unit.name != "opensearch"]


def test_a_store_of_one_node_is_not_asked() -> None:
    assert not [unit for unit in plan(_spec(specs.on_servers()), "four").units if unit.process.settled]


def test_a_copy_more_than_there_are_other_nodes_is_refused() -> None:
    stack = _clustered()
    stack["logging"]["index"]["replicas"] = 3
    [problem] = refusals(_spec(stack))
    assert problem.key == "logging.index.replicas"
    assert problem.expected.startswith("expected 2 or fewer: target vsi has 3 hosts")


def test_redis_is_for_services_of_its_own_host() -> None:
    stack = specs.on_servers()
    stack["servers"]["hosts"][1]["roles"].append("demo")
    stack["services"][3]["hosts"] = ["app-1"]
    [problem] = refusals(_spec(stack))
    assert (problem.key, "expected obs-2 alone" in problem.expected) == ("services[3].hosts", True)
