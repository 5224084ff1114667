"""The reach of a host over SSH: one round trip for each question, changes through pyinfra."""

import contextlib
import shlex
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

from vsi.changes import Steps
from vsi.errors import Unreachable
from vsi.reach import Answer, Facts, Get, Holder, Look, Question, Report, Said, Survey
from vsi.ssh import asking, holding, look, ports, shell, survey, words
from vsi.ssh.connection import Connection, Login
from vsi.ssh.master import Master

RUN_SECONDS = 300
"""For a command that looks."""


@dataclass(frozen=True)
class SshReach:
    """A stack's way to a host; `root` is its state folder there."""

    connection: Connection
    login: Login
    root: PurePath

    @cached_property
    def master(self) -> Master:
        """The connection, which outlives us for a while."""
        return Master(self.connection, self.login)

    def look(self, what: Look) -> Facts:
        """See `Reach`."""
        return look.facts(self.root, self._ask(look.script(self.root, what)))

    def look_and_run(self, what: Look, *commands: tuple[str, ...]) -> tuple[Facts, list[Said]]:
        """Commands that look, and then a look, in one round trip."""
        *said, looked = self._together(*map(_command, commands), look.script(self.root, what))
        return look.facts(self.root, looked.output), [_said(reply) for reply in said]

    def survey_and_run(self, question: Question, *commands: tuple[str, ...]) -> tuple[Survey, list[Said]]:
        """A survey, and commands that look, in one round trip."""
        surveyed, *said = self._together(survey.script(self.root, question), *map(_command, commands))
        return survey.survey(question, surveyed.output), [_said(reply) for reply in said]

    def survey(self, question: Question) -> Survey:
        """See `Reach`."""
        return survey.survey(question, self._ask(survey.script(self.root, question)))

    def ports(self, ports_: Collection[int]) -> dict[int, Holder]:
        """See `Reach`."""
        return ports.holders(ports_, self._ask(ports.script(ports_))) if ports_ else {}

    def get(self, request: Get, timeout: float) -> Answer:
        """See `Reach`."""
        return asking.get(self.master, request, timeout)

    def greet(self, host: str, port: int, words: bytes, timeout: float) -> Answer:
        """See `Reach`."""
        return asking.greet(self.master, host, port, words, timeout)

    def run(self, command: tuple[str, ...]) -> Said:
        """See `Reach`."""
        return _said(shell.ask(self.master, _command(command), seconds=RUN_SECONDS))

    def tail(self, path: str, size: int) -> bytes:
        """See `Reach`."""
        return self._ask(f"tail -c {size} -- {shlex.quote(path)} 2>/dev/null")

    def folder_size(self, path: str) -> int:
        """See `Reach`."""
        find = f"find -H {shlex.quote(path)} -mindepth 1 ! -type d ! -xtype d -printf '%s\\n' 2>/dev/null"
        return sum(map(int, self._ask(find).split()))

    def suspended(self, pid: int) -> bool:
        """See `Reach`."""
        said = self._ask(f"cat /proc/{int(pid)}/stat 2>/dev/null")
        return said.rpartition(b")")[2].split()[:1] in ([b"T"], [b"t"])

    def change(self, steps: Steps, report: Report) -> None:
        """See `Reach`."""
        from vsi import session  # pyinfra takes half a second: only now
        from vsi.ssh.connector import OneHost

        holding.check(self.master)
        session.carry_out(OneHost(self.master), steps, report)

    @contextmanager
    def scratch(self, path: str) -> Iterator[None]:
        """What a run leaves behind that is killed, the next one removes."""
        quoted = shlex.quote(path)
        made = shell.ask(self.master, f"rm -rf -- {quoted}; umask 077; mkdir -p -- {quoted}")
        if made.code != 0:
            said = made.errors.decode(errors="replace").strip()
            raise words.unreachable(self.connection, f"cannot make a folder there: {said}")
        try:
            yield
        finally:
            with contextlib.suppress(Unreachable):
                self._ask(f"rm -rf -- {quoted}")

    def hold(self, name: str) -> AbstractContextManager[object]:
        """See `Reach`."""
        return holding.hold(self.master, self.root / "locks", name)

    def _ask(self, script: str) -> bytes:
        return shell.ask(self.master, script).output

    def _together(self, *scripts: str) -> list[shell.Reply]:
        """Scripts one after the other, each by itself."""
        return shell.ask_all(self.master, scripts, RUN_SECONDS)


def _command(words: tuple[str, ...]) -> str:
    """What it says of errors stands in its output."""
    return f"exec 2>&1; {shlex.join(words)}"


def _said(reply: shell.Reply) -> Said:
    return Said(reply.code, reply.output.decode(errors="replace"))
