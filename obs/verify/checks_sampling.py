"""Tail sampling: the slow and the failed are kept, and of the rest about the share that was asked for."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from components.render.opensearch_store import span_prefix
from components.spec import Spec, milliseconds
from obs.verify import shop
from obs.verify.check import Check, seconds
from obs.verify.checks_request import settle, why_no_probe_kept, why_no_shop
from obs.verify.context import Context, Sent
from obs.verify.outcome import CheckFailed, NotApplied, NotYet

PLAIN = 240
"""Requests of which the kept share is measured: at a ratio of 0.2 the interval is about 0.12 to 0.29."""
ENOUGH = 100
SENDING = 30.0
"""Seconds after which fewer will do, if enough have been sent: a busy machine must not hold up the rest."""
STEADY = 20.0
"""Seconds within which the number of stored traces stands still."""
MARKED = 12
CONFIDENCE = 0.999


@dataclass
class Stored:
    """What the store holds of a trace."""

    services: set[str] = field(default_factory=set)
    failed: bool = False
    """Whether a span of it failed, even if the request succeeded."""


def stored(ctx: Context, trace_ids: Iterable[str]) -> dict[str, Stored]:
    """Those of the traces that are stored, by id.

    Asks the store, since asking Jaeger would take a request a trace."""
    query = {"terms": {"traceID": sorted(trace_ids)}}
    found: dict[str, Stored] = {}
    for hit in ctx.clients.opensearch.scan(
        f"{span_prefix(ctx.spec)}-2*", query, ["traceID", "process.serviceName", "tags"]
    ):
        document = hit["_source"]
        trace = found.setdefault(document["traceID"], Stored())
        trace.services.add(document["process"]["serviceName"])
        tags = {tag["key"]: str(tag["value"]).lower() for tag in document.get("tags") or ()}
        trace.failed |= tags.get("error") == "true" or tags.get("otel.status_code") == "error"
    return found


def interval(count: int, ratio: float, confidence: float = CONFIDENCE) -> tuple[int, int]:
    """Bounds within which a binomial count lies with at least `confidence`, both included."""
    if ratio <= 0.0 or ratio >= 1.0:
        exact = 0 if ratio <= 0.0 else count
        return exact, exact
    tail = (1 - confidence) / 2

    def mass(kept: int) -> float:
        ways = math.lgamma(count + 1) - math.lgamma(kept + 1) - math.lgamma(count - kept + 1)
        return math.exp(ways + kept * math.log(ratio) + (count - kept) * math.log1p(-ratio))

    low, below = 0, mass(0)
    while below <= tail:
        low += 1
        below += mass(low)
    high, above = count, mass(count)
    while above <= tail:
        high -= 1
        above += mass(high)
    return low, high


def rest(ctx: Context) -> str:
    """Of requests neither slow nor failed nor marked about `keep_ratio` is kept, each trace whole."""
    services = {item.name for item in shop.demo_path(ctx)}
    ratio = ctx.spec.tracing.tail_sampling.keep_ratio
    ids, sent = _send(ctx)
    kept = _settled(ctx, ids)
    # A call to Redis may fail though the request succeeds. Such a trace is kept for that and says nothing.
    failed = {trace_id for trace_id, trace in kept.items() if trace.failed}
    kept = {trace_id: trace for trace_id, trace in kept.items() if trace_id not in failed}
    ids -= failed
    _enough(ids, sent)
    low, high = interval(len(ids), ratio)
    if not low <= len(kept) <= high:
        raise CheckFailed(
            f"{low} to {high} of {len(ids)} plain traces kept (keep_ratio {ratio:g}, 99.9 %)",
            f"{len(kept)}",
            "See the processor keep in the collector's configuration (obs render).",
        )
    torn = [trace_id for trace_id, trace in kept.items() if not services <= trace.services]
    if torn:
        missing = ", ".join(sorted(services - kept[torn[0]].services))
        raise CheckFailed(
            "every kept trace to be whole",
            f"{len(torn)} with services missing, as {torn[0]} without {missing}",
            "Spans are lost, or sampled one by one.",
        )
    share = f"{len(kept) / len(ids):.1%}; keep_ratio {ratio:g} allows {low} to {high}"
    return f"kept {len(kept)} of {len(ids)} ({share}), each whole"


def _send(ctx: Context) -> tuple[set[str], int]:
    """Send plain requests until enough of them were neither slow nor failed, and let the sampler judge them:
    the ids of their traces, and how many requests that took."""
    limit = seconds(ctx.spec.tracing.tail_sampling.keep_slow)
    reserve = settle(ctx.spec) + STEADY
    plain: list[Sent] = []
    sent, start = 0, ctx.clock.monotonic()
    while len(plain) < PLAIN and sent < 2 * PLAIN and ctx.left() > reserve:
        if len(plain) >= ENOUGH and ctx.clock.monotonic() - start > SENDING:
            break
        batch = shop.send_plain(ctx, 20, reserve=reserve)
        sent += len(batch)
        # Seen from outside a request takes longer than its trace, so these are certainly not slow.
        plain += [item for item in batch if item.status == 200 and item.seconds < limit]
    last = shop.send(ctx, probe=True)
    ctx.calm.done(REST.name)
    ids = {item.trace_id for item in plain}
    _enough(ids, sent)

    def judged() -> None:
        if last.trace_id not in stored(ctx, [last.trace_id]):
            raise NotYet(
                f"the trace of the last request ({last.trace_id}) in the store",
                "none",
                "See `obs logs collector` and `obs logs jaeger`.",
            )

    if why_no_probe_kept(ctx.spec) is None:  # what was sent before it has been judged before it
        ctx.wait("sampling", judged, settle(ctx.spec))
    else:
        ctx.clock.wait(min(settle(ctx.spec), ctx.left()))
    return ids, sent


def _settled(ctx: Context, ids: set[str]) -> dict[str, Stored]:
    """What is stored of the traces, once nothing more comes."""
    seen = -1

    def steady() -> dict[str, Stored]:
        nonlocal seen
        found = stored(ctx, ids)
        before, seen = seen, sum(len(trace.services) for trace in found.values())
        if before != seen:
            raise NotYet("the number of stored traces to settle", f"{len(found)}, still changing", "")
        return found

    return ctx.wait("sampling", steady, STEADY, every=2.0)


def _enough(ids: set[str], sent: int) -> None:
    if len(ids) < ENOUGH:
        raise CheckFailed(
            f"at least {ENOUGH} of {sent} requests to be neither slow nor failed",
            f"{len(ids)}",
            "The machine is too busy to measure sampling, or requests fail: see the ingress's log.",
        )


def _all_kept(ctx: Context, what: str, sent: list[Sent]) -> None:
    ids = {item.trace_id for item in sent}

    def look() -> None:
        missing = ids - stored(ctx, ids).keys()
        if missing:
            raise NotYet(
                f"the traces of all {len(ids)} {what} requests in the store",
                f"{len(missing)} missing, as {min(missing)}",
                "See the processor keep in the collector's configuration (obs render).",
            )

    ctx.wait(f"{what} traces", look, settle(ctx.spec))


def wait_for_calm(ctx: Context, what: str) -> None:
    """Wait until no check sends requests that a fault would disturb."""

    def look() -> None:
        sending = ctx.calm.sending()
        if sending:
            raise NotYet(
                "other checks to have sent their requests", ", ".join(sending), "They take too long."
            )

    ctx.wait(what, look, ctx.left(), every=0.2)


def slow(ctx: Context) -> str:
    """With latency injected, every trace is kept."""
    shop.demo_path(ctx)
    target = shop.leaf(ctx.spec)
    if target is None:
        raise NotApplied(shop.NO_RUN)
    limit = milliseconds(ctx.spec.tracing.tail_sampling.keep_slow)
    wait_for_calm(ctx, "slow traces")
    with ctx.fault(target, "latency", 30, ms=min(30_000, int(limit * 1.5) + 100)):
        sent = shop.send_plain(ctx, MARKED, workers=MARKED)
    answered = [item for item in sent if item.status == 200]
    quick = [item for item in answered if item.seconds * 1000 <= limit]
    if quick or len(answered) < MARKED // 2:
        raise CheckFailed(
            f"{MARKED} requests to succeed, and take longer than {limit} ms while {target.name} is slow",
            f"{len(answered)} that did, {len(quick)} of them faster",
            f"Does {target.name} stand on the path of POST /checkout?",
        )
    _all_kept(ctx, "slow", answered)
    return f"{len(answered)} of {len(answered)} traces slower than {limit} ms kept ({target.name} made slow)"


def why_not_slow(spec: Spec) -> str | None:
    """Why no trace can be slow: a threshold beyond the demo's latency fault cannot be reached."""
    if milliseconds(spec.tracing.tail_sampling.keep_slow) > 8_000:
        return f"keep_slow is {spec.tracing.tail_sampling.keep_slow}: too long for a request of the shop"
    return why_no_shop(spec)


