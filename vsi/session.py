"""Carries changes out with pyinfra. Only the `vsi.apply` subprocess imports this: pyinfra keeps
process-wide state, so that several runs in one process disturb each other."""

import logging
from collections.abc import Callable
from typing import Any

from pyinfra.api.config import Config
from pyinfra.api.connect import connect_all, disconnect_all
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.inventory import Inventory
from pyinfra.api.operation import add_op
from pyinfra.api.operations import run_ops
from pyinfra.api.state import BaseStateCallback, State

from vsi.changes import ChangeFailed, Steps
from vsi.operations import OPERATIONS

# pyinfra logs what commands say, unmasked; what matters of it is in ChangeFailed.
logging.getLogger("pyinfra").addHandler(logging.NullHandler())
logging.getLogger("pyinfra").propagate = False

REFUSED = "refused"
"""Where a connector of ours puts why a file could not be placed; pyinfra keeps only what commands say."""


def carry_out(where: str | Inventory, steps: Steps, report: Callable[[str], None]) -> None:
    """Carry out the steps in order on one host, by the name under which pyinfra knows it or as an inventory;
    the first that fails ends it with ChangeFailed. `report` hears the name of each step as it begins."""

    class Progress(BaseStateCallback):
        @staticmethod
        def operation_start(state: State, op_hash: str) -> None:
            report(next(iter(state.get_op_meta(op_hash).names)))

    # FAIL_PERCENT: without it, pyinfra raises nothing while one host is left.
    new_inventory: Any = Inventory
    new_config: Any = Config
    inventory = where if isinstance(where, Inventory) else new_inventory(([where], {}))
    state: Any = State(inventory, new_config(FAIL_PERCENT=0), check_for_changes=False)
    state.add_callback_handler(Progress())
    metas: dict[str, Any] = {}
    try:
        connect_all(state)
        for step in steps:
            condition = {"_if": metas[step.only_if].did_change} if step.only_if else {}
            operation = OPERATIONS[type(step.change)]
            (metas[step.name],) = add_op(
                state, operation, name=step.name, change=step.change, **condition
            ).values()
        run_ops(state)
    except PyinfraError as error:
        for step in steps:
            meta = metas.get(step.name)
            if meta is not None and meta.is_complete() and meta.did_error():
                refused = [text for host in inventory for text in host.connector_data.get(REFUSED, ())]
                said = [*meta.stdout_lines, *meta.stderr_lines, *refused]
                raise ChangeFailed(step, "\n".join(said)) from None
        raise ChangeFailed(None, str(error)) from None
    finally:
        disconnect_all(state)
