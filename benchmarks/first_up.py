"""How long a newcomer's `make up` takes where publishers answer: a mirror on loopback stands for them.

Makes the mirror out of this machine's cache of engines: for what publishers publish, an archive laid out and
named like theirs (filled with the build of this machine) and their checksum file; for our own collector, the
build as `obs engines export` writes it. Then runs `make up` with an empty cache, an empty lock of the user's
own and a fresh state, and prints how long it took and what came from where. The Python packages of the
checkout are already there.

    .venv/bin/python benchmarks/first_up.py [--port-base 38000]
"""

import argparse
import functools
import hashlib
import os
import re
import subprocess
import tarfile
import tempfile
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from components.engine import Engine
from engines import builds
from engines.lock import archive_url, fill_in
from engines.store import Store

ROOT = Path(__file__).resolve().parents[1]


def publish(folder: Path, engine: Engine, artifact: Path, platform: str) -> None:
    """The engine's archive and checksum file below `folder`, as its publisher has them."""
    assert engine.release is not None
    target = folder / urlsplit(archive_url(engine, platform) or "").path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    inside = "top/" * engine.release.strip
    sums = []
    with tarfile.open(target, "w:gz", compresslevel=1) as packed:
        if engine.name == "opensearch":
            packed.add(artifact, arcname="top", filter=lambda m: None if m.name.startswith("top/jdk") else m)
        else:
            for name, path in engine.executables_in("release"):
                program = artifact / engine.path_of(name, "source")
                packed.add(program, arcname=inside + path)
                sums.append(f"{hashlib.sha256(program.read_bytes()).hexdigest()}  {inside}{path}")
    if engine.release.digests_of == "archive":
        algorithm = "sha512" if engine.release.checksums.endswith("sha512") else "sha256"
        with target.open("rb") as data:
            sums = [f"{hashlib.file_digest(data, algorithm).hexdigest()}  {target.name}"]
    official = fill_in(engine.release.checksums, engine, platform) or ""
    beside = folder / urlsplit(official).path.lstrip("/")
    beside.write_text("\n".join(sums) + "\n", encoding="utf-8")


def serve(folder: Path) -> str:
    """The mirror's address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def main() -> None:
    """Make the mirror, measure, and take the stack down again."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port-base", default="38000")
    given = parser.parse_args()
    store = Store()
    with tempfile.TemporaryDirectory(prefix="obs-first-") as scratch:
        folder = Path(scratch)
        for name, engine in store.engines.items():
            found = store.find(name, "source")
            if found is None:
                raise SystemExit(f"{name} is not built; `obs engines build --channel source` first")
            if engine.release:
                publish(folder / "mirror", engine, found.path, store.platform)
            else:
                builds.write(folder / "mirror", found.path, engine, found.key, store.platform)
        environment = os.environ | {
            "OBS_ENGINE_MIRROR": serve(folder / "mirror"),
            "OBS_CACHE": str(folder / "cache"),
            "OBS_STATE_DIR": str(folder / "state"),
            "OBS_PORT_BASE": given.port_base,
        }
        start = time.monotonic()
        done = subprocess.run(
            ["make", "up"],
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        seconds = time.monotonic() - start
        try:
            print(done.stdout)
            told = re.findall(r"^\w+: http\S+ (?:has the checksum|is a build).*$", done.stdout, re.MULTILINE)
            print(f"make up: exit code {done.returncode} after {seconds:.0f} s; {len(told)} engines taken")
        finally:
            subprocess.run(["make", "down"], cwd=ROOT, env=environment, check=False)
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
