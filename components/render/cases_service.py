"""Made-up traffic under which a service's alerts must fire, and traffic under which they must not."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from components.render.rules import (
    MINUTE,
    Case,
    Firing,
    Query,
    Series,
    counter,
    duration,
    fine_interval,
    later,
)
from components.render.slo import Burn, Indicator, threshold
from components.spec import Spec, milliseconds

Kind = Literal["errors", "slow"]
_STEP = "400m"
"""Burn rate alerts have no `for`, so one evaluation at the end of the data is enough; a hundred times faster.
Cases of the fast alerts end after one step, those of the slow ones after ten."""


@dataclass(frozen=True)
class Stretch:
    """Some minutes of even traffic: its rate, relative to the usual, and the share of bad requests."""

    minutes: int
    bad: float = 0.0
    rate: float = 1.0


@dataclass(frozen=True)
class Traffic:
    """A service's traffic, as series."""

    service: str
    signals: Indicator
    minimum: float
    """Requests a second below which ratios do not alert."""

    @property
    def usual(self) -> float:
        """Requests a second: enough for every alert, and so many that small shares of them are exact."""
        return max(100_000.0, 2 * self.minimum)

    def series(self, kind: Kind, stretches: Iterable[Stretch], interval: str = "1m") -> Series:
        """Series of good and bad requests; `slow` ones do not fail, they miss the latency threshold."""
        step = milliseconds(interval)
        good, bad, every = [], [], []
        for stretch in stretches:
            samples = stretch.minutes * MINUTE // step
            requests = self.usual * stretch.rate * step / 1000
            good.append((samples, requests * (1 - stretch.bad)))
            bad.append((samples, requests * stretch.bad))
            every.append((samples, requests))
        if kind == "errors":
            return ((self.signals.good_series, counter(*good)), (self.signals.bad_series, counter(*bad)))
        return (
            (self.signals.good_series, counter(*every)),
            (self.signals.counted_series, counter(*every)),
            (self.signals.within_series, counter(*good)),
        )


def _above(limit: Decimal) -> float:
    return float(min(limit * Decimal("1.1"), (1 + limit) / 2))


def _share(value: float) -> str:
    return f"{value * 100:.4g}%"


def burn_cases(data: Traffic, kind: Kind, target: float, burns: tuple[Burn, ...]) -> tuple[Case, ...]:
    """Each of the two clauses firing alone; below both; each of the four windows alone a little below its
    limit; no traffic, and too little of it.

    A burst makes only the first clause hold, a steady trickle only the second. For the slow alert the first
    implies the second while traffic is even, so a clean past with much more traffic goes before the burst."""
    burst, steady = burns
    high, low = threshold(burst, target), threshold(steady, target)
    fast = burst.long == "1h"
    interval = "1m" if fast else "10m"
    whole = 400 if fast else 4000
    window = 60 if fast else 1440  # of the burst
    calm, long_calm = (10, 40) if fast else (130, 370)  # a little more than the short windows
    heavy = 1.0 if fast else 100.0  # traffic of the clean past before a burst
    firing = {"service": data.service}

    def case(name: str, stretches: list[Stretch], fires: float | None = None, before: float = 1.0) -> Case:
        past = Stretch(whole - sum(stretch.minutes for stretch in stretches), rate=before)
        alerts = () if fires is None else (Firing(_share(fires), firing),)
        series = data.series(kind, [past, *stretches] if past.minutes else stretches, interval)
        return Case(name, series, duration(whole * MINUTE), alerts, interval, _STEP)

    def times(factor: str, limit: Decimal) -> float:
        return float(min(limit * Decimal(factor), Decimal("0.999")))

    over, trickle = _above(high), _above(low)
    half, most = window // 2, 270 if fast else 3000
    long_bad = Stretch(300 if fast else whole - long_calm, times("1.5", low))
    cases = [
        case(f"burst over {burst.long}", [Stretch(window, over)], over, heavy),
        case(f"steadily over {steady.long}", [Stretch(whole, trickle)], trickle),
        case("steadily, just below", [Stretch(whole, times("0.9", low))]),
        case(
            f"not yet enough over {burst.long}",
            [Stretch(half), Stretch(half, times("1.8", high))],
            before=heavy,
        ),
        case(
            f"burst, just below over {burst.short}",
            [Stretch(window, times("1.5", high)), Stretch(calm, times("0.9", high))],
            before=heavy,
        ),
    ]
    if 2 * low <= high:  # else the promise is so weak that both clauses have the highest limit there is
        cases += [
            case(f"not yet enough over {steady.long}", [Stretch(most, times("1.2", low))]),
            case(
                f"steadily, just below over {steady.short}",
                [long_bad, Stretch(long_calm, times("0.9", low))],
            ),
        ]
    interval, whole = "1m", 400  # the same data for fast and slow alerts: promtool takes them in one go
    cases.append(case("no traffic", [Stretch(whole, rate=0.0)]))
    if data.minimum > 0:
        little = 0.4 * data.minimum / data.usual
        cases.append(case("all bad, but too little traffic", [Stretch(whole, 1.0, little)]))
    return tuple(cases)


def ratio_cases(data: Traffic, spec: Spec) -> tuple[Case, ...]:
    """The cases of `ServiceErrorRatioHigh`: above, just below, not for long enough, too little traffic."""
    rules = spec.metrics.rules
    limit, hold = Decimal(str(rules.error_ratio)), rules.error_hold
    interval = fine_interval(rules.error_window)
    at = later(rules.error_window, hold, "2m")
    minutes = milliseconds(at) // MINUTE + 5

    def series(bad: float, rate: float = 1.0) -> Series:
        return data.series("errors", [Stretch(minutes, bad, rate)], interval)

    above = _above(limit)
    cases = [
        Case(
            "above the limit",
            series(above),
            at,
            (Firing(_share(above), {"service": data.service}),),
            interval,
        ),
        Case("just below the limit", series(float(limit * Decimal("0.9"))), at, (), interval),
        Case("no traffic", series(0.0, 0.0), at, (), interval),
    ]
    if milliseconds(hold) >= MINUTE:
        cases.append(Case("above, but not yet for long enough", series(above), hold, (), interval))
    if rules.min_requests_per_second > 0:
        little = 0.4 * rules.min_requests_per_second / data.usual
        cases.append(Case("all fail, but too little traffic", series(1.0, little), at, (), interval))
    return tuple(cases)


def queries(data: Traffic) -> tuple[Query, ...]:
    """What the recorded series must say: no NaN without traffic, 0 without failures."""
    this = f'{{service="{data.service}"}}'
    idle = data.series("slow", [Stretch(30, rate=0.0)])
    clean = data.series("slow", [Stretch(30, 0.25)])
    return (
        Query("no traffic: no ratio", idle, "20m", f"count(service:error_ratio:rate5m{this})", ()),
        Query("no traffic: no slow ratio", idle, "20m", f"count(service:slow_ratio:rate5m{this})", ()),
        Query("no failures: ratio 0", clean, "20m", f"sum(service:error_ratio:rate5m{this})", (("{}", 0.0),)),
        Query("a quarter slow", clean, "20m", f"sum(service:slow_ratio:rate5m{this})", (("{}", 0.25),)),
        Query("requests", clean, "20m", f"sum(service:requests:rate5m{this})", (("{}", data.usual),)),
        Query("info", (), "5m", f"sum(obs:service_info{this})", (("{}", 1.0),)),
    )
