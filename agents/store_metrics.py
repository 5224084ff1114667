"""OpenSearch's own numbers for Prometheus, asked for at each scrape.

The names are those of elasticsearch_exporter, which dashboards and rules everywhere know; that program itself
is on no package registry. While the store is away, or does not answer in time,
`elasticsearch_cluster_health_up` is 0 and the rest absent.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, UnknownMetricFamily

from agents.scraping import InTime
from agents.store import Kept, Settings, connect, indices

UP = "elasticsearch_cluster_health_up"
POOLS = ("get", "search", "write")
"""Of the many thread pools those whose queues our readers and writers fill."""
COLORS = ("green", "yellow", "red")
HEALTH = {
    "number_of_nodes": "Nodes in the cluster.",
    "active_shards": "Shards that serve.",
    "unassigned_shards": "Shards without a node.",
    "number_of_pending_tasks": "Changes of the cluster's state that wait.",
}


class StoreMetrics:
    """The daily indices, and with `settings.store_metrics` the node's health."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._health = InTime(self._ask_health)
        self._rest = InTime(self._ask_rest)

    def __call__(self, seconds: float) -> Iterator[Metric]:
        """The metric families of one scrape, after at most `seconds`."""
        end = time.monotonic() + seconds
        health = _or_none(self._health, seconds)
        if self.settings.store_metrics:
            up = health is not None
            yield GaugeMetricFamily(UP, "Whether the store answered in time.", value=float(up))
            yield from health or ()
        if health is not None:
            yield from _or_none(self._rest, end - time.monotonic()) or ()

    def _ask_health(self, seconds: float) -> list[Metric]:
        with connect(self.settings, seconds) as client:
            return _health(_json(client, "/_cluster/health"))

    def _ask_rest(self, seconds: float) -> list[Metric]:
        with connect(self.settings, seconds) as client:
            found = _daily(client, self.settings.indices)
            if self.settings.store_metrics:
                found += _nodes(_json(client, "/_nodes/stats/jvm,fs,indices,breaker,thread_pool"))
            return found


def _or_none(ask: InTime[list[Metric]], seconds: float) -> list[Metric] | None:
    try:
        return ask(max(seconds, 0.0))
    except (httpx.HTTPError, OSError, ValueError, KeyError):
        return None


def _json(client: httpx.Client, path: str) -> dict[str, Any]:
    answer = client.get(path)
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def _daily(client: httpx.Client, sequences: Iterable[Kept]) -> list[Metric]:
    count = GaugeMetricFamily("obs_store_indices", "Daily indices.", labels=["kind"])
    documents = GaugeMetricFamily("obs_store_documents", "Documents stored.", labels=["kind"])
    size = GaugeMetricFamily("obs_store_size_bytes", "Size of the primary shards.", labels=["kind"])
    for kept in sequences:
        rows = indices(client, kept)
        count.add_metric([kept.kind], len(rows))
        documents.add_metric([kept.kind], sum(int(row["docs.count"] or 0) for row in rows))
        size.add_metric([kept.kind], sum(int(row["pri.store.size"] or 0) for row in rows))
    return [count, documents, size]


def _health(health: dict[str, Any]) -> list[Metric]:
    status = GaugeMetricFamily(
        "elasticsearch_cluster_health_status", "1 for the cluster's colour, else 0.", labels=["color"]
    )
    for color in COLORS:
        status.add_metric([color], float(health["status"] == color))
    return [
        status,
        *(
            GaugeMetricFamily(f"elasticsearch_cluster_health_{name}", text, value=float(health[name]))
            for name, text in HEALTH.items()
        ),
    ]


def _nodes(stats: dict[str, Any]) -> list[Metric]:
    def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"elasticsearch_{name}", text, labels=["name", *labels])

    def counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
        return CounterMetricFamily(f"elasticsearch_{name}", text, labels=["name", *labels])

    def total(name: str, text: str, *labels: str) -> UnknownMetricFamily:
        """A counter whose name does not end in `_total`."""
        return UnknownMetricFamily(f"elasticsearch_{name}", text, labels=["name", *labels])

    used = gauge("jvm_memory_used_bytes", "Memory of the Java machine in use.", "area")
    limit = gauge("jvm_memory_max_bytes", "Memory that the Java machine may use.", "area")
    collections = total("jvm_gc_collection_seconds_sum", "Time spent collecting garbage.", "gc")
    free = gauge("filesystem_data_available_bytes", "Free space where the data lie.", "mount")
    whole = gauge("filesystem_data_size_bytes", "Size of the disk where the data lie.", "mount")
    docs = gauge("indices_docs", "Documents on the node.")
    stored = gauge("indices_store_size_bytes", "Size of all shards on the node.")
    indexed = counter("indices_indexing_index", "Documents indexed.")
    failed = counter("indices_indexing_index_failed", "Documents that could not be indexed.")
    queries = counter("indices_search_query", "Queries served.")
    tripped = total("breakers_tripped", "Requests refused for want of memory.", "breaker")
    rejected = total("thread_pool_rejected_count", "Requests refused by a full queue.", "type")
    for node in stats["nodes"].values():
        name = str(node["name"])
        memory = node["jvm"]["mem"]
        used.add_metric([name, "heap"], memory["heap_used_in_bytes"])
        used.add_metric([name, "non-heap"], memory["non_heap_used_in_bytes"])
        limit.add_metric([name, "heap"], memory["heap_max_in_bytes"])
        for kind, collector in sorted(node["jvm"]["gc"]["collectors"].items()):
            collections.add_metric([name, kind], collector["collection_time_in_millis"] / 1000)
        for place in node["fs"]["data"]:
            free.add_metric([name, str(place["mount"])], place["available_in_bytes"])
            whole.add_metric([name, str(place["mount"])], place["total_in_bytes"])
        held = node["indices"]
        docs.add_metric([name], held["docs"]["count"])
        stored.add_metric([name], held["store"]["size_in_bytes"])
        indexed.add_metric([name], held["indexing"]["index_total"])
        failed.add_metric([name], held["indexing"]["index_failed"])
        queries.add_metric([name], held["search"]["query_total"])
        for kind, breaker in sorted(node["breakers"].items()):
            tripped.add_metric([name, kind], breaker["tripped"])
        for kind in POOLS:
            rejected.add_metric([name, kind], node["thread_pool"][kind]["rejected"])
    families: list[Metric] = [used, limit, collections, free, whole, docs, stored]
    return [*families, indexed, failed, queries, tripped, rejected]
