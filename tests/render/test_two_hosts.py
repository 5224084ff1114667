"""What is rendered for one of two hosts holds nothing of this machine: a site with addresses and absolute
folders of its own. It finds what a renderer spells out instead of asking the site."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.inventory import BY_NAME, certificates
from components.render import alertmanager, collector_agent, front, opensearch, prometheus
from components.render.scrape_jobs import scraped
from components.render.text import texts
from components.rules.files import rule_files
from components.running import Settled
from components.site import Site
from components.spec import Spec
from tests import specs
from tests.render import engines
from tests.sites import HOSTS, PAIRS, of_host
from vsi import tls
from vsi.site import local_site
from vsi.units import all_units

HERE = re.compile(r"127\.0\.0\.1|localhost|::1\]|0\.0\.0\.0|\.\./(\.\.|data|log|secrets)|/work/")
ADDRESS = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3}):(\d+)")


def elsewhere() -> Spec:
    """The demo shop, with nothing in the stack file itself that lies on this machine."""
    stack = specs.stack()
    for asked in (*stack["metrics"]["scrape_jobs"], *stack["services"]):
        for access in (asked, *asked.get("metrics", ())):
            for key in ("address", "targets"):
                if key in access:
                    given = [access[key]] if key == "address" else access[key]
                    moved = [address.replace("127.0.0.1", "app.example") for address in given]
                    access[key] = moved[0] if key == "address" else moved
    return specs.spec(services=stack["services"], metrics={"scrape_jobs": stack["metrics"]["scrape_jobs"]})


SPEC = elsewhere()


@cache
def rendered(host: str) -> dict[str, str]:
    """Every file of every program, by program and path."""
    site = of_host(SPEC, host)
    files = {f"{unit.name}/{path}": text for unit in all_units(SPEC, site) for path, text in unit.files}
    for renderer in (collector_agent, front):
        more = texts(renderer.render(SPEC, site))
        files |= {f"{renderer.NAME}/{path}": text for path, text in more.items()}
    return files


ON_EACH = [(host, name) for host in HOSTS for name in rendered(host)]


@pytest.mark.parametrize(("host", "name"), ON_EACH)
def test_nothing_of_this_machine_is_left(host: str, name: str) -> None:
    assert [line for line in rendered(host)[name].splitlines() if HERE.search(line)] == []


@pytest.mark.parametrize("host", HOSTS)
def test_every_program_with_files_is_rendered(host: str) -> None:
    programs = {name.partition("/")[0] for name in rendered(host)}
    assert programs >= {"alertmanager", "collector", "housekeeper", "jaeger", "opensearch", "pages", "sink"}


@pytest.mark.parametrize("host", HOSTS)
def test_every_address_is_one_of_the_sites(host: str) -> None:
    site = of_host(SPEC, host)
    listeners = [*site.listeners.values(), *site.services.values()]
    known = {address for listener in listeners for address in (listener.bind, *listener.dial)}
    found = {match[0] for text in rendered(host).values() for match in ADDRESS.finditer(text)}
    assert found
    assert found <= known


def test_a_program_listens_where_it_is_and_is_dialled_where_the_site_says() -> None:
    gateway = yaml.safe_load(rendered("obs-2")["collector/collector.yaml"])
    assert gateway["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"] == "10.0.0.12:21020"
    assert gateway["exporters"]["otlp/jaeger"]["endpoint"] == "10.0.0.11:21032"


@pytest.mark.parametrize("host", HOSTS)
def test_of_a_pair_both_are_told(host: str) -> None:
    """Alerts go to both, and both are scraped, wherever one looks from."""
    config = yaml.safe_load(rendered(host)["prometheus/prometheus.yml"])
    [told] = config["alerting"]["alertmanagers"]
    assert told["static_configs"] == [{"targets": ["10.0.0.11:21001", "10.0.0.12:21001"]}]
    for name in (*PAIRS[:1], "node-exporter"):
        [job] = yaml.safe_load(rendered(host)[f"prometheus/scrape/{name}.yml"])["scrape_configs"]
        assert len(job["static_configs"][0]["targets"]) == len(HOSTS)


def test_the_agents_of_all_hosts_are_instances_of_the_collectors_job() -> None:
    [job] = yaml.safe_load(rendered("obs-1")["prometheus/scrape/collector.yml"])["scrape_configs"]
    [static] = job["static_configs"]
    assert static["targets"] == ["10.0.0.11:21022", "10.0.0.11:21026", "10.0.0.12:21026"]


def test_traces_are_kept_in_every_node_that_is_there() -> None:
    config = yaml.safe_load(rendered("obs-1")["jaeger/jaeger.yaml"])
    [backend] = config["extensions"]["jaeger_storage"]["backends"].values()
    assert backend["opensearch"]["server_urls"] == ["https://10.0.0.11:21010", "https://10.0.0.12:21010"]


def test_folders_are_spelled_as_the_site_says() -> None:
    files = rendered("obs-1")
    assert "/etc/obs/secrets/opensearch-jaeger" in files["jaeger/jaeger.yaml"]
    assert "/etc/obs/tls/ca.pem" in files["jaeger/jaeger.yaml"]
    assert "dir /var/lib/obs/redis" in files["redis/redis.conf"]
    assert "/var/log/obs/orders/orders.log" in files["collector-agent/collector.yaml"]
    assert "/var/lib/obs/collector-agent/logs" in files["collector-agent/collector.yaml"]


def test_the_collectors_and_the_pages_know_every_node() -> None:
    for program in ("collector", "collector-agent"):
        config = yaml.safe_load(rendered("obs-1")[f"{program}/collector.yaml"])
        store = config["exporters"]["opensearchlogs"]
        found = [store["endpoint"], *store["further_endpoints"]]
        assert found == ["https://10.0.0.11:21010", "https://10.0.0.12:21010"]
    pages = json.loads(rendered("obs-1")["pages/settings.json"])
    assert pages["engines"]["prometheus"] == "https://10.0.0.11:21000"
    assert pages["further"] == {
        "alertmanager": ["https://10.0.0.12:21001"],
        "prometheus": ["https://10.0.0.12:21000"],
    }


def test_nodes_of_the_store_are_one_cluster() -> None:
    nodes = ["10.0.0.11:21011", "10.0.0.12:21011"]
    for host, address in HOSTS.items():
        node = yaml.safe_load(rendered(host)["opensearch/opensearch.yml"])
        assert (node["node.name"], node["network.host"]) == (host, address)
        assert node["discovery.seed_hosts"] == nodes
        assert "discovery.type" not in node


def test_the_first_node_of_the_inventory_founds_the_cluster_and_sets_it_up() -> None:
    first, second = (of_host(SPEC, host) for host in HOSTS)
    node = yaml.safe_load(rendered("obs-1")["opensearch/opensearch.yml"])
    assert node["cluster.initial_cluster_manager_nodes"] == list(HOSTS)
    assert json.loads(rendered("obs-1")["opensearch/setup/settings.json"])["url"] == "https://10.0.0.11:21010"
    assert opensearch.running(SPEC, first).setup
    assert "cluster.initial_cluster_manager_nodes" not in rendered("obs-2")["opensearch/opensearch.yml"]
    assert not [name for name in rendered("obs-2") if name.startswith("opensearch/setup/")]
    assert opensearch.running(SPEC, second).setup == ()


def test_each_of_several_nodes_may_ask_for_the_state_of_the_cluster_and_one_alone_need_not() -> None:
    both = [opensearch.running(SPEC, of_host(SPEC, host)) for host in HOSTS]
    assert [set(node.secrets) for node in both] == [set(opensearch.SECRETS), {"opensearch-exporter"}]
    for node in both:
        assert node.settled == Settled("opensearch", "exporter", "opensearch-exporter")
    assert opensearch.running(SPEC, alone()).settled is None


def test_jaeger_gathers_more_spans_for_a_write_that_waits_for_copies() -> None:
    written = yaml.safe_load(rendered("obs-2")["jaeger/jaeger.yaml"])
    store = written["extensions"]["jaeger_storage"]["backends"]["opensearch"]["opensearch"]
    assert store["bulk_processing"] == {"flush_interval": "1s", "workers": 2}


def test_one_node_alone_looks_for_no_others() -> None:
    node = yaml.safe_load(texts(opensearch.render(SPEC, alone()))["opensearch.yml"])
    assert node["discovery.type"] == "single-node"
    assert not [key for key in node if "seed_hosts" in key or "initial" in key]


def test_alertmanagers_are_one_cluster() -> None:
    command = alertmanager.running(SPEC, of_host(SPEC, "obs-2")).command
    assert [flag for flag in command if flag.startswith("--cluster")] == [
        "--cluster.listen-address=10.0.0.12:21002",
        "--cluster.advertise-address=10.0.0.12:21002",
        "--cluster.peer=10.0.0.11:21002",
        "--cluster.tls-config=cluster.yml",
    ]
    gossip = yaml.safe_load(rendered("obs-2")["alertmanager/cluster.yml"])
    assert gossip["tls_client_config"] == trusted("alertmanager")
    assert gossip["tls_server_config"]["client_auth_type"] == "RequireAndVerifyClientCert"
    assert "--cluster.listen-address=" in alertmanager.running(SPEC, alone()).command


def test_of_two_prometheis_each_alert_is_told_once() -> None:
    for host in HOSTS:
        config = yaml.safe_load(rendered(host)["prometheus/prometheus.yml"])
        assert config["global"]["external_labels"]["replica"] == host
        [drop] = config["alerting"]["alert_relabel_configs"]
        assert drop == {"action": "labeldrop", "regex": "replica"}
    config = yaml.safe_load(texts(prometheus.render(SPEC, alone()))["prometheus.yml"])
    assert "replica" not in config["global"]["external_labels"]
    assert "alert_relabel_configs" not in config["alerting"]


def alone() -> Site:
    """A site of the first host, which has one of everything."""
    site = of_host(SPEC, "obs-1")
    left = {name: item for name, item in site.listeners.items() if name != "alertmanager-cluster"}
    return replace(site, listeners={name: replace(item, dial=item.dial[:1]) for name, item in left.items()})


def nested(value: object) -> Iterator[dict[str, Any]]:
    """Every mapping in a document."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nested(item)


