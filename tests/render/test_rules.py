"""Every alert under contract: who owns it, what to do, and proof that it fires and that it keeps silent."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from components.render import prometheus
from components.render.text import texts
from components.rules import files, promtool
from components.rules.alertmanager import DEAD_MANS_SWITCH
from components.rules.certificates import certificates
from components.rules.clusters import clusters
from components.rules.journal import journal
from components.rules.model import Alert, Group, Recording, RuleFile, labels, number, to_native
from components.rules.slo import FAST, SLOW, threshold
from components.spec import Spec
from components.spec.matchers import examples
from tests.render.engines import program, run, write
from tests.sites import of_host
from tests.specs import service, spec, stack
from vsi.site import local_site

ROOT = Path(__file__).resolve().parent.parent.parent
SPEC = spec()
SITE = local_site(SPEC)
FILES = texts(prometheus.render(SPEC, SITE))
BUILT_IN = [(file, alert) for file in files.rule_files(SPEC, SITE) for alert in file.alerts]
SERVERS = (*clusters(SPEC, of_host(SPEC, "obs-1")), *certificates(SPEC), *journal(SPEC))
"""Alerts that a stack on several hosts has besides."""
OF_SERVERS = RuleFile("platform-servers", (Group("platform-servers", "15s", SERVERS),))
MEASURED = replace(
    OF_SERVERS, groups=(Group("platform-servers", "15s", (*certificates(SPEC), *journal(SPEC))),)
)
"""Those of them whose thresholds are no small whole numbers."""
NAMES = sorted({alert.name for alert in (*(alert for _, alert in BUILT_IN), *SERVERS)})
SECTIONS = ["## What it means", "## Look at", "## Do", "## When it clears"]


def rules_in(files: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every alerting rule of rendered files, with its file."""
    for name, text in files.items():
        if name.startswith("rules/"):
            for group in yaml.safe_load(text)["groups"]:
                yield from ((name, rule) for rule in group["rules"] if "alert" in rule)


