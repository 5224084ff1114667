"""What services promise (service level objectives), and how much of what a promise leaves is used."""

from components.dashboards.model import Dashboard, Graph, Number, Query, Row, graph
from components.rules.slo import FAST, SLOW
from components.spec import Spec
from components.spec.services import Slo

_WINDOWS = ("1h", "6h", "1d", "3d")


def promises(spec: Spec) -> Dashboard:
    """All services with an `slo`, a row each."""
    return Dashboard(
        name="promises",
        title="Promises",
        summary="A burn rate of 1 uses up just what a promise leaves, over 30 days; "
        f"{FAST[0].factor} over an hour calls somebody.",
        rows=tuple(_row(service.name, service.slo) for service in spec.services if service.slo),
        tags=("slo",),
    )


def _row(name: str, slo: Slo) -> Row:
    left = round((100 - slo.availability) / 100, 9)
    slow = round((100 - slo.latency.target) / 100, 9)
    return Row(
        name,
        (
            Number(
                "Budget used in three days",
                "Of what the promise leaves for 30 days: a tenth is its share.",
                Query(f'service:error_ratio:rate3d{{service="{name}"}} / {left} / 10', "used"),
                "share",
                limit=0.1,
            ),
            _burns("Failures: burn rate", f"{slo.availability:g} % shall not fail.", name, "error", left),
            _burns(
                "Slow requests: burn rate",
                f"{slo.latency.target:g} % shall take no more than {slo.latency.threshold}.",
                name,
                "slow",
                slow,
            ),
        ),
    )


def _burns(title: str, why: str, name: str, what: str, left: float) -> Graph:
    queries = (
        Query(f'service:{what}_ratio:rate{window}{{service="{name}"}} / {left}', f"over {window}")
        for window in _WINDOWS
    )
    return graph(title, why, "count", *queries, limit=float(SLOW[-1].factor))