@pytest.mark.parametrize("host", HOSTS)
def test_who_speaks_tls_is_dialled_with_it(host: str) -> None:
    site = of_host(SPEC, host)
    speaks = {address for listener in site.listeners.values() if listener.tls for address in listener.dial}
    plain = re.compile(r"http://(\d{1,3}(?:\.\d{1,3}){3}:\d+)")
    found = {match[1] for text in rendered(host).values() for match in plain.finditer(text)}
    assert not found
    assert speaks


def certificate(program: str) -> dict[str, str]:
    """As most programs name the files of a certificate."""
    return {"cert_file": f"/etc/obs/tls/{program}.pem", "key_file": f"/etc/obs/tls/{program}.key"}


def trusted(program: str) -> dict[str, str]:
    """How a program dials another."""
    return {"ca_file": "/etc/obs/tls/ca.pem", **certificate(program)}


@pytest.mark.parametrize("program", ["jaeger", "collector", "collector-agent"])
def test_who_speaks_tls_shows_a_certificate_of_its_own(program: str) -> None:
    site = of_host(SPEC, "obs-1")
    ours = {
        site.bind(socket.name)
        for socket in BY_NAME[program].sockets
        if socket.tls == "able" and site.has(socket.name)
    }
    shown = {**certificate(program), "client_ca_file": "/etc/obs/tls/ca.pem"}
    file = "jaeger.yaml" if program == "jaeger" else "collector.yaml"
    config = yaml.safe_load(rendered("obs-1")[f"{program}/{file}"])
    with_tls = {item["endpoint"] for item in nested(config) if item.get("tls") == shown}
    assert with_tls == ours


