"""Whether a flood of odd lines in one service's log costs lines, or holds up the lines of others.

    python -m benchmarks.log_flood local --into payments --beside inventory

Appends `--lines` lines, good and odd ones mixed, at once to the log of one service of a running stack, and
meanwhile a line a second to that of another service. Prints one JSON object: how often each line is stored
(in `logs-*` or, with its reason, in the rejected index), and how long the other service's lines took until
they could be found. The numbers in docs/adr/0006-log-shipper.md come from here.
"""

import argparse
import json
import re
import threading
import time
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from components.render.opensearch_store import rejected_prefix
from components.site import Site
from obs.describe import describe
from obs.outputs import outputs_of
from obs.verify.clients import Clients, Json
from targets import target_of
from tests.waiting import until
from vsi.paths import state_paths

ODD_TIMES: tuple[Any, ...] = (
    "1999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "yesterday",
    "",
    0,
    -1,
    {},
)
ODD_LEVELS: tuple[Any, ...] = ("loud", 60, 1e9, None, [], {"name": "error"})

_DELIVERED = r"otelcol_opensearchlogs_(created|rejected)_records_total\{"


def lines(run: str, count: int) -> list[bytes]:
    """Good lines and every kind of odd ones in turn, each with `<run>x<number>x` in it."""
    return [_line(f"{run}x{number}x", number) for number in range(count)]


