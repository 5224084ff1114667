"""Alerts on promises that nothing measures: an alert on series that do not exist never fires."""

from components.rules.model import COARSE, COARSE_INTERVAL, Alert, Case, Firing, Series, flat
from components.rules.slo import CALLS, Indicator
from components.spec import Service
from components.spec.services import Slo

_LENGTH = 850
"""Samples: some more than five coarse steps."""
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
        # With both, at first only the page is there when it is judged, then only the spans are.
        series = (*series, (other, "1x720 _x159 1x100" if alive[1:] else flat(1, _LENGTH)))
    if not alive:
        return ()
    what = "server span" if slo.metrics is None else f"series {slo.metrics.requests}"
    scene = (*series, (signals.good_series, "1+1x5"))
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
            cases=lambda: (
                _case("alive, without requests for more than a day", scene, "2000m", firing),
                *((_case("alive by its spans alone", scene, "2400m", firing),) if alive[1:] else ()),
                _case("not yet for long enough", scene, "1600m"),
                _case("idle for hours", scene, "800m"),
            ),
            hold="30m",
            labels={"service": service.name},
        ),
    )


def _latency(service: Service, slo: Slo, signals: Indicator) -> tuple[Alert, ...]:
    if slo.metrics is None:
        return ()  # the buckets of span metrics are those of the stack file, which are checked there
    name, threshold = slo.metrics.latency, slo.latency.threshold
    scene = (
        (signals.counted_series, flat(1, _LENGTH)),
        (signals.within_series, flat(1, 320)),
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
            cases=lambda: (
                _case("no such bucket", scene, "1600m", firing),
                _case("not yet for long enough", scene, "1200m"),
                _case("the bucket is there", scene, "800m"),
            ),
            hold="15m",
            labels={"service": service.name},
        ),
    )


def _case(name: str, scene: Series, at: str, *fires: Firing) -> Case:
    return Case(name, scene, at, fires, COARSE_INTERVAL, COARSE)
