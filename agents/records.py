"""Logging of the suite's own programs: one JSON object a line, in the schema of every service's logs."""

import logging
import sys

import structlog


def configure(service: str, labels: dict[str, str]) -> None:
    """Make structlog print records of `service` with the environment's `labels` to standard output."""

    def finish(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["log_level"] = event.pop("level")
        return {"trace_id": "", "span_id": "", "transaction_id": "", **event, "service": service, **labels}

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            finish,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )
