"""How the servers of a stack are reached, as last planned: for status, logs and the like, which know no plan.

Stands beside the stack's other state on the control machine. Holds no secret: where each comes from, at most.
A host that left the inventory stays in it until it is cleaned or given up, and, where data was kept, for as
long as there is any.
"""

import json
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from components.plan import Frozen
from vsi.errors import DeployError
from vsi.local import notes
from vsi.logins import OfStack, given_up, login_of
from vsi.machine import Machine, machine_of
from vsi.paths import state_paths
from vsi.ssh.connection import Connection

if TYPE_CHECKING:
    from vsi.servers.plan import ServersPlan


class Known(Frozen):
    """`servers.json`."""

    connections: tuple[Connection, ...]
    login: tuple[tuple[str, str], ...] = ()
    hosts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Name of a unit -> the hosts on which it is planned."""
    cleaned: tuple[str, ...] = ()
    """Hosts on which nothing but data is left."""

    @classmethod
    def of(cls, plan: "ServersPlan") -> "Known":
        """As a plan has them."""
        hosts: dict[str, tuple[str, ...]] = {}
        for unit in plan.units:
            hosts[unit.name] = (*hosts.get(unit.name, ()), unit.place)
        return cls(
            connections=plan.connections,
            login=tuple(sorted(plan.login_sources.items())),
            hosts=tuple(sorted(hosts.items())),
        )

    def machines(self, stack: str, engines: Mapping[str, str] | None = None) -> dict[str, Machine]:
        """The machine of each host. Refused if what one logs in with is not there."""
        login = login_of(dict(self.login), OfStack(stack))
        return {found.host: machine_of(stack, found, login, engines) for found in self.connections}

    def without(self, hosts: Collection[str]) -> "Known":
        """The others."""
        return self.model_copy(
            update={
                "connections": tuple(it for it in self.connections if it.host not in hosts),
                "cleaned": tuple(name for name in self.cleaned if name not in hosts),
            }
        )


_turn = threading.Lock()
"""Hosts are cleaned at once."""


def remember(stack: str, planned: Known) -> None:
    """Write what is planned, where it differs, and with it the hosts that left and are not cleaned."""
    with _turn:
        try:
            before = recall(stack)
        except DeployError:
            before = None
        rest = (
            before.without({found.host for found in planned.connections}) if before else Known(connections=())
        )
        _write(
            stack,
            planned.model_copy(
                update={"connections": planned.connections + rest.connections, "cleaned": rest.cleaned}
            ),
        )


def recall(stack: str) -> Known | None:
    """What was written, but for hosts that are given up; None if nothing was. DeployError if it cannot be
    read."""
    try:
        data = notes.read(_file(stack))
        if data is None:
            return None
        known = Known.model_validate_json(data)
    except (OSError, ValidationError) as error:
        raise DeployError(
            stack, f"{_file(stack)}: {type(error).__name__}; run obs up {stack} again"
        ) from None
    return known.without({found.host for found in known.connections if given_up(found.host)})


def text(stack: str) -> str:
    """What was written; '' if nothing was."""
    return (notes.read(_file(stack)) or b"").decode(errors="replace")


def cleaned(stack: str, host: str, *, data: bool) -> None:
    """What stood on a host was taken away; it is still known where data is left."""
    with _turn:
        known = recall(stack)
        if known is None or host not in {found.host for found in known.connections}:
            return
        rest = known.without({host})
        if data:
            rest = known.model_copy(update={"cleaned": tuple(sorted({*known.cleaned, host}))})
        _write(stack, rest)


def _write(stack: str, known: Known) -> None:
    """Nothing at all, where no host is left."""
    if not known.connections:
        notes.remove(_file(stack))
        return
    found = json.dumps(known.model_dump(mode="json", exclude_defaults=True), indent=1, sort_keys=True) + "\n"
    notes.write(_file(stack), found.encode())


def _file(stack: str) -> Path:
    return state_paths(stack).root / "servers.json"
