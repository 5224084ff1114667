"""Who is told of which alert: routes, receivers, and messages as the real Alertmanager sends them."""

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from agents.sink_payloads import read_payload
from components.render import alertmanager
from components.render.text import texts
from components.rules import files
from components.rules.alertmanager import DEAD_MANS_SWITCH
from components.rules.model import Firing, filled, labels
from components.spec import Spec
from tests.ports import free_base
from tests.render import golden
from tests.render.engines import alertmanager_command, program, run, write
from tests.render.processes import Inbox, inbox, started
from tests.sites import at_base
from tests.specs import spec, stack
from tests.waiting import until
from vsi.site import local_site

SPEC = spec()


def rendered(whole: Spec) -> dict[str, str]:
    return texts(alertmanager.render(whole, local_site(whole)))


def config(whole: Spec) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(rendered(whole)["alertmanager.yml"])
    return loaded


def with_secrets() -> Spec:
    """The shop with real receivers: their addresses come from secrets."""
    kinds = {"slack": "s", "teams": "t", "pagerduty": "p", "ticket": "k"}
    receivers = [
        {key: value for key, value in receiver.items() if key != "to_sink"}
        | {"secret": f"url-{kinds[receiver['kind']]}"}
        for receiver in stack()["alerting"]["receivers"]
    ]
    secrets = [{"name": f"url-{kind}", "source": "environment", "key": "X"} for kind in kinds.values()]
    return spec(secrets=secrets, alerting={"receivers": receivers})


def test_golden() -> None:
    golden.check("alertmanager", rendered(SPEC))


def test_secrets_are_named_by_file_and_nothing_else_is_secret() -> None:
    text = rendered(with_secrets())["alertmanager.yml"]
    for option, name in (
        ("api_url_file", "url-s"),
        ("webhook_url_file", "url-t"),
        ("routing_key_file", "url-p"),
        ("url_file", "url-k"),
    ):
        assert f"{option}: ../../../secrets/{name}\n" in text
    assert "routing_key:" not in text
    assert "127.0.0.1" not in text


def test_grouping_arrives() -> None:
    grouping = {"by": ["alertname", "cluster"], "wait": "1s", "interval": "2s", "repeat": "3h"}
    route = config(spec(alerting={"grouping": grouping}))["route"]
    assert route["group_by"] == ["alertname", "cluster"]
    assert (route["group_wait"], route["group_interval"], route["repeat_interval"]) == ("1s", "2s", "3h")


def test_the_dead_mans_switch_comes_first_and_repeats_at_each_interval() -> None:
    switch = {"receiver": "watchdog", "interval": "30s"}
    route = config(spec(alerting={"dead_mans_switch": switch}))["route"]["routes"][0]
    assert route["matchers"] == [f'alertname="{DEAD_MANS_SWITCH}"']
    assert (route["group_interval"], route["repeat_interval"]) == ("30s", "15s")


def test_inhibitions_are_those_of_the_stack_file() -> None:
    assert config(SPEC)["inhibit_rules"] == [
        {
            "source_matchers": ['severity="critical"'],
            "target_matchers": ['severity="warning"'],
            "equal": ["alertname", "service", "env"],
        }
    ]
    assert "inhibit_rules" not in config(spec(alerting={"inhibitions": []}))


def test_values_are_quoted() -> None:
    match = {"service": 'a "quoted" \\ one'}
    route = {"match": match, "receiver": "watchdog"}
    text = config(spec(alerting={"routes": [route]}))["route"]["routes"][1]["matchers"][0]
    assert text == r'service="a \"quoted\" \\ one"'


@pytest.mark.engine
@pytest.mark.parametrize("whole", [SPEC, with_secrets()], ids=["sink", "secrets"])
def test_alertmanager_accepts_it(tmp_path: Path, whole: Spec) -> None:
    write(tmp_path, rendered(whole))
    done = run([program("alertmanager", "amtool"), "check-config", "alertmanager.yml"], tmp_path)
    assert done.returncode == 0, done.stdout
    assert " 1 templates" in done.stdout


def routed(folder: Path, **given: str) -> list[str]:
    """The receivers that the real route tree gives to an alert."""
    pairs = [f"{name}={value}" for name, value in given.items()]
    command = [
        program("alertmanager", "amtool"),
        "config",
        "routes",
        "test",
        "--config.file=alertmanager.yml",
    ]
    done = run([*command, *pairs], folder)
    assert done.returncode == 0, done.stdout
    return done.stdout.strip().split(",")


ALERTS = {
    (alert.name, alert.team, alert.severity, alert.labels.get("service", "")): alert
    for file in files.rule_files(SPEC, local_site(SPEC))
    for alert in file.alerts
}


