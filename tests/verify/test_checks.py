"""Every check passes on a stack that works, and fails, saying why, on one that does not."""

from pathlib import Path
from typing import Any

import pytest

from components.site import runbooks
from obs.verify import checks_alerts, checks_request, checks_sampling, shop
from obs.verify.check import Check
from obs.verify.context import Context
from obs.verify.report import Result, Row
from obs.verify.runner import run_check
from obs.verify.suite import CHECKS
from tests.verify.fakes import World, shop_spec
from vsi.site import local_site

BY_NAME = {check.name: check for check in CHECKS}

FAILS: dict[str, list[tuple[str, str]]] = {
    "engines answer": [("unit down", "jaeger (refused)")],
    "targets up": [
        ("target down", "down: jaeger"),
        ("target missing", "fewer: jaeger (0 of 1)"),
        ("no alertmanager", "Alertmanager"),
        ("prometheus broken", "503"),
    ],
    "rules evaluate": [("rule fails", "no such function"), ("rules waiting", "not yet: ")],
    "rules loaded": [
        ("rule filled in", "1 that are missing or different"),
        ("rule of before", "1 that are missing or different"),
        ("rule too many", "1 that nobody wanted, as Former"),
        ("rules refused", "missing or different"),
        ("prometheus broken", "503"),
    ],
    "routes loaded": [
        ("route of before", "receiver of Alertmanager's configuration"),
        ("receiver missing", "receivers of Alertmanager's configuration"),
        ("waits differ", "route.group_wait of Alertmanager's configuration"),
    ],
    "observed services scraped": [("observed down", "not scraped: legacy-billing")],
    "promises measured": [
        ("no server spans", "gateway: no server span"),
        ("counter stands", "payments: no series http_requests_total"),
        ("no histogram", "orders: no histogram traces_span_metrics_duration_seconds"),
        (
            "other buckets",
            "payments: http_request_duration_seconds has no bucket that ends at 500ms (it has: 0.3)",
        ),
    ],
    "loopback only": [("open socket", "redis on 192.0.2.7:21012"), ("other processes", "port 21000")],
    "pages open": [
        ("page missing", "the page http://127.0.0.1:21041/targets"),
        ("service untold", "not there: payments"),
        ("pages for all", "another host name to be refused"),
        ("sink without page", "to which the start page leads"),
    ],
    "dead man's switch": [("watchdog silent", "none"), ("watchdog late", "the last one 37")],
    "probes counted": [
        ("ingress fails", "500 from gateway"),
        ("counter stands", "to rise by at least"),
        ("no correlation id", "correlation id"),
    ],
    "metric leads to trace": [("exemplars missing", "0 exemplars"), ("probes not kept", "in Jaeger")],
    "trace spans every service": [
        ("payments not traced", "none of payments"),
        ("context lost", "2 roots"),
        ("transaction differs", "transaction.id"),
        ("probes not kept", "0 spans"),
    ],
    "trace leads to logs": [
        ("payments not logged", "none of payments"),
        ("field missing", "none of cluster"),
        ("wrong env", "found prod"),
        ("span unknown", "ffffffffffffffff"),
    ],
    "sampling keeps its share": [
        ("rest all kept", "found 240"),
        ("rest not kept", "found 0"),
        ("payments not traced", "without payments"),
        ("ingress fails", "at least 100 of 480"),
        ("calls fail unseen", "at least 100 of 240"),
    ],
    "card number in no store": [
        ("log leaks", "logs (after"),
        ("not redacted", "the card number in no store"),
        ("span leaks", "spans (after"),
        ("metric leaks", "of Prometheus (after"),
        ("spans not marked", "spans of every service"),
        ("payments not logged", "log lines of every service"),
        ("probes not kept", "spans of every service"),
    ],
    "log lines stored once": [("line lost", "missing (the first"), ("line doubled", "too many (the first")],
    "OTLP logs and metrics arrive": [
        ("otlp refused", "the collector to take logs over OTLP"),
        ("otlp log lost", "one log record with transaction_id"),
        ("otlp log doubled", "2 of them"),
        ("otlp metric lost", "the series obs_verify_pushed"),
    ],
    "forbidden labels dropped": [
        ("labels kept", "no series with the label user_id"),
        ("labels merged", "merged after losing its label"),
        ("labels not scraped", "to be dropped in a scrape"),
        ("alerts silent", "ForbiddenLabelsDropped to fire"),
        ("undelivered", "no notification"),
        ("delivered twice", "delivered once"),
        ("wrong receiver", "it at platform-pagerduty"),
    ],
    "slow traces kept": [
        ("slow not kept", "slow requests"),
        ("latency ignored", "12 of them faster"),
        ("ingress fails", "0 that did"),
    ],
    "fault raises its alert": [
        ("alerts silent", "to fire for payments"),
        ("undelivered", "no notification"),
        ("delivered twice", "deliveries to checkout-teams, checkout-teams"),
        ("wrong receiver", "it at platform-pagerduty"),
        ("no runbook", "the runbook https://"),
    ],
    "failed traces kept": [("failed not kept", "failed requests"), ("errors ignored", "none failed")],
    "alert ends with the fault": [("alert stays", "still fires"), ("end untold", "no notification")],
    "log records understood": [
        ("times not understood", "times not understood of orders (1), others (2)"),
        ("levels not understood", "levels not understood of orders (1), others (2)"),
    ],
    "collector lost nothing": [
        ("collector lost", "otelcol_exporter_send_failed_spans_total +5"),
        ("collector unseen", "collector's own metrics"),
    ],
}
"""Check -> what is broken, and a piece of what the row then says."""

