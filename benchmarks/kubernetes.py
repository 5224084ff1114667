"""What a preview of a stack in a cluster costs here by the number of its services: its plan, and the program
that registers a resource for each part (with Pulumi's mocks in place of engine and cluster).

Services are pods found by a label, as most are; they differ in name, owner, version and promise.

    .venv/bin/python -m benchmarks.kubernetes [10 100]
"""

import argparse
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import pulumi

from benchmarks.rule_tests import services
from components.spec import Spec
from components.stack import ObservabilityStack
from k8s import keys
from k8s import resources as carried
from k8s.parts import KubernetesPlan
from k8s.plan import plan
from targets import refusals
from tests.loops import event_loop
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


class _Mocks(pulumi.runtime.Mocks):
    """An engine that takes everything."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        inputs = dict(args.inputs)
        if args.typ.endswith(":StackKeys"):
            inputs |= keys.made({}, inputs["names"], inputs["passwords"])
        return f"{args.name}-id", inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(args.token)


def registered(planned: KubernetesPlan) -> float:
    """Processor seconds of the program."""
    with TemporaryDirectory() as folder, event_loop():
        kubeconfig = Path(folder) / "config"
        kubeconfig.write_text("contexts: [{name: staging}]")
        cluster = planned.cluster.model_copy(update={"kubeconfig": str(kubeconfig)})
        here = planned.model_copy(update={"cluster": cluster})
        pulumi.runtime.set_mocks(_Mocks(), project="obs", stack="benchmark", preview=False)

        @pulumi.runtime.test  # type: ignore[untyped-decorator]
        def program() -> None:
            ObservabilityStack("benchmark", here.parts, carried.resources(here, {}))

        start = time.process_time()
        program()
        return time.process_time() - start


def main() -> None:
    """Print a line for each size: processor seconds, the median of several runs."""
    carried.has_provider = lambda: True
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("sizes", nargs="*", type=int, default=[10, 100])
    for size in parser.parse_args().sizes:
        spec, took = described(size), []
        for _ in range(RUNS):
            start = time.process_time()
            made = plan(spec, "benchmark")
            took.append(time.process_time() - start)
        program = median(registered(made) for _ in range(RUNS))
        print(f"{size} services: {len(made.parts)} parts, plan {median(took):.2f} s, program {program:.2f} s")


if __name__ == "__main__":
    main()
