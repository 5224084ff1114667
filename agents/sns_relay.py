"""Gives receivers what a managed Alertmanager has put into an SNS topic: a function of Lambda, one module.

Each message says by its attributes for whom it is; its texts were made by Alertmanager's own templates
(`components.render.alertmanager_sns`), and are put here into the payload that Alertmanager would have sent. A
message that cannot be delivered raises: Lambda tries again, and then puts it into the queue of what was not
delivered, on which there is an alarm. No address and no key is ever printed.
"""

import hashlib
import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
SECONDS = 10
_NAME = re.compile("^\u2029--([a-z_]+)--$", re.MULTILINE)
"""The line above a text."""


class RelayError(Exception):
    """Why a message was not delivered; the text holds no address."""


def sections(message: str) -> dict[str, str]:
    """The texts of a message, by the names above them."""
    before, *parts = _NAME.split(message)
    if before.strip() or not parts:
        raise RelayError("the message does not begin with the name of a text")
    return {name: value.strip("\n") for name, value in zip(parts[::2], parts[1::2], strict=True)}


def slack(message: str, settings: Mapping[str, str]) -> Json:
    """An attachment of nothing but text."""
    given = sections(message)
    channel = {"channel": settings["channel"]} if settings.get("channel") else {}
    attachment = {
        "color": given["color"],
        "title": given["title"],
        "title_link": given["link"],
        "text": given["text"],
        "fallback": given["title"],
        "footer": given["footer"],
        "mrkdwn_in": ["pretext"],
    }
    return {**channel, "attachments": [attachment]}


def teams(message: str, _settings: Mapping[str, str]) -> Json:
    """An adaptive card, as Alertmanager makes one."""
    given = sections(message)
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": given["title"], "weight": "Bolder", "size": "Medium", "wrap": True},
            {"type": "TextBlock", "text": given["text"], "wrap": True},
        ],
        "msteams": {"width": "Full"},
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]}


def pagerduty(message: str, settings: Mapping[str, str]) -> Json:
    """An event; those of one group are one incident."""
    given = sections(message)
    link = [{"href": given["link"], "text": "Runbook"}] if given["link"] else []
    details = {
        "description": given["alerts"],
        "runbook": given["link"],
        "firing": given["firing"],
        "resolved": given["resolved"],
    }
    return {
        "routing_key": settings["address"],
        "event_action": "resolve" if given["status"] == "resolved" else "trigger",
        "dedup_key": _group(settings["receiver"], given["group_key"]),
        "client": "Alertmanager",
        "links": link,
        "payload": {
            "summary": given["title"],
            "source": given["source"],
            "severity": given["severity"],
            "component": given["component"],
            "group": given["group"],
            "class": given["class"],
            "custom_details": details,
        },
    }


def ticket(message: str, settings: Mapping[str, str]) -> Json:
    """Alertmanager's own payload."""
    payload: Json = json.loads(message)
    labels = "".join(f"{name}={value};" for name, value in sorted(payload["groupLabels"].items()))
    return {**payload, "groupKey": _group(settings["receiver"], labels)}


def _group(receiver: str, labels: str) -> str:
    return hashlib.sha256(f"{receiver}\n{labels}".encode()).hexdigest()


PAYLOADS: dict[str, Callable[[str, Mapping[str, str]], Json]] = {
    "pagerduty": pagerduty,
    "slack": slack,
    "teams": teams,
    "ticket": ticket,
}


def deliver(record: Json, receivers: Mapping[str, Json], secret: Callable[[str], str]) -> None:
    """One message to the receiver that it names. RelayError, OSError."""
    told = record["Sns"]
    name = told["MessageAttributes"].get("receiver", {}).get("Value", "")
    if name not in receivers:
        raise RelayError(f"a message for receiver {name!r}, which the stack does not have")
    settings = receivers[name]
    address = secret(settings["secret"]).strip()
    kind = settings["kind"]
    payload = PAYLOADS[kind](told["Message"], {**settings, "receiver": name, "address": address})
    _post(name, settings.get("url", PAGERDUTY) if kind == "pagerduty" else address, payload)


def _post(name: str, url: str, payload: Json) -> None:
    if not url.startswith(("https://", "http://")):
        raise RelayError(f"receiver {name}: its secret holds no URL")
    request = urllib.request.Request(  # noqa: S310 - judged above
        url, json.dumps(payload).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310
            return
    except urllib.error.HTTPError as error:
        reason = f"answered {error.code}"
    except (OSError, ValueError) as error:
        reason = f"does not answer ({type(error).__name__})"
    raise RelayError(f"receiver {name} {reason}")


def handler(event: Json, _context: object) -> None:
    """What Lambda calls. All that cannot be delivered is told, and the first of it raised."""
    import boto3  # which its place brings

    client = boto3.client("secretsmanager")

    def secret(name: str) -> str:
        value: str = client.get_secret_value(SecretId=name)["SecretString"]
        return value

    failed: list[RelayError] = []
    receivers = json.loads(os.environ["RECEIVERS"])
    for record in event["Records"]:
        try:
            deliver(record, receivers, secret)
        except RelayError as error:
            print(json.dumps({"level": "error", "message": str(error)}))
            failed.append(error)
    if failed:
        raise failed[0]
