"""What the plan of a stack in a cluster costs by the number of its services: all that a preview does here
before the Pulumi engine and the cluster are asked.

Services are pods found by a label, as most are; they differ in name, owner, version and promise.

    .venv/bin/python -m benchmarks.kubernetes [10 100]
"""

import argparse
import time
from statistics import median

from benchmarks.rule_tests import services
from components.spec import Spec
from k8s.plan import plan
from targets import refusals
from tests.specs import spec_on_kubernetes

RUNS = 5


def described(number: int) -> Spec:
    """A stack with so many services."""
    found = services(number)
    for item in found:
        item["selector"] = {"app": item["name"]}
        item["metrics"] = [{"address": ":8000"}]
        item["logs"] = [{"path": f"/var/log/pods/shop_{item['name']}-*/app/*.log"}]
    metrics = {"exporters": ["node", "opensearch"], "rules": {"alerts": [], "recordings": []}}
    made = spec_on_kubernetes(
        services=found, metrics=metrics, alerting={"routes": []}, logging={"inputs": []}
    )
    if refused := refusals(made):
        raise ValueError(refused)
    return made


def main() -> None:
    """Print a line for each size: processor seconds, the median of several runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("sizes", nargs="*", type=int, default=[10, 100])
    for size in parser.parse_args().sizes:
        spec, took = described(size), []
        for _ in range(RUNS):
            start = time.process_time()
            made = plan(spec, "benchmark")
            took.append(time.process_time() - start)
        print(f"{size} services: {len(made.parts)} parts, {median(took):.2f} s")


if __name__ == "__main__":
    main()
