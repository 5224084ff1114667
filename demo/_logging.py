"""JSON lines on standard output, one schema for our own code and for every library.

Schema of each line: ``timestamp`` (RFC 3339, UTC, microseconds, ``Z``), ``log_level`` (lower case),
``message``, ``service``, ``trace_id``, ``span_id``, ``transaction_id`` (empty outside a request), ``env``,
``cluster``; then extras; ``exception`` holds a traceback as one string. uvicorn's and other libraries'
records go through the same formatter, so no plain line ever breaks a parser downstream.
"""

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

from demo._context import is_probe
from demo.settings import Settings

FIELDS = (
    "timestamp",
    "log_level",
    "message",
    "service",
    "trace_id",
    "span_id",
    "transaction_id",
    "env",
    "cluster",
)
_QUIET = ("httpx", "httpcore", "asyncio", "redis", "grpc", "urllib3")


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Route structlog and the standard library's logging to ``stream`` (standard output) in the schema."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.ExtraAdder(),
        _identity(settings),
    ]
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _in_order,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.DEBUG)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # The SDK reports every failed export; ours says it once per change of state (see _telemetry).
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    logging.captureWarnings(True)
    sys.excepthook = _log_crash
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def logger() -> structlog.stdlib.BoundLogger:
    """The structured logger; bind nothing by hand that the context already carries."""
    result: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("demo")
    return result


def _identity(settings: Settings) -> Callable[[WrappedLogger, str, EventDict], EventDict]:
    def add(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        # Here, not when rendering: the record must carry the span that was active when it was written.
        context = trace.get_current_span().get_span_context()
        event["timestamp"] = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        event["log_level"] = {"warn": "warning", "exception": "error"}.get(method, method)
        event["service"] = settings.service
        event["env"] = settings.env
        event["cluster"] = settings.cluster
        event["trace_id"] = format(context.trace_id, "032x") if context.is_valid else ""
        event["span_id"] = format(context.span_id, "016x") if context.is_valid else ""
        event.setdefault("transaction_id", "")
        if is_probe():
            event["probe"] = True
        event.pop("color_message", None)  # uvicorn's terminal colours
        return event

    return add


def _in_order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["message"] = event.pop("event", "")
    return {key: event[key] for key in FIELDS} | {k: v for k, v in event.items() if k not in FIELDS}


def _log_crash(kind: type[BaseException], error: BaseException, tb: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("demo").critical("the service crashed", exc_info=(kind, error, tb))
