"""What Prometheus is told to scrape, and with which labels and limits."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.render import prometheus
from components.render.scrape_jobs import PUSHED_JOB, SPAN_METRICS_JOB
from components.render.text import texts
from tests.render import golden
from tests.render.engines import program, run, write
from tests.specs import service, spec, stack
from vsi.site import local_site


def rendered(**changes: Any) -> dict[str, str]:
    whole = spec(**changes)
    return texts(prometheus.render(whole, local_site(whole)))


def scrape_configs(files: dict[str, str]) -> list[dict[str, Any]]:
    return [
        config
        for name, text in files.items()
        if name.startswith("scrape/")
        for config in yaml.safe_load(text)["scrape_configs"]
    ]


def test_golden() -> None:
    golden.check("prometheus", rendered())


def test_equal_stacks_give_equal_bytes() -> None:
    assert list(rendered().items()) == list(rendered().items())


def test_a_new_service_is_new_files_and_changes_no_other() -> None:
    extra = {**stack()["services"][1], "name": "shipping"}
    extra["run"] = {**extra["run"], "port_offset": 120}
    before, after = rendered(), rendered(services=[*stack()["services"], extra])
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed == {
        "scrape/shipping.yml",
        "rules/shipping.yml",
        "tests/shipping.yml",
        "tests/shipping.400m.yml",
        "tests/shipping.75h.yml",
    }


def test_every_series_and_alert_carries_the_environments_labels_once() -> None:
    files = rendered()
    labels = spec().environment.labels
    for config in scrape_configs(files):
        for targets in config["static_configs"]:
            assert labels.items() <= targets["labels"].items(), config["job_name"]
    outside = yaml.safe_load(files["prometheus.yml"])["global"]["external_labels"]
    assert outside == labels | {"tier": "dev"}
    for name, text in files.items():
        if name.startswith("rules/"):
            for group in yaml.safe_load(text)["groups"]:
                assert group["labels"] == labels, name


def test_owner_is_a_label_of_its_own() -> None:
    configs = {config["job_name"]: config for config in scrape_configs(rendered())}
    assert configs["gateway"]["static_configs"][0]["labels"]["owner"] == "storefront"
    assert configs["gateway"]["static_configs"][0]["labels"]["service"] == "gateway"
    assert configs["prometheus"]["static_configs"][0]["labels"]["owner"] == "platform"
    assert configs["edge-router"]["static_configs"][0]["labels"]["site"] == "north"


def test_forbidden_labels_drop_the_series_and_never_the_label() -> None:
    files = rendered(metrics={"forbidden_labels": ["tenant", "card"]})
    for config in scrape_configs(files):
        drops = config["metric_relabel_configs"][:2]
        assert [drop["source_labels"] for drop in drops] == [["card"], ["tenant"]]
        assert {drop["action"] for drop in drops} == {"drop"}
    assert not re.search("labeldrop|labelkeep", "".join(files.values()))


def test_without_forbidden_labels_nothing_is_dropped_or_alerted_on() -> None:
    files = rendered(metrics={"forbidden_labels": []})
    assert "metric_relabel_configs" not in files["scrape/gateway.yml"]
    assert "ForbiddenLabelsDropped" not in "".join(files.values())


def test_limits_are_on_every_job() -> None:
    limits = {"samples_per_scrape": 7, "labels_per_series": 8, "label_value_length": 9}
    for config in scrape_configs(rendered(metrics={"limits": limits})):
        if config["job_name"] in (PUSHED_JOB, SPAN_METRICS_JOB):
            continue
        assert (config["sample_limit"], config["label_limit"], config["label_value_length_limit"]) == (
            7,
            8,
            9,
        )


def test_each_endpoint_is_a_job_with_its_path_and_interval() -> None:
    endpoints = [{}, {"path": "/admin/metrics", "interval": "30s", "address": "127.0.0.1:9999"}]
    files = rendered(services=service("orders", metrics=endpoints))
    first, second = yaml.safe_load(files["scrape/orders.yml"])["scrape_configs"]
    assert (first["job_name"], first["metrics_path"], "scrape_interval" in first) == (
        "orders",
        "/metrics",
        False,
    )
    assert (second["job_name"], second["metrics_path"], second["scrape_interval"]) == (
        "orders/2",
        "/admin/metrics",
        "30s",
    )
    assert second["static_configs"][0]["targets"] == ["127.0.0.1:9999"]


def test_exporters_that_are_left_out_are_neither_scraped_nor_judged() -> None:
    files = rendered(metrics={"exporters": []}, alerting=stack()["alerting"])
    for absent in ("scrape/node-exporter.yml", "scrape/redis-exporter.yml"):
        assert absent not in files
    for absent in ("rules/platform-host.yml", "rules/platform-redis.yml", "rules/platform-opensearch.yml"):
        assert absent not in files


def test_settings_arrive() -> None:
    config = yaml.safe_load(
        rendered(
            metrics={
                "scrape_interval": "7s",
                "scrape_timeout": "3s",
                "evaluation_interval": "9s",
                "retention": {"time": "3d", "size": "2GiB"},
                "exemplars": 5,
            }
        )["prometheus.yml"]
    )
    assert config["global"]["scrape_interval"] == "7s"
    assert config["global"]["scrape_timeout"] == "3s"
    assert config["global"]["evaluation_interval"] == "9s"
    assert config["storage"]["tsdb"]["retention"] == {"time": "3d", "size": "2GB"}
    assert config["storage"]["exemplars"]["max_exemplars"] == 5
    assert config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] == ["127.0.0.1:21001"]


def test_no_file_names_a_place_on_a_machine() -> None:
    for name, text in rendered().items():
        assert not re.search(r"(?<![\w.])/(work|root|tmp|home|var/lib)\b", text), name


def test_own_rules_stand_in_a_file_of_their_own_only_if_there_are_any() -> None:
    assert {"rules/custom.yml", "tests/custom.yml"} <= rendered().keys()
    without = rendered(metrics={"rules": {"alerts": [], "recordings": []}})
    assert not {"rules/custom.yml", "tests/custom.yml"} & without.keys()


@pytest.mark.parametrize(
    "changes",
    [
        {"services": service("legacy-billing", name="custom")},
        {"services": service("legacy-billing", name="platform-host")},
        {"services": service("legacy-billing", name="collector-spanmetrics")},
        {"metrics": {"scrape_jobs": [{"name": "prometheus", "targets": ["a:1"]}]}},
        {"metrics": {"forbidden_labels": ["user_id", "service"]}},
    ],
)
def test_what_would_take_the_stacks_own_files_or_series_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected a (name|label) that"):
        spec(**changes)


@pytest.mark.engine
def test_prometheus_accepts_it(tmp_path: Path) -> None:
    folder = write(tmp_path, rendered())
    done = run([program("prometheus", "promtool"), "check", "config", "prometheus.yml"], folder)
    assert done.returncode == 0, done.stdout
    assert "rules found" in done.stdout


@pytest.mark.engine
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("prometheus.yml", "scrape_interval: 15s", "scrape_interval: soon"),
        ("scrape/gateway.yml", "sample_limit", "samples_limit"),
        ("rules/gateway.yml", "sum by (service)", "sum by service"),
        ("rules/gateway.yml", "{{ $labels.instance }}", "{{ $labels.instance"),
    ],
)
def test_prometheus_refuses_what_is_wrong(tmp_path: Path, file: str, old: str, new: str) -> None:
    files = rendered()
    assert old in files[file]
    folder = write(tmp_path, files | {file: files[file].replace(old, new)})
    done = run([program("prometheus", "promtool"), "check", "config", "prometheus.yml"], folder)
    assert done.returncode != 0
