"""A unit of the journal as a log source: who reads it, what the log agent reads, what is refused."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from components.spec import Spec
from targets import plan, refusals
from tests import specs
from vsi.servers.preflight import asked_for
from vsi.unit import HostUnit


def _with(log: dict[str, Any], **inputs: Any) -> specs.Stack:
    """The shop on servers, with billing, on app-1, in the journal."""
    stack = specs.on_servers(**inputs)
    stack["services"][4]["logs"] = [log]
    return stack


def _spec(stack: specs.Stack) -> Spec:
    return Spec.model_validate_json(json.dumps(stack))


def _units(stack: specs.Stack) -> dict[str, HostUnit]:
    spec = _spec(stack)
    assert not [*spec.problems(), *refusals(spec)]
    return {part.id: part for part in plan(spec, "dev").parts if isinstance(part, HostUnit)}


def _told(stack: specs.Stack) -> dict[str, str]:
    return {problem.key: problem.expected for problem in _spec(stack).problems()}


def test_a_host_that_has_such_a_source_has_the_reader() -> None:
    units = _units(_with({"journal": "billing@1.service", "format": "text"}))
    assert [id_ for id_ in units if id_.startswith("journal@")] == ["journal@app-1"]
    unit = units["journal@app-1"]
    (row,) = json.loads(dict(unit.files)["settings.json"])["units"]
    assert row == {"unit": "billing@1.service", "file": "billing@1.service.log", "form": "record"}
    assert unit.process.command[-2:] == ("--folder", "{log}")


def test_an_input_is_read_on_every_host() -> None:
    units = _units(specs.on_servers(logging={"inputs": [{"name": "cron", "journal": "cron.service"}]}))
    assert len([id_ for id_ in units if id_.startswith("journal@")]) == 4


def test_such_a_host_is_asked_for_journalctl() -> None:
    units = _units(_with({"journal": "billing.service"}))
    with_it = {
        unit.place
        for unit in units.values()
        if "journalctl" in asked_for([other for other in units.values() if other.place == unit.place])
    }
    assert with_it == {"app-1"}


def test_nobody_reads_a_journal_that_no_source_names() -> None:
    assert not [id_ for id_ in _units(specs.on_servers()) if id_.startswith("journal@")]


@pytest.mark.parametrize(
    ("log", "form", "read"),
    [
        ({"format": "text"}, "record", "json"),
        ({"format": "text", "multiline": {"start_pattern": "^x"}}, "lines", "text"),
        ({"format": "json"}, "json", "json"),
        ({"format": "json", "multiline": {"start_pattern": "^x"}}, "lines", "json"),
        ({"format": "regex", "pattern": "(?P<message>.*)"}, "line", "regex"),
    ],
)
def test_the_log_agent_reads_what_the_reader_writes(log: dict[str, Any], form: str, read: str) -> None:
    units = _units(_with({"journal": "mnt-a\\x2db.mount", **log}))
    (row,) = json.loads(dict(units["journal@app-1"].files)["settings.json"])["units"]
    config = dict(units["collector-agent@app-1"].files)["collector.yaml"]
    assert row["form"] == form
    assert f"/var/log/obs/dev/journal/{row['file']}\n" in config
    assert "\\" not in row["file"], "which a glob would take for something else"
    assert f"legacy-billing:\n        format: {read}\n" in config


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ({"journal": "a.service", "path": "/var/log/a.log"}, "not both"),
        ({"journal": "nginx"}, "with its suffix"),
        ({"journal": "*.service"}, "with its suffix"),
        ({"journal": "a b.service"}, "with its suffix"),
        ({"journal": "worker@.service"}, "expected an instance of the template"),
        ({"journal": "obs-dev-jaeger.service"}, "expected no unit of the stack's own"),
    ],
)
def test_what_is_no_unit_to_be_read_is_refused(log: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        _spec(_with(log))


@pytest.mark.parametrize("where", [{}, {"path": "/var/log/a.log", "journal": "a.service"}])
def test_an_input_is_read_in_one_place(where: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="one of the two"):
        _spec(specs.on_servers(logging={"inputs": [{"name": "a", **where}]}))


def test_no_two_sources_have_one_unit() -> None:
    twice = _with({"journal": "a.service"}, logging={"inputs": [{"name": "other", "journal": "a.service"}]})
    assert _told(twice) == {
        "logging.inputs[0].journal": "expected a unit of its own; services[4].logs[0].journal has it too"
    }


@pytest.mark.parametrize("journal", [True, False])
def test_prometheus_judges_the_reader_where_there_is_one(journal: bool) -> None:
    units = _units(_with({"journal": "billing.service"}) if journal else specs.on_servers())
    rules = dict(units["prometheus@obs-1"].files)
    assert ("rules/platform-journal.yml" in rules) is journal