def misrouted(folder: Path) -> list[str]:
    """Alerts of the demo shop that do not reach exactly their owner's receiver (and the exceptions')."""
    owners = {team.name: team.receiver for team in SPEC.alerting.teams}
    found = []
    for alert in ALERTS.values():
        own = {name: filled(value, Firing(labels={"job": "jaeger"})) for name, value in labels(alert).items()}
        given = {**SPEC.environment.labels, "alertname": alert.name, **own}
        expected = [owners[alert.team]]
        if alert.name == DEAD_MANS_SWITCH:
            expected = ["watchdog"]
        elif alert.severity == "critical" and alert.labels["service"] == "payments":
            expected = ["platform-pagerduty", *expected]
        if (got := routed(folder, **given)) != expected:
            found.append(f"{alert.name} of {alert.team}: {got}, expected {expected}")
    return found


@pytest.mark.engine
def test_every_alert_reaches_its_owners_receiver(tmp_path: Path) -> None:
    assert misrouted(write(tmp_path, rendered(SPEC))) == []


@pytest.mark.engine
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("receiver: storefront-slack\n", "receiver: checkout-teams\n"),
        ('- team="warehouse"', '- team="warehouses"'),
        ('- severity="critical"\n', '- severity="warning"\n'),
        ("continue: true", "continue: false"),
        ('- alertname="DeadMansSwitch"', '- alertname="DeadMan"'),
    ],
)
def test_a_route_to_the_wrong_place_is_seen(tmp_path: Path, old: str, new: str) -> None:
    files = rendered(SPEC)
    assert old in files["alertmanager.yml"]
    files["alertmanager.yml"] = files["alertmanager.yml"].replace(old, new, 1)
    assert misrouted(write(tmp_path, files)) != []


@pytest.mark.engine
def test_an_alert_that_nobody_owns_reaches_the_platform_team(tmp_path: Path) -> None:
    assert routed(write(tmp_path, rendered(SPEC)), alertname="Orphan") == ["platform-pagerduty"]


@pytest.mark.engine
def test_nobody_is_told_twice_by_an_exception_that_also_tells_the_owner(tmp_path: Path) -> None:
    route = {"match": {"severity": "critical"}, "receiver": "storefront-slack", "also_owner": True}
    folder = write(tmp_path, rendered(spec(alerting={"routes": [route]})))
    assert routed(folder, severity="critical", team="storefront") == ["storefront-slack"]
    assert routed(folder, severity="critical", team="checkout") == ["storefront-slack", "checkout-teams"]
    instead = {**route, "also_owner": False}
    folder = write(tmp_path, rendered(spec(alerting={"routes": [instead]})))
    assert routed(folder, severity="critical", team="checkout") == ["storefront-slack"]


def titles(kept: Inbox) -> dict[str, tuple[str, str, str]]:
    """Title, runbook link and severity of the last message to each receiver of the shop."""
    found: dict[str, tuple[str, str, str]] = {}
    for path, body in kept.posts:
        if path.startswith("/slack/"):
            message = body["attachments"][0]
            severity = {"danger": "critical", "warning": "warning", "good": "good"}[message["color"]]
            found[path] = message["title"], message["title_link"], severity
        elif path.startswith("/teams/"):
            title, text = (block["text"] for block in body["attachments"][0]["content"]["body"])
            link = re.search(r"^Runbook: (\S+)$", text, re.M)
            level = re.search(r"\((\w+)\)", title)
            found[path] = title, link[1] if link else "", level[1] if level else ""
        elif path.startswith("/pagerduty/"):
            payload = body["payload"]
            found[path] = payload["summary"], body["links"][0]["href"], payload["severity"]
        elif path == "/ticket/warehouse-tickets":
            alert = body["alerts"][0]
            found[path] = (
                alert["annotations"]["summary"],
                alert["annotations"]["runbook"],
                alert["labels"]["severity"],
            )
    return found


LINK = "https://git.example/docs/runbooks/TargetDown.md"


def posted(team: str, service: str, severity: str, over: bool = False, runbook: str = LINK) -> dict[str, Any]:
    """An alert as Prometheus would hand it over."""
    now = datetime.now(UTC)
    return {
        "labels": {
            "alertname": "TargetDown",
            "service": service,
            "severity": severity,
            **SPEC.environment.labels,
            "team": team,
        },
        "annotations": {
            "summary": f"{service} does not answer Prometheus",
            "description": "host:1 has failed its scrapes & more <b>",
            "runbook": runbook,
        },
        "startsAt": (now - timedelta(minutes=1)).isoformat(),
        **({"endsAt": (now - timedelta(seconds=1)).isoformat()} if over else {}),
    }


