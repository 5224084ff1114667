"""What making a host ready asks of the way to it: scripts of root's, with what they read."""

import shlex
from typing import Protocol

from vsi.errors import DeployError

SECONDS = 600
"""Of one script: a slow disk has to take an engine, or a slow line a piece of one."""


class Reply(Protocol):
    """What a script ended with, and wrote."""

    @property
    def code(self) -> int: ...
    @property
    def output(self) -> bytes: ...
    @property
    def errors(self) -> bytes: ...


class Shell(Protocol):
    """A POSIX shell of root's on a host. A script given `feed` reads no byte more from standard input than
    there are; what goes wrong on the way is `Unreachable`."""

    def ask(self, script: str, feed: bytes | None = None, seconds: float = SECONDS) -> Reply:
        """Carry out a script."""


def carried_out(shell: Shell, host: str, what: str, script: str, feed: bytes | None = None) -> str:
    """What a script that must succeed wrote; DeployError with its own words if it does not."""
    reply = shell.ask(f"set -eu\n{script}", feed, SECONDS)
    if reply.code != 0:
        words = (reply.errors or reply.output).decode(errors="replace").strip()
        raise DeployError(host, f"{what} failed: {words[-2000:] or f'exit code {reply.code}'}")
    return reply.output.decode(errors="replace")


def quoted(*words: object) -> str:
    """Words of a command line."""
    return shlex.join(map(str, words))
