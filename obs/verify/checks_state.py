"""Checks on what stands: engines, targets, rules, sockets, and what was lost on the way."""

import ipaddress
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from components.errors import SuiteError
from components.render.scrape_jobs import jobs
from components.spec import Spec
from components.target import Bound, Lacks
from obs.verify.check import Check, seconds
from obs.verify.context import Context
from obs.verify.outcome import CheckFailed, NotYet
from obs.verify.stranger import why_open

LOSSES = (
    "otelcol_receiver_refused_",
    "otelcol_receiver_failed_",
    "otelcol_processor_refused_",
    "otelcol_processor_dropped_",
    "otelcol_keep_dropped_too_soon_",
    "otelcol_exporter_send_failed_",
    "otelcol_exporter_enqueue_failed_",
    "otelcol_opensearchlogs_lost_",
    "otelcol_opensearchlogs_rejected_",
)
"""Beginnings of the names of the collector's counters of what it could not keep or pass on. What sampling
leaves out is not among them."""
_COLLECTORS = 'job!="jaeger"'
"""Jaeger is one too, but what it does not take is still the collector's, which sends it again."""
LOSS = '{__name__=~"(' + "|".join(LOSSES) + ').*",' + _COLLECTORS + "}"


def engines(ctx: Context) -> str:
    """Every unit answers where its plan says it does."""

    def look() -> None:
        silent = {name: problem for name, ask in ctx.access.units.items() if (problem := ask())}
        if silent:
            names = ", ".join(f"{name} ({problem})" for name, problem in sorted(silent.items()))
            raise NotYet(
                "every unit to answer", f"that these do not: {names}", f"See `obs status {ctx.stack}`."
            )

    ctx.wait("engines", look, 30)
    return f"{len(ctx.access.units)} units answer: {', '.join(sorted(ctx.access.units))}"


def targets(ctx: Context) -> str:
    """Prometheus reaches all it scrapes, each job has its targets, and it knows an Alertmanager. A job whose
    selector finds nothing has none that could be down."""
    wanted = {job.name: max(1, len(job.target)) for job in jobs(ctx.spec, ctx.site)}

    def look() -> int:
        found = ctx.clients.prometheus.targets()
        down = [
            f"{item['labels'].get('job')} ({item['lastError'] or item['health']})"
            for item in found
            if item["health"] != "up"
        ]
        if down or not found:
            raise NotYet(
                "every scrape target to be up",
                f"down: {', '.join(sorted(down))}" if found else "no target",
                f"See `obs status {ctx.stack}`, and /targets of Prometheus.",
            )
        there = Counter(item["labels"].get("job") for item in found)
        short = [f"{name} ({there[name]} of {n})" for name, n in wanted.items() if there[name] < n]
        if short:
            raise NotYet(
                "every scrape job to have its targets",
                f"fewer: {', '.join(short)}",
                "See /service-discovery of Prometheus: does an address, a selector or a port lead elsewhere?",
            )
        return len(found)

    limit = 2 * seconds(ctx.spec.metrics.scrape_interval) + 15
    count = ctx.wait("targets", look, limit)
    alertmanagers = ctx.clients.prometheus.alertmanagers()
    if not alertmanagers:
        raise CheckFailed(
            "Prometheus to have found an Alertmanager",
            "none",
            "See `alerting:` in prometheus.yml (obs render), and `obs logs prometheus`.",
        )
    return f"{count} targets of {len(wanted)} jobs up, {len(alertmanagers)} Alertmanager known"


def rules(ctx: Context) -> str:
    """Every rule was evaluated, none with an error."""

    def look() -> tuple[int, int]:
        found = ctx.clients.prometheus.rules()
        broken = [rule for rule in found if rule["health"] == "err"]
        if broken:
            first = broken[0]
            raise CheckFailed(
                "every rule to be evaluated without an error",
                f"{len(broken)} that fail, as {first['name']} of {first['group']}: {first['lastError']}",
                "Correct its expression (metrics.rules in the stack file, or components/render).",
            )
        waiting = [rule["name"] for rule in found if rule["health"] != "ok"]
        if waiting or not found:
            raise NotYet(
                "every rule to have been evaluated",
                f"not yet: {', '.join(waiting[:5])}" if found else "no rule",
                "See /rules of Prometheus.",
            )
        return sum(rule["type"] == "alerting" for rule in found), len(found)

    # Slow groups are evaluated once a minute.
    alerting, count = ctx.wait("rules", look, max(75.0, 2 * seconds(ctx.spec.metrics.evaluation_interval)))
    return f"{count} rules evaluated without an error, {alerting} of them alerts"


def why_nothing_observed(spec: Spec) -> str | None:
    """Why there are no services that are only observed."""
    if not any(item.run is None and item.metrics for item in spec.services):
        return "every service with metrics is run by the stack itself"
    return None


