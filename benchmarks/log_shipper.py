"""How fast the log shipper is, and whether it loses or doubles a line while its store is away.

    python -m benchmarks.log_shipper --otelcol FILE                   # against a store in memory
    python -m benchmarks.log_shipper --otelcol FILE --opensearch DIR  # against OpenSearch, an engine's folder

Prints one JSON object a measurement. The numbers in docs/adr/0006-log-shipper.md come from here.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import psutil

from components.spec import Spec
from tests import specs
from tests.engine.collector_host import CollectorHost
from tests.engine.node import Node
from tests.engine.writer import Writer, line
from tests.ports import free_base
from tests.waiting import until


class Store(Protocol):
    """Where lines end up."""

    def open(self) -> None:
        """Come back."""

    def close(self) -> None:
        """Be away."""

    def count(self) -> int:
        """Documents with lines."""

    def messages(self) -> Counter[str]:
        """Every stored message and how often it is there."""


class InMemory:
    """The tests' store."""

    def __init__(self, host: CollectorHost) -> None:
        self.open, self.close = host.store.open, host.store.close
        self._store = host.store

    def count(self) -> int:
        return self._store.count("logs-2")

    def messages(self) -> Counter[str]:
        return Counter(document["message"] for document in self._store.find("logs-2"))


class OpenSearch:
    """A node of its own, in the same state folder."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def open(self) -> None:
        self.node.start(300)

    def close(self) -> None:
        self.node.stop()

    def count(self) -> int:
        return self.node.documents("logs-2*")

    def messages(self) -> Counter[str]:
        found: Counter[str] = Counter()
        with self.node.admin() as client:
            client.post("/logs-2*/_refresh", params={"ignore_unavailable": "true"})
            page = client.post(
                "/logs-2*/_search",
                params={"scroll": "1m", "ignore_unavailable": "true"},
                json={"size": 5000, "_source": ["message"], "sort": ["_doc"]},
            ).json()
            while page["hits"]["hits"]:
                found.update(hit["_source"]["message"] for hit in page["hits"]["hits"])
                page = client.post(
                    "/_search/scroll", json={"scroll": "1m", "scroll_id": page["_scroll_id"]}
                ).json()
        return found


def prepare(arguments: argparse.Namespace, root: Path, **logging: Any) -> tuple[CollectorHost, Store]:
    """A state folder, a store that is open and a collector that does not run yet."""
    base = free_base(60)
    spec: Spec = specs.spec(deploy={"port_base": base}, logging={"inputs": [], **logging})
    if arguments.opensearch is None:
        host = CollectorHost(root, arguments.otelcol, spec, base)
        host.store.open()
        return host, InMemory(host)
    node = Node(spec, root, Path(arguments.opensearch))
    node.start(300)
    node.setup()
    return CollectorHost(root, arguments.otelcol, spec, base, fake=False), OpenSearch(node)


def throughput(arguments: argparse.Namespace, root: Path, *, fsync: bool) -> dict[str, Any]:
    """Lines a second from a file that is there already into the store."""
    host, store = prepare(arguments, root, redaction=[specs.stack()["logging"]["redaction"][0]])
    if not fsync:
        path = host.conf / "collector.yaml"
        path.write_text(path.read_text().replace("fsync: true", "fsync: false"))
    with host.log_file("gateway").open("w") as file:
        file.writelines(line(number) + "\n" for number in range(arguments.lines))
    try:
        begin = time.monotonic()
        host.start()
        created = "otelcol_opensearchlogs_created_records_total"
        until(lambda: host.metrics().get(created, 0) >= arguments.lines, "all lines are stored", seconds=600)
        seconds = time.monotonic() - begin
        assert host.process is not None
        process = psutil.Process(host.process.pid)
        times, memory = process.cpu_times(), process.memory_info().rss
        return {
            "measured": "throughput",
            "fsync": fsync,
            "lines": arguments.lines,
            "stored_once": sum(count == 1 for count in store.messages().values()),
            "seconds": round(seconds, 1),
            "lines_per_second": round(arguments.lines / seconds),
            "processor_seconds": round(times.user + times.system, 1),
            "resident_mib": memory >> 20,
        }
    finally:
        host.kill()
        store.close()


def outage(arguments: argparse.Namespace, root: Path) -> dict[str, Any]:
    """The store is away while lines are written and files rotated; the collector is killed three times."""
    host, store = prepare(arguments, root)
    writer = Writer(host.log_file("gateway"), arguments.rate, rotate=arguments.rate * 10)
    try:
        host.start()
        writer.start()
        until(lambda: store.count() > arguments.rate, "some lines are stored", seconds=120)
        store.close()
        begin = time.monotonic()
        for number in range(1, 4):
            sleep_until(begin + arguments.away * number / 4)
            host.kill()
            host.start()
        sleep_until(begin + arguments.away)
        store.open()
        away = time.monotonic() - begin
        written = writer.end()
        back = time.monotonic()
        wanted = {f"line {number}" for number in range(written)}
        until(lambda: store.count() >= written, "as many are stored as were written", seconds=300)
        caught_up = time.monotonic() - back
        found = store.messages()
        metrics = host.metrics()
        return {
            "measured": "outage",
            "away_seconds": round(away),
            "rate": arguments.rate,
            "kills": 3,
            "rotations": writer.rotations,
            "written": written,
            "found": sum(found.values()),
            "lost": len(wanted - found.keys()),
            "doubled": sum(count > 1 for count in found.values()),
            "sent_again_and_known": metrics["otelcol_opensearchlogs_duplicates_records_total"],
            "seconds_to_catch_up": round(caught_up, 1),
        }
    finally:
        writer.end()
        host.kill()
        store.close()


def sleep_until(moment: float) -> None:
    """Wait for a moment of the monotonic clock."""
    until(lambda: time.monotonic() >= moment, "the time is over", seconds=3600)


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--otelcol", required=True, help="the collector's program")
    parser.add_argument("--opensearch", help="folder of the engine; without it, a store in memory")
    parser.add_argument("--lines", type=int, default=50_000)
    parser.add_argument("--rate", type=int, default=400, help="lines a second")
    parser.add_argument("--away", type=int, default=60, help="seconds that the store is away")
    arguments = parser.parse_args()
    measurements: tuple[Callable[[Path], dict[str, Any]], ...] = (
        lambda root: outage(arguments, root),
        lambda root: throughput(arguments, root, fsync=True),
        lambda root: throughput(arguments, root, fsync=False),
    )
    for measure in measurements:
        with tempfile.TemporaryDirectory(prefix="log-shipper-") as folder:
            print(json.dumps(measure(Path(folder) / "state")), flush=True)


if __name__ == "__main__":
    main()
