"""How the servers of a stack are reached, as last planned: for status, logs and the like, which know no plan.

Stands beside the stack's other state on the control machine. Holds no secret: where each comes from, at most.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from components.plan import Frozen
from vsi.errors import DeployError
from vsi.local import notes
from vsi.logins import login_of
from vsi.machine import Machine, machine_of
from vsi.paths import state_paths
from vsi.ssh.connection import Connection

if TYPE_CHECKING:
    from vsi.servers.plan import ServersPlan


class Known(Frozen):
    """`servers.json`."""

    connections: tuple[Connection, ...]
    login: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, plan: "ServersPlan") -> "Known":
        """As a plan has them."""
        return cls(connections=plan.connections, login=tuple(sorted(plan.login_sources.items())))

    def machines(self, stack: str, engines: Mapping[str, str] | None = None) -> dict[str, Machine]:
        """The machine of each host. Refused if what one logs in with is not there."""
        login = login_of(dict(self.login))
        return {found.host: machine_of(stack, found, login, engines) for found in self.connections}


def remember(stack: str, known: Known) -> None:
    """Write it, where it differs."""
    text = json.dumps(known.model_dump(mode="json", exclude_defaults=True), indent=1, sort_keys=True) + "\n"
    notes.write(_file(stack), text.encode())


def recall(stack: str) -> Known | None:
    """What was written; None if nothing was. DeployError if it cannot be read."""
    try:
        data = notes.read(_file(stack))
        return None if data is None else Known.model_validate_json(data)
    except (OSError, ValidationError) as error:
        raise DeployError(
            stack, f"{_file(stack)}: {type(error).__name__}; run obs up {stack} again"
        ) from None


def forget(stack: str) -> None:
    """When nothing of the stack is there any more."""
    notes.remove(_file(stack))


def _file(stack: str) -> Path:
    return state_paths(stack).root / "servers.json"
