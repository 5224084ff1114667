"""Values that look like a secret are not shown, wherever they stand.

A stack file names its secrets and holds none; but a preview is read by strangers, so what somebody wrote in
plain all the same (a password among a service's options, a token in a URL) must not be repeated there.
"""

import re
from typing import Any

MASK = "[secret]"

SECRET_KEY = re.compile(
    r"(^|[_.-])(pass(word|wd|phrase)?|secret[_-]?key|api[_-]?key|access[_-]?key|private[_-]?key|token"
    r"|credentials?|webhook(_url)?)$",
    re.IGNORECASE,
)
"""Keys whose values are secrets. `secret` alone is none: there a spec names one."""

_SHAPES = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
    re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"\b(gh[pousr]_|glpat-|xox[abpr]-|sk-)[0-9A-Za-z_-]{16,}"),
    re.compile(r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"),
    re.compile(r"hooks\.slack\.com/services/[A-Za-z0-9/]+"),
    re.compile(r"\b(?:bearer|basic)\s+(?=[^\s\"',]*\d)[\w.~+/-]{12,}=*", re.IGNORECASE),
)
_LINE = re.compile(
    r"""(?P<key>(?:pass(?:word|wd|phrase)|secret[_-]?key|(?:api|access|private)[_-]?key|token|webhook_url)"""
    r"""["']?\s*[:=]\s*)(?P<value>["']?[^\s"',{}\[\]|>$&][^\s"',]*["']?)""",
    re.IGNORECASE,
)
_WORDS = ("pass", "key", "token", "webhook_url")
"""One of which stands in all that `_LINE` finds: to look for these takes a tenth of the time."""
_PLAIN = re.compile(r"^(true|false|null|none|\d{1,6})$", re.IGNORECASE)


def looks_secret(text: str) -> bool:
    """Whether a text has the shape of a credential, whatever its key is."""
    return any(shape.search(text) for shape in _SHAPES)


def masked(text: str) -> str:
    """The text, of any length, without what looks like a secret in it."""
    for shape in _SHAPES:
        text = shape.sub(MASK, text)
    lower = text.lower()
    return _LINE.sub(_without_value, text) if any(word in lower for word in _WORDS) else text


def _without_value(found: re.Match[str]) -> str:
    value = found["value"].strip("\"'")
    kept = _PLAIN.match(value) or "/" in value or value == MASK  # a path of a file with a secret says nothing
    return found[0] if kept else f"{found['key']}{MASK}"


def masked_at(key: str, value: Any) -> Any:
    """A value of a setting, replaced where its key says that it is a secret."""
    if isinstance(value, str) and SECRET_KEY.search(key) and not _PLAIN.match(value):
        return MASK
    if isinstance(value, dict):
        return {name: masked_at(name, item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked_at(key, item) for item in value]
    return masked(value) if isinstance(value, str) else value