@pytest.mark.parametrize("program", ["alertmanager", "node-exporter", "prometheus"])
def test_programs_of_prometheus_get_a_web_configuration_and_its_flag(program: str) -> None:
    web = yaml.safe_load(rendered("obs-1")[f"{program}/web.yml"])
    assert web["tls_server_config"] == {
        **certificate(program),
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": "/etc/obs/tls/ca.pem",
    }
    [unit] = [unit for unit in all_units(SPEC, of_host(SPEC, "obs-1")) if unit.name == program]
    assert "--web.config.file=web.yml" in unit.process.command


def test_spans_go_to_jaeger_under_the_stacks_authority() -> None:
    config = yaml.safe_load(rendered("obs-1")["collector/collector.yaml"])
    assert config["exporters"]["otlp/jaeger"]["tls"] == trusted("collector")


def test_alerts_and_scrapes_go_under_the_stacks_authority() -> None:
    wanted = {"scheme": "https", "tls_config": trusted("prometheus")}
    config = yaml.safe_load(rendered("obs-1")["prometheus/prometheus.yml"])
    [told] = config["alerting"]["alertmanagers"]
    assert wanted.items() <= told.items()
    jobs = [
        job
        for name, text in rendered("obs-1").items()
        if name.startswith("prometheus/scrape/")
        for job in yaml.safe_load(text)["scrape_configs"]
    ]
    ours = {page.job for page in scraped(of_host(SPEC, "obs-1"))}
    ours |= {service.name for service in SPEC.services if service.run}
    assert {job["job_name"] for job in jobs if wanted.items() <= job.items()} == ours


def test_notifications_go_to_the_sink_under_the_stacks_authority() -> None:
    config = yaml.safe_load(rendered("obs-1")["alertmanager/alertmanager.yml"])
    told = [item for receiver in config["receivers"] for item in nested(receiver) if "send_resolved" in item]
    assert told
    assert all(item["http_config"] == {"tls_config": trusted("alertmanager")} for item in told)