OTHER_LABELS: dict[str, Any] = {"metrics": {"forbidden_labels": ["session_id"]}}
NOT_APPLIED: dict[str, list[tuple[dict[str, Any], str]]] = {
    "observed services scraped": [({"services": []}, "run by the stack itself")],
    "promises measured": [({"services": []}, "no service has an `slo`")],
    "dead man's switch": [
        ({"alerting": {"dead_mans_switch": {"receiver": "outside"}}}, "outside does not deliver to the sink")
    ],
    "probes counted": [({"services": []}, "no service with `run`")],
    "metric leads to trace": [({"metrics": {"exemplars": 0}}, "metrics.exemplars is 0")],
    "trace spans every service": [
        ({"tracing": {"tail_sampling": {"keep_attributes": []}}}, "keeps no trace marked obs.probe")
    ],
    "trace leads to logs": [({"logging": {"sampling": {"info": 0.5}}}, "logging.sampling.info is 0.5")],
    "sampling keeps its share": [({"services": []}, "no service with `run`")],
    "card number in no store": [({"logging": {"redaction": []}}, "no rule of logging.redaction")],
    "log lines stored once": [({"services": []}, "captured as JSON")],
    "OTLP logs and metrics arrive": [
        ({"tracing": {"otlp": {"http": False}}}, "tracing.otlp.http is false"),
        ({"logging": {"otlp": False}, "metrics": {"otlp": False}}, "are false"),
    ],
    "forbidden labels dropped": [
        (OTHER_LABELS, "does not name user_id"),
        ({"alerting": {"teams": []}}, "outside of team warehouse"),
    ],
    "slow traces kept": [
        ({"tracing": {"tail_sampling": {"keep_slow": "30s", "decision_wait": "40s"}}}, "keep_slow is 30s")
    ],
    "fault raises its alert": [
        ({"metrics": {"rules": {"error_hold": "10m"}}}, "error_hold 10m"),
        ({"services": []}, "no service with `run`"),
    ],
    "failed traces kept": [({"tracing": {"tail_sampling": {"keep_errors": False}}}, "keep_errors is false")],
    "alert ends with the fault": [({}, "was not delivered, see the check before")],
}
"""Check -> what the stack says, and a piece of the reason. Those not named apply to every stack."""

ALWAYS = {
    "engines answer",
    "pages open",
    "targets up",
    "rules evaluate",
    "rules loaded",
    "routes loaded",
    "loopback only",
    "log records understood",
    "collector lost nothing",
}


def prepare(ctx: Context, check: Check) -> None:
    """What the checks before it leave behind."""
    if check in (checks_request.TRACE, checks_request.LOGS):
        ctx.probes.append(shop.send(ctx, probe=True))
    if check is checks_alerts.ERRORS_CLEAR:
        checks_alerts.errors_fire(ctx)
    ctx.clock.wait(0.1)


