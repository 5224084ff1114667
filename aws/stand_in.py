"""A stand-in for AWS on this machine: moto's server, in memory, for training. It outlives the command that
starts it, and ends with the stack; what it held is gone with it.

`python -m aws.stand_in --port PORT --folder FOLDER` is the server. The folder, which is the stack's, has who
runs and what it says; that it is among the arguments shows to anybody whose process it is.
"""

import argparse
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import psutil

from aws.parts import LOOPBACK, NOBODY, stand_in_url
from components.errors import SuiteError
from components.plan import Frozen

SECONDS = 90.0
"""To come up, on a machine that does other things as well: it imports much."""
ENDS = 10.0
ROOT = Path(__file__).resolve().parents[1]
LACKS = (
    "the stand-in for AWS is moto, which is not installed here: `make setup` installs it, or "
    "pip install 'moto[server]'"
)


class Record(Frozen):
    """Who runs: `stand-in/process.json`. A number alone may be another's by now."""

    pid: int
    created: float
    port: int


def folder_of(stack: str) -> Path:
    """Beside the stack's other state."""
    base = os.environ.get("OBS_STATE_DIR")
    root = Path(base) if base else ROOT / ".state"
    return root.absolute() / stack / "stand-in"


def recorded(stack: str) -> Record | None:
    """Who was started for a stack; None if nobody was, or if it was ended."""
    try:
        return Record.model_validate_json((folder_of(stack) / "process.json").read_bytes())
    except (OSError, ValueError):
        return None


def runs(stack: str) -> bool:
    """Whether the stack's own is there."""
    found = recorded(stack)
    return found is not None and _is(found) and answers(found.port)


def answers(port: int) -> bool:
    """Whether a server of moto's is at that port."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{stand_in_url(port)}/moto-api/", timeout=5) as answer:
            return b"moto" in answer.read(100_000).lower()
    except (urllib.error.URLError, OSError, ValueError):
        return False


def installed() -> bool:
    """Whether moto is here."""
    return find_spec("moto") is not None


def taken(port: int) -> bool:
    """Whether anybody listens there."""
    with socket.socket() as asked:
        asked.settimeout(1)
        return asked.connect_ex((LOOPBACK, port)) == 0


def start(stack: str, port: int) -> bool:
    """Make sure that it answers; whether this call started it, empty. SuiteError if it does not come up."""
    found = recorded(stack)
    if found and found.port != port:
        end(stack)
    elif found and _is(found) and answers(port):
        return False
    if not installed():
        raise SuiteError(LACKS)
    folder = folder_of(stack)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-P", "-m", "aws.stand_in", "--port", str(port), "--folder", str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
    record = Record(pid=process.pid, created=psutil.Process(process.pid).create_time(), port=port)
    (folder / "process.json").write_text(json.dumps(record.model_dump()) + "\n", encoding="utf-8")
    _wait(stack, process, port)
    return True


def _wait(stack: str, process: "subprocess.Popen[bytes]", port: int) -> None:
    ends = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < ends:
        if answers(port):
            return
        time.sleep(0.1)
    said = (folder_of(stack) / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    ended = "it did not answer in time" if process.poll() is None else (said or ["it ended"])[-1]
    end(stack)
    raise SuiteError(
        f"the stand-in for AWS does not come up on {LOOPBACK}:{port}: {ended}. The port follows from "
        "deploy.port_base, or OBS_PORT_BASE"
    )


def end(stack: str) -> bool:
    """End it, with all that it held; whether there was one."""
    found = recorded(stack)
    if found and _is(found):
        try:
            process = psutil.Process(found.pid)
            process.terminate()
            try:
                process.wait(ENDS)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(ENDS)
        except psutil.NoSuchProcess:
            pass
    folder = folder_of(stack)
    shutil.rmtree(folder, ignore_errors=True)
    if folder.parent.is_dir() and not any(folder.parent.iterdir()):
        folder.parent.rmdir()
    return found is not None


def _is(record: Record) -> bool:
    """Whether that process still runs."""
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.created) < 1
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def main() -> int:
    """Serve until it is ended; 1 if the port is taken."""
    parser = argparse.ArgumentParser(prog="aws.stand_in")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    os.environ.update(AWS_ACCESS_KEY_ID=NOBODY, AWS_SECRET_ACCESS_KEY=NOBODY)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells every request
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    application = DomainDispatcherApplication(create_backend_app)
    try:
        server = make_server(LOOPBACK, options.port, application, True, request_handler=MotoRequestHandler)
    except (OSError, SystemExit):
        sys.stderr.write(f"port {options.port} is taken\n")
        return 1
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
