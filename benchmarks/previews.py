"""What a whole `obs preview` takes by the size of what is previewed, from the start of Python to its end.

    .venv/bin/python -m benchmarks.previews kubernetes [10 100]   services of one stack in a cluster
    .venv/bin/python -m benchmarks.previews aws [6 60]            services of one stack in an account of AWS
    .venv/bin/python -m benchmarks.previews stacks [1 12]         stacks of `obs preview --all`

Each runs in a copy of the project with stack files of its own and nothing deployed, so that everything is
new. The sizes take turns for some rounds, so that both see the same machine. Prints the least and the median
of the seconds, and of processor time of all processes; exits 1 if the larger takes more times as long than it
may.

The Pulumi engine is the real one. Of `kubernetes` and `aws` the provider is a stand-in that takes everything
(`tests.engine.echo`), and neither cluster nor account is asked beforehand. `--context NAME` (and KUBECONFIG)
takes a real cluster and the real provider instead.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import yaml

from benchmarks.no_op import Case
from benchmarks.rule_tests import services
from obs.pulumi import find_pulumi
from tests.e2e.shop import Shop
from tests.engine.echo import echoing

STACK = "many"
TEAMS = ("platform", "shop-web", "payments", "warehouse")
RECEIVERS = ("platform-ticket", "web-slack", "payments-pager", "warehouse-teams", "watchdog")
AT_MOST = {"kubernetes": 2, "aws": 2, "stacks": 3}
"""Times as long as the smaller."""
SIZES = {"kubernetes": (10, 100), "aws": (6, 60), "stacks": (1, 12)}

ALONE = """
import sys
from unittest import mock
from obs import cli
with (
    mock.patch("obs.commands.stack._obstacles", lambda *_: None),
    mock.patch("obs.commands.stack._bring_engines", lambda *_: None),
    mock.patch("k8s.resources.has_provider", lambda: True),
):
    cli.main()
"""
"""`obs` where nothing of a place is asked."""


def _of(folder: Path, example: str, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    """A stack file like an example, under a name of its own."""
    data = yaml.safe_load((folder / f"Pulumi.{example}.yaml").read_text(encoding="utf-8"))
    spec = data["config"]["obs:spec"]
    spec["environment"]["name"] = name
    change(spec)
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    (folder / f"Pulumi.{name}.yaml").write_text(text, encoding="utf-8")


def _services(spec: dict[str, Any], number: int) -> list[dict[str, Any]]:
    spec["services"] = services(number)
    for index, item in enumerate(spec["services"]):
        item["owner"] = TEAMS[index % len(TEAMS)]
    found: list[dict[str, Any]] = spec["services"]
    return found


def on_kubernetes(folder: Path, number: int, context: str | None = None) -> None:
    """Services are pods found by a label, as most are."""

    def change(spec: dict[str, Any]) -> None:
        for item in _services(spec, number):
            item["selector"] = {"app": item["name"]}
            item["metrics"] = [{"address": ":8000"}]
            item["logs"] = [{"path": f"/var/log/pods/shop_{item['name']}-*/app/*.log"}]
        spec["metrics"]["exporters"] = ["node", "opensearch"]
        spec["kubernetes"]["context"] = context or "staging"

    _of(folder, "staging-k8s", STACK, change)


def on_aws(folder: Path, number: int) -> None:
    """Services run elsewhere in the network, and are scraped where they say."""

    def change(spec: dict[str, Any]) -> None:
        for item in _services(spec, number):
            item["metrics"] = [{"address": f"{item['name']}.shop.internal:8000"}]
        for secret in spec["secrets"]:  # the environment has them: see `variables`
            secret |= {"source": "environment", "key": _variable(secret["name"])}

    _of(folder, "staging-aws", STACK, change)


def alike(folder: Path, number: int) -> None:
    """So many stacks like the example for a cluster, whose description is the largest, and no others."""
    examples = list(folder.glob("Pulumi.*.yaml"))
    for index in range(number):
        _of(folder, "staging-k8s", f"stack-{index}", lambda _: None)
    for example in examples:
        example.unlink()


def _variable(secret: str) -> str:
    return f"BENCHMARK_{secret.upper().replace('-', '_')}"


def variables(root: Path) -> dict[str, str]:
    """What a preview takes from the environment: a kubeconfig, a passphrase, values of secrets."""
    (root / "kubeconfig").write_text("contexts: [{name: staging}]\n", encoding="utf-8")
    values = {_variable(name): "https://hooks.example/T0/B0/x" for name in RECEIVERS}
    values[_variable("payments-pager")] = "0" * 32
    return {"KUBECONFIG": str(root / "kubeconfig"), "PULUMI_CONFIG_PASSPHRASE": "benchmark", **values}


@contextmanager
def cases(what: str, sizes: list[int], context: str | None) -> Iterator[list[Case]]:
    """A preview of each size, to be run while inside."""
    command = [sys.executable, "-m", "obs"] if context or what == "stacks" else [sys.executable, "-c", ALONE]
    command += ["preview", "--all"] if what == "stacks" else ["preview", STACK]
    stands_in = what != "stacks" and not context
    with (
        tempfile.TemporaryDirectory(prefix="obs-previews-") as scratch,
        echoing(what) if stands_in else nullcontext("") as attached,
    ):
        found = []
        for size in sizes:
            shop = Shop.make(Path(scratch) / str(size))
            stacks = shop.root / "stacks"
            if what == "kubernetes":
                on_kubernetes(stacks, size, context)
            else:
                {"aws": on_aws, "stacks": alike}[what](stacks, size)
            given = variables(shop.root) | {"PATH": f"{find_pulumi().parent}{os.pathsep}{os.environ['PATH']}"}
            if context:
                given.pop("KUBECONFIG")
            given |= {"PULUMI_DEBUG_PROVIDERS": attached} if attached else {}
            given |= {"OBS_STATE_DIR": str(shop.root / ".state"), "PYTHONDONTWRITEBYTECODE": ""}
            found.append(
                Case(f"{size} {'stacks' if what == 'stacks' else 'services'}", command, shop.root, given)
            )
        yield found


def main() -> int:
    """Measure and print; 1 if the larger takes too long."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=sorted(SIZES))
    parser.add_argument("sizes", nargs="*", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--context", help="of a cluster that is there, with Pulumi's own provider")
    given = parser.parse_args()
    with cases(given.what, given.sizes or list(SIZES[given.what]), given.context) as todo:
        for case in todo:  # compiles, and fills the page cache
            case.run()
        runs = [[case.run() for case in todo] for _ in range(given.rounds)]
    print(f"{given.rounds} rounds on {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print(f"{'':16}{'seconds: least':>16}{'median':>8}{'processor: least':>20}{'median':>8}")
    least, least_used = list[float](), list[float]()
    for case, found in zip(todo, zip(*runs, strict=True), strict=True):
        seconds, used = zip(*found, strict=True)
        least.append(min(seconds))
        least_used.append(min(used))
        print(
            f"{case.name:16}{min(seconds):16.2f}{statistics.median(seconds):8.2f}"
            f"{min(used):20.2f}{statistics.median(used):8.2f}"
        )
    ratio, processor = max(least) / min(least), max(least_used) / min(least_used)
    print(f"{ratio:.2f} times as long, {processor:.2f} of processors; {AT_MOST[given.what]} are the aim")
    return 1 if ratio > AT_MOST[given.what] else 0


if __name__ == "__main__":
    sys.exit(main())
