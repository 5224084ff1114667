"""What a changed threshold costs in a stack of many services, from the settings to promtool's last verdict.

For each size: the plan; then the check of Prometheus' files as a deployment makes it (`promtool check config`
and `agents.rule_tests`) with all rules new, nothing changed, the promise of one service changed, and a
threshold of all services changed. Services differ in owner, version and promise, as real ones do.

    .venv/bin/python -m benchmarks.rule_tests [10 50 100]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.spec import Spec
from engines.store import Store
from tests.specs import spec, stack
from vsi.plan import plan

REPO = Path(__file__).resolve().parents[1]
PROMISES = (99.0, 99.5, 99.9, 99.95)


def services(number: int, **first: Any) -> list[dict[str, Any]]:
    """So many services; `first` are settings of the first one."""
    owners = [team["name"] for team in stack()["alerting"]["teams"]]
    made = [
        {
            "name": f"service-{index}",
            "owner": owners[index % len(owners)],
            "language": "python",
            "version": f"1.{index}.0",
            "metrics": [{"address": f"127.0.0.1:{10_000 + index}"}],
            "slo": {
                "availability": PROMISES[index % len(PROMISES)],
                "latency": {"threshold": "500ms", "target": 99.0},
            },
        }
        for index in range(number)
    ]
    made[0] |= first
    return made


def many(number: int, rules: dict[str, Any], **first: Any) -> Spec:
    """A stack of so many services."""
    return spec(
        services=services(number, **first),
        metrics={"exporters": ["node", "opensearch"], "rules": rules},
        alerting={"routes": []},
    )


@contextmanager
def measured(what: str) -> Iterator[None]:
    """Print the time, and the processor time of what was started meanwhile."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    own = time.process_time()
    yield
    seconds, own = time.monotonic() - start, time.process_time() - own
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = own + after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"  {what:28} {seconds:7.1f} s, {used:6.1f} s of processors", flush=True)


def check(folder: Path, whole: Spec) -> None:
    """Prometheus' files as a deployment checks them."""
    unit = next(unit for unit in plan(whole, "benchmark").parts if unit.name == "prometheus")
    conf = folder / "conf"
    for kind in ("rules", "tests", "scrape"):
        for old in (conf / kind).glob("*"):
            old.unlink()
    for name, text in unit.files:
        (conf / name).parent.mkdir(parents=True, exist_ok=True)
        (conf / name).write_text(text, encoding="utf-8")
    promtool = str(Store().executable("prometheus", "promtool"))
    known = ("--promtool", promtool, "--passed", str(folder / "passed.json"))
    for command in (
        (promtool, "check", "config", "prometheus.yml"),
        (sys.executable, "-m", "agents.rule_tests", *known, "tests"),
    ):
        subprocess.run(
            command,
            cwd=conf,
            env={**os.environ, "PYTHONPATH": str(REPO)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sizes", nargs="*", type=int, default=[10, 50, 100])
    for number in parser.parse_args().sizes:
        print(f"{number} services, load {os.getloadavg()[0]:.0f} on {os.cpu_count()} processors")
        base = many(number, {})
        with measured("plan"):
            plan(base, "benchmark")
        changes = {
            "check: all new": base,
            "check: nothing changed": base,
            "check: one service changed": many(number, {}, slo={"availability": 98.0}),
            "check: a threshold of all": many(number, {"error_ratio": 0.04}),
        }
        with tempfile.TemporaryDirectory(prefix="obs-rules-") as scratch:
            for what, whole in changes.items():
                with measured(what):
                    check(Path(scratch), whole)


if __name__ == "__main__":
    main()
