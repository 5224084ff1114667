"""The collector's settings: as committed, accepted by the collector, and as each part of a stack asks."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.render import (
    collector,
    collector_agent,
    collector_gateway,
    collector_logs,
    opensearch_store,
)
from components.render.text import texts
from components.spec import Spec
from tests import specs
from tests.render import engines, golden
from tests.sites import apart
from vsi.site import local_site


def settings(spec: Spec) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(texts(collector.render(spec, local_site(spec)))["collector.yaml"])
    return loaded


def records(spec: Spec) -> dict[str, Any]:
    """The settings of our own processor."""
    found: dict[str, Any] = settings(spec)["processors"]["logrecord"]
    return found


def bare(**changes: Any) -> Spec:
    """Without a single log to read."""
    services = [{**item, "logs": []} for item in specs.stack()["services"]]
    return specs.spec(services=services, **{"logging": {"inputs": []}, **changes})


CASES = {
    "shop": specs.spec(),
    "without-logs": bare(),
    "plain": specs.spec(
        logging={"redaction": [], "enrichment": {}, "sampling": {"debug": 0.0, "info": 0.25}},
        tracing={
            "otlp": {"grpc": True, "http": False},
            "scrubbing": {"delete": [], "hash": []},
            "tail_sampling": {
                "keep_attributes": [{"key": "customer.tier", "value": "gold"}],
                "keep_errors": False,
                "keep_ratio": 0.0,
            },
            "span_metrics": {"dimensions": []},
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_golden(name: str) -> None:
    spec = CASES[name]
    golden.check(f"collector/{name}", texts(collector.render(spec, local_site(spec))))


def alone(name: str) -> dict[str, dict[str, str]]:
    """The files of the agent and of the gateway, each as a process of its own."""
    spec = CASES[name]
    made = {"agent": collector_agent.render, "gateway": collector_gateway.render}
    return {which: texts(render(spec, apart(spec))) for which, render in made.items()}


@pytest.mark.parametrize("which", ["agent", "gateway"])
@pytest.mark.parametrize("name", CASES)
def test_the_golden_of_each_alone(which: str, name: str) -> None:
    golden.check(f"collector-{which}/{name}", alone(name)[which])


@pytest.mark.engine
@pytest.mark.parametrize("name", CASES)
def test_the_collector_accepts_it(name: str, tmp_path: Path) -> None:
    result = engines.run(command(), accepted(tmp_path, CASES[name]))
    assert result.returncode == 0, result.stdout


@pytest.mark.engine
@pytest.mark.parametrize(
    ("which", "name"), [("agent", "shop"), ("agent", "plain"), *(("gateway", name) for name in CASES)]
)
def test_the_collector_accepts_each_alone(which: str, name: str, tmp_path: Path) -> None:
    folder = engines.write(accepted(tmp_path, CASES[name]), alone(name)[which])
    result = engines.run(command(), folder)
    assert result.returncode == 0, result.stdout


def test_agent_and_gateway_fit_on_one_host() -> None:
    """Nothing that one listens on is the other's; where they listen is in the goldens."""
    listens = {
        which: set(re.findall(r"127\.0\.0\.1:(?!21010|21032)\d+|port: \d+", files["collector.yaml"]))
        for which, files in alone("shop").items()
    }
    assert len(listens["agent"]) == 2
    assert not listens["agent"] & listens["gateway"]


def test_where_nothing_is_read_there_is_no_agent() -> None:
    assert alone("without-logs")["agent"] == {}


def test_one_process_does_the_work_of_two_configurations() -> None:
    one = {"receivers": {"a": {"x": 1}}, "service": {"extensions": ["h", "q"], "pipelines": {"logs": {}}}}
    other = {"receivers": {"b": {}}, "service": {"extensions": ["h", "p"], "pipelines": {"traces": {}}}}
    assert (
        collector.merged(one, other)
        == collector.merged(other, one)
        == {
            "receivers": {"a": {"x": 1}, "b": {}},
            "service": {"extensions": ["h", "p", "q"], "pipelines": {"logs": {}, "traces": {}}},
        }
    )


