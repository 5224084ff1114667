"""The latest deliveries as a page for people, in the look of the stack's other pages."""

import html
from collections.abc import Iterable
from pathlib import Path

from agents.sink_payloads import Delivery

STYLE = Path(__file__).parent / "pages_static" / "pages.css"
_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Alert sink</title>
<style>{style}</style></head><body>
<header><span class="brand">Alert sink</span></header>
<main>
<p>What Slack, Teams, PagerDuty and the ticket system would have got, newest first. \
<a href="/deliveries">All as JSON</a></p>
<div class="card">{table}</div>
</main></body></html>
"""
_NONE = '<p class="quiet">Nothing was delivered yet.</p>'


def page(deliveries: Iterable[Delivery]) -> str:
    """The whole page. What came from outside stands in it as text."""
    rows = "".join(_row(item) for item in deliveries)
    names = ("received", "receiver", "status", "alert", "service", "severity", "runbook")
    head = "".join(f"<th>{name}</th>" for name in names)
    table = f'<table class="stack"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return _PAGE.format(style=STYLE.read_text(encoding="utf-8"), table=table if rows else _NONE)


def _row(item: Delivery) -> str:
    colour = "good" if item.status == "resolved" else "bad"
    received = item.received_at[:19].replace("T", " ") + " UTC"
    cells = (
        ("received", f'<span title="{html.escape(item.received_at)}">{html.escape(received)}</span>'),
        ("receiver", html.escape(item.receiver)),
        ("status", f'<span class="state {colour}">{html.escape(item.status)}</span>'),
        ("alert", f"<b>{html.escape(item.alertname or '')}</b>"),
        ("service", html.escape(item.service or "")),
        ("severity", html.escape(item.severity or "")),
        ("runbook", _link(item.runbook_url)),
    )
    return "<tr>" + "".join(f'<td data-name="{name}">{cell}</td>' for name, cell in cells) + "</tr>"


def _link(url: str | None) -> str:
    if url is None or not url.startswith(("http://", "https://")):
        return html.escape(url or "")
    return f'<a href="{html.escape(url)}">what to do</a>'
