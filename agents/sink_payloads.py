"""The payloads of alert receivers, checked and brought into one shape.

The agreement with the Alertmanager templates, which this module reads back:

- every title is ``[FIRING:2] AlertName (severity) service``, or ``[RESOLVED] AlertName (severity) service``;
- Slack: ``attachments[0].title`` is the title, ``title_link`` the runbook, ``text`` the description;
- Teams (``msteamsv2`` of Alertmanager 0.28: an adaptive card): the first TextBlock is the title, and the text
  block below has a line ``Runbook: URL``;
- PagerDuty (Events API v2): ``payload.summary`` is the title, the runbook is ``links[0].href`` or
  ``payload.custom_details.runbook``;
- ticket (Alertmanager's webhook, version 4): labels ``alertname`` and ``severity``, annotations
  ``summary`` and ``runbook`` (or ``runbook_url``).

A payload of the right shape whose title does not follow the agreement is accepted, with ``alertname`` null:
the receivers that this stands in for would show it too, and a test should see it.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents import sink_limits

Json = dict[str, Any]
TITLE = re.compile(
    r"^\[(?P<status>FIRING|RESOLVED)(?::\d+)?\]\s+(?P<alertname>[^\s(]+)"
    r"(?:\s+\((?P<severity>[\w-]+)\))?(?:\s+(?P<service>\S.*))?$"
)
RUNBOOK_LINE = re.compile(r"^Runbook:\s*(\S+)", re.MULTILINE)


class PayloadError(Exception):
    """Not such a payload; the text names the key."""


class _Shape(BaseModel):
    """Only what identifies the payload; receivers ignore fields they do not know, and so does this."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _SlackAttachment(_Shape):
    title: str
    title_link: str = ""
    text: str = ""


class _Slack(_Shape):
    attachments: Annotated[tuple[_SlackAttachment, ...], Field(min_length=1)]


class _TextBlock(_Shape):
    type: Literal["TextBlock"]
    text: str


class _Card(_Shape):
    type: Literal["AdaptiveCard"]
    body: Annotated[tuple[_TextBlock, ...], Field(min_length=1)]


class _TeamsAttachment(_Shape):
    contentType: Literal["application/vnd.microsoft.card.adaptive"]
    content: _Card


class _Teams(_Shape):
    type: Literal["message"]
    attachments: Annotated[tuple[_TeamsAttachment, ...], Field(min_length=1)]


class _PagerDutyLink(_Shape):
    href: str


class _PagerDutyPayload(_Shape):
    summary: str
    source: str
    severity: Literal["critical", "error", "warning", "info"]
    custom_details: dict[str, Any] = {}


class _PagerDuty(_Shape):
    routing_key: Annotated[str, Field(min_length=1)]
    event_action: Literal["trigger", "acknowledge", "resolve"]
    dedup_key: str = ""
    payload: _PagerDutyPayload | None = None
    links: tuple[_PagerDutyLink, ...] | None = None


class _Alert(_Shape):
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = {}


class _Ticket(_Shape):
    version: Literal["4"]
    groupKey: str
    status: Literal["firing", "resolved"]
    receiver: str
    alerts: Annotated[tuple[_Alert, ...], Field(min_length=1)]


class Delivery(BaseModel):
    """One notification as it arrived. ``received_at`` is RFC 3339; ``raw`` the payload without its key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    received_at: str
    kind: str
    team: str
    receiver: str
    status: Literal["firing", "resolved", "acknowledged"]
    alertname: str | None = None
    alertnames: tuple[str, ...] = ()
    severity: str | None = None
    service: str | None = None
    runbook_url: str | None = None
    summary: str = ""
    group_key: str | None = None
    raw: Json


def read_payload(kind: str, team: str, body: object, now: datetime | None = None) -> Delivery:
    """Check a payload of ``kind`` and normalise it. Raises PayloadError when it is not such a payload."""
    if not isinstance(body, dict):
        raise PayloadError(f"(body): expected a JSON object, got {type(body).__name__}")
    try:
        fields = READERS[kind](body)
    except ValidationError as error:
        problems = (
            f"{'.'.join(map(str, item['loc'])) or '(body)'}: {item['msg']}"
            for item in error.errors(include_url=False)
        )
        raise PayloadError("; ".join(problems)) from None
    try:
        sink_limits.check(kind, body)
    except sink_limits.TooMuch as error:
        raise PayloadError(str(error)) from None
    stamp = (now or datetime.now(UTC)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    raw = {key: "[hidden]" if key == "routing_key" else value for key, value in body.items()}
    receiver = f"{kind}/{team}"
    return Delivery(received_at=stamp, kind=kind, team=team, receiver=receiver, raw=raw, **fields)


def _slack(body: Json) -> Json:
    attachment = _Slack.model_validate(body).attachments[0]
    return {
        **_titled(sink_limits.plain("slack", attachment.title)),
        "runbook_url": attachment.title_link or None,
        "summary": sink_limits.plain("slack", attachment.text or attachment.title),
    }


def _teams(body: Json) -> Json:
    blocks = _Teams.model_validate(body).attachments[0].content.body
    title, *texts = (sink_limits.plain("teams", block.text) for block in blocks)
    text = "\n".join(texts)
    runbook = RUNBOOK_LINE.search(text)
    return {
        **_titled(title),
        "runbook_url": runbook[1] if runbook else None,
        "summary": text or title,
    }


def _pagerduty(body: Json) -> Json:
    event = _PagerDuty.model_validate(body)
    if event.event_action == "trigger" and event.payload is None:
        raise PayloadError("payload: Field required for event_action trigger")
    if event.event_action != "trigger" and not event.dedup_key:
        raise PayloadError(f"dedup_key: Field required for event_action {event.event_action}")
    summary = event.payload.summary if event.payload else ""
    details = event.payload.custom_details if event.payload else {}
    title = _titled(summary)
    statuses = {"trigger": "firing", "resolve": "resolved", "acknowledge": "acknowledged"}
    return {
        **title,
        "status": statuses[event.event_action],
        "severity": title["severity"] or (event.payload.severity if event.payload else None),
        "runbook_url": event.links[0].href if event.links else _first(details, "runbook", "runbook_url"),
        "summary": summary,
        "group_key": event.dedup_key or None,
    }


def _ticket(body: Json) -> Json:
    ticket = _Ticket.model_validate(body)
    names = sorted({alert.labels["alertname"] for alert in ticket.alerts if "alertname" in alert.labels})
    first = ticket.alerts[0]
    return {
        "status": ticket.status,
        "alertname": names[0] if names else None,
        "alertnames": names,
        "severity": first.labels.get("severity"),
        "service": first.labels.get("service"),
        "runbook_url": _first(first.annotations, "runbook", "runbook_url"),
        "summary": first.annotations.get("summary", ""),
        "group_key": ticket.groupKey,
    }


def _titled(title: str) -> Json:
    found = TITLE.match(title.strip())
    if found is None:
        resolved = "resolved" in title.lower()
        return {"status": "resolved" if resolved else "firing", "severity": None}
    return {
        "status": found["status"].lower(),
        "alertname": found["alertname"],
        "alertnames": (found["alertname"],),
        "severity": found["severity"],
        "service": found["service"],
    }


def _first(values: Mapping[str, Any], *keys: str) -> str | None:
    return next((str(values[key]) for key in keys if values.get(key)), None)


READERS: dict[str, Callable[[Json], Json]] = {
    "slack": _slack,
    "teams": _teams,
    "pagerduty": _pagerduty,
    "ticket": _ticket,
}
