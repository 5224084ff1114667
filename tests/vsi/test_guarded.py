"""Where `deploy.loopback` is guarded, programs ask who dials them, and all of the stack's own can say it."""

import base64
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from components.inventory import PROGRAMS
from components.render.scrape_jobs import service_jobs
from components.spec import Spec
from obs.verify.clients import Clients
from tests import specs
from tests.specs import unit
from vsi.local.access import access_at
from vsi.local.asking import get
from vsi.paths import StatePaths
from vsi.plan import plan
from vsi.reach import Get
from vsi.site import local_site
from vsi.tls import renewed
from vsi.unit import HostPlan

OWN_CA = "../../../secrets/tls/ca.pem"
PLAIN = {"front", "housekeeper", "pages", "redis", "redis-exporter", "sink"}
"""Listeners of programs that cannot speak TLS, and ask for a password."""
SERVICES = {"gateway", "inventory", "orders", "payments"}
"""Those that the stack runs."""
TENANT = {"address": "127.0.0.1:9", "housekeeper": "127.0.0.1:8", "tenant": "ana"}


def _spec(loopback: str = "guarded") -> Spec:
    exporters = ["node", "opensearch", "redis"]
    return specs.spec(deploy={"port_base": 21000, "loopback": loopback}, metrics={"exporters": exporters})


def _tenant() -> Spec:
    stack = specs.stack(deploy={"port_base": 21000, "loopback": "guarded"})
    stack["logging"]["store"] = TENANT
    return Spec.model_validate_json(json.dumps(stack))


def _read(made: HostPlan, name: str, file: str) -> Any:
    return yaml.safe_load(dict(unit(made, name).files)[file])


def test_every_listener_that_can_asks_for_a_certificate() -> None:
    site = local_site(_spec())
    able = {socket.name for row in PROGRAMS for socket in row.sockets if socket.tls in ("able", "guarded")}

    assert {name for name, one in site.listeners.items() if one.asks} == able & site.listeners.keys()
    assert {name for name, one in site.listeners.items() if not one.tls} == PLAIN & site.listeners.keys()
    assert all(one.host == "127.0.0.1" for one in site.listeners.values()), "and on loopback alone"


def test_what_serves_is_told_to_ask() -> None:
    made = plan(_spec(), "test")

    for name in ("prometheus", "alertmanager", "node-exporter"):
        server = _read(made, name, "web.yml")["tls_server_config"]
        assert (server["client_auth_type"], server["client_ca_file"]) == (
            "RequireAndVerifyClientCert",
            OWN_CA,
        )
    jaeger = _read(made, "jaeger", "jaeger.yaml")
    query = jaeger["extensions"]["jaeger_query"]
    served = [query["http"], query["grpc"], jaeger["receivers"]["otlp"]["protocols"]["grpc"]]
    assert {one["tls"]["client_ca_file"] for one in served} == {OWN_CA}


def test_a_program_is_asked_whether_it_serves_with_the_certificate_of_the_operator() -> None:
    made = plan(_spec(), "test")
    asked = {part.name: part.process.ready for part in made.parts if part.process.ready.certificate}

    programs = {"alertmanager", "collector", "jaeger", "node-exporter", "prometheus"}
    assert set(asked) == programs | SERVICES
    assert {ready.certificate for ready in asked.values()} == {"{secrets}/tls/operator.pem"}
    assert all(asked[name].url.startswith("https://") for name in programs)
    assert all(str(asked[name].answers).startswith("https://") for name in SERVICES)
    assert all(ready.ca for ready in asked.values())


def test_services_ask_for_a_certificate_and_who_calls_and_scrapes_them_shows_one() -> None:
    made, site = plan(_spec(), "test"), local_site(_spec())

    assert all(site.services[name].tls and site.services[name].asks for name in SERVICES)
    for name in SERVICES:
        settings = _read(made, name, "settings.json")
        own = {"certificate": f"../../../secrets/tls/{name}.pem", "key": f"../../../secrets/tls/{name}.key"}
        assert settings["serving"] == {"ca": OWN_CA, **own}
        assert settings.get("tls") == ({"ca": OWN_CA, **own} if settings["calls"] else None)
        assert all(url.startswith("https://") for url in settings["calls"].values())
        (scraped,) = _read(made, "prometheus", f"scrape/{name}.yml")["scrape_configs"]
        assert (scraped["scheme"], "cert_file" in scraped["tls_config"]) == ("https", True)


def test_the_own_address_of_a_service_is_its_own_however_it_is_said() -> None:
    spec = _spec()
    service = next(item for item in spec.services if item.name == "gateway")
    address = local_site(spec).services["gateway"].dial[0]
    (endpoint,) = service.metrics
    said = service.model_copy(update={"metrics": (endpoint.model_copy(update={"address": address}),)})
    elsewhere = service.model_copy(update={"metrics": (endpoint.model_copy(update={"address": "a:1"}),)})

    assert [job.own_tls for job in service_jobs(said, local_site(spec))] == [True]
    assert [job.own_tls for job in service_jobs(elsewhere, local_site(spec))] == [False]


