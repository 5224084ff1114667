"""Have OpenSearch itself judge a configuration before it replaces the running one.

`python -m agents.opensearch_check --engine FOLDER --running CONF`, run in a staged copy of the conf folder.
It has no command for that, so a throwaway node is started on the copy, with its own data folder and a small
heap, and ended as soon as it has taken settings, plugins and certificates but listens nowhere yet. Nothing is
started when what a node reads at start is what the running one has read. Exit 0 accepted, 1 refused, with
OpenSearch's reason.
"""

import argparse
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

ACCEPTED = re.compile(r"\[o\.o\.n\.Node *\](\[[^]]*\])? +initialized")
SETUP = "setup"
"""Folder of what `agents.opensearch_setup` reads; a node does not."""
IGNORED = ("opensearch.keystore", "tls")
"""What stands in a running conf folder without having been rendered."""
SECONDS = 280.0
JAVA = "-Xms256m -Xmx256m -XX:TieredStopAtLevel=1 -XX:-UseG1GC -XX:+UseSerialGC"
"""A small heap, and no more compiled than a start is worth: it lives for seconds, beside what comes up."""


def at_start(folder: Path) -> dict[str, bytes]:
    """What a node reads at its start: relative path -> content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in (SETUP, *IGNORED)
    }


def command(engine: Path, scratch: Path) -> list[str]:
    """A node of its own. It refuses root, so root is somebody else in it."""
    start = [
        str(engine / "bin/opensearch"),
        f"-Epath.data={scratch}/data",
        f"-Epath.logs={scratch}/log",
        "-Ehttp.port=0",
        "-Etransport.port=0",
    ]
    nobody = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
    return ["setpriv", "--pdeathsig", "KILL", *nobody, *start]


def judge(engine: Path, folder: Path, seconds: float) -> str | None:
    """None if OpenSearch takes the configuration in `folder`, else its reason."""
    with tempfile.TemporaryDirectory(prefix="obs-check-") as name:
        environment = {
            **os.environ,
            "OPENSEARCH_PATH_CONF": str(folder),
            "OPENSEARCH_TMPDIR": name,
            "OPENSEARCH_JAVA_OPTS": JAVA,
            "JDK_JAVA_OPTIONS": f'"-Djava.io.tmpdir={name}"',
        }
        process = subprocess.Popen(
            command(engine, Path(name)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        try:
            return _read(process, seconds)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _read(process: subprocess.Popen[bytes], seconds: float) -> str | None:
    if process.stdout is None:
        raise AssertionError("started with a pipe")
    deadline = time.monotonic() + seconds
    seen = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            if not selector.select(timeout=1):
                continue
            chunk = os.read(process.stdout.fileno(), 65536)
            seen += chunk
            text = seen.decode(errors="replace")
            if ACCEPTED.search(text):
                return None
            if not chunk:
                return reason(text)
    return f"no judgement within {seconds:g} s; the machine may be too busy"


def reason(text: str) -> str:
    """The lines of OpenSearch's output that tell why it ended."""
    lines = text.splitlines()
    telling = [
        line.strip()
        for line in lines
        if re.search(r"(Exception|Error|Likely root cause): |^Unrecognized|^Invalid", line)
    ]
    return "\n".join(dict.fromkeys(telling)) or "\n".join(lines[-5:])


def main(arguments: Iterable[str] | None = None) -> int:
    """Exit code 0 or 1."""
    parser = argparse.ArgumentParser(prog="agents.opensearch_check", description=__doc__)
    parser.add_argument("--engine", type=Path, required=True)
    parser.add_argument("--running", type=Path, required=True)
    options = parser.parse_args(None if arguments is None else list(arguments))
    staged = Path.cwd()
    if at_start(staged) == at_start(options.running):
        sys.stdout.write("what a node reads at its start is unchanged\n")
        return 0
    why = judge(options.engine, staged, SECONDS)
    if why is not None:
        sys.stderr.write(f"OpenSearch refuses the configuration:\n{why}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
