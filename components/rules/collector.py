"""Alerts on the collector: whether what it takes of logs, metrics and traces also leaves it, and in time."""

from dataclasses import dataclass

from components.render import sizes
from components.rules import senders
from components.rules.log_files import files
from components.rules.model import (
    AMOUNT,
    MINUTE,
    Alert,
    Case,
    Firing,
    counter,
    duration,
    fine_interval,
    flat,
    later,
)
from components.rules.platform import Platform, grew, growth_cases, pair
from components.rules.understood import understood_inputs
from components.spec import Spec, milliseconds
from components.spec.base import Severity

_OWN = 'job="collector"'
_TARGET = 'instance="host:1",job="collector"'
_LOGS = f'exporter="opensearchlogs",{_TARGET}'
_HERE = {"instance": "host:1"}
_EXPORTER = {"instance": "host:1", "exporter": "opensearchlogs"}
SIGNALS = ("log_records", "metric_points", "spans")
_ACCEPTED = "otelcol_receiver_accepted_log_records_total"
_STORED = ("otelcol_opensearchlogs_created_records_total", "otelcol_opensearchlogs_duplicates_records_total")
_REJECTED = "otelcol_opensearchlogs_rejected_records_total"
_LOST = "otelcol_opensearchlogs_lost_records_total"
_RETRIED = "otelcol_opensearchlogs_retried_records_total"


def _of_signals(name: str) -> tuple[str, ...]:
    return tuple(f"otelcol_{name}_{signal}_total" for signal in SIGNALS)


def collector(spec: Spec) -> tuple[Alert, ...]:
    """Whether everything that the collector takes also leaves it, and in time."""
    platform = Platform(spec, "collector")
    return (
        _collector_queue_nearly_full(platform),
        *_given_up(platform),
        *_traces_missed(platform),
        *_log_records_refused(platform),
        _log_store_retrying(platform),
        _log_ingestion_stalled(platform),
        senders.spans_bounded(senders.unlisted(spec), spec),
        *senders.pushed_bounded(senders.unlisted(spec), spec),
        *understood_inputs(spec),
        *files(platform),
        senders.spans_mended(senders.unlisted(spec, "unlisted services")),
    )


@dataclass(frozen=True)
class _Growth:
    """An alert as soon as one of the counters grows; each counter has its case."""

    name: str
    severity: Severity
    metrics: tuple[str, ...]
    labels: dict[str, str]
    summary: str
    description: str

    def alert(self, platform: Platform) -> Alert:
        return platform.alert(
            name=self.name,
            expr=grew(self.metrics, _OWN, "5m", ", ".join(self.labels)),
            severity=self.severity,
            summary=self.summary,
            description=self.description,
            cases=lambda: growth_cases(self.metrics, {**self.labels, "job": "collector"}, self.labels),
        )


def _collector_queue_nearly_full(platform: Platform) -> Alert:
    queue = f'data_type="logs",{_LOGS}'
    size, capacity = "otelcol_exporter_queue_size", "otelcol_exporter_queue_capacity"
    room = (f"{capacity}{{{queue}}}", flat(1000))
    return platform.alert(
        name="CollectorQueueNearlyFull",
        expr=f"max by (instance, exporter, data_type) (\n  {size}{{{_OWN}}}\n"
        f"  / {capacity}{{{_OWN}}}\n) > 0.8",
        severity="warning",
        summary="The collector's queue to {{ $labels.exporter }} is nearly full",
        description="The queue of {{ $labels.exporter }} ({{ $labels.data_type }}) is "
        "{{ $value | humanizePercentage }} full: its destination is away or too slow.",
        cases=lambda: pair(
            ((f"{size}{{{queue}}}", flat(900)), room),
            ((f"{size}{{{queue}}}", flat(700)), room),
            "10m",
            Firing("90%", _EXPORTER | {"data_type": "logs"}),
        ),
        hold="2m",
    )


def _given_up(platform: Platform) -> tuple[Alert, ...]:
    refused = (
        *_of_signals("receiver_refused"),
        *_of_signals("receiver_failed"),
        *_of_signals("processor_refused"),
    )
    growths = (
        _Growth(
            name="CollectorSendFailing",
            severity="critical",
            metrics=_of_signals("exporter_send_failed"),
            labels=_EXPORTER,
            summary="The collector gave up on records for {{ $labels.exporter }}",
            description="{{ $value | humanize }} records were given up on by {{ $labels.exporter }} in 5 "
            "minutes: they are lost.",
        ),
        _Growth(
            name="CollectorEnqueueFailing",
            severity="critical",
            metrics=_of_signals("exporter_enqueue_failed"),
            labels=_EXPORTER,
            summary="The collector could not queue records for {{ $labels.exporter }}",
            description="{{ $value | humanize }} records found no room in the queue of "
            "{{ $labels.exporter }} in 5 minutes.",
        ),
        _Growth(
            name="CollectorRefusing",
            severity="critical",
            metrics=refused,
            labels=_HERE,
            summary="The collector refuses what it is sent",
            description="{{ $value | humanize }} records were refused in 5 minutes: the collector is short "
            "of memory, or what comes after it is full.",
        ),
    )
    return tuple(growth.alert(platform) for growth in growths)


