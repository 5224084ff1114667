"""Rules of one service: its requests, failures and slow answers over several windows, and the alerts on them.

The SLO alerts are multi-window, multi-burn-rate: a burn rate of 1 uses up exactly the 30 days' error budget.
A page needs 14.4 times that over an hour, or 6 times over six; a ticket 3 times over a day, or once over
three days; each time a twelfth of the window must agree, so that an alert ends soon after its cause does.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import cache, partial

from components.rules import senders
from components.rules.model import MINUTE, SHARE, Alert, Group, Recording, RuleFile, duration, number
from components.rules.promises import unmeasured
from components.rules.scrapes import Scraped, aborted, down, forbidden, too_many
from components.rules.service_cases import Proof, Traffic, proof
from components.rules.slo import FAST, SLOW, Burn, Indicator, indicator, threshold
from components.rules.understood import understood
from components.spec import Service, Spec, milliseconds
from components.spec.services import Slo

_FAST, _SLOW = "over the last hour or six", "over the last day or three"

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
SHORT = 3_600_000
"""Windows up to this many milliseconds are computed at each evaluation, longer ones once a minute."""


def rule_file(service: Service, spec: Spec) -> RuleFile:
    """`rules/<service>.yml`: facts about the service, its recordings, and its alerts."""
    name = service.name
    interval = spec.metrics.evaluation_interval
    info = Recording(
        "obs:service_info",
        "vector(1)",
        {
            "service": name,
            "owner": service.owner,
            "language": service.language,
            "version": service.version,
            "correlation_header": service.correlation_header,
        },
    )
    alerts = (
        *_target_alerts(service, spec),
        *senders.of(service, spec),
        *understood(service),
    )
    if service.slo is None:
        groups = [Group(f"{name}-alerts", interval, (info, *alerts))]
        return RuleFile(name, tuple(groups))
    signals = indicator(service, service.slo)
    windows = sorted({*WINDOWS, spec.metrics.rules.error_window}, key=lambda item: (milliseconds(item), item))
    short = [
        rule for window in windows if milliseconds(window) <= SHORT for rule in _record(name, signals, window)
    ]
    long = [
        rule for window in windows if milliseconds(window) > SHORT for rule in _record(name, signals, window)
    ]
    data = Traffic(name, signals, spec.metrics.rules.min_requests_per_second)
    proven = cache(partial(proof, data, service.slo, spec))
    promises = (*_slo_alerts(service, service.slo, proven, spec), *unmeasured(service, service.slo, signals))
    slow_interval = duration(max(milliseconds(interval), MINUTE))
    return RuleFile(
        name,
        (
            Group(f"{name}-slo-short", interval, (info, *short)),
            Group(f"{name}-slo-long", slow_interval, tuple(long)),
            Group(f"{name}-alerts", interval, (*promises, *alerts)),
        ),
        lambda: proven().queries,
    )


def _record(name: str, signals: Indicator, window: str) -> tuple[Recording, ...]:
    """Requests and failures a second, and the shares of failed and of slow requests. Without traffic the
    shares do not exist, rather than being NaN; without failures they are 0."""
    this = f'{{service="{name}"}}'
    errors, requests = _of(f"service:errors:rate{window}{this}"), _of(f"service:requests:rate{window}{this}")
    return (
        Recording(f"service:requests:rate{window}", f"sum by (service) (rate({signals.requests}[{window}]))"),
        Recording(
            f"service:errors:rate{window}",
            f"sum by (service) (rate({signals.errors}[{window}]))\nor\n"
            f"sum by (service) (0 * service:requests:rate{window}{this})",
        ),
        Recording(
            f"service:error_ratio:rate{window}",
            f"{errors}\n/\n({requests} > 0)",
        ),
        Recording(
            f"service:slow_ratio:rate{window}",
            f"1 - sum by (service) (rate({signals.within}[{window}]))\n/\n"
            f"(sum by (service) (rate({signals.counted}[{window}])) > 0)",
        ),
    )


def _of(recorded: str) -> str:
    """A recorded series as one of its service: after a change of the environment's labels its windows get
    their new labels at different times, and must still be found to belong together."""
    return f"max by (service) ({recorded})"


def burn_expression(name: str, ratio: str, target: float, burns: tuple[Burn, ...], traffic: float) -> str:
    """The expression of a burn rate alert over the recorded `ratio`."""
    this = f'{{service="{name}"}}'
    clauses = []
    for burn in burns:
        limit = number(threshold(burn, target))
        clauses.append(
            f"(\n  {_of(f'service:{ratio}:rate{burn.long}{this}')} > {limit}\n"
            f"  and {_of(f'service:{ratio}:rate{burn.short}{this}')} > {limit}\n"
            f"  and {_of(f'service:requests:rate{burn.short}{this}')} >= {number(traffic)}\n)"
        )
    return "\nor\n".join(clauses)


def _slo_alerts(service: Service, slo: Slo, proven: Callable[[], Proof], spec: Spec) -> tuple[Alert, ...]:
    return (
        *_availability_burns(service, slo, proven, spec),
        *_latency_burns(service, slo, proven, spec),
        _service_error_ratio_high(service, proven, spec),
    )


def _availability_burns(
    service: Service, slo: Slo, proven: Callable[[], Proof], spec: Spec
) -> tuple[Alert, Alert]:
    name, traffic = service.name, spec.metrics.rules.min_requests_per_second
    promised = f"promised are {number(slo.availability)}% without failure."
    return (
        Alert(
            name="ServiceAvailabilityBurnFast",
            expr=burn_expression(name, "error_ratio", slo.availability, FAST, traffic),
            severity="critical",
            team=service.owner,
            summary=f"{name} uses up its error budget fast",
            description=f"{SHARE} of the requests to {name} failed {_FAST}; {promised}",
            cases=lambda: proven().burns["failed", "fast"],
            labels={"service": name},
        ),
        Alert(
            name="ServiceAvailabilityBurnSlow",
            expr=burn_expression(name, "error_ratio", slo.availability, SLOW, traffic),
            severity="warning",
            team=service.owner,
            summary=f"{name} uses up its error budget before its time",
            description=f"{SHARE} of the requests to {name} failed {_SLOW}; {promised}",
            cases=lambda: proven().burns["failed", "slow"],
            labels={"service": name},
        ),
    )


def _latency_burns(
    service: Service, slo: Slo, proven: Callable[[], Proof], spec: Spec
) -> tuple[Alert, Alert]:
    name, traffic = service.name, spec.metrics.rules.min_requests_per_second
    slow = f"{SHARE} of the requests to {name} took longer than {slo.latency.threshold}"
    promised = f"promised are {number(slo.latency.target)}% within it."
    return (
        Alert(
            name="ServiceLatencyBurnFast",
            expr=burn_expression(name, "slow_ratio", slo.latency.target, FAST, traffic),
            severity="critical",
            team=service.owner,
            summary=f"{name} is slow: its latency budget goes fast",
            description=f"{slow} {_FAST}; {promised}",
            cases=lambda: proven().burns["slow", "fast"],
            labels={"service": name},
        ),
        Alert(
            name="ServiceLatencyBurnSlow",
            expr=burn_expression(name, "slow_ratio", slo.latency.target, SLOW, traffic),
            severity="warning",
            team=service.owner,
            summary=f"{name} is slow: its latency budget goes before its time",
            description=f"{slow} {_SLOW}; {promised}",
            cases=lambda: proven().burns["slow", "slow"],
            labels={"service": name},
        ),
    )


def _service_error_ratio_high(service: Service, proven: Callable[[], Proof], spec: Spec) -> Alert:
    name, rules = service.name, spec.metrics.rules
    window, this = rules.error_window, f'{{service="{name}"}}'
    return Alert(
        name="ServiceErrorRatioHigh",
        expr=f"{_of(f'service:error_ratio:rate{window}{this}')} > {number(rules.error_ratio)}\n"
        f"and {_of(f'service:requests:rate{window}{this}')} >= {number(rules.min_requests_per_second)}",
        severity="warning",
        team=service.owner,
        summary=f"Many requests to {name} fail",
        description=f"{SHARE} of the requests to {name} failed over the last {window}; "
        f"the limit is {number(Decimal(str(rules.error_ratio)) * 100)}%.",
        cases=lambda: proven().ratio,
        hold=rules.error_hold,
        labels={"service": name},
    )


def _target_alerts(service: Service, spec: Spec) -> tuple[Alert, ...]:
    """Whether the service's targets answer, and whether their answer is taken."""
    if not service.metrics:
        return ()
    name, metrics = service.name, spec.metrics
    where = {"job": name, "owner": service.owner, "service": name}
    target = Scraped(
        f'{{service="{name}"}}',
        name,
        where,
        service.owner,
        name,
        metrics.limits,
        metrics.rules.target_down,
    )
    return (
        down(target, "critical", ": the service is down or cannot be reached"),
        aborted(target, "critical"),
        too_many(target, "critical"),
        *forbidden(target, spec),
    )
