"""pyinfra's way to a host over our connection. Only the process that changes hosts imports this."""

import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from pyinfra.api.command import StringCommand
from pyinfra.api.host import Host
from pyinfra.api.inventory import Inventory
from pyinfra.api.util import get_file_io
from pyinfra.connectors.base import BaseConnector
from pyinfra.connectors.util import CommandOutput, OutputLine, make_unix_command

from vsi.session import REFUSED
from vsi.ssh import shell
from vsi.ssh.master import Master

COMMAND_SECONDS = 1800
"""Of one command. What takes long by design has a limit of its own, to which the host holds it."""


class OneHost(Inventory):
    """The host at the end of a connection. No connector of pyinfra's own is loaded for it."""

    def __init__(self, master: Master) -> None:
        name = master.connection.host
        start: Any = super().__init__
        start(([], {}))
        self.host_data[name] = {"master": master}
        self.hosts = {name: Host(name, inventory=self, groups=[], connector_cls=OverMaster)}

    def make_hosts_and_groups(self, names: Any, groups: Any) -> None:
        """None of those that pyinfra would look for connectors for."""
        del names, groups


class OverMaster(BaseConnector):
    """One shell of root's for all commands of a run."""

    handles_execution = True
    _stack: ExitStack
    _shell: shell.Shell

    @staticmethod
    def make_names_data(name: str) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
        """A host is its own name."""
        yield name, {}, []

    def connect(self) -> None:
        """Raises Unreachable, which ends the run and is shown as it is."""
        self._stack = ExitStack()
        self._shell = self._stack.enter_context(shell.shell(self.host.data.master))

    def disconnect(self) -> None:
        """The connection itself stays, for others."""
        self._stack.close()

    def run_shell_command(
        self, command: StringCommand, print_output: bool = False, print_input: bool = False, **arguments: Any
    ) -> tuple[bool, CommandOutput]:
        """Root's shell takes the command as it is; in one of its own only if pyinfra wants more of it."""
        del print_output, print_input
        seconds = arguments.pop("_timeout", None) or COMMAND_SECONDS
        expected = arguments.pop("_success_exit_codes", None) or [0]
        feed = arguments.pop("_stdin", None)
        arguments.pop("_get_pty", None)
        wanted = {key: value for key, value in arguments.items() if value}
        if set(wanted) - {"_shell_executable"}:
            command = make_unix_command(command, **wanted)
        if feed is not None:
            raise NotImplementedError("standard input of a command")
        reply = self._shell.ask(StringCommand(command).get_raw_value(), seconds=seconds)
        streams = (("stdout", reply.output), ("stderr", reply.errors))
        lines = [
            OutputLine(name, line)
            for name, data in streams
            for line in data.decode(errors="surrogateescape").removesuffix("\n").split("\n")
            if data
        ]
        return reply.code in expected, CommandOutput(lines)

    def put_file(
        self,
        filename_or_io: Any,
        remote_filename: str,
        remote_temp_filename: str | None = None,
        print_output: bool = False,
        print_input: bool = False,
        **arguments: Any,
    ) -> bool:
        """Beside the target, then renamed; with the mode of what was there, else for root alone."""
        del remote_temp_filename, print_output, print_input, arguments
        with get_file_io(filename_or_io) as stream:
            read = stream.read()
        data = read.encode() if isinstance(read, str) else read
        reply = self._shell.ask(_put(remote_filename, len(data)), data, COMMAND_SECONDS)
        if reply.code != 0:
            self.host.connector_data[REFUSED] = reply.errors.decode(errors="replace").splitlines()
        return reply.code == 0

    def get_file(
        self,
        remote_filename: str,
        filename_or_io: Any,
        remote_temp_filename: str | None = None,
        print_output: bool = False,
        print_input: bool = False,
        **arguments: Any,
    ) -> bool:
        """As it is."""
        del remote_temp_filename, print_output, print_input, arguments
        reply = self._shell.ask(f"cat -- {shlex.quote(remote_filename)}")
        if reply.code != 0:
            raise OSError(reply.errors.decode(errors="replace").strip())
        with get_file_io(filename_or_io, "wb") as stream:
            stream.write(reply.output)
        return True


def _put(path: str, size: int) -> str:
    """`tee` reads to the end, also of what a full disk does not take."""
    return f"""
t={shlex.quote(path)}
new=$(mktemp -- "${{t%/*}}/.obs-XXXXXXXXXX") || {{ head -c {size} >/dev/null; exit 1; }}
head -c {size} | tee -- "$new" >/dev/null
have=$(stat -c %s -- "$new")
[ "$have" = {size} ] || {{ rm -f -- "$new"; echo "$t: $have of {size} bytes arrived" >&2; exit 1; }}
if [ -f "$t" ] && [ ! -L "$t" ]; then chmod --reference="$t" -- "$new" && chown --reference="$t" -- "$new"; fi
mv -fT -- "$new" "$t" || {{ rm -f -- "$new"; exit 1; }}
"""
