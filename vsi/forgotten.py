"""Units that the engine's state does not know, though they are on this host: it was lost, or is another one.

The host's own records say how each is taken away, but not which of its secrets were made here. So all secrets
stay as long as any data does, which one of them may protect.
"""

from collections.abc import Callable

from components.plan import Secret
from vsi.carry_out import carry_out
from vsi.host import records
from vsi.machine import NO_LOGIN, Machine
from vsi.records import Request
from vsi.ssh.connection import Connection, Login


def remove(
    machine: Machine,
    progress: Callable[[str], None],
    connection: Connection | None = None,
    login: Login = NO_LOGIN,
) -> None:
    """Take every unit of a stack off a host, each before what it needs. Raises ApplyFailed."""
    for name, record in reversed(records(machine).items()):
        kept = tuple(Secret(name=secret, source="generated", key="") for secret in record.unit.secrets)
        carry_out(
            "remove",
            Request(
                stack=record.stack,
                host=record.host,
                unit=record.unit,
                secrets=kept,
                retain=record.retain,
                connection=connection,
                login=login,
            ),
        )
        progress(name)
