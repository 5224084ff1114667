"""Whether what runs has taken what was wanted: a rule file or a route that is refused leaves what was before
in force, without a word (helm-charts 1926).

Both engines give what they have read in a form of their own, complete with defaults; so texts are compared as
they are, expressions in the form that Prometheus gives them, and of Alertmanager what was said to it.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import yaml

from components.render import alertmanager
from components.rules import files
from obs.verify.check import Check
from obs.verify.clients import Json, Prometheus
from obs.verify.context import Context
from obs.verify.outcome import NotYet

ARRIVES_S = 150.0
"""Seconds until what was changed is read: a cluster brings it to its pods about once a minute."""
UNIT_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+")
_MATCHER = re.compile(r'\s*(\w+)\s*(=~|!~|!=|=)\s*"?(.*?)"?\s*', re.DOTALL)
SECRET = "<secret>"  # noqa: S105 - what Alertmanager shows in place of one
Rule = tuple[str, str, str, float, str]
"""Group, name, expression, seconds that it holds, labels and annotations."""


def rules(ctx: Context) -> str:
    """Prometheus has every rule of the description, as it stands there, and in its groups no other."""
    wanted, groups = Counter[Rule](), set[str]()
    for document in files.untested(ctx.spec, ctx.site).values():
        for group in document.data["groups"]:
            groups.add(group["name"])
            wanted.update(_wanted(group))
    known: dict[str, str] = {}

    def look() -> None:
        found = Counter(_loaded(rule) for rule in ctx.clients.prometheus.rules() if rule["group"] in groups)
        lacking, others = wanted - found, found - wanted
        if lacking or others:
            prometheus = ctx.clients.prometheus
            lacking, others = _formatted(prometheus, lacking, known), _formatted(prometheus, others, known)
            lacking, others = lacking - others, others - lacking
        for rules, is_other in ((lacking, False), (others, True)):
            if rules:
                group, name, expression, *_ = min(rules)
                raise NotYet(
                    f"{wanted.total()} rules of the stack file in Prometheus, and no other in their groups",
                    f"{rules.total()} that {'nobody wanted' if is_other else 'are missing or different'}, "
                    f"as {name} of {group}: {expression[:100]}",
                    f"Run obs up {ctx.stack}; see `obs logs {ctx.stack} prometheus`: was a file refused?",
                )

    ctx.wait("rules loaded", look, ARRIVES_S, every=2.0)
    return f"{wanted.total()} rules in {len(groups)} groups are loaded as the stack file wants them"


def _wanted(group: Json) -> Iterator[Rule]:
    for rule in group["rules"]:
        name = rule.get("alert") or rule["record"]
        labels = {**group.get("labels", {}), **rule.get("labels", {})}
        texts = repr((sorted(labels.items()), sorted(rule.get("annotations", {}).items())))
        yield group["name"], name, rule["expr"], seconds_of(rule.get("for", "0s")) or 0.0, texts


def _loaded(rule: Json) -> Rule:
    labels, notes = rule.get("labels") or {}, rule.get("annotations") or {}
    texts = repr((sorted(labels.items()), sorted(notes.items())))
    return rule["group"], rule["name"], rule.get("query", ""), float(rule.get("duration", 0)), texts


def _formatted(prometheus: Prometheus, rules: Counter[Rule], known: dict[str, str]) -> Counter[Rule]:
    """The rules with their expressions as Prometheus writes them; `known` holds those that it was asked."""
    found = Counter[Rule]()
    for rule, number in rules.items():
        if rule[2] not in known:
            known[rule[2]] = prometheus.formatted(rule[2])
        found[(*rule[:2], known[rule[2]], *rule[3:])] += number
    return found


def configuration(ctx: Context) -> str:
    """Alertmanager routes, inhibits and delivers as the description says."""
    document = alertmanager.render(ctx.spec, ctx.site)["alertmanager.yml"].data

    def look() -> None:
        loaded = yaml.safe_load(ctx.clients.alertmanager.configuration())
        if difference := next(differences(document, loaded), None):
            path, wanted, found = difference
            raise NotYet(
                f"{path} of Alertmanager's configuration to be {wanted!r:.120}",
                f"{found!r:.120}",
                "What is refused leaves in force what was before: see what Alertmanager, or what brings it "
                f"its configuration, says in `obs logs {ctx.stack}`; then run obs up.",
            )

    ctx.wait("routes loaded", look, ARRIVES_S, every=2.0)
    routes = document["route"]["routes"]
    return f"{len(routes)} routes and {len(document['receivers'])} receivers are loaded as wanted"


def differences(wanted: Any, loaded: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where what is loaded is not what was wanted, as (path, wanted, loaded). What was not said has a default
    there, and what is empty may be left out."""
    if isinstance(wanted, dict):
        there = loaded if isinstance(loaded, dict) else {}
        for key, value in wanted.items():
            if key in there or value:
                yield from differences(value, there.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(wanted, list) and isinstance(loaded, list) and len(wanted) == len(loaded):
        for index, (one, other) in enumerate(zip(wanted, loaded, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif isinstance(wanted, list) or not _same(path, wanted, loaded):
        yield path, wanted, loaded


def _same(path: str, wanted: Any, loaded: Any) -> bool:
    if wanted == loaded or loaded == SECRET:
        return True
    one, other = str(wanted), str(loaded)
    key = re.split(r"[.\[]", re.sub(r"\[\d+\]$", "", path))[-1]
    if key.endswith("matchers"):
        return matcher(one) == matcher(other)
    if key.endswith(("_file", "templates")):  # beside the configuration, wherever that is
        return posixpath.basename(one) == posixpath.basename(other)
    seconds = seconds_of(one)
    return one == other or (seconds is not None and seconds == seconds_of(other))


def matcher(text: str) -> tuple[str | None, ...]:
    """A matcher in its parts, however it is written."""
    found = _MATCHER.fullmatch(text)
    return found.groups() if found else (text,)


def seconds_of(text: str) -> float | None:
    """A duration, as in `1h30m`; None if it is none."""
    if not _DURATION.fullmatch(text):
        return None
    return sum(int(number) * UNIT_S[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", text))


RULES_LOADED = Check("rules loaded", "metrics", rules)
ROUTES_LOADED = Check("routes loaded", "alerting", configuration)