def _line(token: str, number: int) -> bytes:
    now = datetime.now(UTC).isoformat()
    good: Json = {"timestamp": now, "log_level": "info", "message": f"stock reserved {token}"}
    odd: tuple[Any, ...] = (
        good | {"timestamp": ODD_TIMES[number // 16 % len(ODD_TIMES)]},
        good | {"log_level": ODD_LEVELS[number // 16 % len(ODD_LEVELS)]},
        good | {"http_status": "teapot", "duration_ms": {"value": 3}, "probe": "perhaps"},
        good | {"order_id": 1178291287366377482 + number, "share": float("nan")},
        good | {"service": {"name": "other"}, "team": ["a", "b"], "a..b": 1, ".": 2, "": 3},
        {**good, "message": {"text": token, "timestamp": "never"}},
        good | {"nested": {"card": "4111 1111 1111 1111", "deep": [[[{"x": "5500005555555559"}]]]}},
        good | {"payload": "lorem ipsum " * 400},
        f"Traceback (most recent call last): {token}",
        f'{{"timestamp": "{now}", "message": "{token}", "amount": 1e400, "half": ',
        f"\tat com.example.Shop.main(Shop.java:{number}) {token} \x00\x01\x1b[31m",
        f"caf\xe9 {token}".encode("latin-1"),
        json.dumps([token, 1, None]),
        f'"{token}"',
        f"\ufeff{json.dumps(good)}",
    )
    if number % 5_000 == 4_999:
        return json.dumps(good | {"payload": "word " * 60_000}).encode()  # too long for one record
    if number % 2:
        return json.dumps(good).encode()
    one = odd[number // 2 % len(odd)]
    text = one if isinstance(one, str | bytes) else json.dumps(one)
    return text if isinstance(text, bytes) else text.encode()


class Beside(threading.Thread):
    """Writes a line a second to another service's log, and looks when each can be found."""

    def __init__(self, file: Path, index: str, clients: Clients, run: str) -> None:
        super().__init__(daemon=True)
        self.file, self.index, self.clients, self.run_id = file, index, clients, run
        self.written: dict[str, float] = {}
        self.delays: dict[str, float] = {}
        self.over = threading.Event()

    def run(self) -> None:
        """Until `over`, and all that was written is found."""
        due = time.monotonic()
        while not self.over.is_set() or len(self.delays) < len(self.written):
            if not self.over.is_set() and time.monotonic() >= due:
                self._write()
                due += 1
            self._look()
            time.sleep(0.1)

    def _write(self) -> None:
        name = f"{self.run_id}y{len(self.written)}"
        record = {
            "timestamp": datetime.now(UTC).isoformat(),
            "log_level": "info",
            "message": f"beside {name}",
        }
        with self.file.open("a") as file:
            file.write(json.dumps(record) + "\n")
        self.written[name] = time.monotonic()

    def _look(self) -> None:
        waiting = [name for name in self.written if name not in self.delays][:500]
        if not waiting:
            return
        query = {"match": {"message": " ".join(waiting)}}
        body = {"query": query, "size": 500, "_source": ["message"]}
        answer = self.clients.opensearch.json("POST", f"/{self.index}/_search", json=body)
        now = time.monotonic()
        for hit in answer["hits"]["hits"]:
            name = hit["_source"]["message"].split()[-1]
            self.delays.setdefault(name, now - self.written[name])


def found(clients: Clients, indices: str, run: str) -> Counter[int]:
    """How many records of the store hold each line's number."""
    token = re.compile(run + r"x(\d+)x")
    counts: Counter[int] = Counter()
    for hit in clients.opensearch.scan(indices, {"match_all": {}}):
        counts.update({int(number) for number in token.findall(json.dumps(hit["_source"]))})
    return counts


def stored(at: Site) -> float:
    """How many records the collector has delivered since it started, the refused ones too."""
    with urlopen(f"http://{at.dial('collector-metrics')}/metrics", timeout=30) as answer:
        rows = answer.read().decode().splitlines()
    return sum(float(row.rpartition(" ")[2]) for row in rows if re.match(_DELIVERED, row))


def asked() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("stack")
    parser.add_argument("--into", required=True, help="the service whose log is flooded")
    parser.add_argument("--beside", required=True, help="the service whose lines are timed")
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--seconds", type=int, default=3600, help="the longest to wait")
    return parser.parse_args()


def main() -> None:
    """Measure."""
    arguments = asked()
    spec, plan = describe(arguments.stack)
    state = state_paths(arguments.stack).root
    access = target_of(spec).access(spec, plan, outputs_of(arguments.stack))
    at = access.site
    clients = Clients(access, arguments.stack)
    run = "f" + uuid.uuid4().hex[:8]

    def log(service: str) -> Path:
        return state / f"units/{service}/log/{service}.log"

    index = f"{spec.logging.index.prefix}-2*"
    indices = f"{index},{rejected_prefix(spec)}-2*"
    beside = Beside(log(arguments.beside), index, clients, run)
    text = b"\n".join(lines(run, arguments.lines)) + b"\n"
    beside.start()
    time.sleep(10)
    delivered = stored(at)
    begin = time.monotonic()
    with log(arguments.into).open("ab") as file:
        file.write(text)
    until(
        lambda: stored(at) - delivered >= arguments.lines,
        "as many lines are stored",
        seconds=arguments.seconds,
    )
    seconds = time.monotonic() - begin
    beside.over.set()
    beside.join(arguments.seconds)
    counts = found(clients, indices, run)
    while len(counts) < arguments.lines:  # other services' lines were counted as well
        time.sleep(5)
        before_that, counts = counts, found(clients, indices, run)
        if len(counts) == len(before_that):
            break
    before = [delay for name, delay in beside.delays.items() if int(name.split("y")[1]) < 10]
    during = sorted(beside.delays.values())
    print(
        json.dumps(
            {
                "measured": "flood",
                "lines": arguments.lines,
                "bytes": len(text),
                "once": sum(count == 1 for count in counts.values()),
                "lost": arguments.lines - len(counts),
                "doubled": sum(count > 1 for count in counts.values()),
                "seconds": round(seconds, 1),
                "lines_per_second": round(arguments.lines / seconds),
                "beside_written": len(beside.written),
                "beside_before_longest": round(max(before), 1),
                "beside_median": round(during[len(during) // 2], 1),
                "beside_longest": round(during[-1], 1),
            }
        )
    )


if __name__ == "__main__":
    main()
