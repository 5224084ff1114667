"""Alerting from end to end: a cause is injected, its alert reaches the one who owns it, once, and ends."""

from datetime import datetime

from components.rules.alertmanager import DEAD_MANS_SWITCH
from components.site import runbooks
from components.spec import Receiver, Service, Spec
from obs.verify import shop
from obs.verify.check import Check, seconds
from obs.verify.checks_request import why_no_shop
from obs.verify.checks_sampling import wait_for_calm
from obs.verify.clients import Delivery, Labels
from obs.verify.context import Context
from obs.verify.outcome import AGAIN, CheckFailed, NotApplied, NotYet

LABEL = "user_id"
SERIES = "shop_cart_items"
"""What the demo's fault `label-explosion` exposes; it exists with that label only."""
COUNT = 50
ERRORS = "ServiceErrorRatioHigh"
FORBIDDEN = "ForbiddenLabelsDropped"


def receivers(spec: Spec, labels: Labels) -> set[str]:
    """Names of the receivers of an alert with these labels (`team` is its owner): the routes' in their order,
    each the last unless it says `also_owner`; then the owner's; the platform team's if there is no other."""
    found = set()
    for route in spec.alerting.routes:
        if all(labels.get(key) == value for key, value in route.match.items()):
            found.add(route.receiver)
            if not route.also_owner:
                return found
    teams = {team.name: team.receiver for team in spec.alerting.teams}
    owner = teams.get(labels.get("team", ""))
    if owner or not found:
        found.add(owner or teams[spec.alerting.platform_team])
    return found


def _receiver(spec: Spec, name: str) -> Receiver:
    return next(item for item in spec.alerting.receivers if item.name == name)


def to_sink(spec: Spec, owner: str) -> str | None:
    """Whether what the owner of a service is told can be seen."""
    if not spec.alerting.sink:
        return "alerting.sink is false: deliveries to real receivers cannot be counted"
    name = next(team.receiver for team in spec.alerting.teams if team.name == owner)
    if not _receiver(spec, name).to_sink:
        return f"receiver {name} of team {owner} does not deliver to the sink"
    return None


def _evaluated(spec: Spec) -> float:
    """Seconds until what happens now has been scraped and judged, with a margin."""
    return 2 * seconds(spec.metrics.scrape_interval) + 2 * seconds(spec.metrics.evaluation_interval) + 10


def _share(spec: Spec) -> float:
    """The share of requests made to fail: no more than the alert needs, since it uses up error budget."""
    return min(1.0, max(0.3, 3 * spec.metrics.rules.error_ratio))


def firing_seconds(spec: Spec) -> float:
    """Until an injected error is delivered, at the latest."""
    rules = spec.metrics.rules
    rise = seconds(rules.error_window) * min(1.0, rules.error_ratio / _share(spec) + 0.1)
    return _evaluated(spec) + rise + seconds(rules.error_hold) + seconds(spec.alerting.grouping.wait) + 10


def clearing_seconds(spec: Spec) -> float:
    """Until the end of an error is delivered, at the latest."""
    return (
        _evaluated(spec)
        + seconds(spec.metrics.rules.error_window)
        + seconds(spec.alerting.grouping.interval)
        + 15
    )


def _told(ctx: Context, alert: str, service: str) -> list[Delivery]:
    """Notifications of an alert about a service, since the run began."""
    found = ctx.clients.sink.deliveries(since=ctx.started, alertname=alert)
    return [item for item in found if item.service == service]