def row(world: World, name: str) -> Row:
    ctx = world.context()
    prepare(ctx, BY_NAME[name])
    found = run_check(ctx, BY_NAME[name])
    assert not world.faults, "a fault was left behind"
    return found


def test_each_check_has_a_test_in_which_it_fails_and_one_in_which_it_does_not_apply() -> None:
    assert set(FAILS) == set(BY_NAME)
    assert set(NOT_APPLIED) | ALWAYS == set(BY_NAME)
    assert len(BY_NAME) == len(CHECKS)


@pytest.mark.parametrize("name", BY_NAME)
def test_passes_on_a_stack_that_works(name: str, tmp_path: Path) -> None:
    found = row(World(shop_spec(), tmp_path), name)
    assert found.result is Result.PASSED, found.text
    assert len(found.text) > 20


@pytest.mark.parametrize(
    ("name", "broken", "said"), [(name, *case) for name, cases in FAILS.items() for case in cases]
)
def test_fails_on_one_that_does_not(name: str, broken: str, said: str, tmp_path: Path) -> None:
    world = World(shop_spec(), tmp_path, broken)
    found = row(world, name)
    assert found.result is Result.FAILED, found.text
    assert said in found.text
    assert found.text.startswith("expected ")
    assert "; found " in found.text


OUTSIDE: dict[str, Any] = {
    "secrets": [{"name": "hook", "source": "environment", "key": "HOOK"}],
}


@pytest.mark.parametrize(
    ("name", "changes", "said"), [(name, *case) for name, cases in NOT_APPLIED.items() for case in cases]
)
def test_says_why_it_does_not_apply(name: str, changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    basis = shop_spec()
    if "outside" in said:
        receivers = [item.model_dump(mode="json") for item in basis.alerting.receivers]
        receivers.append({"name": "outside", "kind": "slack", "secret": "hook"})
        alerting = dict(changes["alerting"])
        if "teams" in alerting:
            teams = [item.model_dump(mode="json") for item in basis.alerting.teams]
            alerting["teams"] = [{**team, "receiver": "outside"} for team in teams]
        changes = {**OUTSIDE, "alerting": {**alerting, "receivers": receivers}}
    spec = shop_spec(**changes)
    world = World(spec, tmp_path)
    ctx = world.context()
    if name == "alert ends with the fault":
        found = run_check(ctx, BY_NAME[name])
    else:
        if spec.services:
            prepare(ctx, BY_NAME[name])
        found = run_check(ctx, BY_NAME[name])
    assert found.result is Result.NOT_APPLIED, found.text
    assert said in found.text


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in BY_NAME
        if name
        not in {
            *ALWAYS,
            "observed services scraped",
            "promises measured",
            "dead man's switch",
            "OTLP logs and metrics arrive",
        }
    ],
)
def test_services_without_the_demos_interface_are_not_asked_to_misbehave(name: str, tmp_path: Path) -> None:
    world = World(shop_spec(), tmp_path, "no demo")
    found = run_check(world.context(), BY_NAME[name])
    if name == "log lines stored once":  # only the flood needs it
        world.line("payments", "", "", "", "a line")
        found = run_check(world.context(), BY_NAME[name])
        assert found.result is Result.PASSED, found.text
        return
    assert found.result is Result.NOT_APPLIED, found.text
    assert "fault interface" in found.text or "see the check before" in found.text


def test_what_a_place_lacks_is_told_by_the_checks_that_need_it(tmp_path: Path) -> None:
    world = World(shop_spec(), tmp_path, "no log files")
    found = run_check(world.context(), BY_NAME["log lines stored once"])
    assert found.result is Result.NOT_APPLIED
    assert found.text == "a service's output is kept in no file here"


def test_the_interval_of_sampling_is_that_of_the_binomial_distribution() -> None:
    assert checks_sampling.interval(100, 1.0) == (100, 100)
    assert checks_sampling.interval(100, 0.0) == (0, 0)
    low, high = checks_sampling.interval(240, 0.2)
    assert 25 < low < 30
    assert 68 < high < 73
    assert checks_sampling.interval(10, 0.5) == (0, 10)


