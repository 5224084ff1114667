"""A shell of root's on a host, given one script after the other over one session.

The command line that the user's login shell sees is always the same and has nothing that any of them would
read in its own way (fish, csh); what is to be done goes in by standard input, so that no argument list shows
it. What a login shell, a banner or sudo writes before is told apart by a word that nobody else knows.
"""

import contextlib
import os
import secrets
import selectors
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from vsi.errors import Unreachable
from vsi.ssh import words
from vsi.ssh.master import Master, Session

SECONDS = 60
"""The limit of a script that only looks."""
LONG = 7200
"""After so long the host itself ends a session, whatever runs in it."""
_SUDO_SECONDS = 20
_READY = b"obs-ready\n"

# Reads a line `obs WORD BYTES watch|feed`, then a script of so many bytes, carries it out, and so on. Of a
# `feed`, the script reads what follows it. During a `watch`, everything ends as soon as the connection does:
# `kill -9 0` reaches the process group that `timeout` made. Holds no `!`, no single quote, no line break.
_LOOP = (
    "exec 3<&0; cd /; umask 022; export LC_ALL=C; "
    "PATH=${PATH:-/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; "
    "echo obs-ready; "
    "while read -r a m n f; do case $a in obs) ;; *) continue ;; esac; "
    's=$(head -c "$n"); echo "$m"; echo "$m" >&2; '
    "case $f in watch) "
    "(while read -r x; do :; done <&3; kill -9 0) >/dev/null 2>&1 & w=$!; "
    '(exec 3<&-; eval "$s") </dev/null; c=$?; { kill -9 $w; wait $w; } 2>/dev/null ;; '
    '*) (exec 3<&-; eval "$s"); c=$? ;; esac; '
    'echo "$m $c"; echo "$m end" >&2; done'
)


@dataclass(frozen=True)
class Reply:
    """What a script ended with, and wrote."""

    code: int
    output: bytes
    errors: bytes


@dataclass
class Shell:
    """One session. Not for two threads at once."""

    master: Master
    session: Session
    _out: bytearray = field(default_factory=bytearray)
    _err: bytearray = field(default_factory=bytearray)

    def ask(self, script: str, feed: bytes | memoryview | None = None, seconds: float = SECONDS) -> Reply:
        """Carry out a script. With `feed`, that is its standard input, of which it has to read each byte and
        no more. Raises Unreachable if the connection ends, or the time."""
        word = secrets.token_hex(16)
        data = script.encode("utf-8", "surrogateescape")
        header = f"obs {word} {len(data)} {'watch' if feed is None else 'feed'}\n".encode()
        begin, done, end = (f"{word}{rest}".encode() for rest in ("\n", " ", " end\n"))

        def complete() -> bool:
            tail = self._out[-4096:]
            found = tail.rfind(done)
            return found >= 0 and tail.find(b"\n", found) >= 0 and end in self._err[-4096:]

        with self._in_time(seconds):
            self._exchange([header + data, feed or b""], complete, seconds, begin)
        output, _, code = bytes(self._out).partition(begin)[2].rpartition(done)
        errors = bytes(self._err).partition(begin)[2].rpartition(end)[0]
        self._out.clear()
        self._err.clear()
        return Reply(int(code.split()[0]), output, errors)

    def start(self, script: str) -> None:
        """Begin a script that goes on until the session ends; it reads what `say` says."""
        word = secrets.token_hex(16)
        data, begin = script.encode("utf-8", "surrogateescape"), f"{word}\n".encode()
        header = f"obs {word} {len(data)} feed\n".encode()
        with self._in_time(SECONDS):
            self._exchange([header + data], lambda: begin in self._out, SECONDS, begin)
        del self._out[: self._out.index(begin) + len(begin)]

    def say(self, line: str, seconds: float) -> str:
        """A line for what was started, and the line that it answers. Raises Unreachable."""
        with self._in_time(seconds):
            self._exchange([f"{line}\n".encode()], lambda: b"\n" in self._out, seconds, b"")
        answer, _, rest = bytes(self._out).partition(b"\n")
        self._out[:] = rest
        return answer.decode(errors="replace")

    def tell_password(self, password: str) -> None:
        """To sudo alone, which may ask for it or not: no byte of a script is ever taken for a password."""

        def heard() -> bool:
            return _READY in self._out or b"try again" in self._err

        with contextlib.suppress(TimeoutError):
            self._exchange([f"{password}\n".encode()], heard, _SUDO_SECONDS, _READY)
        if _READY not in self._out:
            raise self._ended(_READY)

    @contextlib.contextmanager
    def _in_time(self, seconds: float) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            why = f"no answer to a command within {seconds:.0f} s"
            raise words.unreachable(self.master.connection, why) from None

    def _exchange(
        self, parts: list[bytes | memoryview], complete: Callable[[], bool], seconds: float, begin: bytes
    ) -> None:
        """Write, and read until it is complete; TimeoutError if it is not in time. `begin` shows that it is
        our shell that speaks."""
        session, deadline = self.session, time.monotonic() + seconds
        left = [memoryview(part) for part in parts if len(part)]
        with selectors.DefaultSelector() as ready:
            ready.register(session.stdout, selectors.EVENT_READ, self._out)
            ready.register(session.stderr, selectors.EVENT_READ, self._err)
            if left:
                ready.register(session.stdin, selectors.EVENT_WRITE)
            while not complete():
                rest = deadline - time.monotonic()
                if rest <= 0:
                    raise TimeoutError
                for key, _ in ready.select(rest):
                    if key.data is None:
                        left = _written(session.stdin, left)
                        if not left:
                            ready.unregister(session.stdin)
                    elif data := os.read(key.fd, 1 << 20):
                        key.data.extend(data)
                    else:
                        ready.unregister(key.fd)
                        if key.fd == session.stdout and not complete():
                            raise self._ended(begin)

    def _ended(self, begin: bytes) -> Unreachable:
        """Why the session ended before it said what it was asked."""
        connection, login = self.master.connection, self.master.login
        self.session.end_input()
        self._drain()
        said = self._err.decode(errors="replace")
        if begin in self._out or self.session.cut_off():
            return words.unreachable(connection, "the connection was lost")
        if error := words.no_root(connection, said, given=login.sudo_password is not None):
            return error
        told = (said + self._out.decode(errors="replace")).strip() or "it says nothing"
        why = f"the login shell of {connection.user!r} does not carry commands out: {told[-500:]}"
        return words.unreachable(connection, why)

    def _drain(self) -> None:
        deadline = time.monotonic() + 5
        with selectors.DefaultSelector() as ready:
            ready.register(self.session.stderr, selectors.EVENT_READ)
            while ready.select(max(0, deadline - time.monotonic())):
                data = os.read(self.session.stderr, 65536)
                if not data:
                    return
                self._err += data