def _quiet(ctx: Context, alert: str, service: str) -> None:
    """Wait until neither an earlier run's alert nor its last notification is under way."""

    limit = clearing_seconds(ctx.spec)

    def under_way() -> str | None:
        if ctx.clients.prometheus.alerts(alert, service):
            return "it active in Prometheus"
        if ctx.clients.alertmanager.knows(alert, service):
            return "it active in Alertmanager"
        # Lately told and not yet untold: were it to fire again now, nobody would be told again.
        lately = ctx.clients.sink.deliveries(since=ctx.clock.now() - limit, alertname=alert)
        last = {item.receiver: item for item in lately if item.service == service}
        names = {item.name for item in ctx.spec.alerting.receivers if item.send_resolved}
        open_ones = sorted(name for name, item in last.items() if item.status == "firing" and name in names)
        return f"its end not yet told to {', '.join(open_ones)}" if open_ones else None

    def look() -> None:
        if found := under_way():
            raise NotYet(
                f"{alert} not to fire for {service} before its cause is injected",
                found,
                f"Something is wrong with {service} already; see the alert's runbook.",
            )

    ctx.wait(alert, look, limit)


def _delivered(ctx: Context, alert: str, service: Service, labels: Labels) -> list[Delivery]:
    """Wait for the notification at each receiver; it is the only one, nobody else's, with its runbook."""
    expected = receivers(ctx.spec, {**labels, "team": labels.get("team", service.owner)})
    blind = [name for name in expected if not _receiver(ctx.spec, name).to_sink]
    if blind:
        raise NotApplied(f"{alert} fired; receiver {', '.join(blind)} does not deliver to the sink")

    def look() -> list[Delivery]:
        found = [item for item in _told(ctx, alert, service.name) if item.status == "firing"]
        missing = expected - {item.receiver for item in found}
        if missing:
            others = {item.receiver for item in found}
            raise NotYet(
                f"{alert} for {service.name} at {', '.join(sorted(missing))}",
                f"it at {', '.join(sorted(others))}" if others else "no notification",
                "See `obs logs alertmanager`, and the routes of the stack file.",
            )
        return found

    found = ctx.wait(alert, look, seconds(ctx.spec.alerting.grouping.wait) + 20)
    _once(ctx, alert, service.name, expected)
    page = f"{runbooks(ctx.spec, ctx.site)}docs/runbooks/{alert}.md"
    for item in found:
        if item.runbook_url != page:
            raise CheckFailed(
                f"the runbook {page} in the notification to {item.receiver}",
                repr(item.runbook_url),
                "See Alertmanager's templates (obs render).",
            )
    return found


def _once(ctx: Context, alert: str, service: str, expected: set[str]) -> None:
    found = [item.receiver for item in _told(ctx, alert, service) if item.status == "firing"]
    if sorted(found) != sorted(expected):
        raise CheckFailed(
            f"{alert} for {service} delivered once to {', '.join(sorted(expected))}",
            f"deliveries to {', '.join(sorted(found)) or 'nobody'}",
            "See the routes and the grouping of the stack file.",
        )


def _firing(ctx: Context, alert: str, service: Service) -> Labels:
    """The labels of a firing alert; `NotYet` while it does not fire."""
    states = {item["state"]: item["labels"] for item in ctx.clients.prometheus.alerts(alert, service.name)}
    if "firing" not in states:
        raise NotYet(
            f"{alert} to fire for {service.name}",
            ", ".join(states) or "it inactive",
            f"See /alerts of Prometheus and rules/{service.name}.yml (obs render).",
        )
    labels: Labels = states["firing"]
    return labels


def why_no_errors(spec: Spec) -> str | None:
    """Why there is no alert for the service that is made to fail, or none whose delivery can be seen."""
    target = shop.leaf(spec)
    if target is None:
        return why_no_shop(spec)
    if target.slo is None:
        return f"{target.name} has no SLO, so no {ERRORS}"
    return to_sink(spec, target.owner)


def _in_time(ctx: Context, needed: float, at_best: float, settings: str) -> None:
    """Go on only if the run has `needed` seconds left. `at_best` is how long the check's end takes from the
    beginning of any run: if that is more than a run has, the check does not apply; else this run is slow."""
    left = ctx.left()
    if needed <= left:
        return
    if at_best > ctx.whole:
        raise NotApplied(
            f"with {settings} and grouping it takes up to {at_best:.0f} s, and a run has {ctx.whole:.0f} s"
        )
    raise CheckFailed(
        f"{needed:.0f} s for this check, as {settings} and grouping ask for",
        f"{left:.0f} of the run's {ctx.whole:.0f} s left",
        AGAIN,
    )