def test_a_call_that_fails_unseen_is_not_counted_as_sampled(tmp_path: Path) -> None:
    """Were such traces counted, a slow Redis would look like a wrong ratio."""
    world = World(shop_spec(), tmp_path)
    visit, calls = world.visit, [0]

    def now_and_then(service: Any, parent: Any, trace_id: str, transaction: str, spans: Any) -> None:
        visit(service, parent, trace_id, transaction, spans)
        if parent is None:
            calls[0] += 1
            if calls[0] % 3 == 0:
                spans[-1]["tags"].append({"key": "error", "type": "bool", "value": "true"})
                world.spans += spans

    world.visit = now_and_then  # type: ignore[method-assign]
    found = row(world, "sampling keeps its share")
    assert found.result is Result.PASSED, found.text


def test_the_path_starts_where_nobody_calls() -> None:
    spec = shop_spec()
    assert [item.name for item in shop.path(spec)] == ["gateway", "orders", "inventory", "payments"]
    leaf = shop.leaf(spec)
    assert leaf is not None
    assert leaf.name == "payments"


@pytest.mark.parametrize("name", ["fault raises its alert", "forbidden labels dropped"])
def test_an_alert_that_fires_already_is_waited_for_and_then_a_failure(name: str, tmp_path: Path) -> None:
    alert, service = (
        ("ServiceErrorRatioHigh", "payments") if "fault" in name else ("ForbiddenLabelsDropped", "inventory")
    )
    world = World(shop_spec(), tmp_path, "alert stays")
    world.firing[alert, service] = world.clock.now()
    assert f"{alert} not to fire for {service} before" in row(world, name).text


def test_an_earlier_runs_end_is_waited_for(tmp_path: Path) -> None:
    world = World(shop_spec(), tmp_path)
    ctx = world.context()
    world.deliver("checkout-teams", "firing", "ServiceErrorRatioHigh", "payments")
    steps: list[float] = []

    def step() -> None:
        steps.append(world.clock.now())
        if len(steps) == 3:
            world.deliver("checkout-teams", "resolved", "ServiceErrorRatioHigh", "payments")
        world.step()

    world.clock.wait(1)
    ctx.started = world.clock.now()
    world.clock.step = step
    found = run_check(ctx, BY_NAME["fault raises its alert"])
    assert found.result is Result.PASSED, found.text
    assert len(steps) > 3


CLEAR = "alert ends with the fault"


def test_a_run_that_is_late_fails_where_its_settings_would_have_left_time(tmp_path: Path) -> None:
    world = World(shop_spec(), tmp_path)
    ctx = world.context()
    ctx.clock.wait(250)
    found = run_check(ctx, BY_NAME["fault raises its alert"])
    assert found.result is Result.FAILED, found.text
    assert "found 50 of the run's 300 s left" in found.text
    assert "Run `obs verify --patience 3`, or again" in found.text
    ctx = world.context()
    checks_alerts.errors_fire(ctx)
    ctx.clock.wait(ctx.left() - 20)
    found = run_check(ctx, BY_NAME[CLEAR])
    assert found.result is Result.FAILED, found.text
    assert "found 20 of the run's 300 s left" in found.text


def test_an_end_that_no_run_can_wait_for_is_not_applied(tmp_path: Path) -> None:
    world = World(
        shop_spec(alerting={"grouping": {"wait": "2s", "interval": "5m", "repeat": "4h"}}), tmp_path
    )
    ctx = world.context()
    checks_alerts.errors_fire(ctx)
    found = run_check(ctx, BY_NAME[CLEAR])
    assert found.result is Result.NOT_APPLIED, found.text
    assert "and a run has 300 s" in found.text


def test_without_a_base_the_runbook_opens_at_the_sink(tmp_path: Path) -> None:
    spec = shop_spec(alerting={"runbook_base": None})
    assert row(World(spec, tmp_path), "fault raises its alert").result is Result.PASSED
    (tmp_path / "other").mkdir()
    found = row(World(spec, tmp_path / "other", "no runbook"), "fault raises its alert")
    assert (
        f"the runbook {runbooks(spec, local_site(spec))}docs/runbooks/ServiceErrorRatioHigh.md" in found.text
    )