@pytest.mark.parametrize(
    "other",
    [
        {"receivers": {"a": {"x": 2}}},
        {"receivers": {"a": {"x": 1, "y": 2}}},
        {"receivers": {"a": {}}},
        {"service": {"telemetry": {"logs": {"level": "debug"}}}},
        {"processors": {"logrecord": {"id_attribute": "id"}}},
        {"processors": {"logrecord": {"sources": {"s": {"format": "text"}}}}},
    ],
    ids=["value", "further key", "missing key", "telemetry", "logrecord", "source"],
)
def test_two_configurations_that_disagree_are_not_merged(other: dict[str, Any]) -> None:
    one = {
        "processors": {"logrecord": {"id_attribute": "uid", "sources": {"s": {"format": "json"}}}},
        "receivers": {"a": {"x": 1}},
        "service": {"telemetry": {"logs": {"level": "info"}}},
    }
    with pytest.raises(ValueError, match="expected the same of agent and gateway"):
        collector.merged(one, other)


@pytest.mark.engine
@pytest.mark.parametrize(
    "value",
    ['"', "\\", "$1", "${env:HOME}", "a\nb", "'", "${file:/etc/hostname}", '") where true', "%s", "é"],
)
def test_no_text_of_the_stack_breaks_out_of_its_place(value: str, tmp_path: Path) -> None:
    """The settings still hold the text itself, after the collector has expanded them."""
    spec = specs.spec(logging={"enrichment": {"note": value}})
    folder = accepted(tmp_path, spec)
    result = engines.run(command(), folder)
    assert result.returncode == 0, result.stdout
    assert records(spec)["enrichment"]["note"] == value.replace("$", "$$")


@pytest.mark.engine
def test_the_collector_refuses_what_is_wrong(tmp_path: Path) -> None:
    """So the tests above can fail."""
    folder = accepted(tmp_path, specs.spec())
    path = folder / "collector.yaml"
    for right, wrong in (
        ("format: json", "format: jsonn"),
        ("http_status: long", "http_status: number"),
        ("fsync: true", "fsyncc: true"),
        ("block_on_overflow: true", "block_on_overflow: false"),
        ("rejected_index: logs-rejected", "rejected_index: logs"),
    ):
        text = path.read_text()
        assert right in text
        path.write_text(text.replace(right, wrong))
        assert engines.run(command(), folder).returncode != 0, wrong
        path.write_text(text)


def accepted(root: Path, spec: Spec) -> Path:
    """A conf folder as on a host, with the secrets beside it."""
    (root / "secrets").mkdir()
    (root / "secrets" / collector_logs.PROGRAM.password).write_text("only-for-this-test")
    return engines.write(root / "units/collector/conf", texts(collector.render(spec, local_site(spec))))


def command(path: str = "collector.yaml") -> list[str]:
    return [engines.program("otelcol", "otelcol"), "validate", "--config", path]


def test_a_new_service_adds_its_receiver_and_moves_nothing() -> None:
    before = texts(collector.render(specs.spec(), local_site(specs.spec())))["collector.yaml"]
    new = {"name": "zoo", "owner": "checkout", "logs": [{"path": "/var/log/zoo.log"}], "slo": None}
    spec = specs.spec(services=[*specs.stack()["services"], {**new, "traces": {"protocol": "none"}}])
    after = texts(collector.render(spec, local_site(spec)))["collector.yaml"]
    lines = iter(after.splitlines())
    assert all(line in lines for line in before.splitlines()), "a line was changed or moved"
    assert "logfiles/zoo" in settings(spec)["service"]["pipelines"]["logs"]["receivers"]


