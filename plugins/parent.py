"""Ends a plugin when the engine that started it is gone."""

import os
import select
import threading
import time

POLL_SECONDS = 0.5


def die_with_parent() -> None:
    """Start a thread that ends this process as soon as its parent has ended.

    An engine that is killed outright cannot stop its plugins, and a plugin that lives on would go on
    changing the host beside the next run. The parent-death signal of the kernel does not fit: it follows
    the *thread* that started us, and the Go runtime ends threads as it likes. A file descriptor of the
    parent process follows the process; where the platform has none, its id is polled.
    """
    parent = os.getppid()
    threading.Thread(target=_wait_for_end, args=(parent,), name="die-with-parent", daemon=True).start()


def _wait_for_end(parent: int) -> None:
    try:
        poll = select.poll()
        poll.register(os.pidfd_open(parent), select.POLLIN)
        if os.getppid() == parent:
            poll.poll()
    except (AttributeError, OSError):
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
    os._exit(1)
