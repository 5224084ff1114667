"""The runtime for real: made once, then run in a folder that has a shell and glibc and nothing else."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc  # type: ignore[import-untyped]
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from engines import interpreter, runtime
from engines.store import Artifact, Store
from tests.ports import free_base
from tests.waiting import until

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a runtime is made on Linux"),
]

GLIBC = ("libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libresolv.so.2")
GOLDENS = Path(__file__).parents[1] / "render" / "goldens"
LABELS = {"env": "test", "cluster": "c", "region": "r", "team": "t"}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a host: a shell, its loader and libraries, a name for this machine."""
    root = tmp_path_factory.mktemp("host")
    root.chmod(0o755)
    shell = Path(os.path.realpath("/bin/sh"))
    loader = Path(interpreter.loader_of(shell))
    listed = interpreter.load_list(str(loader), shell)
    libc = Path(listed["libc.so.6"]).parent
    libraries = {str(path) for path in listed.values()} | {str(libc / name) for name in GLIBC}
    for path in sorted({str(loader), *libraries}):
        (root / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(os.path.realpath(path), root / path.lstrip("/"))
        (root / path.lstrip("/")).chmod(0o755)
    (root / "bin").mkdir(exist_ok=True)
    shutil.copy(shell, root / "bin" / "sh")
    (root / "dev" / "shm").mkdir(parents=True)
    (root / "dev" / "shm").chmod(0o1777)
    (root / "dev" / "urandom").write_bytes(os.urandom(65536))
    (root / "etc").mkdir()
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
    return root


@pytest.fixture(scope="module")
def artifact(host: Path) -> Artifact:
    """Made where the host has it, so that nothing is copied; for everybody to read, for root to write."""
    store = Store(host / "opt" / "obs engines")
    store.ensure(["runtime"])
    made = store.find("runtime")
    assert made
    for folder, _, _ in os.walk(host / "opt"):
        Path(folder).chmod(0o755)
    return made


@contextmanager
def started(host: Path, artifact: Artifact, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The artifact's Python on the host, as a user without rights; skips without the right to do so."""
    chroot = shutil.which("chroot", path=f"{os.defpath}:/usr/sbin:/sbin")
    if os.geteuid() != 0 or chroot is None:
        pytest.skip("a root of its own takes root and chroot")
    python = "/" / (artifact.path / "bin" / "python").relative_to(host)
    process = subprocess.Popen(
        [chroot, "--userspec=65534:65534", str(host), str(python), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PYTHONHOME": "/nowhere", "PYTHONPATH": "/nowhere", "LC_ALL": "C"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def run(host: Path, artifact: Artifact, *arguments: str) -> str:
    """What a program says, to its end."""
    with started(host, artifact, *arguments) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return said


def settings(root: Path, program: str, **values: object) -> str:
    path = root / f"{program}.json"
    path.write_text(json.dumps(values))
    path.chmod(0o644)
    return f"/{path.name}"


def answers(process: "subprocess.Popen[str]", url: str) -> httpx.Response | None:
    assert process.poll() is None, process.stdout and process.stdout.read()
    answer = httpx.get(url, timeout=10)
    return answer if answer.status_code == 200 else None


def test_it_says_what_it_is_for(artifact: Artifact) -> None:
    assert artifact.platform == Store().platform
    major, minor = runtime.needed_glibc(artifact.path).split(".")
    own = (os.confstr("CS_GNU_LIBC_VERSION") or "").split()[1].split(".")
    assert (2, 17) <= (int(major), int(minor)) <= (int(own[0]), int(own[1]))
    assert not [path for path in artifact.path.rglob("*") if path.is_symlink()]


def test_nothing_of_the_host_counts_and_nothing_leaks_to_what_it_starts(
    host: Path, artifact: Artifact
) -> None:
    code = """
import json, os, subprocess, sys
def run(*command): return subprocess.run(command, capture_output=True, text=True).stdout
child = run("/bin/sh", "-c", "echo $LD_LIBRARY_PATH")
again = run(sys.executable, "-c", "import ssl, agents.sink; print('ok')")
import ctypes, sqlite3, lzma, ssl
called = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)()
print(json.dumps([sys.path, child, again, sys.stdout.encoding, called]))
"""
    path, child, again, encoding, called = json.loads(run(host, artifact, "-c", code))
    own = "/" + artifact.path.relative_to(host).as_posix()
    assert path
    assert all(folder.startswith(f"{own}/") for folder in path)
    assert (child, again, encoding, called) == ("\n", "ok\n", "utf-8", 7)


def test_processes_of_its_own_are_started_the_same_way(host: Path, artifact: Artifact) -> None:
    (host / "pool.py").write_text(
        "import multiprocessing, os, sys\n"
        "def twice(x): return 2 * x, os.path.basename(sys.executable)\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.map(twice, [21]))\n"
    )
    assert run(host, artifact, "/pool.py") == "[(42, 'python')]\n"


def test_the_sink_and_the_pages_serve(host: Path, artifact: Artifact) -> None:
    base = free_base(2)
    sink = settings(host, "sink", host="127.0.0.1", port=base, data="", labels=LABELS)
    with started(host, artifact, "-m", "agents.sink", "--settings", sink) as process:
        until(lambda: answers(process, f"http://127.0.0.1:{base}/health"), "the sink answers")
    told = json.loads((GOLDENS / "pages" / "settings.json").read_text()) | {"port": base + 1}
    pages = settings(host, "pages", **told)
    with started(host, artifact, "-m", "agents.pages", "--settings", pages) as process:
        url = f"http://127.0.0.1:{base + 1}"
        page = until(lambda: answers(process, f"{url}/docs/runbooks/README.md"), "the pages answer")
        assert "<h1>" in page.text
        assert "color-scheme" in httpx.get(f"{url}/static/pages.css").text


def test_the_shop_exports_spans_over_grpc(host: Path, artifact: Artifact) -> None:
    base, names = free_base(2), set[str]()

    class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request: trace_service_pb2.ExportTraceServiceRequest, _context: object) -> object:
            names.update(s.name for r in request.resource_spans for x in r.scope_spans for s in x.spans)
            return trace_service_pb2.ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Receiver(), server)  # type: ignore[no-untyped-call]
    server.add_insecure_port(f"127.0.0.1:{base}")
    server.start()
    gateway = settings(
        host,
        "gateway",
        **LABELS,
        service="gateway",
        version="1.0.0",
        owner="o",
        host="127.0.0.1",
        port=base + 1,
        calls={"orders": "http://127.0.0.1:1"},
        otlp={"endpoint": f"http://127.0.0.1:{base}", "protocol": "grpc"},
        head_sampling=1.0,
        correlation_header="X-Transaction-Id",
        options={},
        redis=None,
    )
    try:
        with started(host, artifact, "-m", "demo.gateway", "--settings", gateway) as process:
            until(lambda: answers(process, f"http://127.0.0.1:{base + 1}/health"), "the shop answers")
            assert httpx.get(f"http://127.0.0.1:{base + 1}/products").status_code == 502
            until(lambda: names, "a span arrives")
    finally:
        server.stop(0)


def test_bad_settings_end_with_2_and_say_so(host: Path, artifact: Artifact) -> None:
    bad = settings(host, "bad", port="no")
    with started(host, artifact, "-m", "agents.housekeeper", "--settings", bad, "--check") as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "/bad.json" in said
