"""Units that the engine's state does not know, though they are on this host: it was lost, or is another one.

The host's own records say how each is taken away, but not which of its secrets were made here. So all secrets
stay as long as any data does, which one of them may protect.
"""

from collections.abc import Callable

from components.plan import Secret
from vsi.carry_out import carry_out
from vsi.host import records
from vsi.machine import machine_of
from vsi.records import Request


def remove(stack: str, progress: Callable[[str], None]) -> None:
    """Take every unit of a stack off this host, each before what it needs. Raises ApplyFailed."""
    for name, record in reversed(records(machine_of(stack)).items()):
        kept = tuple(Secret(name=secret, source="generated", key="") for secret in record.unit.secrets)
        carry_out(
            "remove",
            Request(
                stack=record.stack, host=record.host, unit=record.unit, secrets=kept, retain=record.retain
            ),
        )
        progress(name)