def errors_fire(ctx: Context) -> str:
    """Injected errors raise the alert of their service, delivered once to its owner with its runbook."""
    shop.demo_path(ctx)
    target = shop.leaf(ctx.spec)
    if target is None:
        raise NotApplied(shop.NO_RUN)
    needed = firing_seconds(ctx.spec)
    rules = ctx.spec.metrics.rules
    _in_time(ctx, needed, needed, f"error_window {rules.error_window}, error_hold {rules.error_hold}")
    wait_for_calm(ctx, ERRORS)
    _quiet(ctx, ERRORS, target.name)
    start = ctx.clock.monotonic()

    def look() -> Labels:
        # Traffic of our own, so that the alert does not depend on a load generator.
        ctx.failing += [item for item in shop.send_plain(ctx, 1) if item.status >= 500]
        return _firing(ctx, ERRORS, target)

    with ctx.fault(target, "errors", needed, ratio=_share(ctx.spec)):
        labels = ctx.wait(ERRORS, look, needed)
    ctx.errors_ended = ctx.clock.monotonic()
    fired = ctx.errors_ended - start
    found = _delivered(ctx, ERRORS, target, labels)
    took = ctx.clock.monotonic() - start
    names = ", ".join(sorted(item.receiver for item in found))
    return (
        f"{ERRORS} fired for {target.name} after {fired:.0f} s, "
        f"delivered once to {names} after {took:.0f} s, runbook {found[0].runbook_url or 'in its text'}"
    )


def errors_clear(ctx: Context) -> str:
    """When the errors end the alert ends, and who was told is told so."""
    target = shop.leaf(ctx.spec)
    if target is None:
        raise NotApplied(shop.NO_RUN)
    expected = {item.receiver for item in _told(ctx, ERRORS, target.name) if item.status == "firing"}
    if not expected:
        raise NotApplied(f"{ERRORS} was not delivered, see the check before")
    needed = clearing_seconds(ctx.spec)
    window = f"error_window {ctx.spec.metrics.rules.error_window}"
    _in_time(ctx, needed, firing_seconds(ctx.spec) + needed, window)
    told = {name for name in expected if _receiver(ctx.spec, name).send_resolved}

    def look() -> None:
        if ctx.clients.prometheus.alerts(ERRORS, target.name):
            raise NotYet(
                f"{ERRORS} to end for {target.name}", "it still fires", f"Does {target.name} still fail?"
            )
        resolved = {item.receiver for item in _told(ctx, ERRORS, target.name) if item.status == "resolved"}
        if told - resolved:
            raise NotYet(
                f"the end of {ERRORS} told to {', '.join(sorted(told - resolved))}",
                "no notification",
                "See `obs logs alertmanager`; is send_resolved on?",
            )

    ctx.wait(ERRORS, look, needed)
    _once(ctx, ERRORS, target.name, expected)
    end = f"and told to {', '.join(sorted(told))}" if told else "(send_resolved is off, so nobody is told)"
    took = ctx.clock.monotonic() - ctx.errors_ended
    return f"ended within {took:.0f} s after the fault {end}; still delivered only once"


def _exploding(spec: Spec) -> Service | None:
    """A scraped service of the path whose labels are made to explode: the last that no other fault is for, so
    that another team's receiver is seen to work."""
    scraped = [item for item in reversed(shop.path(spec)) if item.metrics]
    return next((item for item in scraped if item != shop.leaf(spec)), scraped[0] if scraped else None)


def why_no_labels(spec: Spec) -> str | None:
    """Why the demo's label is not forbidden, or its alert's delivery cannot be seen."""
    if LABEL not in spec.metrics.forbidden_labels:
        return f"metrics.forbidden_labels does not name {LABEL}, which the demo's fault uses"
    target = _exploding(spec)
    if target is None:
        return why_no_shop(spec) or "no service on the call path has `metrics`"
    return to_sink(spec, target.owner)


