"""Each receiver's payload is read, or refused when it is none."""

import json
from typing import Any

import pytest

from agents.sink import MAX_RECEIVERS
from agents.sink_limits import MAX_BODY
from agents.sink_payloads import read_payload
from tests.agents.sink_client import RUNBOOK, SLACK, TITLE, Client, client, deliveries

TEAMS = {
    "type": "message",
    "attachments": [
        {
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": None,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.2",
                "body": [
                    {"type": "TextBlock", "text": TITLE, "weight": "Bolder", "color": "Attention"},
                    {"type": "TextBlock", "text": f"p99 above 1 s\n\nRunbook: {RUNBOOK}\n", "wrap": True},
                ],
                "msteams": {"width": "full"},
            },
        }
    ],
}
PAGERDUTY = {
    "routing_key": "do-not-keep-me",
    "dedup_key": "k1",
    "event_action": "trigger",
    "payload": {
        "summary": TITLE,
        "source": "alertmanager",
        "severity": "critical",
        "custom_details": {"runbook": RUNBOOK},
    },
    "client": "Alertmanager",
}
TICKET = {
    "version": "4",
    "groupKey": '{}:{alertname="OrdersSlow"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "shop-ticket",
    "groupLabels": {"alertname": "OrdersSlow"},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "http://127.0.0.1:1",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "OrdersSlow", "severity": "critical", "service": "orders"},
            "annotations": {"summary": "slow", "runbook_url": RUNBOOK},
            "startsAt": "2026-11-22T10:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "",
            "fingerprint": "f",
        }
    ],
}
PAYLOADS: dict[str, dict[str, Any]] = {
    "slack": SLACK,
    "teams": TEAMS,
    "pagerduty": PAGERDUTY,
    "ticket": TICKET,
}


@pytest.fixture
def sink() -> Client:
    return client()


@pytest.mark.parametrize("kind", sorted(PAYLOADS))
def test_every_kind_is_read_alike(sink: Client, kind: str) -> None:
    answer = sink.post(f"/{kind}/shop-web", json=PAYLOADS[kind])
    assert answer.status_code == {"pagerduty": 202, "teams": 202}.get(kind, 200)
    (item,) = deliveries(sink)
    assert (
        item.items()
        >= {
            "kind": kind,
            "team": "shop-web",
            "receiver": f"{kind}/shop-web",
            "status": "firing",
            "alertname": "OrdersSlow",
            "alertnames": ["OrdersSlow"],
            "severity": "critical",
            "service": "orders",
            "runbook_url": RUNBOOK,
        }.items()
    )
    assert item["received_at"].endswith("Z")
    assert item["raw"].keys() == PAYLOADS[kind].keys()
    metrics = sink.get("/metrics").text
    assert f'deliveries_total{{kind="{kind}",receiver="shop-web",status="firing"}} 1.0' in metrics
    assert 'last_delivery_timestamp_seconds{receiver="shop-web"}' in metrics


def test_answers_are_those_of_the_real_receivers(sink: Client) -> None:
    assert sink.post("/slack/a", json=SLACK).text == "ok"
    assert sink.post("/pagerduty/a", json=PAGERDUTY).json() == {
        "status": "success",
        "message": "Event processed",
        "dedup_key": "k1",
    }
    refused = sink.post("/pagerduty/a", json={"event_action": "trigger"})
    assert (refused.status_code, refused.json()["status"]) == (400, "invalid event")


def resolved(kind: str) -> dict[str, Any]:
    text = json.dumps(PAYLOADS[kind]).replace("FIRING:2", "RESOLVED")
    text = text.replace('"trigger"', '"resolve"').replace('"status": "firing"', '"status": "resolved"')
    payload: dict[str, Any] = json.loads(text)
    return payload


@pytest.mark.parametrize("kind", sorted(PAYLOADS))
def test_resolved(sink: Client, kind: str) -> None:
    sink.post(f"/{kind}/t", json=resolved(kind))
    (item,) = deliveries(sink)
    assert (item["status"], item["alertname"]) == ("resolved", "OrdersSlow")


