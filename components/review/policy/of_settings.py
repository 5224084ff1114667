"""Checks that read what a stack says."""

import re
from collections.abc import Iterator
from typing import Any

from components.review.described import Described
from components.review.masking import SECRET_KEY, looks_secret
from components.review.policy.finding import Finding
from components.review.words import value
from components.spec import milliseconds
from components.spec.problem import KeyPath, written

_KEPT: dict[str, KeyPath] = {
    "metrics": ("metrics", "retention", "time"),
    "logs": ("logging", "retention"),
    "traces": ("tracing", "retention"),
}
MINIMUM: dict[str, dict[str, str]] = {
    "dev": {"metrics": "1d", "logs": "1d", "traces": "1d"},
    "test": {"metrics": "1d", "logs": "1d", "traces": "1d"},
    "staging": {"metrics": "7d", "logs": "7d", "traces": "3d"},
    "prod": {"metrics": "30d", "logs": "30d", "traces": "7d"},
}
"""By tier, for how long at least each signal is kept: an incident is looked into days after it began, and a
month's promises (SLOs) need a month of metrics."""

_ALLOWED = re.compile(r"^(\{\w|\$\{|env:|file:)")
"""How a value begins that only says where the secret comes from."""


def retention(now: Described) -> Iterator[Finding]:
    """Retention below the minimum of the stack's tier."""
    tier = str(_at(now.spec, ("environment", "tier")))
    for signal, path in _KEPT.items():
        kept, least = _at(now.spec, path), MINIMUM.get(tier, {}).get(signal)
        if isinstance(kept, str) and least and milliseconds(kept) < milliseconds(least):
            yield Finding(
                "retention-too-short",
                written(path),
                f"{signal} are kept for {value((), kept)}; tier {tier} expects {value((), least)} at least",
                path,
            )


def plain_secrets(now: Described) -> Iterator[Finding]:
    """Secrets that stand in the stack file. Their values are not repeated."""
    names = {secret["name"] for secret in now.spec.get("secrets", ())}
    for path, key, text in _texts(now.spec, (), ""):
        named = text in names or _ALLOWED.match(text) or len(text) < 4
        if path[:1] != ("secrets",) and (looks_secret(text) or (SECRET_KEY.search(key) and not named)):
            yield Finding(
                "secret-in-plain",
                written(path),
                "looks like a secret in plain; expected the name of one in `secrets`, whose value is "
                "elsewhere: move it there, and change it, for it was seen",
                path,
            )


def tags(now: Described) -> Iterator[Finding]:
    """An account's costs cannot be told apart without the tag of who pays, nor a test stack be cleaned up.
    A stand-in for an account costs nothing, and is gone with its stack."""
    if not _at(now.spec, ("aws", "account")) or _at(now.spec, ("aws", "stand_in")):
        return
    tier = _at(now.spec, ("environment", "tier"))
    wanted = ["cost_centre"] if tier in ("staging", "prod") else ["expiry"]
    for tag in wanted:
        path: KeyPath = ("aws", "tags", tag)
        if not _at(now.spec, path):
            yield Finding(
                "tag-missing", written(path), f"expected a value: tier {tier} is to have this tag", path
            )


def ingress(now: Described) -> Iterator[Finding]:
    """A name under which the pages are reached from outside the cluster, without TLS."""
    path: KeyPath = ("kubernetes", "ingress")
    found = _at(now.spec, path) or {}
    if found.get("host") and not found.get("tls_secret"):
        yield Finding(
            "public-endpoint",
            written((*path, "host")),
            f"the pages are served as {found['host']} without TLS; name a certificate in "
            f"{written((*path, 'tls_secret'))}",
            (*path, "host"),
        )


def _at(data: Any, path: KeyPath) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _texts(data: Any, path: KeyPath, key: str) -> Iterator[tuple[KeyPath, str, str]]:
    if isinstance(data, dict):
        for name, item in data.items():
            yield from _texts(item, (*path, name), name)
    elif isinstance(data, list | tuple):
        for index, item in enumerate(data):
            yield from _texts(item, (*path, index), key)
    elif isinstance(data, str):
        yield path, key, data