def test_redis_asks_for_the_password_and_who_uses_it_knows_where_that_is() -> None:
    made = plan(_spec(), "test")
    password = "../../../secrets/loopback"

    assert unit(made, "redis").process.command[-2:] == ("--password-file", password)
    for name in ("inventory", "redis-exporter"):
        assert _read(made, name, "settings.json")["redis_password_file"] == password
    assert "redis_password_file" not in _read(made, "orders", "settings.json")
    left_open = plan(_spec("open"), "test")
    assert unit(left_open, "redis").process.command == ("{engine:redis:redis-server}", "redis.conf")
    assert "redis_password_file" not in _read(left_open, "inventory", "settings.json")


def test_programs_of_ours_are_scraped_with_the_password_but_not_those_of_another_stack() -> None:
    def asked(made: HostPlan, job: str) -> object:
        (scraped,) = _read(made, "prometheus", f"scrape/{job}.yml")["scrape_configs"]
        return scraped.get("basic_auth")

    login = {"username": "obs", "password_file": "../../../../secrets/loopback"}
    made = plan(_spec(), "test")
    for job in ("pages", "sink", "housekeeper", "redis-exporter"):
        assert asked(made, job) == login, job
        file = _read(made, job, "settings.json")
        assert file["login"] == {"user": "obs", "password_file": "../../../secrets/loopback"}, job
    assert asked(made, "collector") is None
    assert asked(plan(_tenant(), "test"), "housekeeper") == {
        "username": "ana-reader",
        "password_file": "../../../../secrets/opensearch-reader",
    }
    assert asked(plan(_spec("open"), "test"), "pages") is None


def test_the_collector_and_jaeger_tell_of_themselves_on_a_page_that_asks() -> None:
    made, site = plan(_spec(), "test"), local_site(_spec())

    for name in ("collector", "jaeger"):
        config = _read(made, name, f"{name}.yaml")
        served = config["exporters"]["prometheus/own"]
        assert (served["endpoint"], served["tls"]["client_ca_file"]) == (site.bind(f"{name}-metrics"), OWN_CA)
        taken = config["receivers"]["otlp/own"]["protocols"]["http"]
        assert (taken["endpoint"], taken["tls"]["client_ca_file"]) == (site.bind(f"{name}-own"), OWN_CA)
        assert config["service"]["pipelines"]["metrics/own"] == {
            "receivers": ["otlp/own"],
            "exporters": ["prometheus/own"],
        }
        (reader,) = config["service"]["telemetry"]["metrics"]["readers"]
        sent = reader["periodic"]["exporter"]["otlp"]
        assert sent["endpoint"] == f"https://{taken['endpoint']}/v1/metrics"
        assert sent["client_certificate"] == f"../../../secrets/tls/{name}.pem"
        assert unit(made, name).process.reload is None, "its last numbers find nobody, and that would end it"
        (job,) = _read(made, "prometheus", f"scrape/{name}.yml")["scrape_configs"]
        assert (job["scheme"], "cert_file" in job["tls_config"]) == ("https", True)
        assert {site.port(f"{name}-{which}") for which in ("metrics", "own")} <= set(unit(made, name).ports)


def test_in_an_open_stack_they_serve_it_themselves() -> None:
    made = plan(_spec("open"), "test")

    for name in ("collector", "jaeger"):
        config = _read(made, name, f"{name}.yaml")
        assert "prometheus/own" not in config["exporters"]
        assert unit(made, "collector").process.reload == "SIGHUP"
        assert [set(one) for one in config["service"]["telemetry"]["metrics"]["readers"]] == [{"pull"}]
    assert not {"collector-own", "jaeger-own"} & local_site(_spec("open")).listeners.keys()


def test_pages_and_sink_ask_for_a_password_and_who_asks_them_knows_it() -> None:
    made = plan(_spec(), "test")
    login = {"user": "obs", "password_file": "../../../secrets/loopback"}

    assert _read(made, "pages", "settings.json")["login"] == login
    assert _read(made, "sink", "settings.json")["login"] == login
    config = _read(made, "alertmanager", "alertmanager.yml")["receivers"]
    to_sink = [one for item in config for key, found in item.items() if key != "name" for one in found]
    assert len(to_sink) == len(config)
    sent = {"username": "obs", "password_file": "../../../secrets/loopback"}
    assert all(one["http_config"]["basic_auth"] == sent for one in to_sink)
    assert {"name": "loopback", "source": "generated", "key": ""} in [
        one.model_dump() for one in made.secrets
    ]
    assert {part.name for part in made.parts if "loopback" in part.secrets} == {
        "alertmanager",
        "housekeeper",
        "inventory",
        "pages",
        "prometheus",
        "redis",
        "redis-exporter",
        "sink",
    }


def test_each_who_serves_or_dials_has_a_certificate() -> None:
    made = plan(_spec(), "test")
    run = {part.name for part in made.parts}

    assert {"prometheus", "alertmanager", "jaeger", "collector", "pages", "operator"} <= set(made.tls_names)
    assert set(made.tls_names) - run == {"admin", "operator"}, "and nobody else"