def failed(ctx: Context) -> str:
    """With errors injected, the trace of every request that failed is kept."""
    shop.demo_path(ctx)
    target = shop.leaf(ctx.spec)
    if target is None:
        raise NotApplied(shop.NO_RUN)
    if not ctx.failing:
        wait_for_calm(ctx, "failed traces")
        with ctx.fault(target, "errors", 30, ratio=1.0):
            ctx.failing += [item for item in shop.send_plain(ctx, MARKED) if item.status >= 500]
    if not ctx.failing:
        raise CheckFailed(
            f"requests to fail while {target.name} fails",
            "none failed",
            "Is it on the path of POST /checkout?",
        )
    _all_kept(ctx, "failed", ctx.failing)
    return f"{len(ctx.failing)} of {len(ctx.failing)} failed traces kept ({target.name} made to fail)"


def why_not_failed(spec: Spec) -> str | None:
    """Why no failed trace is promised: only `keep_errors` does."""
    if not spec.tracing.tail_sampling.keep_errors:
        return "tail_sampling.keep_errors is false"
    return why_no_shop(spec)


REST = Check("sampling keeps its share", "tracing", rest, why_no_shop, calm=True)
SLOW = Check("slow traces kept", "tracing", slow, why_not_slow)
FAILED = Check("failed traces kept", "tracing", failed, why_not_failed)
