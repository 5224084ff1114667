"""Proof that a running stack works: one request followed through metrics, logs and traces, and faults
injected to see that what should notice them does.

`suite.CHECKS` is the list. Nothing is injected into a stack whose services are not the demo's own.
"""

from obs.verify.report import Report, Result, Row
from obs.verify.runner import run

__all__ = ["Report", "Result", "Row", "run"]