def test_nothing_loses_lines() -> None:
    """What ADR 6 asks for: see there what each of these is against."""
    whole = settings(specs.spec())
    assert not any(name.startswith("batch") for name in whole["processors"])
    for name, receiver in whole["receivers"].items():
        if name.startswith("logfiles/"):
            assert receiver["storage"] == "file_storage/logs"
    exporter = whole["exporters"]["opensearchlogs"]
    assert exporter["sending_queue"]["block_on_overflow"] is True
    assert exporter["sending_queue"]["storage"] == "file_storage/logs"
    assert exporter["retry_on_failure"]["max_elapsed_time"] == "0s"
    assert whole["extensions"]["file_storage/logs"]["fsync"] is True


def test_the_processor_knows_every_source_and_the_mapping_of_the_store() -> None:
    spec = specs.spec(logging={"fields": [{"name": "http.status", "type": "long"}], "retention": "2w"})
    found = records(spec)
    receivers = settings(spec)["receivers"]
    assert {f"logfiles/{name}" for name in found["sources"]} == {
        name for name in receivers if name.startswith("logfiles/")
    }
    template = json.loads(
        texts(opensearch_store.render(spec, local_site(spec)))["setup/index-templates/obs-logs.json"]
    )
    mapped = template["template"]["mappings"]["properties"]
    assert found["fields"] == {name: mapping["type"] for name, mapping in mapped.items()}
    assert found["fields"]["http.status"] == "long"
    assert found["window"] == {"past": "360h", "future": "24h"}
    assert found["id_attribute"] == collector_logs.UID


def test_a_record_of_several_lines_is_matched_as_a_whole() -> None:
    multiline = {"start_pattern": r"^\d{4}-", "max_lines": 50, "max_wait": "2s"}
    log = {
        "path": "/var/log/zoo.log",
        "format": "regex",
        "pattern": "^(?P<message>.*)$",
        "multiline": multiline,
    }
    new = {"name": "zoo", "owner": "checkout", "logs": [log], "slo": None, "traces": {"protocol": "none"}}
    spec = specs.spec(services=[*specs.stack()["services"], new])
    receiver = settings(spec)["receivers"]["logfiles/zoo"]
    assert receiver["multiline"] == {
        "line_start_pattern": r"^\d{4}-",
        "max_lines": 50,
        "max_wait": "2s",
    }
    assert records(spec)["sources"]["zoo"]["pattern"].startswith("(?s)^(?P<message>.*)")


