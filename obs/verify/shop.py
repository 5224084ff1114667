"""The demo shop as the checks see it: who stands on the path of a request, and how one is sent.

Checks that ask services to misbehave need the demo's own interface (`/checkout`, `/faults`). A user's own
services need not have it; such a check then does not apply, and says so.
"""

import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from components.spec import Service, Spec
from obs.verify.context import Context, Sent
from obs.verify.outcome import CheckFailed, NotApplied, Unanswered

PATIENCE = 20.0  # seconds for an answer; faults and busy machines make requests slow
NO_RUN = "no service with `run` sends traces, so there is none to send requests to"


def ingress(spec: Spec) -> Service | None:
    """Where requests come in: the traced service with `run` that no other traced one calls, and that reaches
    the most services; None if there is none."""
    traced = {item.name: item for item in spec.services if item.run and item.traces.protocol != "none"}
    called = {name for item in traced.values() if item.run for name in item.run.calls}
    entries = [item for name, item in traced.items() if name not in called]
    return max(entries, key=lambda item: len(_reach(traced, item)), default=None)


def path(spec: Spec) -> list[Service]:
    """The traced services that a request can reach, the ingress first; empty if there is none."""
    traced = {item.name: item for item in spec.services if item.run and item.traces.protocol != "none"}
    entry = ingress(spec)
    return [traced[name] for name in _reach(traced, entry)] if entry else []


def _reach(traced: dict[str, Service], entry: Service) -> list[str]:
    found = [entry.name]
    for name in found:  # grows while it is walked
        run = traced[name].run
        found += [callee for callee in (run.calls if run else ()) if callee in traced and callee not in found]
    return found


def callers(spec: Spec, name: str) -> set[str]:
    """Who calls a service."""
    return {item.name for item in spec.services if item.run and name in item.run.calls}


def leaf(spec: Spec) -> Service | None:
    """The last on the path that calls nobody: a fault there shows everywhere above. Prefers one that does
    not stand on Redis, whose absence the service itself handles."""
    ends = [item for item in path(spec) if item.run and not item.run.calls]
    return next((item for item in ends if item.run and not item.run.redis), ends[0] if ends else None)


def demo_path(ctx: Context) -> list[Service]:
    """The path, if every service on it answers as the demo services do; `NotApplied` otherwise."""
    services = path(ctx.spec)
    if not services:
        raise NotApplied(NO_RUN)
    for service in services:
        need_demo(ctx, service)
    return services


def need_demo(ctx: Context, service: Service) -> None:
    """`NotApplied` unless a service has the demo's fault interface; `Unanswered` if it does not answer."""
    answer = ctx.service(service).request("GET", "/faults")
    try:
        known = answer.status_code == 200 and "known" in answer.json()
    except (ValueError, TypeError):
        known = False
    if not known:
        raise NotApplied(
            f"{service.name} does not answer the demo services' fault interface "
            f"(GET /faults: {answer.status_code}), so it cannot be asked to misbehave"
        )


def send(ctx: Context, probe: bool = False, trace_id: str | None = None) -> Sent:
    """One checkout. `probe` marks it, so that its trace is kept; with `trace_id` we name the trace."""
    entry = ingress(ctx.spec)
    if entry is None:
        raise NotApplied(NO_RUN)
    ctx.clock.wait(0)  # raises when the run was interrupted
    headers = {"X-Obs-Probe": "1"} if probe else {}
    if trace_id is not None:
        headers["traceparent"] = f"00-{trace_id}-{secrets.token_hex(8)}-01"
    start = ctx.clock.monotonic()
    answer = ctx.service(entry).request("POST", "/checkout", headers=headers, json={}, timeout=PATIENCE)
    seconds = ctx.clock.monotonic() - start
    try:
        body = answer.json()
    except ValueError:
        body = {}
    transaction = answer.headers.get(entry.correlation_header, "")
    return Sent(body.get("trace_id") or trace_id or "", transaction, answer.status_code, seconds)


def send_plain(ctx: Context, count: int, workers: int = 2, reserve: float = 0.0) -> list[Sent]:
    """Unmarked requests with trace ids of ours, a few at once. One without an answer has status 0.

    Once the run has no more than `reserve` seconds left, no more are sent."""

    def one(trace_id: str) -> Sent | None:
        if ctx.left() <= reserve:
            return None
        start = ctx.clock.monotonic()
        try:
            return send(ctx, trace_id=trace_id)
        except Unanswered:
            return Sent(trace_id, "", 0, ctx.clock.monotonic() - start)

    with ThreadPoolExecutor(workers) as pool:
        return [sent for sent in pool.map(one, [new_trace_id() for _ in range(count)]) if sent]


def new_trace_id() -> str:
    """32 hex digits, even over their whole range, as sampling by id needs."""
    return secrets.token_hex(16)


def all_answered(sent: Iterable[Sent], entry: str) -> None:
    """`CheckFailed` naming the statuses unless every request was answered with success."""
    wrong = [f"{item.status} (trace {item.trace_id or 'unknown'})" for item in sent if item.status != 200]
    if wrong:
        raise CheckFailed(
            "every request to succeed",
            f"{len(wrong)} answers of {entry} that did not: {', '.join(wrong[:3])}",
            f"See `obs logs {entry}` for these traces.",
        )
