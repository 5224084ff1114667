"""One OpenSSH connection to a host, shared by all processes of a user; each command is a session in it.

A host takes some ten sessions in one connection (MaxSessions). Who wants one takes a slot first, a lock file;
only when all of a connection are taken, the next one is opened.
"""

import contextlib
import fcntl
import hashlib
import os
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vsi.errors import Unreachable
from vsi.ssh import mux, words
from vsi.ssh.connection import Connection, Login, public_key

CONNECT_SECONDS = 15
"""For a TCP connection, and again until the host's key was exchanged."""
OPEN_SECONDS = 40
"""For all of it, logging in included."""
SESSION_SECONDS = 25
"""For a session to begin; longer than it takes ssh to notice that a host is gone."""
ALIVE_SECONDS, ALIVE_COUNT = 4, 3
PERSIST_SECONDS = 120
SLOTS, MASTERS = 8, 16
REFUSALS = 5
"""So many connections are opened to a host that takes few sessions in each, or none."""
_FOLDERS = ("/run/user/{uid}", "/tmp")  # noqa: S108 - made 0700, and refused if it is another's


def folder() -> Path:
    """Where sockets and slots are: the same for every process of a user, whatever its environment, and of
    a short path, since that of a socket may have 108 bytes."""
    uid = os.geteuid()
    base = next(Path(name.format(uid=uid)) for name in _FOLDERS if os.path.isdir(name.format(uid=uid)))
    found = base / f"obs-ssh-{uid}"
    with contextlib.suppress(FileExistsError):
        found.mkdir(mode=0o700)
    own = found.lstat()
    if not stat.S_ISDIR(own.st_mode) or own.st_uid != uid or stat.S_IMODE(own.st_mode) & 0o077:
        raise Unreachable("ssh", f"{found} is not a folder of this user alone (0700). Remove it")
    return found


@dataclass
class Session:
    """A command that runs on the host: our ends of its streams."""

    stdin: int
    stdout: int
    stderr: int
    _master: socket.socket
    _slot: int

    def end_input(self) -> None:
        """It reads an end of file."""
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def cut_off(self) -> bool:
        """Of one that ended: whether that was because the connection did."""
        return mux.exit_code(self._master) is None

    def close(self) -> None:
        """Ends it, if it has not ended."""
        self.end_input()
        self._master.close()
        os.close(self.stdout)
        os.close(self.stderr)
        os.close(self._slot)