@pytest.mark.parametrize(
    ("multiline", "message"),
    [
        ({}, "start_pattern"),
        ({"start_pattern": ".*"}, "does not match the empty text"),
        ({"start_pattern": "("}, "RE2"),
        ({"start_pattern": "^x", "max_lines": 1}, "max_lines"),
        ({"start_pattern": "^x", "max_wait": "2m"}, "at most 60s"),
    ],
)
def test_a_beginning_of_records_that_cannot_work_is_refused(multiline: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        specs.spec(logging={"inputs": [{"name": "app", "path": "/var/log/app.log", "multiline": multiline}]})


def test_redaction_comes_last_in_logs_and_before_metrics_of_spans() -> None:
    pipelines = settings(specs.spec())["service"]["pipelines"]
    assert pipelines["logs"]["processors"][-1] == "scrub"
    assert pipelines["traces"]["processors"][-1] == "scrub"
    assert pipelines["traces"]["exporters"] == ["forward/spans"]
    for name in ("traces/counted", "traces/kept"):
        assert pipelines[name]["receivers"] == ["forward/spans"]


def test_everything_listens_on_loopback() -> None:
    spec = specs.spec()
    text = texts(collector.render(spec, local_site(spec)))["collector.yaml"]
    endpoints = [line.split(":", 1)[1].strip() for line in text.splitlines() if " endpoint:" in line]
    assert endpoints
    assert all(item.removeprefix("https://").startswith("127.0.0.1:") for item in endpoints)
    assert "0.0.0.0" not in text  # noqa: S104
    reader = settings(spec)["service"]["telemetry"]["metrics"]["readers"][0]
    assert reader["pull"]["exporter"]["prometheus"]["host"] == "127.0.0.1"


def test_no_secret_and_no_absolute_path_of_ours() -> None:
    whole = settings(specs.spec())
    assert (
        whole["exporters"]["opensearchlogs"]["password"]
        == f"${{file:../../../secrets/{collector_logs.PROGRAM.password}}}"
    )
    for extension in ("file_storage/logs", "file_storage/traces"):
        assert whole["extensions"][extension]["directory"].startswith("../data/")


def test_sampling_names_only_what_is_thinned_out() -> None:
    assert records(specs.spec(logging={"sampling": {"debug": 0.5, "info": 0.0}}))["sampling"] == {
        "debug": 0.5,
        "info": 0.0,
    }
    assert records(specs.spec(logging={"sampling": {"debug": 1.0, "info": 1.0}}))["sampling"] == {}


def test_tail_sampling_keeps_what_the_stack_says() -> None:
    bare_keep = settings(CASES["plain"])["processors"]["keep"]
    assert bare_keep["marks"] == [{"key": "customer.tier", "value": "gold"}]
    assert (bare_keep["errors"], bare_keep["ratio"], bare_keep["slow"]) == (False, 0, "500ms")
    whole = settings(specs.spec())["processors"]["keep"]
    assert whole["marks"] == [{"key": "probe.keep", "value": True}]
    assert (whole["errors"], whole["ratio"], whole["wait"], whole["root_wait"]) == (True, 0.2, "10s", "60s")


def test_a_mark_that_reads_like_another_kind_stays_text() -> None:
    for value in ("true", "5", "null", "${env:HOME}"):
        marked = {"tail_sampling": {"keep_attributes": [{"key": "k", "value": value}]}}
        [mark] = settings(specs.spec(tracing=marked))["processors"]["keep"]["marks"]
        assert mark["value"] == value.replace("$", "$$")


def test_a_file_that_a_source_names_is_read_by_that_source_alone() -> None:
    logs = [{"path": "/var/log/zoo/*.log"}, {"path": "/var/log/zoo/audit.log", "format": "text"}]
    inputs = [{"name": "all", "path": "/var/log/**/*.log"}, {"name": "cron", "path": "/var/log/cron"}]
    service = {"name": "zoo", "owner": "checkout", "logs": logs, "slo": None}
    receivers = settings(specs.spec(services=[service], logging={"inputs": inputs}))["receivers"]
    assert receivers["logfiles/zoo"]["exclude"] == ["/var/log/zoo/audit.log"]
    assert "exclude" not in receivers["logfiles/zoo-2"]
    everything = ["/var/log/cron", "/var/log/zoo/*.log", "/var/log/zoo/audit.log"]
    assert receivers["logfiles/all"]["exclude"] == everything


def test_of_globs_that_match_the_same_file_the_one_that_says_most_reads_it() -> None:
    paths = [
        "/var/log/*.log",
        "/srv/a-*.log",
        "/srv/*-b.log",
        "/srv/*.log",
        "/var/log/a-*.log",
        "/srv/*-c.log",
    ]
    inputs = [{"name": f"n{number}", "path": path} for number, path in enumerate(paths)]
    receivers = settings(bare(logging={"inputs": inputs}))["receivers"]
    excluded = {path: receivers[f"logfiles/n{number}"].get("exclude") for number, path in enumerate(paths)}
    assert excluded == {
        "/var/log/*.log": ["/var/log/a-*.log"],
        "/var/log/a-*.log": None,
        "/srv/a-*.log": None,
        "/srv/*-b.log": ["/srv/a-*.log"],
        "/srv/*-c.log": ["/srv/*-b.log", "/srv/a-*.log"],
        "/srv/*.log": ["/srv/*-b.log", "/srv/*-c.log", "/srv/a-*.log"],
    }