def _written(descriptor: int, parts: list[memoryview]) -> list[memoryview]:
    """What is left to be written."""
    try:
        count = os.write(descriptor, parts[0][: 1 << 16])
    except BlockingIOError:
        return parts
    except BrokenPipeError:
        return []
    rest = parts[0][count:]
    return [rest, *parts[1:]] if len(rest) else parts[1:]


@contextlib.contextmanager
def shell(master: Master, seconds: float = LONG) -> Iterator[Shell]:
    """A shell of root's, for a while. Raises Unreachable."""
    user, password = master.connection.user, master.login.sudo_password
    become = ""
    if user != "root":
        become = "sudo -n " if password is None else "sudo -k -S -p '' "
    command = f"env LC_ALL=C {become}timeout -k 5 {seconds:.0f} sh -c '{_LOOP}'"
    session = master.session(command)
    try:
        os.set_blocking(session.stdin, False)
        made = Shell(master, session)
        if become and password is not None:
            made.tell_password(password)
        yield made
    finally:
        session.close()


def ask_all(master: Master, scripts: Sequence[str], seconds: float = SECONDS) -> list[Reply]:
    """Several scripts in one round trip, none of which hears of the others."""
    word = secrets.token_hex(16)
    end = f"printf '\\n%s %s\\n' {word} $?"
    reply = ask(master, "\n".join(f"(\n{script}\n)\n{end}" for script in scripts), seconds=seconds)
    first, *rest = reply.output.split(f"\n{word} ".encode())
    outputs, codes = [first], []
    for part in rest:
        code, _, output = part.partition(b"\n")
        codes.append(int(code))
        outputs.append(output)
    return [Reply(code, output, b"") for code, output in zip(codes, outputs[:-1], strict=True)]


def ask(
    master: Master, script: str, feed: bytes | memoryview | None = None, seconds: float = SECONDS
) -> Reply:
    """One script in a session of its own: one round trip."""
    with shell(master, seconds + 30) as root:
        return root.ask(script, feed, seconds)