def test_an_open_stack_has_none_of_it() -> None:
    made = plan(_spec("open"), "test")

    assert made.tls_names == ("opensearch", "admin")
    assert all(part.process.ready.certificate is None for part in made.parts)
    assert "loopback" not in {secret.name for secret in made.secrets}
    assert "login" not in _read(made, "pages", "settings.json")


def test_a_tenant_trusts_two_authorities_and_makes_no_certificates_of_the_store() -> None:
    made = plan(_tenant(), "test")
    assert not {"opensearch", "admin"} & set(made.tls_names)

    collector = _read(made, "collector", "collector.yaml")["exporters"]
    of_store = {one["tls"]["ca_file"] for name, one in collector.items() if name.startswith("opensearch")}
    assert of_store == {"../../../secrets/opensearch-ca"}
    assert {one["tls"]["ca_file"] for name, one in collector.items() if name.startswith("otlp")} == {OWN_CA}
    settings = _read(made, "pages", "settings.json")
    assert (settings["ca"], settings["logs"]["ca"]) == (OWN_CA, "../../../secrets/opensearch-ca")
    assert "127.0.0.1:9" not in settings["shown"], "whose end its owner looks at"


class _Says(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps("served").encode())

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def state(tmp_path: Path) -> StatePaths:
    """The certificates of a stack."""
    paths = StatePaths(tmp_path / "ana")
    paths.tls.mkdir(parents=True)
    for name, data in renewed({}, ("prometheus", "operator")).items():
        (paths.tls / name).write_bytes(data)
    (paths.secrets / "opensearch-reader").write_text("word")
    (paths.secrets / "loopback").write_text("a word\n")
    return paths


@pytest.fixture
def address(state: StatePaths) -> Iterator[str]:
    """A server that asks for a certificate of the stack's authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(state.tls / "ca.pem"))
    context.load_cert_chain(state.tls / "prometheus.pem", state.tls / "prometheus.key")
    context.verify_mode = ssl.CERT_REQUIRED
    with _served(context) as served:
        yield served


@contextmanager
def _served(context: ssl.SSLContext) -> Iterator[str]:
    """The address of a server."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Says)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_only_who_shows_a_certificate_of_the_authority_is_answered(
    state: StatePaths, address: str, tmp_path: Path
) -> None:
    own, url = str(state.tls / "ca.pem"), f"https://{address}/-/ready"
    for name, data in renewed({}, ("operator",)).items():
        (tmp_path / name).write_bytes(data)

    shown = Get(url, ca_file=own, certificate_file=str(state.tls / "operator.pem"))
    assert get(shown, 5).status == 200
    assert get(Get(url, ca_file=own), 5).fault, "nobody"
    assert get(Get(url, ca_file=own, certificate_file=str(tmp_path / "operator.pem")), 5).fault, "a neighbour"


def test_verify_shows_who_it_is(state: StatePaths, address: str) -> None:
    site = local_site(_spec())
    clients = Clients(access_at(state, site), "ana")

    assert clients.instance("prometheus", address, tls=True).json("GET", "/") == "served"
    clients.close()
    sent: list[httpx.Request] = []
    told = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(200, json={}))  # type: ignore[func-returns-value]
    clients = Clients(access_at(state, site), "ana", told)
    clients.pages.request("GET", "/")
    clients.sink.request("GET", "/deliveries")
    word = base64.b64encode(b"obs:a word").decode()
    assert [one.headers.get("authorization") for one in sent] == [f"Basic {word}"] * 2
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"https://{address}/", verify=ssl.create_default_context(cafile=state.tls / "ca.pem"))


def test_verify_shows_nothing_to_a_store_of_another_stack_which_would_refuse_it(
    state: StatePaths, tmp_path: Path
) -> None:
    other = StatePaths(tmp_path / "store")
    other.tls.mkdir(parents=True)
    for name, data in renewed({}, ("opensearch",)).items():
        (other.tls / name).write_bytes(data)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(other.tls / "ca.pem"))
    context.load_cert_chain(other.tls / "opensearch.pem", other.tls / "opensearch.key")
    context.verify_mode = ssl.CERT_OPTIONAL
    with _served(context) as address:
        stack = specs.stack(deploy={"port_base": 21000, "loopback": "guarded"})
        stack["logging"]["store"] = {**TENANT, "address": address}
        site = local_site(Spec.model_validate_json(json.dumps(stack)))
        both = "".join((paths.tls / "ca.pem").read_text() for paths in (state, other))
        clients = Clients(replace(access_at(state, site), authority=lambda: both), "ana")

        assert clients.opensearch.json("GET", "/") == "served"
        clients.close()


def test_people_are_told_what_is_asked_of_them_and_where_it_is(state: StatePaths) -> None:
    told = access_at(state, local_site(_spec())).note

    for path in (state.secrets / "loopback", state.tls / "operator.pem"):
        assert str(path) in told
        assert path.is_file()
    assert access_at(state, local_site(_spec("open"))).note == ""
