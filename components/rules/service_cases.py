"""Made-up traffic under which a service's alerts must fire, and traffic under which they must not.

promtool makes a database for each test and evaluates every rule of a file at each step; with a hundred
services that is what a change of a threshold costs. So cases stand one after the other in one scene, each
longer than the longest window that it is judged by, and each is judged in one evaluation. Failed and slow
requests take different shapes at a time, so that an alert that looked at the others would be seen.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from typing import Literal

from components.rules.model import (
    COARSE,
    COARSE_INTERVAL,
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
from components.rules.slo import FAST, SLOW, Burn, Indicator, threshold
from components.spec import Spec, milliseconds
from components.spec.services import Slo

Kind = Literal["failed", "slow"]
Speed = Literal["fast", "slow"]
Burns = dict[tuple[Kind, Speed], tuple[Case, ...]]
Track = tuple[tuple[int, float | None], ...]
"""What is so for how many minutes, one after the other; the last ends when it is judged."""


@dataclass(frozen=True)
class Stretch:
    """Some samples of even traffic: its rate, relative to the usual, and the shares of bad requests."""

    samples: int
    rate: float | None = 1.0
    """None where the samples are missing."""
    failed: float | None = 0.0
    """None where failures were never counted, so that there is no series of them."""
    slow: float | None = 0.0


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

    @property
    def little(self) -> float:
        """The rate, relative to the usual, of too little traffic."""
        return 0.4 * self.minimum / self.usual

    @property
    def labels(self) -> dict[str, str]:
        """Of the alerts' results."""
        return {"service": self.service}

    def answers(self, stretches: Sequence[Stretch], interval: str) -> Series:
        """Series of good and of failed requests."""
        signals = self.signals
        return (
            (
                signals.good_series,
                self._counter(stretches, interval, lambda stretch: 1 - (stretch.failed or 0)),
            ),
            (signals.bad_series, self._counter(stretches, interval, lambda stretch: stretch.failed)),
        )

    def durations(self, stretches: Sequence[Stretch], interval: str) -> Series:
        """Series of all requests and of those within the latency threshold; only of these where `answers`
        has all that the histogram counts."""
        signals = self.signals
        within = (
            signals.within_series,
            self._counter(stretches, interval, lambda stretch: 1 - (stretch.slow or 0)),
        )
        if signals.counted == signals.requests:
            return (within,)
        return (signals.counted_series, self._counter(stretches, interval, lambda _: 1.0)), within

    def _counter(
        self, stretches: Sequence[Stretch], interval: str, share: Callable[[Stretch], float | None]
    ) -> str:
        usual = self.usual * milliseconds(interval) / 1000
        segments: list[tuple[int, float | None]] = []
        for stretch in stretches:
            part = share(stretch)
            missing = stretch.rate is None or part is None
            rise = None if missing else usual * (stretch.rate or 0) * (part or 0)
            segments.append((stretch.samples, rise))
        return counter(*segments)


@dataclass(frozen=True)
class Shape:
    """How the share of bad requests runs before it is judged, after a time without any; and the share that
    the alert shows if it fires."""

    name: str | None = None
    """None where it is not judged."""
    bad: Track = ()
    fires: float | None = None


@dataclass(frozen=True)
class Pace:
    """The times, in minutes, of a scene for a pair of burn rates: each a multiple of the interval."""

    speed: Speed
    burns: tuple[Burn, Burn]
    interval: str
    whole: int
    """Of a case; more than the longest window."""
    burst: int
    calm: int
    """A little more than the short window of the burst."""
    long_calm: int
    long_bad: int
    most: int
    """Most, but not all, of the longest window."""
    heavy: float
    """Traffic of the clean past before a burst. For the slow alert a burst that makes the first clause hold
    implies the second while traffic is even, so much more traffic goes before it."""


