"""A running stack of the first slice (commit 79a145d), laid out anew: what a user has who upgrades.

The files beside this one are what that code left in its state folder for the toy plan, with the folder, the
Python, the socket and the ports taken out. Its digests depend on those, so they are reckoned here as that
code did, on purpose without today's functions.
"""

import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

from tests.engine.project import SERVERS, Project
from tests.waiting import until

HERE = Path(__file__).parent


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def socket_of(project: Project) -> Path:
    """Where the first slice had its supervisor's socket: outside the state folder, for a short name."""
    digest = _sha256(f"{os.getuid()}:{project.root / '.state' / 'local'}")[:16]
    return Path(tempfile.gettempdir(), f"obs-{os.getuid()}-{digest}", "s.sock")


def lay_out(project: Project) -> "subprocess.Popen[bytes]":
    """Put the old stack's files into the project's empty state folder and start it: its supervisor, and under
    it the three units. The supervisor's process, which the caller need not end: `clean_up` of the project
    does."""
    state = project.root / ".state"
    socket = socket_of(project)
    python = project.root / ".venv" / "bin" / "python"
    words = {"@ROOT@": str(project.root), "@PYTHON@": str(python), "@SOCKET@": str(socket)}
    words |= {f"@PORT{offset}@": str(project.port_base + offset) for offset in range(len(SERVERS))}

    def read(name: str, more: dict[str, str] | None = None) -> str:
        text = (HERE / name).read_text()
        for word, value in {**words, **(more or {})}.items():
            text = text.replace(word, value)
        return text

    def write(path: Path, text: str, mode: int = 0o600) -> Path:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    checkpoint = write(state / ".pulumi/stacks/observability/local.json", read("state.json"))
    write(state / ".pulumi/meta.yaml", "version: 1\n")
    token = write(state / "local/secrets/token", "token made by the first slice!!!").stat()
    stamp = f"{token.st_mtime_ns}:{token.st_size}"
    resources = json.loads(checkpoint.read_text())["checkpoint"]["latest"]["resources"]
    inputs = {
        made["inputs"]["unit"]: made["inputs"] for made in resources if "unit" in made.get("inputs", {})
    }
    for name in SERVERS:
        unit = state / "local/units" / name
        for path in ("conf/list.yml", "server.py"):
            write(unit / "conf" / path, inputs[name][path])
        run = read(f"{name}.run")
        body = read(f"{name}.program", {"@RUN_DIGEST@": _sha256(run)[:16]})
        program = f"; {_sha256(body)}\n{body}"
        started = _sha256(json.dumps((_sha256(program), _sha256(run)), sort_keys=True))
        digests = {"@PROGRAM@": _sha256(program), "@SCRIPT@": _sha256(run)}
        write(unit / "run", run)
        write(state / f"local/supervisor/programs/{name}.conf", program)
        digests |= {"@STARTED@": started, "@STAMP@": stamp}
        write(unit / "applied.json", read(f"{name}.applied.json", digests))
        write(unit / "data" / "kept", "data of the first slice")
        (unit / "log").mkdir(mode=0o700)
    configuration = write(state / "local/supervisor/supervisord.conf", read("supervisord.conf"))
    for folder in (state, *(path for path in state.rglob("*") if path.is_dir())):
        folder.chmod(0o700)
    socket.parent.mkdir(mode=0o700, exist_ok=True)
    supervisor = [str(python), "-P", "-m", "supervisor.supervisord", "-n", "-c", str(configuration)]
    kept = subprocess.Popen(supervisor, cwd=configuration.parent, stdin=subprocess.DEVNULL)
    until(socket.exists, "the old supervisor listens")
    control = [str(python), "-m", "supervisor.supervisorctl", "-s", f"unix://{socket}"]
    subprocess.run([*control, "start", *SERVERS], check=True, capture_output=True)
    until(project.once_each, "the old stack runs")
    return kept
