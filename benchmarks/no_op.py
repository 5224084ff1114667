"""What a run costs that changes nothing: `obs up` and `obs preview`, beside a Pulumi run of an empty program.

Takes the stack `local` as it stands (`obs up local` before, with the same OBS_PORT_BASE and OBS_STATE_DIR),
makes sure that there is nothing to change, and runs in turn, so that all see the same machine:

- empty: `pulumi preview` and `pulumi up` of a program without resources, in a project and state of its own;
- by hand: `pulumi preview -s local`, as typed after `eval "$(obs env local)"`;
- `obs preview local` and `obs up local`.

Then it prints, per case, the seconds that passed and the seconds of processor time of all its processes: the
least of all rounds, and the median. With `--phases` also when, after the start of one `obs up local`, each of
its phases began.

    .venv/bin/python -m benchmarks.no_op [--rounds 5] [--phases]

On a machine that others use too, the seconds that pass say little: compare cases of one run, or processor
time. As root, `chrt -r 1` before it takes the machine for the moment.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from obs.passphrase import LOCAL_STACK
from obs.pulumi import environment, find_pulumi

ROOT = Path(__file__).resolve().parents[1]
OBS = [sys.executable, "-m", "obs"]


@dataclass(frozen=True)
class Case:
    """A command to be measured."""

    name: str
    command: list[str]
    folder: Path
    variables: Mapping[str, str]

    def run(self) -> tuple[float, float]:
        """Seconds that passed, and seconds of processor time of all its processes; SystemExit if it fails."""
        begun = time.monotonic()
        process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            env=os.environ | self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        passed = time.monotonic() - begun
        if os.waitstatus_to_exitcode(status):
            raise SystemExit(f"{self.name}: {said}")
        return passed, used.ru_utime + used.ru_stime


def cases(scratch: Path) -> list[Case]:
    """All cases, the empty project made and its stack with it."""
    (scratch / "Pulumi.yaml").write_text("name: empty\nruntime: python\n", encoding="utf-8")
    (scratch / "__main__.py").write_text("", encoding="utf-8")
    pulumi = find_pulumi()
    ours = environment(LOCAL_STACK, pulumi)
    empty = {**ours, "PULUMI_BACKEND_URL": f"file://{scratch}/state?create_dir=true&metadata=skip"}
    cli, local = str(pulumi), ["-s", LOCAL_STACK, "--non-interactive"]
    Case("pulumi stack init", [cli, "stack", "init", *local], scratch, empty).run()
    return [
        Case("empty pulumi preview", [cli, "preview", *local], scratch, empty),
        Case("empty pulumi up", [cli, "up", "--yes", "--skip-preview", *local], scratch, empty),
        Case("pulumi preview by hand", [cli, "preview", *local], ROOT, ours),
        Case("obs preview", [*OBS, "preview", LOCAL_STACK, "--expect-no-changes"], ROOT, {}),
        Case("obs up", [*OBS, "up", LOCAL_STACK], ROOT, {}),
    ]


PHASES = """
import sys, time
begun = float(sys.argv[1])
def told(what):
    print(f"{time.monotonic() - begun:6.2f} s  {what}", file=sys.stderr)
def mark(owner, name, what):
    inner, seen = getattr(owner, name), []
    def outer(*given, **named):
        if not seen:
            seen.append(told(what))
        return inner(*given, **named)
    setattr(owner, name, outer)
told("Python has started")
from obs import cli, describe, pulumi
from obs.commands import stack
from plugins import language_host, provider_host
mark(describe, "describe", "libraries are imported; the stack file is read and planned")
mark(stack, "_obstacles", "preflight looks at the host")
mark(pulumi.BoundPulumi, "run", "the Pulumi engine is started")
mark(language_host.LanguageHost, "Handshake", "the engine speaks to the host of the program")
mark(provider_host.ProviderHost, "Read", "the units are read (refresh)")
mark(language_host.LanguageHost, "Run", "the program runs")
mark(provider_host.ProviderHost, "Check", "the units are compared with the plan")
sys.argv = ["obs", "up", "local"]
try:
    cli.main()
finally:
    told("the end")
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--phases", action="store_true", help="print the phases of one `obs up` as well")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="obs-empty-") as scratch:
        todo = cases(Path(scratch))
        todo[-2].run()  # ends here if something would change; and files are in the page cache now
        found: dict[str, list[tuple[float, float]]] = {case.name: [] for case in todo}
        for _ in range(given.rounds):
            for case in todo:
                found[case.name].append(case.run())
    print(f"{given.rounds} rounds on {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print(f"{'':24}{'seconds: least':>16}{'median':>8}{'processor: least':>20}{'median':>8}")
    for name, runs in found.items():
        (least, median), (least_cpu, median_cpu) = (
            (min(values), statistics.median(values)) for values in zip(*runs, strict=True)
        )
        print(f"{name:24}{least:16.2f}{median:8.2f}{least_cpu:20.2f}{median_cpu:8.2f}")
    if given.phases:
        subprocess.run([sys.executable, "-c", PHASES, str(time.monotonic())], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
