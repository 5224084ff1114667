"""The supervisor's process: supervisord, which keeps its own doors open. `python keeper.py CONFIG`.

Run in the state folder, which it calls `/proc/self/cwd`: so no path in its configuration holds a character
that its file format cannot express, and the socket's is short. `CONFIG` is how others recognise the process.

Sockets get lost: a sweep of temporary files, a restored backup, a hand. A supervisor without one cannot be
spoken to any more, and the only way on would be to end all that runs under it. So what is missing is made
again.

Standard library and `supervisor` only: it is started as a file, in a bare environment, and runs for months.
"""

import contextlib
import os
from typing import Any

from supervisor import supervisord
from supervisor.http import make_http_servers

CONFIG = "/proc/self/cwd/supervisor/supervisord.conf"


class Keeper(supervisord.Supervisor):  # type: ignore[misc] # supervisor has no types
    """Looks, about once a second, whether its socket and its pid file are there."""

    def tick(self, now: float | None = None) -> None:
        """Called in every round of its loop."""
        super().tick(now)
        options = self.options
        if not all(os.path.exists(config["file"]) for config, _ in options.httpservers):
            self._listen_again()
        if not os.path.exists(options.pidfile):
            options.write_pidfile()

    def _listen_again(self) -> None:
        old: list[tuple[Any, Any]] = self.options.httpservers
        with contextlib.suppress(OSError, ValueError):  # the folder is gone too: at the next tick, perhaps
            self.options.httpservers = make_http_servers(self.options, self)
            self.options.logger.warn("the socket was lost and is made again; programs run on")
            for _, server in old:
                server.close()


def main() -> None:
    """supervisord's own entry point, with this class in the place of its own."""
    supervisord.Supervisor = Keeper
    supervisord.main(["-n", "-c", CONFIG])


if __name__ == "__main__":
    main()
