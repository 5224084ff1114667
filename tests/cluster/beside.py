"""What a cluster for tests needs, built while other tests run: `python -m tests.cluster.beside COMMAND`.

The build takes minutes, and tests mostly wait; it has what they leave of the processors. Tests of the cluster
(`built` in tests/cluster/fixtures.py) wait for its end. Where no cluster can be booted, nothing is built.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.hosts import tools

FOLDER = "OBS_TEST_CLUSTER_BUILD"
"""Variable with the folder of a build: `log` is what it says, `code` its exit code, once it has ended."""
BUILD_S = 2700
"""Seconds that a test waits for it: from nothing, beside other tests, on two processors."""
_BUILD = '"$1" -m tests.cluster > "$2/log" 2>&1; echo $? > "$2/code.new"; mv "$2/code.new" "$2/code"'
_LINES = 30


def main(command: list[str]) -> int:
    """Run the command beside the build; its exit code."""
    if tools.obstacle():
        return subprocess.run(command, check=False).returncode
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="obs-cluster-build-") as folder:
        build = subprocess.Popen(
            ["nice", "-n", "19", "sh", "-c", _BUILD, "sh", sys.executable, folder],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            code = subprocess.run(command, check=False, env=os.environ | {FOLDER: folder}).returncode
            if trouble := failure(Path(folder), "is not done"):
                print(f"cluster: {trouble}", file=sys.stderr)
            return code
        finally:
            if build.poll() is None:
                os.killpg(build.pid, signal.SIGTERM)
            build.wait()


def asked() -> bool:
    """Whether the tests were started beside a build."""
    return FOLDER in os.environ


def awaited() -> str:
    """Wait for the build that runs beside, if one does; what went wrong, '' if nothing did."""
    if not (given := os.environ.get(FOLDER)):
        return ""
    folder, ends = Path(given), time.monotonic() + BUILD_S
    while not (folder / "code").exists() and time.monotonic() < ends:
        time.sleep(0.5)
    return failure(folder, f"is not done after {BUILD_S} s")


def failure(folder: Path, lasting: str) -> str:
    """What went wrong with a build, with the end of what it said; '' if nothing did. `lasting` is said of one
    that has not ended."""
    code = (folder / "code").read_text().strip() if (folder / "code").exists() else ""
    if code == "0":
        return ""
    said = (folder / "log").read_text(errors="replace") if (folder / "log").exists() else ""
    what = f"ended with {code}" if code else lasting
    return f"the build of a cluster for tests (make cluster) {what}:\n" + "\n".join(
        said.splitlines()[-_LINES:]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
