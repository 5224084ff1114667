"""Bad stack files: every error at once, each with key, value, expectation, file and line."""

import copy
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.spec import Spec
from components.spec.problem import Refused, written
from obs.describe import describe
from stacks.loader import STACKS, StackFileError, load, names, validate
from stacks.schema import FILE, text
from stacks.source import Node, merge, parse
from targets import refusals
from tests.stacks.conftest import LOCAL, Broken

BASE = parse(STACKS / "base.yaml", "base")
NEW_FIELD = f"logging.fields[{len(BASE.plain()['logging']['fields'])}].name"
CASES: list[tuple[str, str, str, str, str]] = [
    # old, new, key, value, part of what was expected
    ("tier: dev", "tier: prd", "environment.tier", "'prd'", "'dev', 'test', 'staging' or 'prod'"),
    ("tier: dev", "tear: dev", "environment.tear", "'dev'", "did you mean tier"),
    ("      tier: dev\n", "", "environment.tier", "", "required"),
    ("target: local", "target: mars", "environment.target", "'mars'", "'local', 'vsi'"),
    ("scrape_interval: 5s", "scrape_interval: 5", "metrics.scrape_interval", "5", "as in '15s'"),
    ("scrape_interval: 5s", "scrape_interval: 5 s", "metrics.scrape_interval", "'5 s'", "as in '15s'"),
    ("scrape_timeout: 4s", "scrape_timeout: 40s", "metrics.scrape_timeout", "'40s'", "which is 5s"),
    ("owner: payments", "owner: Payments", "services[2].owner", "'Payments'", "lower-case"),
    ("owner: payments", "owner: nobody", "services[2].owner", "'nobody'", "payments, platform, shop-web"),
    ("port_offset: 152", "port_offset: 153", "services[3].run.port_offset", "153", "payments has it"),
    (
        "port_offset: 152",
        "port_offset: 99",
        "services[2].run.port_offset",
        "99",
        "a number of at least 100",
    ),
    ("calls: [payments, inventory]", "calls: [ghost]", "services[1].run.calls[0]", "'ghost'", "service with"),
    (
        "calls: [payments, inventory]",
        "calls: [gateway]",
        "services[0].run.calls",
        "'gateway -> orders",
        "dependency cycle",
    ),
    ("slo: null", "slo: {}", "services[4].slo.metrics", "", "slo: null"),
    ("metrics: [{}]", "metrics: {}", "services[0].metrics", "a mapping", "a list"),
    ("exporters: [node,", "exporters: [nod,", "metrics.exporters[0]", "'nod'", "'node', 'redis' or"),
    (
        "kind: slack, to_sink: true",
        "kind: slack, secret: hunter2",
        "alerting.receivers[1].secret",
        "(not",
        "none",
    ),
    ("kind: slack, to_sink: true", "kind: slack", "alerting.receivers[1]", "", "exactly one of"),
    ("replicas: 0", "replicas: no", "logging.index.replicas", "'no'", "a whole number"),
    ("retention: 3d", "retention: 36h", "logging.retention", "'36h'", "whole days"),
    (
        "keep_ratio: 0.2",
        "keep_ratio: 20",
        "tracing.tail_sampling.keep_ratio",
        "20",
        "a number of at most 1",
    ),
    ("receiver: watchdog", "receiver: nobody", "alerting.dead_mans_switch.receiver", "'nobody'", "watchdog"),
    ("    services:", "    services: []\n    services:", "services", "", "stands at"),
    ("config:", "configuration:", "configuration", "", "unknown key"),
    (
        "retention: 3d",
        "buffer: {size: 63MiB}\n      retention: 3d",
        "logging.buffer.size",
        "'63MiB'",
        "64MiB",
    ),
    *(
        (
            "    metrics:\n      scrape_interval",
            f"    metrics:\n      scrape_jobs: [{job}]\n      scrape_interval",
            f"metrics.scrape_jobs[0].{key}",
            value,
            expected,
        )
        for job, key, value, expected in (
            ("{name: a, targets: ['h:9'], labels: {env: x}}", "labels.env", "'x'", "take it out"),
            ("{name: a, targets: ['h:9'], labels: {job: x}}", "labels.job", "'x'", "but for service, owner"),
            (
                "{name: a, targets: ['h:9'], labels: {user_id: x}}",
                "labels.user_id",
                "'x'",
                "forbidden_labels",
            ),
            ("{name: a, targets: ['h:0']}", "targets[0]", "'h:0'", "from 1 to 65535"),
            ("{name: a, targets: ['h:65536']}", "targets[0]", "'h:65536'", "from 1 to 65535"),
        )
    ),
    *(
        ("      index: {prefix: logs", f"      {text}\n      index: {{prefix: logs", key, value, expected)
        for text, key, value, expected in (
            ("fields: [{name: a..b, type: long}]", NEW_FIELD, "'a..b'", "a field name"),
            ("fields: [{name: a., type: long}]", NEW_FIELD, "'a.'", "a field name"),
            ("fields: [{name: service.name, type: long}]", NEW_FIELD, "'service", "service is"),
            ("fields: [{name: team.x, type: long}]", NEW_FIELD, "'team.x'", "team is one itself"),
            (
                "enrichment: {host.a.b: x}",
                "logging.enrichment.'host.a.b'",
                "'host.a.b'",
                "host is one itself",
            ),
            (
                "enrichment: {a: x}\n      fields: [{name: a.b.c, type: long}]",
                NEW_FIELD,
                "'a.b.c'",
                "a is one itself",
            ),
        )
    ),
    ('code=~"5.."', 'job="x"', "services[0].slo.metrics.errors", "'job", "does not set itself"),
    ('code=~"5.."', 'code=~".*"', "services[0].slo.metrics.errors", "'code", "does not pick"),
    (
        "options: {rate: 5}",
        "options: {Rate: 5}",
        "services[4].run.options.Rate",
        "'Rate'",
        "the name of an option",
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "key", "value", "expected"), CASES, ids=[case[1].strip() for case in CASES]
)
def test_a_problem_names_key_value_expectation_and_line(
    broken: Broken, old: str, new: str, key: str, value: str, expected: str
) -> None:
    problems = [problem for problem in broken(old, new) if problem.key == key]
    assert problems, f"no problem at {key}: {[str(problem) for problem in broken(old, new)]}"
    assert any(expected in problem.expected for problem in problems), [str(problem) for problem in problems]
    assert problems[0].shown.startswith(value)
    file, line = problems[0].where.split(":")
    assert file == "stacks/Pulumi.local.yaml"
    changed = LOCAL[: LOCAL.index(old)].count("\n") + 1
    near = (
        30
        if key == "services[3].run.port_offset"
        or problems[0].shown in ("a mapping", "'gateway -> orders -> gateway'", "")
        else 1
    )
    assert abs(int(line) - changed) <= near + new.count("\n")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("    tracing:\n", "    tracing:\n      head_sampling: 2\n", "tracing.head_sampling"),
        ("scrape_interval: 5s", "scrape_interval: 5", "metrics.scrape_interval"),
        ("port_base: 21000", "port_base: 80", "deploy.port_base"),
    ],
)
def test_a_broken_section_hides_no_check_of_the_others(folder: Path, old: str, new: str, key: str) -> None:
    text = LOCAL.replace("owner: shop-web", "owner: nobody", 1)
    assert old in text
    (folder / "Pulumi.local.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(StackFileError) as caught:
        load("local", folder)
    told = [problem.key for problem in caught.value.problems]
    assert sorted(told) == sorted(["services[0].owner", key])


def test_the_problems_of_every_section_are_told_at_once(folder: Path) -> None:
    content = LOCAL.replace("tier: dev", "tier: prd").replace(
        "owner: warehouse", "owner: Ghosts\n        shoe: 1"
    )
    content = content.replace("replicas: 0", "replicas: -1").replace("watchdog, interval", "hound, interval")
    (folder / "Pulumi.local.yaml").write_text(content)
    with pytest.raises(StackFileError) as caught:
        load("local", folder)
    keys = {problem.key for problem in caught.value.problems}
    assert {
        "environment.tier",
        "services[3].owner",
        "services[3].shoe",
        "logging.index.replicas",
        "tracing.storage.replicas",
        "alerting.dead_mans_switch.receiver",
    } <= keys


def test_what_the_target_cannot_do_is_told_with_all_else_and_its_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = LOCAL.replace("replicas: 0", "replicas: 1").replace("redis: true", "redis: false")
    content = content.replace("owner: payments", "owner: nobody")
    (folder / "Pulumi.local.yaml").write_text(content)
    monkeypatch.setattr("stacks.loader.load", functools.partial(load, folder=folder))
    with pytest.raises(Refused) as caught:
        describe("local")
    lines = content.splitlines()
    for told, (key, line_of) in zip(
        str(caught.value).splitlines(),
        (
            ("services[2].owner = 'nobody'", "owner: nobody"),
            ("metrics.exporters = 'redis'", "exporters:"),
            ("logging.index.replicas = 1", "index: {prefix: logs"),
            ("tracing.storage.replicas = 1", "storage: {replicas: 1}"),
        ),
        strict=True,
    ):
        where, said, expected = told.split(": ", 2)
        file, line = where.split(":")
        assert file == "stacks/Pulumi.local.yaml"
        assert line_of in lines[int(line) - 1]
        assert said == key
        assert expected.startswith("expected ")


def test_what_cannot_be_read_makes_no_problem_elsewhere(broken: Broken) -> None:
    """The stack's only user of Redis cannot be read; that is no reason to say that nobody uses it."""
    assert [item.key for item in broken("redis: true", "redis: perhaps")] == ["services[3].run.redis"]


def test_a_key_of_run_that_is_wrong_makes_no_other_problem(broken: Broken) -> None:
    found = broken("command: ['{python}', -m, demo.inventory]", "comand: [a]")
    assert {item.key for item in found} == {"services[3].run.comand", "services[3].run.command"}


def test_a_value_that_may_be_a_secret_is_not_shown(broken: Broken) -> None:
    told = "\n".join(str(p) for p in broken("kind: slack, to_sink: true", "kind: slack, secret: hunter2"))
    assert "hunter2" not in told


def test_a_problem_in_the_base_file_names_the_base_file(folder: Path) -> None:
    base = (folder / "base.yaml").read_text()
    (folder / "base.yaml").write_text(base.replace("sampling: {debug: 0.1", "sampling: {debug: 7"))
    with pytest.raises(StackFileError) as caught:
        load("local", folder)
    assert [(p.where.split(":")[0], p.key) for p in caught.value.problems] == [
        ("stacks/base.yaml", "logging.sampling.debug")
    ]


def test_named_things_are_merged_by_name(folder: Path) -> None:
    team = "    alerting:\n      teams: [{name: payments, receiver: web-slack}]\n"
    (folder / "Pulumi.local.yaml").write_text(LOCAL.replace("    alerting:\n", team, 1))
    teams = {item.name: item.receiver for item in load("local", folder).alerting.teams}
    assert teams["payments"] == "web-slack"
    assert teams["platform"] == "platform-ticket"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"config: [",
        b"a: &x [*x]",
        b"- 1",
        b"? [a]\n: 1",
        b"config: {obs:spec: 5}",
        b"config: {obs:spec: !!python/object:os.system {}}",
        b"--- {}\n--- {}",
        b"[" * 1500,
        b'"\\ud800": 1',
        b"config:\n  obs:spec: {environment: " + b"9" * 5000 + b"}",
        b"\x00",
        b"config:\n\tobs:spec: 1",
        b"x" * 1_000_001,
    ],
    ids=lambda content: repr(content[:24]),
)
def test_what_is_no_stack_file_is_refused_with_its_place(folder: Path, content: bytes) -> None:
    (folder / "Pulumi.local.yaml").write_bytes(content)
    with pytest.raises(StackFileError) as caught:
        load("local", folder)
    assert caught.value.problems
    assert all(problem.where.startswith("stacks/Pulumi.local.yaml") for problem in caught.value.problems)
    assert all(str(problem).isprintable() for problem in caught.value.problems)


