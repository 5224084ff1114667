"""Dashboards and data sources for Grafana: `dashboards/<name>.json`, and `datasources.yaml` to provision it.

Each data source leads on to the next: an exemplar of Prometheus opens its trace, a span the log records that
carry its trace id, and a record's trace id the trace again.
"""

import itertools
import string
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import (
    elasticsearch,
    logs,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
)

from components.dashboards import dashboards
from components.dashboards.model import Dashboard, Graph, Number, Panel, Query, Records, Traces, Unit
from components.inventory import BY_NAME, password_of
from components.render.document import Document, Documents, ordered
from components.site import Site
from components.spec import Spec

USER = "reader"
"""Which user of the store Grafana is."""
METRICS, LOGS, TRACES = "prometheus", "opensearch", "jaeger"
"""Uids of the data sources, and their types but for the second."""
TIME = "timestamp"
"""Field of a record."""
TYPES = {METRICS: "prometheus", LOGS: "grafana-opensearch-datasource", TRACES: "jaeger"}

UNITS: dict[Unit, str] = {
    "per second": "reqps",
    "share": "percentunit",
    "seconds": "s",
    "bytes": "bytes",
    "count": "short",
    "yes or no": "bool_yes_no",
}
_GOOD, _BAD = "green", "red"
_WIDTH = 24
_HEIGHT = {Graph: 8, Number: 8, Records: 10, Traces: 10}


@dataclass(frozen=True)
class Signed:
    """Where samples are asked for by requests that are signed for AWS (SigV4)."""

    url: str
    region: str


SIGNING = "grafana-amazonprometheus-datasource"
"""The type of data source that signs: of the one for Prometheus Grafana gave it up."""


def render(spec: Spec, site: Site) -> Documents:
    """A document a dashboard, and the data sources."""
    found = {f"dashboards/{name}": document for name, document in pages(spec).items()}
    return {**found, "datasources.yaml": Document(datasources(spec, site), "yaml")}


def pages(spec: Spec) -> Documents:
    """`<name>.json` of each dashboard."""
    return {f"{item.name}.json": Document(page(item), "json") for item in dashboards(spec)}


def page(dashboard: Dashboard) -> dict[str, Any]:
    """The JSON model of a dashboard."""
    made = (
        build.Dashboard(dashboard.title)
        .uid(dashboard.name)
        .description(dashboard.summary)
        .tags(["obs", *dashboard.tags])
        .readonly()
        .refresh("30s")
        .time("now-1h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
    )
    ids = itertools.count(1)
    for row in dashboard.rows:
        made = made.with_row(build.Row(row.title).id(next(ids)))
        for panel in row.panels:
            width, height = _WIDTH // len(row.panels), _HEIGHT[type(panel)]
            made = made.with_panel(_panel(panel).id(next(ids)).span(width).height(height))
    found: dict[str, Any] = _plain(made.build())
    return found


def _panel(panel: Panel) -> Any:
    """The library's builder; each has the same methods, and a class of its own."""
    made, source = _shown(panel)
    return made.title(panel.title).description(panel.why).datasource(_source(source))


def _shown(panel: Panel) -> tuple[Any, str]:
    """A builder, and the source that it asks."""
    match panel:
        case Graph():
            lines = timeseries.Panel().unit(UNITS[panel.unit]).min(0).fill_opacity(8).line_width(1)
            if panel.limit is not None:
                lines = lines.thresholds(_limit(panel.limit, least=False))
            for letter, query in zip(string.ascii_uppercase, panel.queries, strict=False):
                lines = lines.with_target(_query(query).ref_id(letter))
            return lines, METRICS
        case Number():
            number = stat.Panel().unit(UNITS[panel.unit])
            if panel.limit is not None:
                number = number.thresholds(_limit(panel.limit, least=panel.least))
            return number.with_target(_query(panel.query).ref_id("A").instant()), METRICS
        case Records():
            records = logs.Panel().show_time(True).enable_log_details(True)
            return records.with_target(_records(panel.query)), LOGS
        case Traces():
            return table.Panel().with_target(_Spans(panel.service)), TRACES


def _query(query: Query) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(query.expr).legend_format(query.legend).exemplar(query.exemplars)


def _records(query: str) -> elasticsearch.Dataquery:
    """The plugin for OpenSearch takes the queries of the one for Elasticsearch, from which it comes."""
    return (
        elasticsearch.Dataquery()
        .ref_id("A")
        .query(query)
        .time_field(TIME)
        .metrics([elasticsearch.Logs().id("1")])
    )


class _Spans(Builder[Dataquery]):
    """A search in Jaeger, for which the library has no builder."""

    def __init__(self, service: str) -> None:
        self._service = service

    def build(self) -> Dataquery:
        """As the library's builders do."""
        return _Search(self._service)


class _Search(Dataquery):
    def __init__(self, service: str) -> None:
        self._service = service

    def to_json(self) -> dict[str, object]:
        """As the library's models do."""
        return {"refId": "A", "queryType": "search", "service": self._service, "limit": 20}


def _limit(limit: float, *, least: bool) -> build.ThresholdsConfig:
    below, above = (_BAD, _GOOD) if least else (_GOOD, _BAD)
    steps = [Threshold(None, below), Threshold(limit, above)]
    return build.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _source(uid: str) -> DataSourceRef:
    return DataSourceRef(type_val=TYPES[uid], uid=uid)


def _plain(model: Any) -> Any:
    """What the library's own encoder would write, as data."""
    encoder = JSONEncoder()

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if item is not None}
        if isinstance(value, list):
            return [plain(item) for item in value]
        if value is None or isinstance(value, str | int | float | bool):
            return value
        return plain(encoder.default(value))

    return ordered(plain(model))