def test_small_programs_show_a_certificate_of_their_own() -> None:
    shown = {"ca": "/etc/obs/tls/ca.pem"}
    shown |= {"certificate": "/etc/obs/tls/pages.pem", "key": "/etc/obs/tls/pages.key"}
    assert shown.items() <= json.loads(rendered("obs-1")["pages/settings.json"]).items()
    orders = json.loads(rendered("obs-1")["orders/settings.json"])
    own = {key: path.replace("pages", "orders") for key, path in shown.items()}
    assert orders["tls"] == own
    assert own.items() <= orders["otlp"].items()


def test_where_only_who_serves_shows_a_certificate_nobody_else_is_asked() -> None:
    site = replace(of_host(SPEC, "obs-1"), mutual=False)
    files = {f"{unit.name}/{path}": text for unit in all_units(SPEC, site) for path, text in unit.files}
    assert not [name for name, text in files.items() if "client_ca" in text or "client_auth" in text]
    assert yaml.safe_load(files["collector/collector.yaml"])["exporters"]["otlp/jaeger"]["tls"] == {
        "ca_file": "/etc/obs/tls/ca.pem"
    }


def test_certificates_are_asked_for_where_tls_is_spoken() -> None:
    local, there = certificates(local_site(SPEC)), certificates(of_host(SPEC, "obs-1"))
    assert local == ("opensearch", "admin")
    serve = {"alertmanager", "collector", "collector-agent", "front", "jaeger", "node-exporter", "prometheus"}
    services = {service.name for service in SPEC.services if service.run}
    assert set(there) == {*local, *serve, "pages", *services}
    one_side = certificates(replace(of_host(SPEC, "obs-1"), mutual=False))
    assert set(one_side) == {*local, *serve}


ABSENT = {
    "node-exporter": ("node-exporter", "host"),
    "redis-exporter": ("redis-exporter", "redis"),
    "housekeeper": ("housekeeper", "retention"),
    "alertmanager": ("alertmanager", "alertmanager"),
    "jaeger-metrics": ("jaeger", "jaeger"),
}
"""Listener -> the scrape job and the rule file that are about it."""


@pytest.mark.parametrize("listener", ABSENT)
def test_what_a_site_lacks_is_neither_scraped_nor_judged(listener: str) -> None:
    job, file = ABSENT[listener]
    whole = of_host(SPEC, "obs-1")
    left = {name: item for name, item in whole.listeners.items() if name != listener}
    bare = replace(whole, listeners=left)
    assert job in {page.job for page in scraped(whole)}
    assert job not in {page.job for page in scraped(bare)}
    [targets] = [item for item in rule_files(SPEC, bare) if item.name == "platform-targets"]
    assert not [alert for alert in targets.alerts if re.search(rf"[\"|]{job}[\"|]", alert.expr)]
    names = [{item.name for item in rule_files(SPEC, site)} for site in (whole, bare)]
    assert names[0] - names[1] == {f"platform-{file}"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A host's folders with secrets and certificates, and each unit's files in a conf folder."""
    root = tmp_path_factory.mktemp("obs-1")
    site = of_host(SPEC, "obs-1", str(root))
    for folder in ("etc/obs/secrets", "etc/obs/tls"):
        (root / folder).mkdir(parents=True)
    names = {secret for unit in all_units(SPEC, site) for secret in unit.secrets}
    for name in names:
        (root / "etc/obs/secrets" / name).write_text("only-for-this-test")
    for name, content in tls.renewed({}, certificates(site)).items():
        (root / "etc/obs/tls" / name).write_bytes(content)
    for unit in all_units(SPEC, site):
        engines.write(root / unit.name, dict(unit.files))
    return root


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "engine", "command"),
    [
        ("alertmanager", "alertmanager", ("amtool", "check-config", "alertmanager.yml")),
        ("collector", "otelcol", ("otelcol", "validate", "--config", "collector.yaml")),
        ("jaeger", "jaeger", ("jaeger", "validate", "--config", "jaeger.yaml")),
        ("prometheus", "prometheus", ("promtool", "check", "config", "prometheus.yml")),
        ("prometheus", "prometheus", ("promtool", "check", "web-config", "web.yml")),
        ("alertmanager", "prometheus", ("promtool", "check", "web-config", "web.yml")),
        ("node-exporter", "prometheus", ("promtool", "check", "web-config", "web.yml")),
    ],
)
def test_the_engines_take_it(place: Path, name: str, engine: str, command: tuple[str, ...]) -> None:
    done = engines.run([engines.program(engine, command[0]), *command[1:]], place / name)
    assert done.returncode == 0, done.stdout
