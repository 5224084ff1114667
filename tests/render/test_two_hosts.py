"""What is rendered for one of two hosts holds nothing of this machine: a site that no target makes yet, with
addresses and absolute folders of its own. It finds what a renderer spells out instead of asking the site."""

import re
from functools import cache

import pytest
import yaml

from components.render import collector_agent
from components.render.text import texts
from components.spec import Spec
from tests import specs
from tests.sites import HOSTS, PAIRS, of_host
from vsi.units import all_units

HERE = re.compile(r"127\.0\.0\.1|localhost|::1\]|0\.0\.0\.0|\.\./(\.\.|data|log|secrets)|/work/")
ADDRESS = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3}):(\d+)")


def elsewhere() -> Spec:
    """The demo shop, with nothing in the stack file itself that lies on this machine."""
    stack = specs.stack()
    for scraped in (*stack["metrics"]["scrape_jobs"], *stack["services"]):
        for access in (scraped, *scraped.get("metrics", ())):
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
    agent = texts(collector_agent.render(SPEC, site))
    files |= {f"{collector_agent.NAME}/{path}": text for path, text in agent.items()}
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
