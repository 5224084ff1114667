"""All checks, and which of them run side by side.

Tracks run at once, the checks of a track one after the other. What disturbs requests (latency, errors) stands
in one track and waits until the checks marked `calm` have sent theirs. The last track runs when all others
have ended.
"""

from obs.verify import (
    checks_alerts,
    checks_loaded,
    checks_logs,
    checks_otlp,
    checks_pages,
    checks_promises,
    checks_redaction,
    checks_request,
    checks_sampling,
    checks_state,
)
from obs.verify.check import Check

TRACKS: tuple[tuple[Check, ...], ...] = (
    (
        checks_state.ENGINES,
        checks_state.TARGETS,
        checks_state.RULES,
        checks_state.OBSERVED,
        checks_promises.MEASURED,
        checks_state.LOOPBACK,
        checks_pages.OPEN,
        checks_alerts.DEAD_MAN,
    ),
    (
        checks_request.PROBES_CHECK,
        checks_request.EXEMPLAR,
        checks_request.TRACE,
        checks_request.LOGS,
    ),
    (checks_loaded.RULES_LOADED, checks_loaded.ROUTES_LOADED),
    (checks_sampling.REST,),
    (checks_redaction.REDACTED,),
    (checks_logs.UNDERSTOOD, checks_logs.COMPLETE),
    (checks_otlp.ARRIVE,),
    (checks_alerts.LABELS,),
    (
        checks_sampling.SLOW,
        checks_alerts.ERRORS_FIRE,
        checks_sampling.FAILED,
        checks_alerts.ERRORS_CLEAR,
    ),
)
LAST: tuple[Check, ...] = (checks_state.NOTHING_LOST,)
CHECKS: tuple[Check, ...] = (*(check for track in TRACKS for check in track), *LAST)

__all__ = ["CHECKS", "LAST", "TRACKS"]