def observed(ctx: Context) -> str:
    """Services without `run` are scraped; whether they log is told, since they may be idle."""
    names = [item.name for item in ctx.spec.services if item.run is None and item.metrics]

    def look() -> None:
        up = {labels.get("service"): value for labels, value in ctx.clients.prometheus.vector("up")}
        missing = [name for name in names if not up.get(name)]
        if missing:
            raise NotYet(
                "every observed service to be scraped",
                f"not scraped: {', '.join(missing)}",
                "Is it running, and is its `metrics` address in the stack file right?",
            )

    ctx.wait("observed services", look, 2 * seconds(ctx.spec.metrics.scrape_interval) + 15)
    parts = []
    for name in names:
        query = {
            "bool": {"filter": [{"term": {"service": name}}, {"range": {"timestamp": {"gte": "now-5m"}}}]}
        }
        lines = ctx.clients.opensearch.count(f"{ctx.spec.logging.index.prefix}-2*", query)
        parts.append(f"{name} scraped, {lines} lines in the last 5 min")
    return "; ".join(parts)


def loopback(ctx: Context) -> str:
    """Nothing of the stack takes connections from other machines."""
    try:
        found = ctx.access.sockets()
    except Lacks:
        raise
    except SuiteError as error:
        raise CheckFailed(
            "to see the sockets of the stack's processes", str(error), f"Run `obs start {ctx.stack}`."
        ) from None
    own = ctx.site.port("prometheus")
    if own not in {item.port for item in found}:
        raise CheckFailed(
            f"to see Prometheus listen on port {own} among the stack's processes",
            f"{len(found)} sockets, not that one",
            f"See `obs status {ctx.stack}`; run `obs verify` as the user who ran `obs up`.",
        )
    beyond = [item for item in found if not _loopback(item.address)]
    if beyond and ctx.access.identity is not None and ctx.site.address:
        return _guarded(found, beyond)
    outside = sorted({f"{i.process} on {i.address}:{i.port}" for i in beyond})
    if outside:
        raise CheckFailed(
            "every socket to be bound to loopback",
            ", ".join(outside),
            "Bind it to 127.0.0.1 in what it was rendered from.",
        )
    return f"{len(found)} sockets of {len({item.process for item in found})} programs, all on loopback"


def _guarded(found: Sequence[Bound], beyond: Sequence[Bound]) -> str:
    """Beyond loopback, a stranger gets nothing in plain, and nothing without a certificate or a password."""
    places = sorted({(item.process, item.address, item.port) for item in beyond if not item.datagrams})
    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(lambda place: why_open(place[1], place[2]), places))
    opened = [f"{p} on {a}:{n}: {why}" for (p, a, n), why in zip(places, told, strict=True) if why]
    opened += [f"{i.process} on {i.address}:{i.port}: takes datagrams" for i in beyond if i.datagrams]
    if opened:
        raise CheckFailed(
            "every socket beyond loopback to ask a stranger for TLS and for who it is",
            "; ".join(opened),
            "Bind it to loopback, behind the front.",
        )
    programs = len({item.process for item in found})
    return (
        f"{len(found)} sockets of {programs} programs; {len(places)} beyond loopback, all closed to strangers"
    )


def _loopback(address: str) -> bool:
    value = ipaddress.ip_address(address.split("%")[0])
    if isinstance(value, ipaddress.IPv6Address) and value.ipv4_mapped:
        return value.ipv4_mapped.is_loopback
    return value.is_loopback


def losses(ctx: Context) -> dict[str, float]:
    """What the collector has lost since it started, by metric; for the beginning of a run."""
    found: dict[str, float] = {}
    for labels, value in ctx.clients.prometheus.vector(LOSS):
        name = labels.get("__name__", "")
        found[name] = found.get(name, 0.0) + value
    return found


def nothing_lost(ctx: Context) -> str:
    """During this run the collector lost nothing; what it lost before is told."""
    prometheus = ctx.clients.prometheus
    if not prometheus.vector('{__name__=~"otelcol_process_uptime.*",' + _COLLECTORS + "}"):
        raise CheckFailed(
            "the collector's own metrics in Prometheus",
            "none",
            "See /targets of Prometheus for the collector.",
        )
    now = losses(ctx)
    lost = {name: now[name] - ctx.drops.get(name, 0.0) for name in now}
    worse = [f"{name} +{value:.0f}" for name, value in sorted(lost.items()) if value > 0]
    if worse:
        raise CheckFailed(
            "the collector to lose nothing while these checks ran",
            ", ".join(worse),
            "See `obs logs collector`.",
        )
    before = sum(ctx.drops.values())
    earlier = f"; {before:.0f} since it started, before this run" if before else ""
    return f"no loss counter of the collector moved ({len(now)} watched){earlier}"


ENGINES = Check("engines answer", "all", engines)
TARGETS = Check("targets up", "metrics", targets)
RULES = Check("rules evaluate", "metrics", rules)
OBSERVED = Check("observed services scraped", "metrics", observed, why_nothing_observed)
LOOPBACK = Check("loopback only", "all", loopback)
NOTHING_LOST = Check("collector lost nothing", "all", nothing_lost)