@pytest.mark.parametrize("kind", sorted(PAYLOADS))
def test_payloads_of_others_are_refused(sink: Client, kind: str) -> None:
    bodies: list[Any] = [p for k, p in PAYLOADS.items() if k != kind]
    for body in [*bodies, {}, [], "text", None, 5]:
        assert sink.post(f"/{kind}/t", json=body).status_code == 400, body
    assert sink.post(f"/{kind}/t", content=b"{").status_code == 400
    assert sink.post(f"/{kind}/t", content=b'"' + b"x" * MAX_BODY[kind] + b'"').status_code == 413
    assert deliveries(sink) == []
    assert f'deliveries_refused_total{{kind="{kind}"}} 10.0' in sink.get("/metrics").text


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (PAGERDUTY | {"payload": None}, "payload: Field required"),
        (PAGERDUTY | {"routing_key": ""}, "routing_key: "),
        (PAGERDUTY | {"event_action": "resolve", "dedup_key": ""}, "dedup_key: Field required"),
        (PAGERDUTY | {"payload": {"summary": "s", "source": "s", "severity": "page"}}, "payload.severity: "),
    ],
)
def test_pagerduty_rules(sink: Client, body: dict[str, Any], says: str) -> None:
    answer = sink.post("/pagerduty/t", json=body)
    assert answer.status_code == 400
    assert says in answer.json()["errors"][0]


def slack(**fields: str) -> dict[str, Any]:
    return {"attachments": [{"title": TITLE, "text": "t", **fields}]}


def teams(*texts: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(json.dumps(TEAMS))
    body["attachments"][0]["content"]["body"] = [{"type": "TextBlock", "text": text} for text in texts]
    return body


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("slack", slack(text="disk of <!channel> full"), "text: '<!channel>'"),
        ("slack", slack(footer="<@U1>"), "footer: '<@U1>'"),
        ("slack", slack(title="[FIRING:1] A (b) <https://evil|runbook>"), "title: '<https://evil|runbook>'"),
        ("slack", slack(text="1 > 0"), "text: '>'"),
        ("slack", slack(text="a & b"), "text: '&'"),
        ("slack", slack(text="&nbsp;"), "text: '&'"),
        ("slack", slack(text="x" * 40_001), "text: 40001 characters"),
        ("slack", slack(title="x" * 1_025), "title: 1025 characters"),
        ("teams", teams(TITLE, "see [the runbook](https://evil)"), "text: '['"),
        ("teams", teams(TITLE, "up_time_total"), "text: '_'"),
        ("teams", teams("[FIRING:1] A*B* (c)", "t"), "title: '*'"),
        ("teams", teams(TITLE, "a\\\\*b"), "text: "),
        ("teams", teams(TITLE, "line\n- item"), "text: '- '"),
        ("teams", teams(TITLE, "ä" * 14_000), "takes at most 28000"),
        ("pagerduty", PAGERDUTY | {"dedup_key": "k" * 256}, "dedup_key: 256 characters"),
        (
            "pagerduty",
            PAGERDUTY | {"payload": {"summary": "s" * 1_025, "source": "s", "severity": "info"}},
            "payload.summary: 1025 characters",
        ),
        ("pagerduty", PAGERDUTY | {"client": "c" * 512_000}, "takes at most 512000"),
    ],
)
def test_what_the_receiver_would_not_take_or_read_as_markup_is_refused(
    sink: Client, kind: str, body: dict[str, Any], says: str
) -> None:
    content = json.dumps(body, ensure_ascii=False).encode()
    answer = sink.post(f"/{kind}/t", content=content)
    assert answer.status_code in (400, 413)
    assert says in answer.text.replace("\\\\", "\\")
    assert deliveries(sink) == []


def test_escaped_text_is_read_as_it_was_meant(sink: Client) -> None:
    assert sink.post("/slack/t", json=slack(text="&lt;!channel&gt; &amp; *x* &amp;lt;")).status_code == 200
    assert sink.post("/teams/t", json=teams(TITLE, "a\\_b\\[c\\](d) \\\\")).status_code == 202
    assert [item["summary"] for item in deliveries(sink)] == ["<!channel> & *x* &lt;", "a_b[c](d) \\"]


def test_the_routing_key_is_not_kept(sink: Client) -> None:
    sink.post("/pagerduty/t", json=PAGERDUTY)
    assert "do-not-keep-me" not in sink.get("/deliveries").text


