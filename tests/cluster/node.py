"""One node with everything of a cluster, in namespaces of its own: network, mounts and processes.

What it mounts, what it writes into the firewall and whatever a container runs ends with the first process of
its namespaces, which is ended last. The rest is a folder, cgroups and a network, as of a lab of test hosts.
"""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import httpx

from engines.store import Store
from k8s import authority
from tests.cluster import pause, settings
from tests.cluster.images import Image, write
from tests.hosts import network
from tests.hosts.commands import QUIET, run
from tests.hosts.lab import turn
from tests.waiting import until

ENGINES = {
    "etcd": ("etcd",),
    "containerd": ("containerd", "ctr"),
    "kubernetes": (
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kubelet",
        "kube-proxy",
        "kubectl",
    ),
    "coredns": ("coredns",),
}
"""Engine -> its programs that a node runs."""
_SYSCTLS = ("kernel/panic", "kernel/panic_on_oops", "vm/overcommit_memory", "vm/panic_on_oom")
"""What a kubelet sets for the whole machine; put back at the end."""
_FIRST = """
import os, signal, subprocess, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries what has lost its parent
folder = sys.argv[1]
for command in (
    ["mount", "--make-rshared", "/"],
    ["mount", "--bind", f"{folder}/log", "/var/log"],
    ["mount", "--bind", f"{folder}/lib", "/var/lib"],
    ["mount", "-t", "tmpfs", "tmpfs", "/run"],
):
    done = subprocess.Popen(command)
    while os.path.exists(f"/proc/{done.pid}"):
        signal.sigtimedwait([signal.SIGCHLD], 0.01)
open(f"{folder}/mounted", "w").close()
while True:
    signal.pause()
"""
"""The first process: it makes the node's own folders, and waits."""
_numbers = itertools.count(1)


