"""What one request carries everywhere: its transaction id and whether it is a probe.

Both live in context variables, so that log lines, spans and outgoing calls made anywhere below the
middleware get them without being handed them. The transaction id stands in structlog's context (logs read it
from there); the probe mark travels as W3C baggage, which the propagator forwards by itself.
"""

import re
import uuid
from typing import cast

import structlog
from opentelemetry import baggage, trace
from opentelemetry.context import Context

PROBE_HEADER = "x-obs-probe"
PROBE_KEY = "obs.probe"
_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def accept_transaction_id(value: str | None) -> str:
    """The caller's id when it is short and plain, else a new one: it goes into logs and headers."""
    return value if value and _SAFE_ID.fullmatch(value) else uuid.uuid4().hex


def transaction_id() -> str:
    """The id of the request being served, or an empty string outside of one."""
    return cast(str, structlog.contextvars.get_contextvars().get("transaction_id", ""))


def with_probe(context: Context) -> Context:
    """Mark this request and everything it causes as a probe."""
    return baggage.set_baggage(PROBE_KEY, "true", context)


def is_probe(context: Context | None = None) -> bool:
    """Whether the request is a probe; tail sampling keeps those."""
    return baggage.get_baggage(PROBE_KEY, context) == "true"


def trace_id() -> str:
    """The current trace id as 32 hex digits, or an empty string where no span is active."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""


def sampled_trace_id() -> str:
    """Like ``trace_id``, but empty when the trace is not sampled: a link to it would lead nowhere."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid and context.trace_flags.sampled else ""
