"""The engines of the small stack: as much of their interfaces as the checks use, over the world's state."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx

from components.rules.slo import indicator
from tests.verify.queries import Json, labels_of, matcher, matches_query

if TYPE_CHECKING:
    from tests.verify.fakes import World


class Engines:
    """Answers for Prometheus, Alertmanager, the sink, Jaeger and OpenSearch."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.scrolls: dict[str, list[Json]] = {}

    def series(self) -> list[tuple[dict[str, str], float]]:
        """All series, now."""
        found: list[tuple[dict[str, str], float]] = [
            ({"__name__": "otelcol_process_uptime_seconds_total"}, 60.0)
        ]
        if "collector unseen" in self.world.broken:
            found.clear()
        lost = 5.0 if "collector lost" in self.world.broken and self.world.clock.elapsed else 0.0
        found.append(({"__name__": "otelcol_exporter_send_failed_spans_total"}, lost))
        for item in self.world.spec.services:
            this = {"service": item.name}
            down = item.run is None and "observed down" in self.world.broken
            found.append(({"__name__": "up", **this}, 0.0 if down else 1.0))
            dropped = 0.0
            if fault := self.world.faults.get((item.name, "label-explosion")):
                dropped = float(fault["count"])
                if "labels kept" in self.world.broken:
                    found.append(({"__name__": "shop_cart_items", **this, "user_id": "user-1"}, 1.0))
                if "labels merged" in self.world.broken:
                    found.append(({"__name__": "shop_cart_items", **this}, 150.0))
                if "labels not scraped" in self.world.broken:
                    dropped = 0.0
            found.append(({"__name__": "scrape_samples_scraped", **this}, 100.0 + dropped))
            found.append(({"__name__": "scrape_samples_post_metric_relabeling", **this}, 100.0))
        if "counter stands" not in self.world.broken:
            for item in self.world.spec.services:
                count = float(self.world.requests.get(item.name, 0))
                found.append(({"__name__": "http_requests_total", "service": item.name}, count))
        found += [(labels, 1.0) for labels in self.world.pushed]
        return found + self._promises()

    def _promises(self) -> list[tuple[dict[str, str], float]]:
        """What the promises of services are judged by, but for their own counters of requests."""
        found = []
        for item in self.world.spec.services:
            if item.slo is None:
                continue
            signals = indicator(item, item.slo)
            if item.slo.metrics is None and "no server spans" not in self.world.broken:
                found.append(labels_of(signals.good_series))
            if "no histogram" not in self.world.broken:
                within = labels_of(signals.within_series)
                if "other buckets" in self.world.broken:
                    within["le"] = "0.3"
                found += [within, {**within, "le": "+Inf"}]
        return [(labels, 1.0) for labels in found]

    def collector(self, request: httpx.Request) -> httpx.Response:
        """Its OTLP receiver: a log record with an id is stored once."""
        if "otlp refused" in self.world.broken:
            return httpx.Response(404, text="404 page not found")
        (((kind, (resource,)),)) = json.loads(request.content).items()

        def plain(attributes: list[Json]) -> dict[str, str]:
            return {item["key"]: item["value"]["stringValue"] for item in attributes}

        service = plain(resource["resource"]["attributes"])["service.name"]
        if kind == "resourceLogs":
            (record,) = resource["scopeLogs"][0]["logRecords"]
            stamp = datetime.fromtimestamp(int(record["timeUnixNano"]) / 1e9, UTC)
            document = {
                "service": service,
                "timestamp": stamp.strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
                "log_level": "error",
                **plain(record["attributes"]),
            }
            again = document in self.world.logs and "otlp log doubled" not in self.world.broken
            if not again and "otlp log lost" not in self.world.broken:
                self.world.logs.append(document)
        elif "otlp metric lost" not in self.world.broken:
            (metric,) = resource["scopeMetrics"][0]["metrics"]
            (point,) = metric["gauge"]["dataPoints"]
            self.world.pushed.append(
                {"__name__": metric["name"], "service": service, **plain(point["attributes"])}
            )
        return httpx.Response(200, json={})

    def prometheus(self, request: httpx.Request) -> httpx.Response:
        path, params = request.url.path.removeprefix("/api/v1/"), request.url.params
        data: Any
        if "prometheus broken" in self.world.broken:
            return httpx.Response(503, text="starting")
        if path == "query":
            matches = matcher(params["query"])
            data = {"result": [{"metric": m, "value": [0, str(v)]} for m, v in self.series() if matches(m)]}
        elif path == "query_exemplars":
            data = [
                {
                    "seriesLabels": {"__name__": "x_bucket", "service": name},
                    "exemplars": [{"labels": {"trace_id": t}}],
                }
                for name, t in self.world.exemplars.items()
            ]
        elif path == "series":
            data = [labels for labels, _ in self.series()]
            if "metric leaks" in self.world.broken:
                data.append({"__name__": "charged", "card": self.world.card})
        elif path == "targets":
            health = "down" if "target down" in self.world.broken else "up"
            data = {"activeTargets": [{"labels": {"job": "jaeger"}, "health": health, "lastError": ""}]}
        elif path == "alertmanagers":
            data = {
                "activeAlertmanagers": []
                if "no alertmanager" in self.world.broken
                else [{"url": "http://here"}]
            }
        elif path == "rules":
            health = (
                "unknown"
                if "rules waiting" in self.world.broken
                else "err"
                if "rule fails" in self.world.broken
                else "ok"
            )
            rule = {
                "name": "TargetDown",
                "type": "alerting",
                "health": health,
                "lastError": "no such function",
            }
            data = {"groups": [{"name": "orders", "rules": [rule]}]}
        elif path == "alerts":
            data = {"alerts": [{"labels": self.labels(*key), "state": "firing"} for key in self.world.firing]}
        return httpx.Response(200, json={"status": "success", "data": data})

    def labels(self, alert: str, service: str) -> dict[str, str]:
        return {
            "alertname": alert,
            "service": service,
            "team": self.world.services[service].owner,
            "severity": "warning",
        }

    def alertmanager(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[{"labels": self.labels(*key)} for key in self.world.firing])

    def sink(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/":
            return httpx.Response(500 if "sink without page" in self.world.broken else 200)
        params = request.url.params
        found = [
            item
            for item in self.world.deliveries
            if params.get("alertname") in (None, item["alertname"])
            and datetime.fromisoformat(item["received_at"]).timestamp() >= float(params.get("since", 0))
        ]
        return httpx.Response(200, json={"count": len(found), "deliveries": found})

    def pages(self, request: httpx.Request) -> httpx.Response:
        """The stack's web pages, as far as they are looked at."""
        path, broken = request.url.path, self.world.broken
        if not request.headers["host"].startswith("127.0.0.1") and "pages for all" not in broken:
            return httpx.Response(403)
        if path == "/api/stack":
            names = [item.name for item in self.world.spec.services]
            gone = "payments" if "service untold" in broken else None
            return httpx.Response(200, json={"services": [{"name": n} for n in names if n != gone]})
        if path.startswith("/api/"):
            return httpx.Response(200, json={})
        missing = "page missing" in broken and path == "/targets"
        return httpx.Response(404 if missing else 200, text="<main></main>")

    def jaeger(self, request: httpx.Request) -> httpx.Response:
        trace_id = request.url.path.rsplit("/", 1)[1]
        spans = [span for span in self.world.spans if span["traceID"] == trace_id]
        if not spans:
            return httpx.Response(404, json={"data": None, "errors": [{"code": 404}]})
        names = sorted({span["process"]["serviceName"] for span in spans})
        processes = {f"p{i}": {"serviceName": name} for i, name in enumerate(names)}
        shown = [{**span, "processID": f"p{names.index(span['process']['serviceName'])}"} for span in spans]
        return httpx.Response(200, json={"data": [{"spans": shown, "processes": processes}]})

    def opensearch(self, request: httpx.Request) -> httpx.Response:
        if "authorization" not in request.headers:
            return httpx.Response(401)
        body = json.loads(request.content or b"{}")
        if request.url.path == "/_search/scroll":
            if request.method == "DELETE":
                return httpx.Response(200, json={})
            return self._page(body["scroll_id"])
        indices, action = request.url.path.strip("/").split("/")
        kinds = {"logs-2*": self.world.logs, "jaeger-jaeger-span-2*": self.world.spans}
        documents = [doc for index in indices.split(",") for doc in kinds.get(index, [])]
        for what in ("time", "level"):
            if f"{what}s not understood" in self.world.broken:
                mark = {"parse_error": f"{what} not understood", "timestamp": 1 << 60}
                documents += [{**mark, "service": name} for name in ("orders", "elsewhere", "elsewhere")]
        hits = [
            {"_index": "x", "_id": str(i), "_source": doc}
            for i, doc in enumerate(documents)
            if matches_query(body["query"], doc)
        ]
        if action == "_count":
            return httpx.Response(200, json={"count": len(hits)})
        scroll = f"scroll-{len(self.scrolls)}"
        self.scrolls[scroll] = hits
        return self._page(scroll)

    def _page(self, scroll: str) -> httpx.Response:
        page, self.scrolls[scroll] = self.scrolls[scroll][:1000], self.scrolls[scroll][1000:]
        return httpx.Response(200, json={"_scroll_id": scroll, "hits": {"hits": page}})