def datasources(
    spec: Spec, site: Site, *, password: str | None = None, signed: Signed | None = None
) -> dict[str, Any]:
    """What Grafana reads, and how it leads from one to the other. `password` is where it finds that of its
    user of the store: its environment unless it is told."""
    made = [
        _metrics(spec, site, signed),
        _datasource(
            TRACES,
            site.url(BY_NAME["jaeger"].api),
            {
                "tracesToLogsV2": {
                    "datasourceUid": LOGS,
                    "customQuery": True,
                    "query": 'trace_id:"${__trace.traceId}"',
                    "spanStartTimeShift": "-10m",
                    "spanEndTimeShift": "10m",
                }
            },
        ),
        {
            **_datasource(
                LOGS,
                site.url(BY_NAME["opensearch"].api),
                {
                    "database": f"{spec.logging.index.prefix}-*",
                    "flavor": "opensearch",
                    "version": "2.19.0",
                    "timeField": TIME,
                    "logMessageField": "message",
                    "logLevelField": "log_level",
                    "dataLinks": [{"field": "trace_id", "datasourceUid": TRACES, "url": "${__value.raw}"}],
                },
            ),
            "basicAuth": True,
            "basicAuthUser": USER,
            "secureJsonData": {"basicAuthPassword": password or f"${{{variable(password_of(USER))}}}"},
        },
    ]
    return {"apiVersion": 1, "datasources": made, "prune": True}


def _metrics(spec: Spec, site: Site, signed: Signed | None) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "httpMethod": "POST",
        "timeInterval": spec.metrics.scrape_interval,
        "exemplarTraceIdDestinations": [{"name": "trace_id", "datasourceUid": TRACES}],
    }
    if signed is None:
        return _datasource(METRICS, site.url(BY_NAME["prometheus"].api), settings)
    settings |= {"sigV4Auth": True, "sigV4AuthType": "default", "sigV4Region": signed.region}
    return {**_datasource(METRICS, signed.url, settings), "type": SIGNING}


def variable(secret: str) -> str:
    """The environment variable in which Grafana finds a secret."""
    return f"OBS_{secret.upper().replace('-', '_')}"


def _datasource(uid: str, url: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": uid,
        "uid": uid,
        "type": TYPES[uid],
        "access": "proxy",
        "url": url,
        "editable": False,
        "isDefault": uid == METRICS,
        "jsonData": settings,
    }