FAST_PACE = Pace("fast", FAST, COARSE_INTERVAL, milliseconds(COARSE) // MINUTE, 60, 10, 40, 300, 270, 1.0)
SLOW_PACE = Pace("slow", SLOW, "1h", 4500, 1440, 180, 420, 4080, 3300, 100.0)


@dataclass(frozen=True)
class Moment:
    """What goes before one evaluation: traffic and shapes of failed and of slow requests."""

    rate: Track
    failed: Shape
    slow: Shape
    ratio: str | None = None
    """What the case of `ServiceErrorRatioHigh` is called; None where that does not judge it. The burn rate
    alerts of both speeds judge it too then."""

    @property
    def shapes(self) -> tuple[tuple[Kind, Shape], ...]:
        """Both, by kind."""
        return ("failed", self.failed), ("slow", self.slow)


_NOTHING = Shape()


def _above(limit: Decimal) -> float:
    return float(min(limit * Decimal("1.1"), (1 + limit) / 2))


def _times(factor: str, limit: Decimal) -> float:
    return float(min(limit * Decimal(factor), Decimal("0.999")))


def _share(value: float) -> str:
    return f"{value * 100:.4g}%"


def _bursts(pace: Pace, target: float) -> tuple[Shape, ...]:
    """A burst makes only the first clause hold: one that does, and two that stay below in one window each."""
    burst, limit = pace.burns[0], threshold(pace.burns[0], target)
    over, half = _above(limit), pace.burst // 2
    return (
        Shape(f"burst over {burst.long}", ((pace.burst, over),), over),
        Shape(f"not yet enough over {burst.long}", ((half, 0.0), (half, _times("1.8", limit)))),
        Shape(
            f"burst, just below over {burst.short}",
            ((pace.burst, _times("1.5", limit)), (pace.calm, _times("0.9", limit))),
        ),
    )


def _trickles(pace: Pace, target: float) -> tuple[Shape, ...]:
    """A steady trickle makes only the second clause hold: likewise."""
    high, low = (threshold(burn, target) for burn in pace.burns)
    steady, trickle = pace.burns[1], _above(low)
    over = Shape(f"steadily over {steady.long}", ((pace.whole, trickle),), trickle)
    if 2 * low > high:  # the promise is so weak that both clauses have the highest limit there is
        return over, Shape("steadily, just below", ((pace.whole, _times("0.9", low)),))
    return (
        over,
        Shape(f"not yet enough over {steady.long}", ((pace.most, _times("1.2", low)),)),
        Shape(
            f"steadily, just below over {steady.short}",
            ((pace.long_bad, _times("1.5", low)), (pace.long_calm, _times("0.9", low))),
        ),
    )


def _moments(pace: Pace, slo: Slo) -> Iterator[Moment]:
    """All shapes of both kinds, those of slow requests one later than those of failed ones."""
    tail = pace.burst + pace.calm
    burst_rate = ((pace.whole - tail, pace.heavy), (tail, 1.0))
    for shapes, rate in ((_bursts, burst_rate), (_trickles, ((pace.whole, 1.0),))):
        failed, slow = shapes(pace, slo.availability), shapes(pace, slo.latency.target)
        for one, other in zip_longest(failed, (*slow[1:], slow[0]), fillvalue=_NOTHING):
            yield Moment(rate, one, other)


def _quiet(data: Traffic, limit: Decimal, whole: int) -> Iterator[Moment]:
    """No traffic; too little of it, all bad; some of which a quarter is slow, and failures are not counted,
    as before the first of them; a share of failures below the limit of `ServiceErrorRatioHigh`."""
    uncounted: Track = ((whole, None),)
    yield Moment(((whole, 0.0),), Shape("no traffic", uncounted), Shape("no traffic"), "no traffic")
    if data.minimum > 0:
        little = Shape("all bad, but too little traffic", ((whole, 1.0),))
        yield Moment(((whole, data.little),), little, little, "all fail, but too little traffic")
    yield Moment(((whole, 1.0),), Shape(bad=uncounted), Shape(bad=((whole, 0.25),)))
    below = Shape(bad=((whole, _times("0.9", limit)),))
    yield Moment(((whole, 1.0),), below, _NOTHING, "just below the limit")


def _stretches(pace: Pace, moment: Moment) -> Iterator[Stretch]:
    """A moment's tracks laid over one another: a stretch from each change to the next."""
    tracks = []
    for track in (moment.rate, moment.failed.bad, moment.slow.bad):
        end = pace.whole - sum(minutes for minutes, _ in track)
        ends: list[tuple[int, float | None]] = [(end, 0.0)]
        for minutes, value in track:
            end += minutes
            ends.append((end, value))
        tracks.append(ends)
    begin = 0
    for end in sorted({end for ends in tracks for end, _ in ends if end > 0}):
        rate, failed, slow = (next(value for until, value in ends if until >= end) for ends in tracks)
        yield Stretch((end - begin) * MINUTE // milliseconds(pace.interval), rate, failed, slow)
        begin = end


@dataclass(frozen=True)
class Proof:
    """Cases of the burn rate alerts, by what is bad and by speed; of `ServiceErrorRatioHigh`; and what the
    recorded series must say."""

    burns: Burns
    ratio: tuple[Case, ...]
    queries: tuple[Query, ...]


def proof(data: Traffic, slo: Slo, spec: Spec) -> Proof:
    """Each of the two clauses of each burn rate alert firing alone; below both; each of the four windows
    alone a little below its limit; no traffic, and too little of it. Likewise for the share of failures."""
    limit, window = Decimal(str(spec.metrics.rules.error_ratio)), spec.metrics.rules.error_window
    quiet = tuple(_quiet(data, limit, FAST_PACE.whole))
    moments = (*quiet, *_moments(FAST_PACE, slo))
    series = _series(data, FAST_PACE, moments)
    burns = _judged(data, FAST_PACE, moments, series)
    slow = tuple(_moments(SLOW_PACE, slo))
    for key, cases in _judged(data, SLOW_PACE, slow, _series(data, SLOW_PACE, slow)).items():
        burns[key] = (*burns.get(key, ()), *cases)
    ratio = (*_ratio(data, spec), *_silent(data, quiet, series, window))
    return Proof(burns, ratio, _queries(data, series, len(quiet)))


def _silent(data: Traffic, moments: tuple[Moment, ...], series: Series, window: str) -> tuple[Case, ...]:
    """The cases of `ServiceErrorRatioHigh` that moments are: on the scene of the fast burn rates, or, where
    that has too few samples in its window or too short moments, on one of their own."""
    step, interval = COARSE, COARSE_INTERVAL
    judged = {number: moment for number, moment in enumerate(moments, 1) if moment.ratio}
    if not 2 * milliseconds(interval) <= milliseconds(window) <= milliseconds(COARSE):
        step = duration(milliseconds(COARSE) * -(-milliseconds(window) // milliseconds(COARSE)))
        interval = fine_interval(window)
        judged = dict(enumerate(judged.values(), 1))
        series = _apart(data, list(judged.values()), interval, window, step)
    return tuple(
        Case(moment.ratio or "", series, _at(number, step), (), interval, step, inactive=True)
        for number, moment in judged.items()
    )


def _at(number: int, step: str) -> str:
    return duration(number * milliseconds(step))


def _series(data: Traffic, pace: Pace, moments: tuple[Moment, ...]) -> Series:
    """Moments one after the other."""
    stretches = [stretch for moment in moments for stretch in _stretches(pace, moment)]
    return (*data.answers(stretches, pace.interval), *data.durations(stretches, pace.interval))


def _judged(data: Traffic, pace: Pace, moments: tuple[Moment, ...], series: Series) -> Burns:
    """The cases that moments are for burn rate alerts."""
    step = duration(pace.whole * MINUTE)
    cases: Burns = {}
    for number, moment in enumerate(moments, 1):
        for kind, shape in moment.shapes:
            if shape.name is None:
                continue
            firing = () if shape.fires is None else (Firing(_share(shape.fires), data.labels),)
            case = Case(shape.name, series, _at(number, step), firing, pace.interval, step)
            for speed in ("fast", "slow") if moment.ratio else (pace.speed,):
                cases[kind, speed] = (*cases.get((kind, speed), ()), case)
    return cases


def _queries(data: Traffic, series: Series, quiet: int) -> tuple[Query, ...]:
    """What the recorded series must say in the first and the last but one of the quiet moments: no NaN
    without traffic, 0 without failures."""
    this = f'{{service="{data.service}"}}'
    idle, clean = _at(1, COARSE), _at(quiet - 1, COARSE)

    def query(name: str, at: str, expr: str, value: float | None) -> Query:
        samples = () if value is None else (("{}", value),)
        return Query(name, series, at, expr, samples, FAST_PACE.interval, COARSE)

    return (
        query("no traffic: no ratio", idle, f"count(service:error_ratio:rate5m{this})", None),
        query("no traffic: no slow ratio", idle, f"count(service:slow_ratio:rate5m{this})", None),
        query("no failures: ratio 0", clean, f"sum(service:error_ratio:rate5m{this})", 0.0),
        query("a quarter slow", clean, f"sum(service:slow_ratio:rate5m{this})", 0.25),
        query("requests", clean, f"sum(service:requests:rate5m{this})", data.usual),
        query("info", idle, f"sum(obs:service_info{this})", 1.0),
    )


def _ratio(data: Traffic, spec: Spec) -> tuple[Case, ...]:
    """`ServiceErrorRatioHigh` above its limit, and not yet for long enough, minute by minute."""
    rules = spec.metrics.rules
    interval, above = fine_interval(rules.error_window), _above(Decimal(str(rules.error_ratio)))
    at = later(rules.error_hold, "1m")
    # In its first minute as much traffic as usual in a whole window, which has only begun.
    rate = max(1.0, milliseconds(rules.error_window) / MINUTE)
    samples = milliseconds(later(at, "5m")) // milliseconds(interval)
    series = data.answers([Stretch(samples, rate, above)], interval)
    fires = Case("above the limit", series, at, (Firing(_share(above), data.labels),), interval)
    if milliseconds(rules.error_hold) < MINUTE:
        return (fires,)
    return fires, Case("above, but not yet for long enough", series, rules.error_hold, (), interval)


def _apart(data: Traffic, moments: Sequence[Moment], interval: str, window: str, step: str) -> Series:
    """Even moments one after the other, with samples only in the window before each evaluation: for windows
    that are too short for the interval of the other cases, or longer than those are."""
    stretches: list[Stretch] = []
    before = 0
    for number, moment in enumerate(moments, 1):
        last = number * milliseconds(step) // milliseconds(interval)
        samples = min(last - before, milliseconds(window) // milliseconds(interval) + 2)
        if last - before > samples:
            stretches.append(Stretch(last - before - samples, None))
        rate, failed = (track[-1][1] if track else 0.0 for track in (moment.rate, moment.failed.bad))
        stretches.append(Stretch(samples, rate, failed))
        before = last
    return data.answers(stretches, interval)