class Cluster:
    """A cluster of one node. `Cluster.start` makes one."""

    ENGINES: ClassVar[Mapping[str, tuple[str, ...]]] = ENGINES
    SYSCTLS: ClassVar[tuple[str, ...]] = _SYSCTLS

    def __init__(self, place: settings.Place) -> None:
        self.place = place
        self._programs = _programs(self.ENGINES)
        self._first: subprocess.Popen[bytes] | None = None
        self._others: list[subprocess.Popen[bytes]] = []
        self._before = {name: Path("/proc/sys", name).read_text() for name in self.SYSCTLS}
        self._http = httpx.Client(
            base_url=place.api,
            headers={"Authorization": f"Bearer {settings.TOKEN}"},
            verify=False,  # noqa: S501 - on a cable of this machine
            timeout=30,
            trust_env=False,
        )

    @classmethod
    def start(cls, images: Iterable[Image] = ()) -> Self:
        """Boot a node whose pods may run these images. LabError or AssertionError if that fails; then
        nothing is left."""
        with turn():
            folder = Path(tempfile.mkdtemp(prefix="obs-cluster-"))
            name = f"obs-cluster-{os.getpid()}-{next(_numbers)}"
            net = network.Network.make(name)
        cluster = cls(settings.Place(folder, net.address(2), name))
        try:
            cluster._prepare(net)
            cluster._run()
            cluster._equip(images)
            until(cluster._is_ready, f"nodes ready; their logs: {folder}", 60)
        except BaseException:
            cluster.stop()
            raise
        return cluster

    @property
    def kubeconfig(self) -> Path:
        """With the context `settings.CONTEXT`, which may do everything."""
        return self.place.kubeconfig

    def ask(self, path: str) -> Any:
        """What the API has there; None if there is nothing."""
        answer = self.answer(path)
        return None if answer.status_code == 404 else answer.raise_for_status().json()

    def answer(self, path: str) -> httpx.Response:
        """Whatever the API says there."""
        return self._http.get(path)

    def post(self, path: str, body: Any) -> int:
        """The status with which the API answers."""
        return self._http.post(path, json=body).status_code

    def kubectl(self, *words: str, given: str | None = None) -> str:
        """What it writes. AssertionError with its errors."""
        done = subprocess.run(
            [str(self._programs["kubectl"]), f"--kubeconfig={self.kubeconfig}", *words],
            env={**QUIET, "HOME": str(self.place.folder)},
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def load(self, images: Iterable[Image]) -> None:
        """Put images on the node."""
        archive = self.place.folder / "images.tar"
        write([*images], archive)
        ctr = [str(self._programs["ctr"]), "-a", str(self.place.socket), "-n", "k8s.io"]
        run(*self._enter(), *ctr, "images", "import", str(archive), timeout=300)
        archive.unlink()

    def stop(self) -> None:
        """Remove it with everything that is in it."""
        self._http.close()
        for process in [*reversed(self._others), *([self._first] if self._first else [])]:
            process.kill()
            process.wait()
        for name, value in self._before.items():
            Path("/proc/sys", name).write_text(value)
        for folder in Path("/sys/fs/cgroup").glob(f"**/{self.place.name}"):
            until(partial(_removed, folder), f"{folder} removed", 20)
        network.remove(self.place.name)
        shutil.rmtree(self.place.folder)

    def __enter__(self) -> Self:
        """For `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def _prepare(self, net: network.Network) -> None:
        """Its network, its folders, its keys, its first process."""
        folder = self.place.folder
        net.inside("address", "add", f"{self.place.address}/24", "dev", network.BRIDGE)
        net.inside("route", "add", "default", "via", net.address(1))
        run(*net.enter(), "sysctl", "-qw", "net.ipv4.ip_forward=1")
        for name in ("log", "lib", "cni", "kubelet", "api", "etcd"):
            (folder / name).mkdir()
        (folder / "etcd").chmod(0o700)
        for name, text in settings.files(self.place).items():
            (folder / name).write_text(text)
        pair = authority.make()
        names = [self.place.address, settings.API_SERVICE, "kubernetes.default.svc", "kubernetes.default"]
        api = authority.signed(pair, "kubernetes", names)
        _, accounts = authority.signed(pair, "accounts", ())
        for name, text in (("ca.pem", pair[0]), ("api.pem", api[0]), ("api.key", api[1])):
            (folder / name).write_text(text)
        (folder / "accounts.key").write_text(accounts)
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        self._first = self._started("first", [*unshare, sys.executable, "-c", _FIRST, str(folder)])
        until((folder / "mounted").exists, "the node's folders mounted", 20)

    def _run(self) -> None:
        for name, words in self._commands().items():
            command = [*self._enter(), str(self._programs[name]), *words]
            self._others.append(self._started(name, command))
            if name == "containerd":
                until(self.place.socket.exists, "containerd ready", 30)
            if name == "kube-apiserver":
                until(lambda: self._http.get("/readyz").status_code == 200, "API ready", 60)

    def _commands(self) -> dict[str, list[str]]:
        return settings.commands(self.place)

    def _equip(self, images: Iterable[Image]) -> None:
        """What comes when its programs run."""
        self.load([pause.image(self.place.folder), *images])

    def _started(
        self, name: str, command: list[str], more: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """`more` of its environment."""
        path = ":".join(sorted({str(program.parent) for program in self._programs.values()}))
        with (self.place.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                env={**QUIET, "PATH": f"{path}:{QUIET['PATH']}", **(more or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _enter(self) -> list[str]:
        """What starts a command in the node's namespaces."""
        spaces = ["--mount", "--pid", f"--target={self._inside()}", f"--net=/run/netns/{self.place.name}"]
        return ["nsenter", *spaces]

    def _inside(self) -> str:
        """The id, on this machine, of the first process of its namespaces."""
        assert self._first
        children = Path(f"/proc/{self._first.pid}/task/{self._first.pid}/children").read_text().split()
        return children[0]

    def _is_ready(self) -> bool:
        node = self.ask("/api/v1/nodes/node")
        conditions = node["status"].get("conditions", []) if node else []
        ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
        return ready and self.ask("/api/v1/namespaces/default/serviceaccounts/default") is not None


def _programs(engines: Mapping[str, tuple[str, ...]]) -> dict[str, Path]:
    store = Store()
    return {program: store.executable(name, program) for name, all_ in engines.items() for program in all_}


def _removed(folder: Path) -> bool:
    try:
        for below, _, _ in os.walk(folder, topdown=False):
            os.rmdir(below)
    except OSError:
        return False
    return True
