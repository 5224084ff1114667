"""Alerts on promises that nothing measures: an alert on series that do not exist never fires."""

from components.rules.model import Alert, Case, Firing, Series, flat
from components.rules.slo import CALLS, Indicator
from components.spec import Service
from components.spec.services import Slo

_STEP, _LENGTH = "400m", 500
"""Few evaluations are fast ones: at 0 it is true, a step later for long enough."""
_IDLE = "1d"
"""A service without a request for so long is told like one whose requests are not counted."""


def unmeasured(service: Service, slo: Slo, signals: Indicator) -> tuple[Alert, ...]:
    """Its owner is told that requests, or durations up to the threshold, are not counted."""
    return (*_requests(service, slo, signals), *_latency(service, slo, signals))


def _requests(service: Service, slo: Slo, signals: Indicator) -> tuple[Alert, ...]:
    this = f'{{service="{service.name}"}}'
    alive: list[str] = []
    series: Series = ()
    if service.metrics:
        alive.append(f"max by (service) (up{this}) == 1")
        series = (
            (f'up{{instance="host:1",job="{service.name}",service="{service.name}"}}', flat(1, _LENGTH)),
        )
    if slo.metrics is None:
        alive.append(f"count by (service) ({CALLS}{this})")
        other = f'{CALLS}{{service="{service.name}",span_kind="SPAN_KIND_CLIENT"}}'
        series = (*series, (other, flat(1, _LENGTH)))
    if not alive:
        return ()
    what = "server span" if slo.metrics is None else f"series {slo.metrics.requests}"
    firing = Firing(labels={"service": service.name})
    return (
        Alert(
            name="ServiceRequestsUnmeasured",
            expr="(\n  " + "\n  or\n  ".join(alive) + "\n)\nunless on (service)\n"
            f"count by (service) (last_over_time({signals.requests}[{_IDLE}]))",
            severity="warning",
            team=service.owner,
            summary=f"What {service.name} promises is not measured: no requests are counted",
            description=f"{service.name} is alive, and for {_IDLE} there was no {what} of it: none of its "
            "alerts on "
            "failures and slow answers can fire.",
            cases=(
                Case("alive, without requests", series, _STEP, (firing,), step=_STEP),
                Case("not yet for long enough", series, "0s", step=_STEP),
                Case("idle for hours", (*series, (signals.good_series, "1+1x5")), _STEP, step=_STEP),
            ),
            hold="30m",
            labels={"service": service.name},
        ),
    )


def _latency(service: Service, slo: Slo, signals: Indicator) -> tuple[Alert, ...]:
    if slo.metrics is None:
        return ()  # the buckets of span metrics are those of the stack file, which are checked there
    name, threshold = slo.metrics.latency, slo.latency.threshold
    counted = (
        (signals.counted_series, flat(1, _LENGTH)),
        (f'{name}_bucket{{service="{service.name}",le="+Inf"}}', flat(1, _LENGTH)),
    )
    firing = Firing(labels={"service": service.name})
    return (
        Alert(
            name="ServiceLatencyUnmeasured",
            expr=f"count by (service) ({signals.counted})\nunless on (service)\n"
            f"count by (service) ({signals.within})",
            severity="warning",
            team=service.owner,
            summary=f"What {service.name} promises is not measured: no bucket ends at {threshold}",
            description=f"{name} of {service.name} has no bucket that ends at {threshold}, the threshold "
            "of its promise: "
            "its alerts on slow answers cannot fire.",
            cases=(
                Case("no such bucket", counted, _STEP, (firing,), step=_STEP),
                Case(
                    "the bucket is there",
                    (*counted, (signals.within_series, flat(1, _LENGTH))),
                    _STEP,
                    step=_STEP,
                ),
            ),
            hold="15m",
            labels={"service": service.name},
        ),
    )
