"""Locks of a host, held by a session there, which lets go when it no longer hears of us."""

import base64
import binascii
import contextlib
import getpass
import os
import shlex
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath

from vsi.errors import DeployError, Unreachable
from vsi.ssh import shell, words
from vsi.ssh.master import Master

TAKEN = 'if [ -s "$path" ]; then stat -c %.9Y "$path"; else echo never; fi'
"""A command for a shell: when a lock was last taken; nothing where that cannot be told."""
_BEAT_SECONDS = 5
_ANSWER_SECONDS = 20
_SILENT_SECONDS = 40
"""So long without a word of ours, and the host lets go; we know sooner that the connection is cut."""
_AGAIN_SECONDS = 0.2
_DESCRIPTORS = range(3, 10)
"""Those that every shell can name."""

# Lines `lock DESCRIPTOR WHO PATH`, `free DESCRIPTOR - -`, `beat - - -`; each is answered by one.
_KEEP = f"""umask 077
while l=$(timeout {_SILENT_SECONDS} head -n 1) && [ -n "$l" ]; do
  what=${{l%% *}}; l=${{l#* }}; n=${{l%% *}}; l=${{l#* }}; who=${{l%% *}}; path=${{l#* }}
  case $what in
  lock)
    if mkdir -p "${{path%/*}}" && eval "command exec $n>>\\"\\$path\\""; then
      if flock -n "$n"; then echo "yes $({TAKEN})"; echo "$who" >"$path"
      else eval "exec $n>&-"; echo "no $(head -n 1 "$path")"; fi
    else echo broken; fi 2>/dev/null ;;
  free) eval "exec $n>&-"; echo yes ;;
  *) echo yes ;;
  esac
done"""


def question(folder: PurePath, name: str) -> tuple[str, ...]:
    """A command that tells when a lock was last taken, and nothing while somebody has it. It has the lock
    itself for a moment, as others that ask may at the same time."""
    path = shlex.quote(str(folder / f"{name}.lock"))
    ask = f'path={path}; [ -e "$path" ] || {{ echo never; exit; }}; exec 9<"$path"; flock -n -s 9 && {TAKEN}'
    return ("sh", "-c", ask)


class Held(DeployError):
    """Another run has a lock; `who` is what it said of itself, '' if nothing."""

    def __init__(self, unit: str, message: str, who: str) -> None:
        super().__init__(unit, message)
        self.who = who


def this_run(command: str) -> str:
    """What this run says of itself to others: its command, whose it is, on which machine, and since when."""
    user = str(os.getuid())
    with contextlib.suppress(KeyError, OSError):  # it has no name
        user = getpass.getuser()
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"`obs {command}` of {user}@{socket.gethostname()} (process {os.getpid()}, since {since})"


@dataclass
class _Keeper:
    """The locks that this process holds on one host, in one session."""

    master: Master
    root: shell.Shell
    stack: contextlib.ExitStack
    users: int = 0
    lost: Unreachable | None = None
    taken: set[int] = field(default_factory=set)
    turn: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    def say(self, line: str) -> str:
        """One line there and back; '' if the session ended while this waited for its turn."""
        with self.turn:
            if self.over.is_set():
                return ""
            if self.lost:
                raise self.lost
            try:
                return self.root.say(line, _ANSWER_SECONDS)
            except Unreachable as error:
                self.lost = error
                raise

    def beat(self) -> None:
        """In a thread of its own, until it is over."""
        while not self.over.wait(_BEAT_SECONDS):
            with contextlib.suppress(Unreachable):
                self.say("beat - - -")


_keepers: dict[Master, _Keeper] = {}
_turn = threading.Lock()


@contextlib.contextmanager
def hold(master: Master, folder: PurePath, name: str, seconds: float = 900, who: str = "") -> Iterator[str]:
    """Hold the lock `<folder>/<name>.lock` of the host, waiting up to `seconds`. Gives when it was taken
    before. Raises DeployError; Held, with what that one said of itself, where another run has it."""
    path = folder / f"{name}.lock"
    with _keeper(master) as keeper:
        with _turn:
            number = next(iter(set(_DESCRIPTORS) - keeper.taken))
            keeper.taken.add(number)
        try:
            before = _lock(keeper, f"lock {number} {_encoded(who)} {path}", path, seconds)
            try:
                yield before
            finally:
                with contextlib.suppress(Unreachable):
                    keeper.say(f"free {number} - -")
        finally:
            keeper.taken.discard(number)


def _encoded(who: str) -> str:
    return base64.b64encode(who.encode()).decode() or "-"


def _decoded(word: str) -> str:
    try:
        return base64.b64decode(word, validate=True).decode(errors="replace")
    except binascii.Error:
        return ""


def _lock(keeper: _Keeper, line: str, path: PurePath, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while not (answer := keeper.say(line)).startswith("yes "):
        if answer == "broken":
            raise words.unreachable(keeper.master.connection, f"cannot write the lock file {path} there")
        if time.monotonic() > deadline:
            host = keeper.master.connection.host
            text = f"another run has held {path} on {host} for {seconds:.0f} s. Wait for it, or end it."
            raise Held(path.stem, text, _decoded(answer.partition(" ")[2]))
        time.sleep(_AGAIN_SECONDS)
    return answer.removeprefix("yes ")


def check(master: Master) -> None:
    """Raises Unreachable if a lock that this process has on the host was lost on the way."""
    keeper = _keepers.get(master)
    if keeper and keeper.lost:
        why = "the connection was cut, and the lock with it: another run may work there. Run it again"
        raise words.unreachable(master.connection, why)


@contextlib.contextmanager
def _keeper(master: Master) -> Iterator[_Keeper]:
    with _turn:
        keeper = _keepers.get(master)
        if keeper is None:
            keeper = _keepers[master] = _begun(master)
        keeper.users += 1
    try:
        yield keeper
    finally:
        with _turn:
            keeper.users -= 1
            if not keeper.users:
                del _keepers[master]
                keeper.over.set()
                with keeper.turn:
                    keeper.stack.close()


def _begun(master: Master) -> _Keeper:
    stack = contextlib.ExitStack()
    try:
        root = stack.enter_context(shell.shell(master))
        root.start(_KEEP)
    except BaseException:
        stack.close()
        raise
    keeper = _Keeper(master, root, stack)
    threading.Thread(target=keeper.beat, name="locks", daemon=True).start()
    return keeper
