"""Several test hosts in one network. Everything of a lab is removed at its end.

A lab belongs to the process that made it. What a killed one left is removed by the next that makes a lab: its
folder, cgroups and network namespace carry the id of its process. A lab that is kept belongs to nobody.
"""

import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from filelock import FileLock

from tests.hosts import base, network, open_files
from tests.hosts.cgroups import Group
from tests.hosts.commands import LabError, run
from tests.hosts.disk import unmount_below
from tests.hosts.host import Host
from tests.hosts.network import Network

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Owner:
    """The process that a lab belongs to. `pid` 0: nobody, it lasts as long as this machine runs."""

    pid: int
    started: str
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Owner":
        """The one that has this id now."""
        return cls(pid, _started(pid), Path("/proc/sys/kernel/random/boot_id").read_text().strip())

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self == Owner.of(self.pid)


class Lab:
    """Hosts, and what they share. `Lab.start` makes one, `Lab.all` finds those there are."""

    def __init__(
        self, folder: Path, owner: Owner, net: Network, names: Iterable[str], small_mb: int | None
    ) -> None:
        self.folder = folder
        self.owner = owner
        self.network = net
        self.key = folder / "key"
        self.small_mb = small_mb
        self.hosts = [
            Host(folder / name, net, name, number, self.key, small_mb) for number, name in enumerate(names, 1)
        ]

    @classmethod
    def start(
        cls,
        hosts: int | Iterable[str] = 4,
        *,
        small_mb: int | None = None,
        many_files: bool = False,
        keep: bool = False,
    ) -> "Lab":
        """Boot hosts, so many (`h1`, `h2`, ...) or of these names, side by side. See Disk for `small_mb`,
        open_files.py for `many_files`.

        LabError if one does not boot; then none is left."""
        names = [f"h{number}" for number in range(1, hosts + 1)] if isinstance(hosts, int) else list(hosts)
        system = base.locate()
        if system is None:
            raise LabError("there is no base of test hosts in the cache; `make hosts` makes it")
        owner = Owner.of(os.getpid())
        with turn() as labs:
            _sweep(labs)
            folder = labs / f"{os.getpid()}-{next(_numbers)}"
            folder.mkdir()
            try:
                _own(folder, owner)
                lab = cls(folder, owner, Network.make(_name(folder)), names, small_mb)
            except BaseException:
                _remove(folder)
                raise
        try:
            if many_files:
                open_files.pretend(lab.folder)
            lab._install(system)
            lab.each(Host.boot)
            for host in lab.hosts:
                if (state := host.state()) != "running":
                    raise LabError(f"{host.name} is {state}: {', '.join(host.failed_units())}")
            if keep:
                lab.owner = Owner.of(0)
                _own(folder, lab.owner)
        except BaseException:
            lab.stop()
            raise
        return lab

    @classmethod
    def all(cls) -> list["Lab"]:
        """Labs whose hosts are there, of whichever process."""
        with turn() as labs:
            return [lab for folder in sorted(labs.iterdir()) if (lab := _read(folder))]

    def each(self, do: Callable[[Host], None]) -> None:
        """Do the same with all hosts at once."""
        with ThreadPoolExecutor(len(self.hosts) or 1) as pool:
            list(pool.map(do, self.hosts))

    def reset(self) -> None:
        """Make all of them fresh hosts, whatever state they are in."""
        self.each(Host.reset)

    def stop(self) -> None:
        """Remove the lab with everything that is in it."""
        _remove(self.folder)

    def __getitem__(self, name: str) -> Host:
        """The host of a name."""
        return next(host for host in self.hosts if host.name == name)

    def __iter__(self) -> Iterator[Host]:
        """Its hosts."""
        return iter(self.hosts)

    def __enter__(self) -> "Lab":
        """For `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def _install(self, system: Path) -> None:
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(self.key))
        for host in self.hosts:
            host.folder.mkdir()
            (host.folder / "base").symlink_to(system)
        self.each(Host.install)
        described = {
            "network": self.network.number,
            "hosts": [host.name for host in self.hosts],
            "small_mb": self.small_mb,
        }
        (self.folder / "lab.json").write_text(json.dumps(described))


def sweep() -> None:
    """Remove labs whose owners are gone."""
    with turn() as labs:
        _sweep(labs)


def _sweep(labs: Path) -> None:
    for folder in labs.iterdir():
        if folder.is_dir() and not ((owner := _owner(folder)) and owner.alive):
            _remove(folder)


def _remove(folder: Path) -> None:
    name = _name(folder)
    Group(name).remove()
    network.remove(name)
    unmount_below(folder)
    shutil.rmtree(folder)


def _read(folder: Path) -> Lab | None:
    owner, described = _owner(folder), folder / "lab.json"
    if owner is None or not owner.alive or not described.exists():
        return None
    data = json.loads(described.read_text())
    return Lab(folder, owner, Network(_name(folder), data["network"]), data["hosts"], data["small_mb"])


def _own(folder: Path, owner: Owner) -> None:
    made = folder / ".owner.json"
    made.write_text(json.dumps(asdict(owner)))
    made.rename(folder / "owner.json")


def _owner(folder: Path) -> Owner | None:
    try:
        return Owner(**json.loads((folder / "owner.json").read_text()))
    except (OSError, ValueError):
        return None


def _name(folder: Path) -> str:
    """Of a lab's namespace and cgroups."""
    return f"obs-lab-{folder.name}"


def _folder() -> Path:
    """Where labs are on this machine."""
    folder = Path(tempfile.gettempdir()) / f"obs-labs.{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise LabError(f"{folder} belongs to somebody else")
    return folder


@contextmanager
def turn() -> Iterator[Path]:
    """Where labs are, while no other process makes one or sweeps."""
    folder = _folder()
    with FileLock(folder / ".lock"):
        yield folder


def _started(pid: int) -> str:
    """When a process was started, in the kernel's ticks; '' if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