def cases_in(files: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every promtool test of rendered files, with the rule file it is for."""
    for name, text in files.items():
        if name.startswith("tests/"):
            content = yaml.safe_load(text)
            for test in content["tests"]:
                yield content["rule_files"][0].removeprefix("../"), test


@pytest.mark.parametrize(("file", "rule"), [*rules_in(FILES)])
def test_every_alert_says_who_and_what_and_where_to_read_on(file: str, rule: dict[str, Any]) -> None:
    teams = {team.name for team in SPEC.alerting.teams}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["labels"]["team"] in teams, file
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    assert all(rule["annotations"].values())
    base = SPEC.alerting.runbook_base
    assert base is not None
    assert rule["annotations"]["runbook"] == f"{base}docs/runbooks/{rule['alert']}.md"


def missing_tests(files: dict[str, str]) -> list[str]:
    """Alerts that lack a test in which they fire, or one in which they are silent."""
    fires: set[tuple[str, str]] = set()
    silent: set[tuple[str, str]] = set()
    for file, test in cases_in(files):
        for check in test.get("alert_rule_test", []):
            (fires if check["exp_alerts"] else silent).add((file, check["alertname"]))
        for check in test.get("promql_expr_test", []):
            if named := re.search(r'alertname="(\w+)"', check["expr"]):
                (fires if check["exp_samples"][0]["value"] else silent).add((file, named[1]))
    found = []
    for file, rule in rules_in(files):
        where = (file, rule["alert"])
        if where not in fires:
            found.append(f"{file} {rule['alert']} fires")
        if where not in silent and rule["alert"] != DEAD_MANS_SWITCH:
            found.append(f"{file} {rule['alert']} silent")
    return found


def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    assert missing_tests(FILES) == []
    for name, whole in odd_stacks().items():
        assert missing_tests(texts(prometheus.render(whole, local_site(whole)))) == [], name


def test_a_missing_test_would_be_seen() -> None:
    assert missing_tests(FILES | {"tests/custom.yml": FILES["tests/platform-redis.yml"]}) == [
        "rules/custom.yml PaymentsDeclinedOften fires",
        "rules/custom.yml PaymentsDeclinedOften silent",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_has_a_runbook(name: str) -> None:
    page = ROOT / "docs" / "runbooks" / f"{name}.md"
    assert page.is_file(), f"write docs/runbooks/{name}.md"
    lines = page.read_text().splitlines()
    assert lines[0] == f"# {name}"
    assert [line for line in lines if line.startswith("## ")] == SECTIONS
    for section in SECTIONS:
        following = lines[lines.index(section) + 1 :]
        text = next((line for line in following if line.strip()), "## ")
        assert not text.startswith("## "), f"{section} is empty"


def test_every_runbook_belongs_to_an_alert_and_is_listed() -> None:
    folder = ROOT / "docs" / "runbooks"
    pages = sorted(path.stem for path in folder.glob("*.md") if path.name != "README.md")
    assert pages == NAMES
    listed = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \|", (folder / "README.md").read_text(), re.M)
    assert listed == [(name, name) for name in NAMES]


def test_the_team_of_an_alert_is_its_owner_not_the_environments() -> None:
    owners = {item.name: item.owner for item in SPEC.services}
    for file, rule in rules_in(FILES):
        name = file.removeprefix("rules/").removesuffix(".yml")
        if name != "custom":
            assert rule["labels"]["team"] == owners.get(name, SPEC.alerting.platform_team)


def test_a_service_without_promises_only_has_alerts_on_its_target() -> None:
    alerts = {rule["alert"] for file, rule in rules_in(FILES) if file == "rules/legacy-billing.yml"}
    assert alerts == {
        "ForbiddenLabelsDropped",
        "LogRecordsNotUnderstood",
        "PushedMetricsBounded",
        "ScrapeAborted",
        "ScrapeLimitExceeded",
        "SpanMetricsBounded",
        "SpansMended",
        "TargetDown",
    }


def test_thresholds_come_from_the_stack_file() -> None:
    whole = spec(
        metrics={
            "rules": {
                "error_ratio": 0.07,
                "error_window": "10m",
                "error_hold": "3m",
                "min_requests_per_second": 2.5,
                "target_down": "4m",
                "disk_free": 0.2,
                "ingestion_stalled": "20m",
            }
        }
    )
    rules = {
        (file, rule["alert"]): rule
        for file, rule in rules_in(texts(prometheus.render(whole, local_site(whole))))
    }
    high = rules["rules/gateway.yml", "ServiceErrorRatioHigh"]
    assert "service:error_ratio:rate10m" in high["expr"]
    assert "> 0.07\n" in high["expr"]
    assert ">= 2.5" in high["expr"]
    assert high["for"] == "3m"
    assert rules["rules/gateway.yml", "TargetDown"]["for"] == "4m"
    assert rules["rules/platform-host.yml", "DiskSpaceLow"]["expr"].endswith("< 0.2\n)")
    stalled = rules["rules/platform-collector.yml", "LogIngestionStalled"]
    assert ("[10m]" in stalled["expr"], stalled["for"]) == (True, "10m")


@pytest.mark.parametrize(
    ("target", "first"), [(99.9, "0.0144"), (99.5, "0.072"), (90.0, "0.9"), (5.0, "0.975")]
)
def test_burn_rates_stay_reachable_for_weak_promises(target: float, first: str) -> None:
    limits = [threshold(burn, target) for burn in (*FAST, *SLOW)]
    assert number(limits[0]) == first
    assert all(limit < 1 for limit in limits)
    assert limits == sorted(limits, reverse=True)


@pytest.mark.parametrize(
    ("matcher", "good", "bad"),
    [
        ('code=~"5.."', 'code="200"', 'code="500"'),
        ('code!~"2..|3.."', 'code="200"', 'code="500"'),
        ('outcome="failed"', 'outcome="200"', 'outcome="failed"'),
        ('ok!="true"', 'ok="true"', 'ok="200"'),
        ('status=~"(err|fail)[a-z]+"', 'status="200"', 'status="erra"'),
        ('code=~"[[:digit:]]7."', 'code="200"', 'code="070"'),
        ('outcome=~"(?i)declined|late"', 'outcome="200"', 'outcome="declined"'),
        ('code=~"(?:E|W)[^0-9a-z_]x?(a|b(c|d))+$"', 'code="200"', 'code="EAa"'),
        ('reason!=""', 'reason=""', 'reason="200"'),
    ],
)
def test_examples_of_good_and_failed_requests(matcher: str, good: str, bad: str) -> None:
    assert examples(matcher) == (good, bad)


@pytest.mark.parametrize(
    ("matcher", "what"),
    [('code=~".*"', "does not pick"), ('code!~".*"', "picks"), ('code=~"a^b"', "picks")],
)
def test_a_matcher_whose_alerts_could_not_be_tested_is_refused_by_name(matcher: str, what: str) -> None:
    with pytest.raises(ValidationError, match=rf"slo\.metrics\.errors(.|\n)*'code' that it {what}"):
        spec(services=service("payments", slo={"metrics": {"errors": matcher}}))


def promtool_tests(folder: Path, files: dict[str, str], *arguments: str) -> tuple[int, str]:
    write(folder, {name: text for name, text in files.items() if name.startswith(("rules/", "tests/"))})
    names = sorted(name for name in files if name.startswith("tests/"))
    done = run([program("prometheus", "promtool"), "test", "rules", *arguments, *names], folder)
    return done.returncode, done.stdout


@pytest.mark.engine
def test_promtool_sees_every_alert_fire_and_keep_silent(tmp_path: Path) -> None:
    code, output = promtool_tests(tmp_path, FILES)
    assert code == 0, output[-4000:]


@pytest.mark.engine
def test_promtool_sees_those_of_servers_too(tmp_path: Path) -> None:
    rules = yaml.safe_dump(to_native(SPEC, SITE, OF_SERVERS))
    tests = texts(promtool.render(SPEC, SITE, OF_SERVERS))
    code, output = promtool_tests(tmp_path, {"rules/platform-servers.yml": rules, **tests})
    assert code == 0, output[-4000:]


def odd_stacks() -> dict[str, Spec]:
    """Stacks whose settings bend the made-up data of the tests."""
    hasty: dict[str, Any] = {
        "scrape_interval": "5s",
        "scrape_timeout": "4s",
        "rules": {
            "error_window": "1m",
            "error_hold": "10s",
            "target_down": "30s",
            "ingestion_stalled": "45s",
            "min_requests_per_second": 0.0,
            "error_ratio": 0.9,
            "disk_free": 0.0,
        },
    }
    slow = {"rules": {"error_window": "2h", "error_hold": "20m", "min_requests_per_second": 1000.0}}
    weak = {"availability": 50.0, "latency": {"threshold": "1s", "target": 90.0}}
    posix = {"errors": 'outcome=~"(?i)[[:alpha:]]-rejected"'}
    own = {"requests": "rpc_total", "errors": 'grpc_code!~"OK|Canceled"', "latency": "rpc_duration_seconds"}

    one = {"requests": "rpc_seconds_count", "errors": 'code=~"5.."', "latency": "rpc_seconds"}

    def only(slo: dict[str, Any]) -> list[dict[str, Any]]:
        """The one service that calls no other, with another promise."""
        return [item | {"slo": slo} for item in stack()["services"] if item["name"] == "payments"]

    return {
        "hasty": spec(metrics=hasty, services=only({})),
        "slow": spec(metrics=slow, services=only({})),
        "weak promises": spec(services=only(weak)),
        "strict promises": spec(services=only({"availability": 99.999})),
        "own indicators": spec(services=only({"metrics": own})),
        "one histogram for all": spec(services=only({"metrics": one})),
        "a window of its own": spec(metrics={"rules": {"error_window": "7h"}}, services=only({})),
        "an expression that Python reads otherwise": spec(services=only({"metrics": posix})),
        "nothing": spec(services=[], alerting={"routes": []}),
    }


@pytest.mark.engine
@pytest.mark.parametrize("name", odd_stacks())
def test_the_tests_hold_for_odd_settings_too(tmp_path: Path, name: str) -> None:
    whole = odd_stacks()[name]
    code, output = promtool_tests(tmp_path, texts(prometheus.render(whole, local_site(whole))))
    assert code == 0, output[-4000:]


_OTHER = {"error_ratio": "slow_ratio", "slow_ratio": "error_ratio"}


def mutants(alert: Alert) -> Iterator[tuple[str, dict[str, Any]]]:
    """Ways in which an alert can be wrong, as changes of its rule; a test must notice each of them."""
    expr, own = alert.expr, labels(alert)
    yield "never fires", {"expr": "vector(1) > 2"}
    if alert.name != DEAD_MANS_SWITCH:
        yield "always fires", {"expr": "vector(1)"}
    other = {"critical": "info", "warning": "critical", "info": "warning"}[alert.severity]
    yield "severity", {"labels": own | {"severity": other}}
    yield "team", {"labels": own | {"team": "nobody"}}
    if "Burn" in alert.name:
        swapped = re.sub("error_ratio|slow_ratio", lambda found: _OTHER[found[0]], expr)
        yield "failed for slow requests", {"expr": swapped}
    if alert.hold:
        yield "no patience", {"for": "0s"}
        yield "too much patience", {"for": "30d"}
    for found in re.finditer(r"(==|>=|>|<) ([0-9.]+)", expr):
        operator, value = found[1], float(found[2])
        if operator == "==":
            replacements = ["== 77"]
        elif operator == ">=":
            replacements = [f">= {number(value * 1e9)}", f">= {number(value * 1e-9)}"]
        elif value == 0:
            replacements = [f"{operator} 1000000000000"]
        else:
            replacements = [f"{operator} {number(value * 1.5)}", f"{operator} {number(value * 0.6)}"]
        for replacement in replacements:
            changed = expr[: found.start()] + replacement + expr[found.end() :]
            yield f"{found[0]} -> {replacement} at {found.start()}", {"expr": changed}


def broken(file: RuleFile) -> tuple[dict[str, str], dict[str, str]]:
    """A rule file that holds every alert broken in every way, each under a name of its own, and the unbroken
    alerts' tests for each of them: one run of promtool then tells all. And what is broken, by that name."""
    groups: list[Group] = []
    what: dict[str, str] = {}
    changes: dict[str, dict[str, Any]] = {}
    for group in file.groups:
        members: list[Alert | Recording] = []
        for rule in group.rules:
            if isinstance(rule, Recording):
                members.append(rule)
                continue
            for kind, change in mutants(rule):
                name = f"{rule.name}__{len(what)}"
                what[name], changes[name] = f"{rule.name} ({rule.severity}): {kind}", change
                members.append(replace(rule, name=name, runbook=f"docs/runbooks/{rule.name}.md"))
        groups.append(replace(group, rules=tuple(members)))
    whole = RuleFile(file.name, tuple(groups))
    native = to_native(SPEC, SITE, whole)
    for written in (rule for group in native["groups"] for rule in group["rules"]):
        written.update(changes.get(written.get("alert", ""), {}))
    return {
        f"rules/{file.name}.yml": yaml.safe_dump(native),
        **texts(promtool.render(SPEC, SITE, whole)),
    }, what


@pytest.mark.engine
@pytest.mark.parametrize(
    "file",
    [file for file in files.rule_files(SPEC, SITE) if file.name not in ("orders", "inventory")] + [MEASURED],
    ids=lambda file: file.name,
)
def test_broken_alerts_fail_their_tests(tmp_path: Path, file: RuleFile) -> None:
    files, what = broken(file)
    _, output = promtool_tests(tmp_path, files)
    # A failed check, or one of a series of the alert that is not to be there.
    noticed = set(re.findall(r'alertname(?:: |=\\")(\w+)[,\\]', output))
    assert noticed <= what.keys(), output[:2000]
    survivors = [kind for name, kind in what.items() if name not in noticed]
    assert not survivors, "\n".join(survivors)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"\nor\nsum by \(service\) \(0 \* service", "\nor\nsum by (service) (1 * service"),
        (r"\nor\nsum by \(service\) \(0 \* [^\n]*", ""),
        (r"\}\) > 0\)", "}) >= 0)"),
        (r"\[5m\]\)\) > 0\)", "[5m])) >= 0)"),
    ],
)
def test_broken_recordings_fail_their_tests(tmp_path: Path, old: str, new: str) -> None:
    native = yaml.safe_load(FILES["rules/payments.yml"])
    for rule in native["groups"][0]["rules"]:
        if rule.get("record", "").endswith(":rate5m"):
            rule["expr"] = re.sub(old, new, rule["expr"])
    whole = FILES | {"rules/payments.yml": yaml.safe_dump(native)}
    assert yaml.safe_load(whole["rules/payments.yml"]) != yaml.safe_load(FILES["rules/payments.yml"])
    names = ("rules/payments.yml", "tests/payments.400m.yml")
    code, _ = promtool_tests(tmp_path, {name: whole[name] for name in names})
    assert code != 0
