"""A card number that services leak into logs, spans, events and exceptions stands in no store."""

import json
import re
import secrets
from collections.abc import Iterable
from contextlib import ExitStack

from components.render.opensearch_store import rejected_prefix, span_prefix
from components.spec import Spec
from components.spec.logging import Redaction
from obs.verify import shop
from obs.verify.check import Check
from obs.verify.checks_request import settle, why_no_probe_kept, why_no_shop
from obs.verify.context import Context, Sent
from obs.verify.outcome import CheckFailed, NotApplied, NotYet

REQUESTS = 4


def card_number() -> str:
    """16 digits of a card that nobody has, fresh each time, with a valid check digit (Luhn)."""
    body = "4" + "".join(str(secrets.randbelow(10)) for _ in range(14))
    total = 0
    for index, char in enumerate(reversed(body)):
        value = int(char) * (1 if index % 2 else 2)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def forms(number: str) -> tuple[str, str, str]:
    """The digits alone, in groups of four with spaces, and with dashes."""
    groups = [number[i : i + 4] for i in range(0, len(number), 4)]
    return number, " ".join(groups), "-".join(groups)


def rule_for(spec: Spec, number: str) -> Redaction | None:
    """The rule of the stack that covers a card number, None if there is none."""
    return next(
        (rule for rule in spec.logging.redaction if rule.pattern is None or re.search(rule.pattern, number)),
        None,
    )


def why_not(spec: Spec) -> str | None:
    """Why nothing is to be redacted, or not stored for certain."""
    if rule_for(spec, card_number()) is None:
        return "no rule of logging.redaction covers card numbers"
    return why_no_probe_kept(spec) or why_no_shop(spec)


def redacted(ctx: Context) -> str:
    """With every service leaking the number, logs and spans arrive without it, and it is nowhere."""
    services = shop.demo_path(ctx)
    number = card_number()
    rule = rule_for(ctx.spec, number)
    if rule is None:
        raise NotApplied("no rule of logging.redaction covers card numbers")
    since = ctx.clock.now()
    with ExitStack() as faults:
        for service in services:
            faults.enter_context(ctx.fault(service, "card-numbers", 30, value=number))
        sent = [shop.send(ctx, probe=True) for _ in range(REQUESTS)]
    ctx.calm.done(REDACTED.name)
    shop.all_answered(sent, services[0].name)
    digits = re.compile(r"\D{0,3}".join(number))
    treated = re.compile(f"{re.escape(rule.replacement)}|{digits.pattern}")
    _arrived(ctx, rule.replacement, treated, {item.name for item in services}, sent)
    millis = int((since - 1) * 1000)
    searched: dict[str, int] = {}
    found: list[str] = []

    def search(store: str, texts: Iterable[str]) -> None:
        for text in texts:
            searched[store] = searched.get(store, 0) + 1
            if match := digits.search(text):
                around = text[max(0, match.start() - 60) : match.start()]
                found.append(f"{store} (after ...{around})")

    opensearch = ctx.clients.opensearch
    recent = {"range": {"timestamp": {"gte": millis, "format": "epoch_millis"}}}
    for store, index, query in (
        ("logs", f"{ctx.spec.logging.index.prefix}-2*", recent),
        ("refused logs", f"{rejected_prefix(ctx.spec)}-2*", recent),
        ("spans", f"{span_prefix(ctx.spec)}-2*", {"range": {"startTimeMillis": {"gte": millis}}}),
    ):
        search(store, (json.dumps(hit, ensure_ascii=False) for hit in opensearch.scan(index, query)))
    everywhere = ",".join(
        f"{prefix}-2*"
        for prefix in (ctx.spec.logging.index.prefix, rejected_prefix(ctx.spec), span_prefix(ctx.spec))
    )
    for form in forms(number):
        phrase = {"query_string": {"query": f'"{form}"', "fields": ["*"], "lenient": True}}
        if count := opensearch.count(everywhere, phrase):
            found.append(f"{count} documents found by searching for the number")
    metrics = ctx.clients.prometheus.everything(since - 60, ctx.clock.now() + 60)
    search("series and exemplars of Prometheus", metrics.split("},{"))
    search("alerts", map(json.dumps, ctx.clients.alertmanager.alerts()))
    if found:
        raise CheckFailed(
            "the card number in no store",
            f"it in {len(found)} places, the first: {found[0].replace(number, '...')}",
            "See logging.redaction, and the collector's redaction of logs and spans (obs render).",
        )
    numbers = ", ".join(f"{count} {store}" for store, count in searched.items())
    return f"the number is in none of them, {rule.replacement!r} in its place; searched {numbers}"


def _arrived(
    ctx: Context, marker: str, treated: re.Pattern[str], services: set[str], sent: list[Sent]
) -> None:
    """Wait until every service's log lines and spans that held the number are stored, redacted or not: else
    it could be absent because nothing came. `treated` finds the marker, and the number itself."""
    ids = sorted(item.trace_id for item in sent)
    opensearch = ctx.clients.opensearch

    def look() -> None:
        lines = opensearch.scan(f"{ctx.spec.logging.index.prefix}-2*", {"terms": {"trace_id": ids}})
        spans = opensearch.scan(f"{span_prefix(ctx.spec)}-2*", {"terms": {"traceID": ids}})
        have = {
            "log lines": {
                (doc["service"], doc["trace_id"])
                for doc in (hit["_source"] for hit in lines)
                if treated.search(json.dumps(doc, ensure_ascii=False))
            },
            "spans": {
                (doc["process"]["serviceName"], doc["traceID"])
                for doc in (hit["_source"] for hit in spans)
                if treated.search(json.dumps(doc, ensure_ascii=False))
            },
        }
        wanted = {(name, trace_id) for name in services for trace_id in ids}
        for kind, pairs in have.items():
            if missing := wanted - pairs:
                name, trace_id = min(missing)
                raise NotYet(
                    f"{kind} of every service with {marker!r} in place of the number",
                    f"{len(missing)} of {len(wanted)} missing, as of {name} in trace {trace_id}",
                    "See logging.redaction, and `obs logs collector`.",
                )

    ctx.wait("card number", look, settle(ctx.spec) + 20, every=2.0)


REDACTED = Check("card number in no store", "logging", redacted, why_not, calm=True)