@pytest.mark.engine
def test_every_kind_of_message_has_title_runbook_and_severity_and_ends(tmp_path: Path) -> None:
    whole = spec(alerting={"grouping": {"wait": "10ms", "interval": "200ms"}, "inhibitions": []})
    base = free_base(60)
    at = at_base(base)
    owned = [
        ("storefront", "gateway", "critical"),
        ("checkout", "legacy-billing", "warning"),
        ("platform", "collector", "critical"),
        ("warehouse", "inventory", "warning"),
    ]
    link = LINK
    folder = write(tmp_path / "units" / "alertmanager" / "conf", texts(alertmanager.render(whole, at)))
    command = alertmanager_command(at)
    ready = f"http://{at.dial('alertmanager')}/-/ready"
    alerts = f"http://{at.dial('alertmanager')}/api/v2/alerts"
    with inbox(at.port("sink")) as kept, started(command, folder, ready), httpx.Client() as http:
        http.post(alerts, json=[posted(*who) for who in owned]).raise_for_status()
        until(lambda: len(titles(kept)) == 4, "a message to each receiver")
        assert titles(kept) == {
            "/slack/storefront-slack": ("[FIRING:1] TargetDown (critical) gateway", link, "critical"),
            "/teams/checkout-teams": ("[FIRING:1] TargetDown (warning) legacy-billing", link, "warning"),
            "/pagerduty/platform-pagerduty": ("[FIRING:1] TargetDown (critical) collector", link, "critical"),
            "/ticket/warehouse-tickets": ("inventory does not answer Prometheus", link, "warning"),
        }
        slack = kept.of("/slack/storefront-slack")[0]
        assert slack["channel"] == "#storefront"
        assert "has failed its scrapes" in slack["attachments"][0]["text"]
        assert "local / workstation / local" in slack["attachments"][0]["text"]
        pager = kept.of("/pagerduty/platform-pagerduty")[0]
        assert (pager["event_action"], pager["routing_key"]) == ("trigger", "sink")

        for path, body in kept.posts:
            _, kind, receiver = path.split("/")
            read = read_payload(kind, receiver, body)  # as the stack's own sink understands it
            assert (read.status, read.alertname, read.runbook_url) == ("firing", "TargetDown", link)

        before = len(kept.posts)
        http.post(alerts, json=[posted(*who, over=True) for who in owned]).raise_for_status()
        until(lambda: len(kept.posts) >= before + 4, "a message to each receiver that it is over")
        assert [body["event_action"] for body in kept.of("/pagerduty/platform-pagerduty")][-1] == "resolve"
        assert titles(kept)["/slack/storefront-slack"] == (
            "[RESOLVED] TargetDown (critical) gateway",
            link,
            "good",
        )
        assert titles(kept)["/teams/checkout-teams"][0] == "[RESOLVED] TargetDown (warning) legacy-billing"
        assert kept.of("/ticket/warehouse-tickets")[-1]["status"] == "resolved"
        assert len(kept.posts) == before + 4, "each was told once that it fires and once that it is over"


@pytest.mark.engine
def test_a_runbook_that_is_a_path_is_called_that_and_is_no_link(tmp_path: Path) -> None:
    whole = spec(alerting={"grouping": {"wait": "10ms", "interval": "200ms"}, "inhibitions": []})
    at = at_base(free_base(60))
    folder = write(tmp_path / "units" / "alertmanager" / "conf", texts(alertmanager.render(whole, at)))
    command = alertmanager_command(at)
    page = "docs/runbooks/TargetDown.md"
    alerts = f"http://{at.dial('alertmanager')}/api/v2/alerts"
    teams = ("storefront", "checkout", "platform", "warehouse")
    with (
        inbox(at.port("sink")) as kept,
        started(command, folder, f"http://{at.dial('alertmanager')}/-/ready"),
    ):
        httpx.post(
            alerts, json=[posted(team, "x", "warning", runbook=page) for team in teams]
        ).raise_for_status()
        until(lambda: len(kept.posts) == 4, "a message to each receiver")
    (slack,) = kept.of("/slack/storefront-slack")[0]["attachments"]
    assert not slack.get("title_link")
    assert slack["text"].endswith(f"Runbook: {page} (in the repository of this stack)")
    assert not kept.of("/pagerduty/platform-pagerduty")[0].get("links")
    read = {
        kind: read_payload(kind, name, body)
        for path, body in kept.posts
        for _, kind, name in [path.split("/")]
    }
    assert {kind: item.runbook_url for kind, item in read.items() if kind != "slack"} == dict.fromkeys(
        ("teams", "pagerduty", "ticket"), page
    )


@pytest.mark.engine
def test_the_dead_mans_switch_is_delivered_again_and_again(tmp_path: Path) -> None:
    switch = {"receiver": "watchdog", "interval": "300ms"}
    whole = spec(alerting={"dead_mans_switch": switch})
    at = at_base(free_base(60))
    folder = write(tmp_path / "units" / "alertmanager" / "conf", texts(alertmanager.render(whole, at)))
    command = alertmanager_command(at)
    body = posted("platform", "alertmanager", "info")
    body["labels"]["alertname"] = DEAD_MANS_SWITCH
    with (
        inbox(at.port("sink")) as kept,
        started(command, folder, f"http://{at.dial('alertmanager')}/-/ready"),
    ):
        httpx.post(f"http://{at.dial('alertmanager')}/api/v2/alerts", json=[body]).raise_for_status()
        since = time.monotonic()
        until(lambda: len(kept.of("/ticket/watchdog")) >= 5, "five signs of life")
        assert time.monotonic() - since < 5 * 0.3 * 2 - 0.3, "every interval, not every second one"
