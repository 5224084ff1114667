"""What the receivers take: sizes, and text that they would read as more than text.

Slack would not refuse `<!channel>`: it would call everybody. No notification of this stack means to, so the
sink refuses what would be read as markup, and a message whose text was not escaped shows here.

Sources: https://api.slack.com/methods/chat.postMessage (40,000 characters of text), legacy attachments
(https://api.slack.com/reference/messaging/attachments, a title of 1,024);
https://learn.microsoft.com/microsoftteams/limits-specifications-teams (28 KB a message);
https://developer.pagerduty.com/docs/send-alert-event (512 KB an event, a summary of 1,024 characters, a
dedup_key of 255). A ticket system takes what its web server takes; nginx's limit is 1 MB.
"""

import re
from typing import Any

MAX_BODY = {"slack": 1_000_000, "teams": 28_000, "pagerduty": 512_000, "ticket": 1_000_000}
"""Bytes of a payload, by kind."""
MAX_TITLE = 1_024
MAX_TEXT = 40_000
MAX_KEY = 255

_SLACK = re.compile(r"<[^>]*>?|>|&(?!(?:amp|lt|gt);)")
_MARKDOWN = re.compile(r"(?<!\\)(?:\\\\)*[*_`\[\]<>~|]|^\s*(?:[-+#]|\d+[.)])\s", re.MULTILINE)
_COUNT = re.compile(r"^\[(?:FIRING|RESOLVED)(?::\d+)?\] ")


class TooMuch(Exception):
    """More than the receiver takes, or text that it would read as markup; the text names the field."""


def check_size(kind: str, size: int) -> None:
    """Raises TooMuch for a body that the receiver would not read."""
    if size > MAX_BODY[kind]:
        raise TooMuch(f"(body): {size} bytes; {kind} takes at most {MAX_BODY[kind]}")


def check(kind: str, body: dict[str, Any]) -> None:
    """Raises TooMuch. The payload's shape is already known to be right."""
    if kind == "slack":
        for part in body["attachments"]:
            _length("title", part["title"], MAX_TITLE)
            for name in ("title", "text", "fallback", "footer"):
                _length(name, part.get(name, ""), MAX_TEXT)
                _plain(name, part.get(name, ""), _SLACK)
    elif kind == "teams":
        title, *texts = (block["text"] for block in body["attachments"][0]["content"]["body"])
        _plain("title", _COUNT.sub("", title), _MARKDOWN)
        for text in texts:
            _plain("text", text, _MARKDOWN)
    elif kind == "pagerduty":
        _length("dedup_key", body.get("dedup_key", ""), MAX_KEY)
        _length("payload.summary", (body.get("payload") or {}).get("summary", ""), MAX_TITLE)


def plain(kind: str, text: str) -> str:
    """The text that a person would read there."""
    if kind == "slack":
        return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text) if kind == "teams" else text


def _length(name: str, text: str, most: int) -> None:
    if len(text) > most:
        raise TooMuch(f"{name}: {len(text)} characters; expected at most {most}")


def _plain(name: str, text: str, markup: re.Pattern[str]) -> None:
    if found := markup.search(text):
        raise TooMuch(f"{name}: {found[0][:40]!r} would be read as markup; expected it escaped")
