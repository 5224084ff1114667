"""Every line that a service wrote is stored, once: counted from the files themselves."""

import json
from collections import Counter
from datetime import UTC, datetime

from components.render.opensearch_store import rejected_prefix
from components.spec import Service, Spec
from obs.verify import shop
from obs.verify.check import Check
from obs.verify.context import Context
from obs.verify.outcome import CheckFailed, NotApplied, NotYet

FLOOD_RATE = 300
FLOOD_SECONDS = 4.0
Key = tuple[str, str, str, str]
"""service, timestamp to the microsecond, level, span id."""


def _captured(spec: Spec) -> list[Service]:
    return [
        item for item in spec.services
        if item.run and any(source.captured and source.format == "json" for source in item.logs)
    ]  # fmt: skip


def why_not(spec: Spec) -> str | None:
    """Why there is no file whose lines we can count, of which no level is thinned out to nothing."""
    if not _captured(spec):
        return "no service with `run` has its output captured as JSON logs"
    return None


def full_levels(spec: Spec) -> frozenset[str]:
    """Levels of which every line is kept."""
    levels = {"warning", "error", "critical"}
    levels |= {"info"} if spec.logging.sampling.info == 1.0 else set()
    levels |= {"debug"} if spec.logging.sampling.debug == 1.0 else set()
    return frozenset(levels)


def complete(ctx: Context) -> str:
    """Within some seconds, with a flood of lines in the middle, files and store hold the same lines."""
    services = _captured(ctx.spec)
    levels = full_levels(ctx.spec)
    start = int(ctx.clock.now())
    target = shop.leaf(ctx.spec)
    flooded = ""
    if target in services:
        flooded = _flood(ctx, target)
    end = int(ctx.clock.now()) + 1
    ctx.wait("log lines", lambda: _after(ctx, end), 30, every=0.5)
    query = {
        "bool": {
            "filter": [
                {"terms": {"service": [item.name for item in services]}},
                {"terms": {"log_level": sorted(levels)}},
                {"range": {"timestamp": {"gte": start * 1000, "lt": end * 1000, "format": "epoch_millis"}}},
            ]
        }
    }
    fields = ["service", "timestamp", "log_level", "span_id"]
    written: Counter[Key] = Counter()

    def look() -> None:
        nonlocal written
        before, written = written, Counter(
            key for item in services for key in _written(ctx, item, levels, start, end)
        )  # fmt: skip
        found = Counter(
            _key(hit["_source"])
            for hit in ctx.clients.opensearch.scan(f"{ctx.spec.logging.index.prefix}-2*", query, fields)
        )
        missing, doubled = written - found, found - written
        if before != written or missing:
            refused = ctx.clients.opensearch.count(
                f"{rejected_prefix(ctx.spec)}-2*",
                {"range": {"timestamp": {"gte": start * 1000, "format": "epoch_millis"}}},
            )
            raise NotYet(
                f"all {written.total()} lines in the store",
                f"{missing.total()} missing{_of(missing)}, {refused} refused by the store",
                "See `obs logs collector`.",
            )
        if doubled:
            raise CheckFailed(
                f"each of {written.total()} lines once in the store",
                f"{doubled.total()} too many{_of(doubled)}",
                "Document ids have to come from file and offset: see the collector's log exporter.",
            )

    ctx.wait("log lines", look, 60)
    if not written:
        raise CheckFailed(
            "some lines in the services' files",
            "none",
            f"See {ctx.stack}'s units in `obs status {ctx.stack}`.",
        )
    return (
        f"{written.total()} lines of {len(services)} services in {end - start} s, each stored once{flooded}"
    )


def _flood(ctx: Context, service: Service) -> str:
    """Many lines at once from a service; what to say about it."""
    try:
        shop.need_demo(ctx, service)
    except NotApplied:
        return ""
    with ctx.fault(service, "log-flood", FLOOD_SECONDS, rate=FLOOD_RATE):
        ctx.clock.wait(min(FLOOD_SECONDS, ctx.left()))
    return f" (with a flood of {FLOOD_RATE} lines/s by {service.name})"


def _after(ctx: Context, end: int) -> None:
    """The window is over, and what was written in it is in the files."""
    if ctx.clock.now() < end + 1:
        raise NotYet("the counted seconds to be over", "they are not", "")


def _written(ctx: Context, service: Service, levels: frozenset[str], start: int, end: int) -> list[Key]:
    """The lines of a service's files that belong to the window."""
    found = []
    minutes = {datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%dT%H:%M:") for t in range(start, end + 1)}
    first, last = (datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%dT%H:%M:%S") for t in (start, end))
    for line in ctx.access.log(service.name):
        if not any(minute in line for minute in minutes):
            continue  # most of a long file, so do not read it as JSON
        try:
            record = json.loads(line)
        except ValueError:
            continue  # not one of the service's lines: a crash of the interpreter, say
        if not isinstance(record, dict) or record.get("log_level") not in levels:
            continue
        if first <= str(record.get("timestamp", "")) < last:
            found.append(_key({**record, "service": service.name}))
    return found


def _key(record: dict[str, str]) -> Key:
    span = record.get("span_id") or ""
    return record["service"], record["timestamp"][:26].rstrip("Z"), record["log_level"], span


def _of(keys: Counter[Key]) -> str:
    if not keys:
        return ""
    service, timestamp, level, _ = min(keys)
    return f" (the first: {service}, {level}, {timestamp})"


NOT_UNDERSTOOD = {
    "time": ("time not understood", "time outside the window"),
    "level": ("level not understood",),
}
"""What the collector writes into `parse_error` of a record whose time or level it could not take."""
LOOK_BACK = 15 * 60


def understood(ctx: Context) -> str:
    """Of the last minutes no record has a time or a level that was not understood; whose they are, if so."""
    index = f"{ctx.spec.logging.index.prefix}-2*"
    since = int(ctx.clock.now() - LOOK_BACK) * 1000
    recent: dict[str, object] = {"range": {"timestamp": {"gte": since, "format": "epoch_millis"}}}

    def count(*conditions: dict[str, object]) -> int:
        return ctx.clients.opensearch.count(index, {"bool": {"filter": [recent, *conditions]}})

    problems = []
    for what, marks in NOT_UNDERSTOOD.items():
        marked: dict[str, object] = {"terms": {"parse_error": list(marks)}}
        total = count(marked)
        if not total:
            continue
        of_service = {
            item.name: count(marked, {"term": {"service": item.name}}) for item in ctx.spec.services
        }
        of_service["others"] = total - sum(of_service.values())
        named = ", ".join(f"{name} ({number})" for name, number in of_service.items() if number > 0)
        problems.append(f"{what}s not understood of {named}")
    if problems:
        raise CheckFailed(
            "times and levels of all records to be understood",
            "; ".join(problems),
            "Search for `parse_error:*`, see what the lines hold, and docs/how-to/log-formats.md.",
        )
    return (
        f"{count()} records of the last {LOOK_BACK // 60} minutes: no time or level that was not understood"
    )


UNDERSTOOD = Check("log records understood", "logging", understood)
COMPLETE = Check("log lines stored once", "logging", complete, why_not)
