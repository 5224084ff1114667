"""A private SSH server on loopback, among the files of a test host: there in a moment."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.hosts.base import locate
from tests.ports import free_port
from tests.waiting import until
from vsi.ssh.connection import Connection, Login
from vsi.ssh.master import Master


def make_key(path: Path, *more: str) -> str:
    """A key pair; the public line."""
    path.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path, *more], check=True)
    return path.with_name(f"{path.name}.pub").read_text()


@dataclass
class Server:
    """One sshd; `lines` of its configuration may differ."""

    folder: Path
    port: int = field(default_factory=free_port)
    lines: tuple[str, ...] = ()
    mounts: tuple[tuple[str, str], ...] = ()
    """What stands in files of its own: text by path."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def host_key(self) -> str:
        return (self.folder / "host.pub").read_text()

    @property
    def key(self) -> str:
        return (self.folder / "user").read_text()

    def prepare(self) -> None:
        """Keys of the host and of the user."""
        make_key(self.folder / "host")
        public = make_key(self.folder / "user")
        (self.folder / "authorized").write_text(public)

    def start(self) -> None:
        """Returns once it listens."""
        config = self.folder / "sshd_config"
        settings = (
            f"ListenAddress 127.0.0.1:{self.port}",
            f"HostKey {self.folder}/host",
            f"AuthorizedKeysFile {self.folder}/authorized",
            f"PidFile {self.folder}/sshd.pid",
            "PermitRootLogin prohibit-password",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "MaxStartups 100",
        )
        # the first of two lines counts
        config.write_text("\n".join((*self.lines, *settings)) + "\n")
        with (self.folder / "sshd.log").open("ab") as log:
            command = [*self._inside(), "/usr/sbin/sshd", "-D", "-e", "-f", str(config)]
            self.process = subprocess.Popen(command, stderr=log, start_new_session=True)
        until(lambda: b"listening on" in (self.folder / "sshd.log").read_bytes(), "sshd listens", 20)

    def _inside(self) -> list[str]:
        """Starts a program among the files of a test host: no Python there, and none of this machine's own
        configuration. The folder of temporary files is shared, and so are processes and the network."""
        base, root = locate(), self.folder / "root"
        root.mkdir(exist_ok=True)
        shared = [(path, f"{root}{path}") for path in ("/proc", "/dev", tempfile.gettempdir())]
        lines = [
            "set -e",
            f"mount --bind {base} {root}",
            f"mount -o remount,bind,ro {root}",
            *(f"mount --rbind {path} {there}" for path, there in shared),
            f"mount -t tmpfs tmpfs {root}/run",
            f"mkdir -m 0755 {root}/run/sshd",
        ]
        for number, (path, text) in enumerate(self.mounts):
            file = self.folder / f"mount.{number}"
            file.write_text(text)
            file.chmod(0o440 if "sudoers" in path else 0o644)
            lines.append(f"mount --bind {file} {root}{path}")
        lines.append('exec "$@"')
        return [
            "setpriv",
            "--pdeathsig",
            "KILL",
            "--",
            "unshare",
            "--mount",
            "--",
            "sh",
            "-c",
            "; ".join(lines),
            "-",
            "chroot",
            str(root),
        ]

    @property
    def log(self) -> str:
        return (self.folder / "sshd.log").read_text(errors="replace")

    def stop(self) -> None:
        """With all of its connections."""
        if self.process:
            for pid in (*_below(self.process.pid), self.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
            (self.folder / "sshd.log").unlink()
            self.process = None

    def connection(self, **more: object) -> Connection:
        """The way to it."""
        given = {"host": "toy", "address": "127.0.0.1", "port": self.port, "host_keys": (self.host_key,)}
        return Connection.model_validate(given | more)

    def master(self, password: str | None = None, **more: object) -> Master:
        """A connection that nobody has opened yet."""
        return Master(self.connection(**more), Login(key=self.key, sudo_password=password))


def _below(pid: int) -> list[int]:
    try:
        children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [*children, *(pid for child in children for pid in _below(child))]


@contextmanager
def running(*lines: str, mounts: tuple[tuple[str, str], ...] = ()) -> Iterator[Server]:
    """A server for a while; users may enter its folder."""
    folder = Path(tempfile.mkdtemp(prefix="sshd."))
    folder.chmod(0o755)
    server = Server(folder, lines=lines, mounts=mounts)
    try:
        server.prepare()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
