"""The engines of the small stack: as much of their interfaces as the checks use, over the world's state."""

import json
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from components.render import alertmanager
from components.render.scrape_jobs import Job, jobs
from components.rules import files
from components.rules.slo import indicator
from obs.verify.checks_loaded import SECRET, seconds_of
from tests.verify.queries import Json, labels_of, matcher, matches_query
from vsi.site import local_site

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
            down = "jaeger" if "target down" in self.world.broken else ""
            gone = "jaeger" if "target missing" in self.world.broken else ""
            data = {
                "activeTargets": [
                    {
                        "labels": {"job": job.name},
                        "health": "down" if job.name == down else "up",
                        "lastError": "",
                    }
                    for job in self._jobs
                    for _ in job.target
                    if job.name != gone
                ]
            }
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
            failing = {"health": health, "lastError": "no such function"}
            groups = [
                {"name": name, "rules": [{**rule, **failing} for rule in rules]}
                for name, rules in self._rules.items()
            ]
            data = {"groups": groups}
        elif path == "format_query":
            data = " ".join(params["query"].split())
        elif path == "alerts":
            data = {"alerts": [{"labels": self.labels(*key), "state": "firing"} for key in self.world.firing]}
        return httpx.Response(200, json={"status": "success", "data": data})

    @cached_property
    def _jobs(self) -> tuple[Job, ...]:
        return jobs(self.world.spec, local_site(self.world.spec))

    @cached_property
    def _rules(self) -> dict[str, list[Json]]:
        """Group -> its rules, as Prometheus has read those of the description."""
        broken, found = self.world.broken, dict[str, list[Json]]()
        for path, document in files.documents(self.world.spec, local_site(self.world.spec)).items():
            for group in document.data["groups"] if path.startswith("rules/") else ():
                found[group["name"]] = [
                    {
                        "name": rule.get("alert") or rule["record"],
                        "type": "alerting" if "alert" in rule else "recording",
                        "query": " ".join(rule["expr"].split()),
                        "duration": seconds_of(rule.get("for", "0s")),
                        "labels": {**group["labels"], **rule.get("labels", {})},
                        "annotations": rule.get("annotations"),
                    }
                    for rule in group["rules"]
                ]
        last = next(rule for rules in found.values() for rule in rules if rule["type"] == "alerting")
        if "rule filled in" in broken:
            last["annotations"] = dict.fromkeys(last["annotations"], "on  of ")
        if "rule of before" in broken:
            last["query"] = "up == 0"
        if "rule too many" in broken:
            next(iter(found.values())).append({**last, "name": "Former"})
        if "rules refused" in broken:
            found.popitem()
        return {**found, "of-others": [{"name": "Theirs", "type": "alerting", "query": "1"}]}

    def labels(self, alert: str, service: str) -> dict[str, str]:
        return {
            "alertname": alert,
            "service": service,
            "team": self.world.services[service].owner,
            "severity": "warning",
        }

    def alertmanager(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v2/status":
            return httpx.Response(200, json={"config": {"original": self._configuration}})
        return httpx.Response(200, json=[{"labels": self.labels(*key)} for key in self.world.firing])

    @cached_property
    def _configuration(self) -> str:
        """Alertmanager's own form of what it was given: with defaults, other words, and no secret."""
        spec = self.world.spec
        loaded = alertmanager.render(spec, local_site(spec))["alertmanager.yml"].data
        route = loaded["route"]
        loaded["global"], route["continue"] = {"resolve_timeout": "5m"}, False
        loaded["templates"] = [f"/etc/conf/{path}" for path in loaded["templates"]]
        route["repeat_interval"] = "240m"
        route["routes"][0]["matchers"] = [text.replace("=", " = ") for text in route["routes"][0]["matchers"]]
        for receiver in loaded["receivers"]:
            for config in receiver.get("webhook_configs", ()):
                config["url"] = SECRET
        if "route of before" in self.world.broken:
            route["routes"][-1]["receiver"] = "former"
        if "receiver missing" in self.world.broken:
            loaded["receivers"].pop()
        if "waits differ" in self.world.broken:
            route["group_wait"] = "2h"
        return yaml.safe_dump(loaded)

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