def _traces_missed(platform: Platform) -> tuple[Alert, ...]:
    sampling = platform.spec.tracing.tail_sampling
    growths = (
        _Growth(
            name="CollectorTracesDropped",
            severity="warning",
            metrics=("otelcol_keep_dropped_too_soon_traces_total",),
            labels=_HERE,
            summary="The collector drops traces before their time",
            description="{{ $value | humanize }} traces were dropped in 5 minutes: more were under way at "
            f"once than tail sampling holds ({sampling.traces_in_memory}, of "
            f"{sizes.HELD_TRACES // 2**20} MiB together).",
        ),
        _Growth(
            name="CollectorTracesLate",
            severity="warning",
            metrics=("otelcol_keep_kept_late_traces_total",),
            labels=_HERE,
            summary="The collector dropped the beginnings of traces that were wanted",
            description="{{ $value | humanize }} traces in 5 minutes turned out to be slow, failed or "
            f"marked when they had been dropped, {sampling.decision_wait} after their first span "
            f"({sampling.root_wait} if without root): what came before is missing.",
        ),
    )
    return tuple(growth.alert(platform) for growth in growths)


def _log_records_refused(platform: Platform) -> tuple[Alert, ...]:
    growths = (
        _Growth(
            name="LogRecordsRejected",
            severity="warning",
            metrics=(_REJECTED,),
            labels=_EXPORTER | {"reason": "mapper_parsing_exception"},
            summary="OpenSearch will never take some log records ({{ $labels.reason }})",
            description="{{ $value | humanize }} log records were refused for good in 5 minutes, with "
            "error.type {{ $labels.reason }}; they are in the rejected index, each with its error.reason.",
        ),
        _Growth(
            name="LogRecordsLost",
            severity="critical",
            metrics=(_LOST,),
            labels=_EXPORTER | {"reason": "illegal_argument_exception"},
            summary="Log records are lost: not even the rejected index takes them",
            description="{{ $value | humanize }} log records were refused in 5 minutes by their index and "
            "by the rejected index ({{ $labels.reason }}): the collector's log has the beginning of each.",
        ),
    )
    return tuple(growth.alert(platform) for growth in growths)


def _log_store_retrying(platform: Platform) -> Alert:
    recent = duration(max(2 * MINUTE, 4 * milliseconds(platform.spec.metrics.scrape_interval)))
    retried = f'{_RETRIED}{{reason="no_answer",{_LOGS}}}'
    return platform.alert(
        name="LogStoreRetrying",
        expr=f"sum by (instance, exporter, reason) (rate({_RETRIED}{{{_OWN}}}[{recent}])) > 0",
        severity="warning",
        summary="Log records wait for OpenSearch ({{ $labels.reason }})",
        description="{{ $value | humanize }} log records a second are sent again, for: "
        "{{ $labels.reason }}. They are kept in the queue on disk.",
        cases=lambda: (
            *pair(
                ((retried, counter((30, 60))),),
                ((retried, counter((30, 0))),),
                "15m",
                Firing("1", _EXPORTER | {"reason": "no_answer"}),
            ),
            Case("a short absence", ((retried, counter((3, 60), (30, 0))),), "6m"),
        ),
        hold="5m",
    )


def _log_ingestion_stalled(platform: Platform) -> Alert:
    """Lines are read, none is stored. A record that the store had already counts as stored: after a restart
    the last ones are sent again. Half of the time is the window that is looked at, the other half `for`, so
    that neither a start nor a single line fires."""
    metrics = platform.spec.metrics
    whole, least = milliseconds(metrics.rules.ingestion_stalled), 4 * milliseconds(metrics.scrape_interval)
    window = duration(max(whole // 2, least))
    hold = duration(whole - milliseconds(window)) if whole > milliseconds(window) else None
    expr = f"sum by (instance) (increase({_ACCEPTED}{{{_OWN}}}[{window}])) > 0" + "".join(
        f"\nunless\nsum by (instance) (increase({metric}{{{_OWN}}}[{window}])) > 0" for metric in _STORED
    )
    interval = fine_interval(window)
    at = later(window, window, hold or "1m", "3m")
    samples = milliseconds(at) // milliseconds(interval) + 10
    before = milliseconds(window) // milliseconds(interval)
    rising, steady = counter((samples, 60)), counter((samples, 0))
    stopped = counter((before, 60), (samples, 0))
    read = (f'{_ACCEPTED}{{receiver="logfiles/a",transport="",{_TARGET}}}', rising)
    idle = (read[0], steady)
    created, duplicates = (f"{metric}{{{_LOGS}}}" for metric in _STORED)
    value = milliseconds(window) // milliseconds(interval) * 60
    firing = Firing(_humanized(value), _HERE)
    cases = [
        Case("none was ever stored", (read,), at, (firing,), interval),
        Case("storing stopped", (read, (created, stopped)), at, (firing,), interval),
        Case("stored", (read, (created, rising), (duplicates, steady)), at, (), interval),
        Case("stored earlier", (read, (created, steady), (duplicates, rising)), at, (), interval),
        Case("nothing to read", (idle, (created, steady), (duplicates, steady)), at, (), interval),
    ]
    if hold is not None and milliseconds(hold) >= MINUTE:
        cases.append(Case("just started", (read,), hold, (), interval))
    return Alert(
        name="LogIngestionStalled",
        expr=expr,
        severity="critical",
        team=platform.team,
        summary="Log lines are read, but none is stored",
        description=f"{AMOUNT} lines were read in {window} and none was stored. They "
        "wait in the queue on disk; when it is full, reading waits.",
        cases=lambda: tuple(cases),
        hold=hold,
        labels={"service": platform.service},
    )


def _humanized(value: float) -> str:
    """A whole number below a million as the engine's `humanize` shows it."""
    return f"{value / 1000:.4g}k" if value >= 1000 else f"{value:.4g}"
