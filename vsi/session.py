"""Runs pyinfra operations on one host. Only the `vsi.apply` subprocess imports this: pyinfra keeps
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

# pyinfra logs what commands say, unmasked; what matters of it is in OperationFailed.
logging.getLogger("pyinfra").addHandler(logging.NullHandler())
logging.getLogger("pyinfra").propagate = False

Step = tuple[str, Callable[..., Any], dict[str, Any]]
"""A name for progress and errors, an operation, and its arguments."""


class OperationFailed(Exception):
    """An operation failed on the host; carries its name and what its commands said, not yet masked."""

    def __init__(self, name: str, output: str) -> None:
        super().__init__(name)
        self.name = name
        self.output = output


def run(host: str, steps: list[Step], report: Callable[[str], None]) -> dict[str, Any]:
    """Carry out the steps in order; the first that fails ends it with OperationFailed.

    Returns pyinfra's OperationMeta by name of step. An argument `only_if` names an earlier step that must
    have changed something. `report` hears the name of each step as it begins."""

    class Progress(BaseStateCallback):
        @staticmethod
        def operation_start(state: State, op_hash: str) -> None:
            report(next(iter(state.get_op_meta(op_hash).names)))

    # FAIL_PERCENT: without it, pyinfra raises nothing while one host is left.
    new_inventory: Any = Inventory
    new_config: Any = Config
    state: Any = State(new_inventory(([host], {})), new_config(FAIL_PERCENT=0), check_for_changes=False)
    state.add_callback_handler(Progress())
    metas: dict[str, Any] = {}
    try:
        connect_all(state)
        for name, operation, given in steps:
            arguments = dict(given)
            if condition := arguments.pop("only_if", None):
                arguments["_if"] = metas[condition].did_change
            (metas[name],) = add_op(state, operation, name=name, **arguments).values()
        run_ops(state)
    except PyinfraError as error:
        for name, meta in metas.items():
            if meta.is_complete() and meta.did_error():
                raise OperationFailed(name, "\n".join([*meta.stdout_lines, *meta.stderr_lines])) from None
        raise OperationFailed("pyinfra", str(error)) from None
    finally:
        disconnect_all(state)
    return metas
