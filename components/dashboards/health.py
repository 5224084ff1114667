"""Whether the stack itself is well: a page for each pillar, and one for how many series there are."""

from components.dashboards.model import Dashboard, Graph, Number, Query, Records, Row, graph
from components.spec import Spec


def _rate(series: str, by: str = "") -> str:
    """Summed up, by some labels."""
    return f"sum {f'by ({by}) ' if by else ''}(rate({series}[5m]))"


def metrics() -> Dashboard:
    """Prometheus and Alertmanager."""
    return Dashboard(
        name="health-metrics",
        title="Health: metrics and alerts",
        summary="Targets, rules, and whether alerts reach people.",
        rows=(Row("Scrapes and rules", _scrapes_and_rules()), Row("Alerts", _alerts())),
        tags=("health",),
    )


def _scrapes_and_rules() -> tuple[Graph, ...]:
    failures = _rate("prometheus_rule_evaluation_failures_total")
    took = "max by (rule_group) (prometheus_rule_group_last_duration_seconds)"
    silent = Query("count by (job) (up == 0) or vector(0)", "{{job}}")
    return (
        graph("Targets that do not answer", "By scrape job.", "count", silent, limit=1),
        graph("Failed evaluations of rules", "Any is a fault.", "per second", Query(failures, "failures")),
        graph(
            "Time of a round of rules",
            "Must stay well below their interval.",
            "seconds",
            Query(took, "{{rule_group}}"),
        ),
    )


def _alerts() -> tuple[Graph | Number, ...]:
    failed = _rate("alertmanager_notification_requests_failed_total", "integration")
    alerts = Query("count by (alertstate, severity) (ALERTS)", "{{severity}} {{alertstate}}")
    known = Query("max(prometheus_notifications_alertmanagers_discovered)", "known")
    return (
        graph("Alerts", "Firing and pending, by severity.", "count", alerts),
        graph(
            "Failed notifications", "Somebody was not told.", "per second", Query(failed, "{{integration}}")
        ),
        Number("Alertmanagers known", "To Prometheus.", known, "count", limit=1, least=True),
    )


def cardinality(spec: Spec) -> Dashboard:
    """Where series come from, before there are too many."""
    where = "{{job}} {{instance}}"
    left_out = "scrape_samples_scraped - scrape_samples_post_metric_relabeling"
    series = Query("sum(prometheus_tsdb_head_series)", "series")
    new = Query(_rate("prometheus_tsdb_head_series_created_total"), "new")
    taken = Query(_rate("prometheus_tsdb_head_samples_appended_total"), "samples")
    largest = Query("topk(10, scrape_samples_post_metric_relabeling)", where)
    limit = float(spec.metrics.limits.samples_per_scrape)
    return Dashboard(
        name="cardinality",
        title="Cardinality",
        summary="How many series there are, and who brings them.",
        rows=(
            Row(
                "All",
                (
                    graph("Series in memory", "Memory grows with them.", "count", series),
                    graph("New series", "A label that never repeats shows here first.", "per second", new),
                    graph("Samples", "Taken in.", "per second", taken),
                ),
            ),
            Row(
                "By target",
                (
                    graph(
                        "Samples of a scrape",
                        "A scrape with more than the limit counts for nothing.",
                        "count",
                        largest,
                        limit=limit,
                    ),
                    graph(
                        "Samples left out",
                        "By the guard against forbidden labels.",
                        "count",
                        Query(f"topk(10, {left_out})", where),
                    ),
                ),
            ),
        ),
        tags=("health",),
    )


def logs() -> Dashboard:
    """From log files to the store."""
    errors = Records("Errors", "Of all services.", "log_level:(error OR critical)")
    return Dashboard(
        name="health-logs",
        title="Health: logs",
        summary="Whether every line arrives, and whether the store is well.",
        rows=(Row("On the way", _records()), Row("The store", _store()), Row("Records", (errors,))),
        tags=("health",),
    )


def _records() -> tuple[Graph, ...]:
    ours = "otelcol_opensearchlogs"
    queue = Query(
        "otelcol_exporter_queue_size / otelcol_exporter_queue_capacity", "{{exporter}} {{instance}}"
    )
    return (
        graph(
            "Records read and stored",
            "Both lines should be one.",
            "per second",
            Query(_rate("otelcol_receiver_accepted_log_records_total"), "read"),
            Query(_rate(f"{ours}_created_records_total"), "stored"),
        ),
        graph("Queues in use", "A full one holds up its senders.", "share", queue, limit=0.8),
        graph(
            "Records rejected or lost",
            "Rejected ones are kept apart, with the reason.",
            "per second",
            Query(_rate(f"{ours}_rejected_records_total"), "rejected"),
            Query(_rate(f"{ours}_lost_records_total"), "lost"),
        ),
    )


def _store() -> tuple[Graph | Number, ...]:
    heap = "elasticsearch_jvm_memory_used_bytes / (elasticsearch_jvm_memory_max_bytes > 0)"
    answers = Query("min(elasticsearch_cluster_health_up)", "answers")
    left = Query("elasticsearch_filesystem_data_available_bytes", "{{name}}")
    return (
        Number("Answers", "OpenSearch, to its exporter.", answers, "yes or no", limit=1, least=True),
        graph("Memory in use", "Of the Java heap.", "share", Query(heap, "{{name}}"), limit=0.9),
        graph("Disk left", "It takes no more records before it is full.", "bytes", left),
    )


def traces() -> Dashboard:
    """From spans to Jaeger."""
    # Jaeger is a collector too, and counts what it takes and stores under the same names.
    ours = '{job!="jaeger"}'
    refused = f"{_rate(f'otelcol_receiver_refused_spans_total{ours}')} or vector(0)"
    failed = f"{_rate(f'otelcol_exporter_send_failed_spans_total{ours}')} or vector(0)"
    calls = _rate("traces_span_metrics_calls_total", "service")
    panels = (
        graph(
            "Spans",
            "Received, and sent on after sampling.",
            "per second",
            Query(_rate(f"otelcol_receiver_accepted_spans_total{ours}"), "received"),
            Query(_rate(f"otelcol_exporter_sent_spans_total{ours}"), "sent"),
        ),
        graph(
            "Spans refused or not sent",
            "Any is lost unless its sender tries again.",
            "per second",
            Query(refused, "refused"),
            Query(failed, "not sent"),
        ),
        graph("Calls by service", "Counted before sampling.", "per second", Query(calls, "{{service}}")),
    )
    return Dashboard(
        name="health-traces",
        title="Health: traces",
        summary="Whether spans arrive, which traces are kept, and whether Jaeger stores them.",
        rows=(Row("On the way", panels),),
        tags=("health",),
    )