def test_a_link_of_pagerduty_is_the_runbook() -> None:
    body = PAGERDUTY | {"links": [{"href": "https://r", "text": "Runbook"}]}
    assert read_payload("pagerduty", "t", body).runbook_url == "https://r"


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("[FIRING:1] Down (critical) gateway", ("firing", "Down", "critical", "gateway")),
        ("[RESOLVED] Down (warning) a b", ("resolved", "Down", "warning", "a b")),
        ("[FIRING:12] Watchdog (none)", ("firing", "Watchdog", "none", None)),
        ("[FIRING:1] Down", ("firing", "Down", None, None)),
        ("Down since noon", ("firing", None, None, None)),
        ("", ("firing", None, None, None)),
    ],
)
def test_titles(title: str, expected: tuple[str | None, ...]) -> None:
    item = read_payload("slack", "t", {"attachments": [{"title": title}]})
    assert (item.status, item.alertname, item.severity, item.service) == expected
    assert item.runbook_url is None


def test_filters_and_counts(sink: Client) -> None:
    sink.post("/slack/a", json=SLACK)
    sink.post("/slack/b", json=SLACK)
    instant = deliveries(sink)[-1]["received_at"]
    sink.post("/teams/a", json=resolved("teams"))
    assert len(deliveries(sink)) == 3
    assert len(deliveries(sink, receiver="a")) == 2
    assert len(deliveries(sink, receiver="slack/a")) == 1
    assert len(deliveries(sink, team="a", kind="teams")) == 1
    assert len(deliveries(sink, alertname="OrdersSlow", status="resolved")) == 1
    assert deliveries(sink, alertname="Other") == []
    assert len(deliveries(sink, since=instant)) == 2
    assert len(deliveries(sink, since="0")) == 3
    assert deliveries(sink, since="2999-01-01T00:00:00+00:00") == []
    counted = sink.get("/deliveries/count", params={"receiver": "a"}).json()
    assert counted == {
        "count": 2,
        "by_receiver_and_status": {"slack/a firing": 1, "teams/a resolved": 1},
    }
    assert [item["kind"] for item in deliveries(sink, limit="1")] == ["teams"]
    for bad in ({"since": "noon"}, {"reciever": "a"}, {"limit": "0"}, {"limit": "all"}):
        for path in ("/deliveries", "/deliveries/count"):
            answer = sink.get(path, params=bad)
            assert answer.status_code == 422
            assert next(iter(bad)) in answer.json()["error"]
    assert sink.delete("/deliveries").json() == {"deleted": 3}
    assert deliveries(sink) == []


def test_labels_are_bounded(sink: Client) -> None:
    for number in range(MAX_RECEIVERS + 20):
        sink.post(f"/slack/team-{number}", json=SLACK)
    metrics = sink.get("/metrics").text
    assert metrics.count("deliveries_total{") == MAX_RECEIVERS + 1
    assert 'receiver="other",status="firing"} 20.0' in metrics


def test_markup_in_a_delivery_is_escaped(sink: Client) -> None:
    title = "[FIRING:1] &lt;script&gt;alert&lt;/script&gt; (page) s"  # as Slack wants it
    sink.post("/slack/x", json={"attachments": [{"title": title}]})
    assert deliveries(sink)[0]["alertname"] == "<script>alert</script>"
    page = sink.get("/", headers={"accept": "text/html"}).text
    assert "&lt;script&gt;" in page
    assert "<script>" not in page


def test_the_page_says_about_which_service_and_links_to_the_runbook(sink: Client) -> None:
    sink.post("/slack/x", json=SLACK)
    page = sink.get("/", headers={"accept": "text/html"}).text
    assert f'<a href="{RUNBOOK}">what to do</a>' in page
    assert '<td data-name="service">orders</td>' in page


def test_the_page_says_that_nothing_came_yet(sink: Client) -> None:
    page = sink.get("/", headers={"accept": "text/html"}).text
    assert "Nothing was delivered yet." in page
    assert "<table" not in page


def test_a_runbook_may_be_a_path() -> None:
    body = json.loads(json.dumps(TEAMS).replace(RUNBOOK, "docs/runbooks/OrdersSlow.md"))
    assert read_payload("teams", "t", body).runbook_url == "docs/runbooks/OrdersSlow.md"
