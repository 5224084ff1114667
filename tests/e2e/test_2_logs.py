"""The store is away for a minute under load: every line written meanwhile is found afterwards, once."""

import json
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.shop import WAIT_S, Shop
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
AWAY_S = 60


Line = tuple[str, str, str, str]


def _line(record: dict[str, str]) -> Line:
    """Service, time to the microsecond, level, span: by these a line is known again."""
    span = record.get("span_id") or ""
    return record["service"], record["timestamp"][:26].rstrip("Z"), record["log_level"], span


def _written(shop: Shop, since: str, until: str) -> Counter[Line]:
    """Lines of every service's log files within a time; debug lines are sampled, so left out."""
    found: Counter[Line] = Counter()
    files = [path for path in shop.state.glob("units/*/log/*.log*") if _is_service(path)]
    for path in files:
        for line in path.read_text(errors="replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if record["log_level"] != "debug" and since <= record["timestamp"] < until:
                found[_line(record)] += 1
    return found


def _is_service(path: Path) -> bool:
    return path.parent.parent.name in ("gateway", "orders", "payments", "inventory", "loadgen")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_no_line_is_lost_or_doubled(shop: Shop) -> None:
    until(shop.whole, "everything runs", seconds=WAIT_S)
    since = _now()
    shop.obs("stop", "local", "opensearch")
    ends = time.monotonic() + AWAY_S
    until(lambda: time.monotonic() > ends, "a minute under load", seconds=AWAY_S + 10)
    shop.obs("start", "local", "opensearch")
    upto = _now()
    written = _written(shop, since, upto)
    assert sum(written.values()) > 300, "the load generator stands still"
    services = {line[0] for line in written}
    assert len(services) == 5
    clients = shop.clients()
    try:

        def stored() -> Counter[Line]:
            window = {"range": {"timestamp": {"gte": since, "lt": upto}}}
            query = {"bool": {"filter": [window], "must_not": [{"term": {"log_level": "debug"}}]}}
            return Counter(
                _line(hit["_source"])
                for hit in clients.opensearch.scan("logs-2*", query, fields)
                if hit["_source"]["service"] in services
            )

        fields = ["service", "timestamp", "log_level", "span_id"]
        until(lambda: not written - stored(), "every line is stored", seconds=WAIT_S)
        # read anew: a line may have been on its way to its file
        assert not stored() - _written(shop, since, upto), "lines are stored more than once"
    finally:
        clients.close()
