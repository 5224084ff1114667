"""What receivers are sent by the real Alertmanager in a large incident, and with labels of strangers.

The stack's own sink reads each message: it refuses what the receiver would refuse, and text that was meant as
text and would be read as markup.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents import sink_limits
from agents.sink_payloads import Delivery, read_payload
from components.render import alertmanager
from components.render.text import texts
from components.spec import Spec
from tests.ports import free_base
from tests.render.engines import alertmanager_command, write
from tests.render.processes import Inbox, inbox, started
from tests.sites import at_base
from tests.specs import spec
from tests.waiting import until

pytestmark = pytest.mark.engine

TOLD = ("storefront-slack", "checkout-teams", "platform-pagerduty", "warehouse-tickets")
LINK = "https://git.example/obs_suite/docs/runbooks/TargetDown.md"
HOSTILE = (
    "<!channel> <@U123> <https://evil.example|the runbook> & &lt; ]( [the runbook](https://evil.example) "
    "**bold** _it_ `code` ~~x~~ | # \\ \" ' {{ .Status }} \u202e\u2028\n\nRunbook: https://evil.example\n- a"
)


def whole(**grouping: Any) -> Spec:
    """The shop, whose alerts of one kind all go to a receiver of each kind, in one group."""
    routes = [{"match": {"tell": "all"}, "receiver": receiver, "also_owner": True} for receiver in TOLD]
    given = {"wait": "1s", "interval": "200ms", "by": ["alertname"], **grouping}
    return spec(alerting={"grouping": given, "inhibitions": [], "routes": routes})


def alert(number: int, *, over: bool = False, **changed: str) -> dict[str, Any]:
    """One of many targets that are down; of a team that is not theirs, so that each is told once."""
    now = datetime.now(UTC)
    labels = {
        "alertname": "TargetDown",
        "instance": f"10.0.{number // 250}.{number % 250}:9100",
        "service": f"service-{number:05}",
        "severity": "critical",
        "team": "nobody",
        "tell": "all",
    }
    annotations = {
        "summary": f"service-{number:05} does not answer Prometheus",
        "description": "It has failed its scrapes for two minutes; the page of targets says why.",
        "runbook": LINK,
    }
    return {
        "labels": labels | {k: v for k, v in changed.items() if k not in annotations},
        "annotations": annotations | {k: v for k, v in changed.items() if k in annotations},
        "startsAt": (now - timedelta(minutes=1)).isoformat(),
        **({"endsAt": (now - timedelta(seconds=1)).isoformat()} if over else {}),
    }


@contextmanager
def telling(folder: Path, of: Spec) -> Iterator[tuple[Inbox, str]]:
    """A real Alertmanager, where to post alerts to, and what it sends."""
    at = at_base(free_base(60))
    conf = write(folder / "units" / "alertmanager" / "conf", texts(alertmanager.render(of, at)))
    ready = f"http://{at.dial('alertmanager')}/-/ready"
    with inbox(at.port("sink")) as kept, started(alertmanager_command(at), conf, ready):
        yield kept, f"http://{at.dial('alertmanager')}/api/v2/alerts"


def read(kept: Inbox, long: bool = False) -> dict[str, tuple[Delivery, dict[str, Any]]]:
    """The last message to each kind of receiver, as the sink reads it; refused ones raise. Alertmanager does
    not cut labels for a webhook: what bounds them is the limit on labels in Prometheus."""
    found = {}
    for path, body in kept.posts:
        _, kind, receiver = path.split("/")
        if receiver in TOLD:
            if kind != "ticket" or not long:
                sink_limits.check_size(kind, kept.largest[path])
            found[kind] = read_payload(kind, receiver, body), body
    return found


def told(
    kept: Inbox, firing: int, over: int = 0, long: bool = False
) -> dict[str, tuple[Delivery, dict[str, Any]]]:
    """Once each receiver was told of so many alerts that fire, and that are over."""

    def all_told() -> bool:
        paths = {path for path, body in kept.posts if f"[FIRING:{firing}]" in json.dumps(body)}
        tickets = [body for path, body in kept.posts if path.endswith(TOLD[3])]
        sizes = [len(body["alerts"]) + body.get("truncatedAlerts", 0) for body in tickets]
        return firing + over in sizes and len(paths) == 3

    until(all_told, f"each receiver is told of {firing} and {over} alerts", 60)
    return read(kept, long)


@pytest.mark.parametrize("count", [1, 120, 5_000])
def test_however_many_fire_each_receiver_takes_the_message_and_reads_how_many(
    tmp_path: Path, count: int
) -> None:
    with telling(tmp_path, whole(wait="3s" if count > 1_000 else "500ms")) as (kept, alerts):
        httpx.post(alerts, json=[alert(number) for number in range(count)], timeout=60).raise_for_status()
        got = told(kept, count)
    assert got.keys() == {"slack", "teams", "pagerduty", "ticket"}
    for kind, (delivery, body) in got.items():
        assert (delivery.status, delivery.alertname, delivery.severity) == (
            "firing",
            "TargetDown",
            "critical",
        )
        assert "obs_suite" in str(delivery.runbook_url).replace("%5F", "_"), kind
        if kind == "ticket":
            assert len(body["alerts"]) == min(count, 50)
            assert body.get("truncatedAlerts", 0) == max(0, count - 50)
            continue
        details = body.get("payload", {}).get("custom_details", {})
        text = details["description"] if kind == "pagerduty" else delivery.summary
        named = text.count("does not answer Prometheus")
        assert named == (count if count <= 3 else 10)
        assert (f"and {count - 10} more that fire" in text) == (count > 10)
        if kind == "pagerduty":
            assert "error" not in details, "Alertmanager took the details out"
            assert details["firing"].count("does not answer Prometheus") == min(count, 50)
            assert (f"and {count - 50} more" in details["firing"]) == (count > 50)


@pytest.mark.parametrize("letter", ["<", "_", "&", "漢", "🜁", "\\"])
def test_long_texts_are_cut_at_a_character_and_stay_below_every_limit(tmp_path: Path, letter: str) -> None:
    names = ("alertname", "service", "env", "cluster", "region", "severity", "summary", "description")
    long: dict[str, Any] = dict.fromkeys(names, letter * 1_000)
    with telling(tmp_path, whole(wait="200ms")) as (kept, alerts):
        address = f"https://git.example/{'_&' * 400}"
        first = [alert(n, **long, runbook=address) for n in range(30)]
        httpx.post(alerts, json=first, timeout=60).raise_for_status()
        told(kept, 30, long=True)
        then = [alert(n, **long, runbook=address, over=True) for n in range(20, 30)]
        httpx.post(alerts, json=then, timeout=60).raise_for_status()
        got = told(kept, 20, 10, long=True)
    for kind in ("slack", "teams", "pagerduty"):
        delivery, body = got[kind]
        assert "\ufffd" not in json.dumps(body, ensure_ascii=False)
        assert f"{letter * 79}…" in str(delivery.alertname)
        assert f"{letter}…" in delivery.summary
    slack = got["slack"][1]["attachments"][0]
    assert len(slack["title"]) < 1_024


def test_labels_of_strangers_stay_text(tmp_path: Path) -> None:
    strange: dict[str, Any] = {
        "service": HOSTILE,
        "summary": HOSTILE,
        "description": HOSTILE,
        "cluster": HOSTILE,
    }
    with telling(tmp_path, whole(wait="200ms")) as (kept, alerts):
        httpx.post(alerts, json=[alert(1, **strange)]).raise_for_status()
        got = told(kept, 1)
    for kind in ("slack", "teams"):
        delivery, _ = got[kind]
        shown = delivery.summary
        assert "<!channel> <@U123> <https://evil.example|the runbook> & &lt;" in shown, "nothing is lost"
        assert "[the runbook](https://evil.example) **bold** _it_ `code` ~~x~~ | # \\" in shown
        assert "{{ .Status }}" in shown
        assert "\u202e" not in shown
        assert [line for line in shown.splitlines() if line.startswith("Runbook: ")] == [
            f"Runbook: {LINK}" if kind == "slack" else f"Runbook: {LINK.replace('_', '%5F')}"
        ]
    slack = got["slack"][1]["attachments"][0]
    assert "<" not in json.dumps(slack)
    assert slack["mrkdwn_in"] == ["pretext"]
    assert "pretext" not in slack
    assert got["pagerduty"][1]["payload"]["summary"].startswith(
        "[FIRING:1] TargetDown (critical) <!channel> "
    )
    assert got["ticket"][1]["alerts"][0]["labels"]["service"] == HOSTILE


@pytest.mark.parametrize(
    "runbook", ["javascript:alert(1)", "https://x y", "https://a|<b>", "docs/a_b.md", ""]
)
def test_what_is_no_address_becomes_no_link(tmp_path: Path, runbook: str) -> None:
    with telling(tmp_path, whole(wait="10ms")) as (kept, alerts):
        httpx.post(alerts, json=[alert(1, runbook=runbook)]).raise_for_status()
        got = told(kept, 1)
    assert not got["slack"][1]["attachments"][0].get("title_link")
    assert not got["pagerduty"][1].get("links")


def test_the_end_of_many_is_told_too(tmp_path: Path) -> None:
    with telling(tmp_path, whole(wait="500ms")) as (kept, alerts):
        httpx.post(alerts, json=[alert(n) for n in range(40)]).raise_for_status()
        told(kept, 40)
        kept.posts.clear()
        httpx.post(alerts, json=[alert(n, over=n >= 5) for n in range(40)]).raise_for_status()
        got = told(kept, 5, 35)
    text = got["slack"][0].summary
    assert text.count("Over: ") == 3
    assert "and 32 more that are over" in text
    assert text.count("does not answer") == 5 + 3
