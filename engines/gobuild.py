"""Building an engine from its pinned Go modules."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from components.engine import GoSource
from engines.errors import EngineError

FLAGS = ("-trimpath", "-buildvcs=false", "-mod=readonly")
"""What every build is given: nothing of the machine's folders in the program, and no go.mod changed on the
way."""
OVERLAY = ".overlay.json"


def build(
    source: GoSource,
    folder: Path,
    target: Path,
    *,
    go: Path,
    platform: str,
    log: Path,
    tick: Callable[[float], None],
) -> None:
    """Build each of the engine's programs from `folder` into `target` (made here).

    `tick` is called about twice a second with the seconds since the start. Raises EngineError with the last
    lines of `log`, which has all that the compiler said.
    """
    system, _, machine = platform.partition("/")
    environment = {
        "CGO_ENABLED": "0",
        "GOOS": system,
        "GOARCH": machine,
        "GOFLAGS": "",
        "GOWORK": "off",
        "GOTOOLCHAIN": "local",
        "GOEXPERIMENT": "",
    }
    tags = ["-tags", ",".join(source.tags)] if source.tags else []
    target.mkdir(parents=True)
    log.unlink(missing_ok=True)
    start = time.monotonic()
    overlay = _overlay(source, folder, target, go, environment)
    for name, package in source.packages:
        command = [str(go), "build", "-C", str(folder), *FLAGS, *tags, *overlay]
        command += ["-ldflags", source.ldflags, "-o", str(target / name), package]
        run(command, log=log, environment=environment, tick=lambda _: tick(time.monotonic() - start))
    if overlay:
        (target / OVERLAY).unlink()


def _overlay(
    source: GoSource, folder: Path, target: Path, go: Path, environment: Mapping[str, str]
) -> list[str]:
    """What makes the compiler see files of other modules in `folder`, so that a program can embed them."""
    if not source.embeds:
        return []
    replaced = {}
    for name, module, path in source.embeds:
        command = [str(go), "-C", str(folder), "mod", "download", "-json", module]
        done = subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise EngineError(f"{module} cannot be had: {(done.stderr or done.stdout).strip()}")
        replaced[str(folder / name)] = str(Path(json.loads(done.stdout)["Dir"]) / path)
    (target / OVERLAY).write_text(json.dumps({"Replace": replaced}), encoding="utf-8")
    return ["-overlay", str(target / OVERLAY)]


def run(
    command: Sequence[str], *, log: Path, environment: Mapping[str, str], tick: Callable[[float], None]
) -> None:
    """Run a command of a build to its end, its output added to `log`.

    It dies with this process, so that a build that was killed does not go on in the background. Raises
    EngineError with the last 20 lines when it fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    guard = [path, "--pdeathsig", "TERM"] if (path := shutil.which("setpriv")) else []
    with log.open("a", encoding="utf-8") as output:
        output.write("$ " + " ".join(command) + "\n")
        output.flush()
        start = time.monotonic()
        process = subprocess.Popen(
            [*guard, *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        try:
            while True:
                try:
                    status = process.wait(timeout=0.5)
                    break
                except subprocess.TimeoutExpired:
                    tick(time.monotonic() - start)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if status != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
        program = Path(command[0]).name
        raise EngineError(
            f"{program} ended with {status}; its last lines:\n"
            + "\n".join(f"    {line}" for line in lines)
            + f"\n  the whole log: {log}"
        )
