"""Whether what a service promises is measured at all: an alert on series that do not exist never fires."""

from components.rules.slo import indicator
from components.spec import Service, Spec, milliseconds
from components.spec.services import Slo
from obs.verify.check import Check, seconds
from obs.verify.context import Context
from obs.verify.outcome import NotYet

_WITHOUT_SPANS = (
    "Send it a request, and see that its spans have the kind SERVER and its `service.name`; name metrics of "
    "its own in `slo.metrics`; or promise nothing (`slo: null`)."
)


def _promising(spec: Spec) -> list[tuple[Service, Slo]]:
    return [(item, item.slo) for item in spec.services if item.slo is not None]


def why_not(spec: Spec) -> str | None:
    """That no service promises anything; None if one does."""
    return None if _promising(spec) else "no service has an `slo`"


def measured(ctx: Context) -> str:
    """Each promise has the series that it is judged by: requests, and a bucket that ends at its threshold."""
    promising = _promising(ctx.spec)

    def look() -> None:
        found = [problem for service, slo in promising if (problem := _missing(ctx, service, slo))]
        if found:
            raise NotYet(
                "series behind each service's promises",
                "; ".join(what for what, _ in found),
                " ".join(dict.fromkeys(do for _, do in found)),
            )

    ctx.wait("promises", look, 2 * seconds(ctx.spec.metrics.scrape_interval) + 15)
    return f"requests and durations of {len(promising)} services with an `slo` are measured"


def _missing(ctx: Context, service: Service, slo: Slo) -> tuple[str, str] | None:
    """What a service lacks, and what to do about it."""
    ask, signals = ctx.clients.prometheus.vector, indicator(service, slo)
    own = slo.metrics
    if not ask(signals.requests):
        if own is None:
            return f"{service.name}: no server span since the collector started", _WITHOUT_SPANS
        return (
            f"{service.name}: no series {own.requests}",
            "Send it a request, and correct `slo.metrics.requests` if it is called otherwise.",
        )
    histogram = signals.counted.partition("{")[0].removesuffix("_count")
    this = f'{{service="{service.name}"}}'
    bounds = {float(labels["le"]) for labels, _ in ask(f"{histogram}_bucket{this}") if "le" in labels}
    if not bounds:
        return (
            f"{service.name}: no histogram {histogram}",
            "Correct `slo.metrics.latency`: it names a histogram without `_bucket` at its end.",
        )
    if milliseconds(slo.latency.threshold) / 1000 not in bounds:
        having = ", ".join(f"{bound:g}" for bound in sorted(bounds) if bound != float("inf"))
        lacking = f"has no bucket that ends at {slo.latency.threshold} (it has: {having})"
        return (
            f"{service.name}: {histogram} {lacking}",
            "Set `slo.latency.threshold` to a bound that the histogram has, or give it that bucket.",
        )
    return None


MEASURED = Check("promises measured", "metrics", measured, why_not)