def forbidden_labels(ctx: Context) -> str:
    """Series with a forbidden label are dropped whole, not merged, and the service's owner is told."""
    shop.demo_path(ctx)
    target = _exploding(ctx.spec)
    if target is None:
        raise NotApplied(shop.NO_RUN)
    _quiet(ctx, FORBIDDEN, target.name)
    prometheus = ctx.clients.prometheus
    this = f'{{service="{target.name}"}}'

    def dropped() -> float:
        scraped = prometheus.total(f"scrape_samples_scraped{this}")
        count = scraped - prometheus.total(f"scrape_samples_post_metric_relabeling{this}")
        _absent(ctx)
        if count < COUNT:
            raise NotYet(
                f"{COUNT} samples of {target.name} to be dropped in a scrape", f"{count:.0f}",
                "See metric_relabel_configs in prometheus.yml (obs render).",
            )  # fmt: skip
        return count

    with ctx.fault(target, "label-explosion", _evaluated(ctx.spec) + 60, count=COUNT):
        count = ctx.wait(FORBIDDEN, dropped, _evaluated(ctx.spec))
        labels = ctx.wait(FORBIDDEN, lambda: _firing(ctx, FORBIDDEN, target), _evaluated(ctx.spec))
        found = _delivered(ctx, FORBIDDEN, target, labels)
        _absent(ctx)
    names = ", ".join(sorted(item.receiver for item in found))
    return (
        f"{count:.0f} samples of {target.name} with {LABEL} dropped, no {SERIES} with or without it; "
        f"{FORBIDDEN} delivered once to {names}"
    )


def _absent(ctx: Context) -> None:
    for selector, what in (
        (f'{{{LABEL}=~".+"}}', f"series with the label {LABEL}"),
        (SERIES, f"series {SERIES}, merged after losing its label"),
    ):
        if found := ctx.clients.prometheus.vector(selector):
            raise CheckFailed(
                f"no {what}",
                f"{len(found)}, as {found[0][0]}",
                "They have to be dropped whole: see metric_relabel_configs in prometheus.yml (obs render).",
            )


def why_no_dead_man(spec: Spec) -> str | None:
    """Why its deliveries cannot be seen."""
    receiver = _receiver(spec, spec.alerting.dead_mans_switch.receiver)
    if not (spec.alerting.sink and receiver.to_sink):
        return f"receiver {receiver.name} does not deliver to the sink"
    return None


def dead_mans_switch(ctx: Context) -> str:
    """The alert that always fires was delivered lately: rules, Alertmanager and the way out all work."""
    switch = ctx.spec.alerting.dead_mans_switch
    limit = 2 * seconds(switch.interval) + seconds(ctx.spec.alerting.grouping.wait)
    limit += seconds(ctx.spec.alerting.grouping.interval)

    def look() -> float:
        told = ctx.clients.sink.deliveries(alertname=DEAD_MANS_SWITCH)
        found = [item for item in told if item.receiver == switch.receiver]
        if not found:
            raise NotYet(f"a delivery to {switch.receiver}", "none", "See `obs logs alertmanager`.")
        last = datetime.fromisoformat(found[-1].received_at).timestamp()
        age = ctx.clock.now() - last
        if age > limit:
            raise NotYet(
                f"a delivery to {switch.receiver} within the last {limit:.0f} s",
                f"the last one {age:.0f} s ago",
                "Alerting does not work: see `obs logs prometheus` and `obs logs alertmanager`.",
            )
        return age

    age = ctx.wait("dead man's switch", look, limit)
    return f"delivered to {switch.receiver} {max(0.0, age):.0f} s ago (limit {limit:.0f} s)"


ERRORS_FIRE = Check("fault raises its alert", "alerting", errors_fire, why_no_errors)
ERRORS_CLEAR = Check("alert ends with the fault", "alerting", errors_clear, why_no_errors)
LABELS = Check("forbidden labels dropped", "metrics", forbidden_labels, why_no_labels)
DEAD_MAN = Check("dead man's switch", "alerting", dead_mans_switch, why_no_dead_man)