@pytest.mark.parametrize("name", ["", "nope", "../local", "a/b", "x" * 200])
def test_an_unknown_stack_is_told_with_those_that_exist(folder: Path, name: str) -> None:
    with pytest.raises(StackFileError, match="expected a stack that has a file: local"):
        load(name, folder)


def test_the_port_base_of_the_environment_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBS_PORT_BASE", "31000")
    assert load("local", folder).deploy.port_base == 31000
    monkeypatch.setenv("OBS_PORT_BASE", "80")
    with pytest.raises(StackFileError, match="OBS_PORT_BASE"):
        load("local", folder)


DOCUMENT = yaml.safe_load(LOCAL)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.just("local"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def _paths(value: Any, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [here] if here else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [path for key, item in items for path in _paths(item, (*here, key))]


def _broken_document(data: Any) -> Any:
    document = copy.deepcopy(DOCUMENT)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(_paths(document)))
        place = document
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = data.draw(VALUES)
    return document


def _node(value: Any) -> Node:
    if isinstance(value, dict):
        return Node({str(key): _node(item) for key, item in value.items()}, "x:1", {})
    return Node([_node(item) for item in value] if isinstance(value, list) else value, "x:1", {})


def _spec_or_problems(make: Callable[[], Spec]) -> None:
    try:
        assert make().environment.name
    except StackFileError as error:
        problems = error.problems
    else:
        return
    assert problems
    assert all(str(problem).isprintable() and problem.expected for problem in problems)


@settings(max_examples=1000, deadline=None)
@given(data=st.data())
def test_generated_specs_give_a_spec_or_problems_never_a_traceback(data: Any) -> None:
    document = _broken_document(data)
    spec = document.get("config", {}) if isinstance(document.get("config"), dict) else {}
    _spec_or_problems(lambda: validate(merge(BASE, _node(spec.get("obs:spec"))), refusals))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_generated_stack_files_give_a_spec_or_problems_never_a_traceback(folder: Path, data: Any) -> None:
    text = yaml.safe_dump(_broken_document(data), allow_unicode=True)
    (folder / "Pulumi.local.yaml").write_text(text, encoding="utf-8")
    _spec_or_problems(lambda: load("local", folder))


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_give_problems(folder: Path, content: bytes) -> None:
    (folder / "Pulumi.local.yaml").write_bytes(content)
    with pytest.raises(StackFileError):
        load("local", folder)


def test_the_committed_schema_is_the_generated_one() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "run `make generate`"
    assert "obs:spec" in json.loads(text())["properties"]["config"]["properties"]


def test_every_committed_stack_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OBS_PORT_BASE", raising=False)
    assert names()
    for name in names():
        assert load(name).services


def test_yaml_1_2_scalars(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("a: on\nb: '2026-01-01'\nc: '0x10'\nd: true\ne: ~\nf: 1e3\ng: 12\n")
    expected = {"a": "on", "b": "2026-01-01", "c": "0x10", "d": True, "e": None, "f": 1000.0, "g": 12}
    assert parse(file, "x").plain() == expected


def test_a_path_as_people_write_it() -> None:
    assert written(("services", 0, "owner")) == "services[0].owner"
    assert STACKS.name == "stacks"
