"""One run at a time on the servers of a stack, whoever began it, and where: a lock on each host.

What is done by hand with `pulumi` has the locks of single units, and that of the place where its state is.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import cast

from components.target import Busy, Run
from vsi.errors import Unreachable
from vsi.machine import Machine
from vsi.servers import snapshot
from vsi.servers.known import Known
from vsi.servers.machine import Server
from vsi.servers.operate import each, machines
from vsi.servers.plan import ServersPlan
from vsi.ssh import holding

_TRIED_SECONDS = 0.5
"""Long enough to have a lock that another run only looks at, see `holding.question`."""
_AGAIN_SECONDS = 1


@contextmanager
def alone(run: Run, plan: ServersPlan | None) -> Iterator[None]:
    """See `Operate.alone`. All hosts or none, so that two runs never wait for each other. A host that cannot
    be reached is left out: the run will tell of it."""
    hosts = machines(run.stack) | (Known.of(plan).machines(run.stack) if plan else {})
    with ExitStack() as held:
        while others := _take(held, hosts, run):
            held.close()
            if not run.wait:
                raise Busy(_words(run.stack, others))
            time.sleep(_AGAIN_SECONDS)
        yield


def _take(held: ExitStack, hosts: dict[str, Machine], run: Run) -> dict[str, str]:
    """Lock them all at once; those that others have, with what these said of themselves."""
    who = holding.this_run(run.command)

    def ask(_: str, machine: Machine) -> AbstractContextManager[str] | str | None:
        reach = cast(Server, machine).reach
        lock = holding.hold(reach.master, snapshot.RUNS, run.stack, _TRIED_SECONDS, who)
        try:
            before = lock.__enter__()
        except holding.Held as other:
            return other.who
        except Unreachable:
            return None
        snapshot.locked(run.stack, reach.connection, before)
        return lock

    others = {}
    for host, found in each(hosts, ask).items():
        if isinstance(found, str):
            others[host] = found
        elif found:
            held.push(found)
    return others


def _words(stack: str, others: dict[str, str]) -> str:
    by: dict[str, list[str]] = {}
    for host, who in others.items():
        by.setdefault(who or "another run", []).append(host)
    lines = [f"stack '{stack}' is being changed on {', '.join(on)} by {who}." for who, on in by.items()]
    what_to_do = "Run this again when it has ended; `obs up --wait` and its like wait for that."
    return "\n".join((*lines, what_to_do))