@dataclass(frozen=True)
class Master:
    """The connections to one host. Holds nothing itself."""

    connection: Connection
    login: Login

    @property
    def id(self) -> str:
        """Of the host, the way to it and the key, so that another key opens a connection of its own."""
        text = self.connection.model_dump_json() + (self.login.key or "")
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def session(self, command: str) -> Session:
        """A command begun on the host. Raises Unreachable."""
        ours, theirs = mux.pipes()
        with contextlib.ExitStack() as faults:
            for end in ours:
                faults.callback(os.close, end)
            try:
                stream, slot = self._begun(command, theirs)
            finally:
                for end in theirs:
                    os.close(end)
            faults.pop_all()
        return Session(*ours, stream, slot)

    @contextlib.contextmanager
    def talk(self, command: str) -> Iterator[socket.socket]:
        """A command of the user's own, by what it reads and writes. Raises Unreachable."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs, open(os.devnull, "wb") as nowhere:
                ends = (theirs.fileno(), theirs.fileno(), nowhere.fileno())
                stream, slot = self._begun(command, ends)
            try:
                with stream:
                    yield ours
            finally:
                os.close(slot)

    def _begun(self, command: str, ends: tuple[int, int, int]) -> tuple[socket.socket, int]:
        """In the first connection that has room: what ends it, and its slot."""
        reason = "no connection has room for another session"
        for number in range(MASTERS):
            slot = _slot(folder() / f"{self.id}.{number}")
            if slot is None:
                continue
            try:
                return self._begin(number, command, ends), slot
            except mux.Refused as error:
                os.close(slot)
                reason = f"the host opens no session ({error})"
                if number >= REFUSALS:
                    break
            except BaseException:
                os.close(slot)
                raise
        raise words.unreachable(self.connection, f"{reason}; see MaxSessions in its sshd_config")

    def _begin(self, number: int, command: str, ends: tuple[int, int, int]) -> socket.socket:
        with self._spoken_to():
            try:
                return mux.session(self.socket(number), command, ends, SESSION_SECONDS)
            except mux.NoMaster:
                self.open(number)
                return mux.session(self.socket(number), command, ends, SESSION_SECONDS)

    def stream(self, host: str, port: int, timeout: float) -> tuple[socket.socket, socket.socket]:
        """A TCP connection that the host makes, as `mux.stream` has it. Raises Unreachable where the way to
        the host is at fault, mux.Refused or TimeoutError where the server there is."""
        try:
            return mux.stream(self.socket(0), host, port, timeout)
        except mux.NoMaster:
            self.open(0)
        try:
            return mux.stream(self.socket(0), host, port, timeout)
        except mux.NoMaster:
            raise words.unreachable(self.connection, "the connection was lost") from None

    @contextlib.contextmanager
    def _spoken_to(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            why = f"the host began no command within {SESSION_SECONDS} s"
            raise words.unreachable(self.connection, why) from None
        except mux.NoMaster:
            raise words.unreachable(self.connection, "the connection was lost") from None

    def socket(self, number: int) -> str:
        """Of the master; its log stands beside it."""
        return str(folder() / f"{self.id}.{number}.s")

    def log(self, number: int = 0) -> str:
        """What ssh wrote since the connection was opened."""
        try:
            return Path(self.socket(number) + ".log").read_text(errors="replace")
        except OSError:
            return ""

    def open(self, number: int = 0) -> None:
        """Open the connection unless it is open. Raises Unreachable."""
        path = self.socket(number)
        with _alone(f"{path}.lock"):
            if mux.alive(path):
                return
            jump = self.connection.jump and Master(self.connection.jump, self.login)
            if jump:
                jump.open()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            if not self.connection.host_keys:
                raise words.strange_key(self.connection, self._seen_key())
            begun, heard = time.monotonic(), len(jump.log()) if jump else 0
            if self._ssh(path) != 0 or not mux.alive(path):
                took, log = time.monotonic() - begun, self.log(number)
                if words.wants_key(log):
                    raise words.strange_key(self.connection, self._seen_key())
                raise words.failed(self.connection, self.login, log, took, jump.log()[heard:] if jump else "")

    def close(self) -> None:
        """End the connections to the host. Fine if there are none."""
        for number in range(MASTERS):
            path = self.socket(number)
            if not os.path.exists(path):
                continue
            mux.end(path)

    def _ssh(self, path: str) -> int:
        """Becomes a process in the background once the user is logged in. Key and known hosts are files in
        memory, which end with us."""
        known = "".join(f"{_ALIAS} {key}\n" for key in self.connection.host_keys)
        with _in_memory("known", known) as known_hosts, _in_memory("key", self._key()) as key:
            arguments = [
                *self._arguments(path + ".log"),
                *("-M", "-N", "-S", path, "-o", f"ControlPersist={PERSIST_SECONDS}"),
                *("-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={known_hosts}"),
                *("-o", "PreferredAuthentications=publickey"),
            ]
            if self.login.key is not None:
                arguments += ["-i", key, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"]
            return _run([*arguments, "--", self.connection.address], path + ".log")

    def _key(self) -> str:
        """As OpenSSH wants it: with line feeds, and one at its end."""
        return (self.login.key or "").replace("\r\n", "\n").strip() + "\n"

    def _seen_key(self) -> str:
        """The key that the host shows, asked for without logging in; '' if that failed."""
        seen = Path(self.socket(0) + f".seen.{os.getpid()}")
        log = f"{seen}.log"
        try:
            options = ("StrictHostKeyChecking=accept-new", f"UserKnownHostsFile={seen}", "HashKnownHosts=no")
            arguments = self._arguments(log)
            for option in (*options, "PreferredAuthentications=none", "IdentityFile=none"):
                arguments += ["-o", option]
            _run([*arguments, "--", self.connection.address, "true"], log)
            return public_key(seen.read_text().split(" ", 1)[1])
        except (OSError, ValueError, IndexError):
            return ""
        finally:
            seen.unlink(missing_ok=True)
            Path(log).unlink(missing_ok=True)

    def _arguments(self, log: str) -> list[str]:
        way = self.connection
        options = [
            *("BatchMode=yes", "GlobalKnownHostsFile=/dev/null", f"HostKeyAlias={_ALIAS}", "CheckHostIP=no"),
            *("UpdateHostKeys=no", "VerifyHostKeyDNS=no", "ForwardAgent=no", "LogLevel=INFO"),
            *(f"ConnectTimeout={CONNECT_SECONDS}", "ConnectionAttempts=1", "TCPKeepAlive=yes"),
            *(f"ServerAliveInterval={ALIVE_SECONDS}", f"ServerAliveCountMax={ALIVE_COUNT}"),
        ]
        if way.jump:
            hop = Master(way.jump, self.login).socket(0)
            options.append(f"ProxyCommand=ssh -F /dev/null -S {hop} -o BatchMode=yes -W [%h]:%p jump")
        arguments = ["ssh", "-F", "/dev/null", "-E", log, "-l", way.user, "-p", str(way.port)]
        for option in options:
            arguments += ["-o", option]
        return arguments


_ALIAS = "host"
"""What a host is called in a list of known hosts that has no other."""


def _run(arguments: list[str], log: str) -> int:
    """Not ended by Ctrl-C in a terminal, since other processes use the connection too."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SSH_AUTH_SOCK") if name in os.environ}
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    try:
        done = subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=descriptor,
            env=kept | {"LC_ALL": "C"},
            cwd="/",
            start_new_session=True,
            timeout=OPEN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        os.write(descriptor, f"Connection timed out: not logged in within {OPEN_SECONDS} s\n".encode())
        return 255
    finally:
        os.close(descriptor)
    return done.returncode


@contextlib.contextmanager
def _in_memory(name: str, text: str) -> Iterator[str]:
    """A file that is on no disk, by a name under which other processes of this user can open it."""
    descriptor = os.memfd_create(name)
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, text.encode())
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _alone(path: str) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _slot(path: Path) -> int | None:
    """The lock of one session of a connection; None if all are taken."""
    for number in range(SLOTS):
        descriptor = os.open(f"{path}.{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        return descriptor
    return None
