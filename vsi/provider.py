"""Units as Pulumi resources: a dynamic provider that only translates.

One resource per unit and host, one top-level input per file, so that a preview names the files that
change. Everything else is a text, a list of texts or a map of texts: numbers would come back as floats. The
provider is pickled by reference and keeps no state; what it does is done by `python -m vsi.apply` in a
process of its own, because pyinfra keeps process-wide state and many calls come at once.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    ReadResult,
    Resource,
    UpdateResult,
)
from pydantic import ValidationError

from components.plan import part_id
from vsi import departing
from vsi.carry_out import ApplyFailed, carry_out
from vsi.errors import DeployError
from vsi.inputs import MEMBERS, connection_of, expected_of, inputs_of, request_of, with_differences
from vsi.keys import secret_key
from vsi.logins import LoggedIn, given_up
from vsi.machine import machine_of
from vsi.paths import check_file_path, check_name
from vsi.refresh import Seen, differences
from vsi.resources import InPlace, found_as, outputs, tell_kept, teller
from vsi.servers import snapshot
from vsi.settled import restarts, settle
from vsi.turns import TURNS, Member, serving
from vsi.unit import HostPlan, HostUnit

HERE = 4
"""How many units of this machine are changed at once: more would only take each other's processors. Those of
servers, which are mostly waited for, are as many as there are calls."""
_here = threading.BoundedSemaphore(HERE)


class UnitProvider(LoggedIn, InPlace):
    """Creates, changes, reads and removes units. Stateless: one instance serves all of them at once."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse what could not be carried out, before anything is changed."""
        _quiet()
        failures: list[CheckFailure] = []
        if not _unknown(news):
            try:
                request = request_of(news)
                check_name("unit", request.unit.name)
                for path, _ in request.unit.files:
                    check_file_path(request.unit.name, path)
            except (DeployError, ValidationError, KeyError, ValueError) as error:
                failures.append(CheckFailure("unit", _first_line(error)))
        return CheckResult(news, failures)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Put the unit on its host. Idempotent: an earlier create may have been interrupted."""
        self._apply(props, lambda: False)
        return CreateResult(f"{props['stack']}/{props['host']}/{props['unit']}", outputs(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """The same as create: what is there already is left alone."""
        machine = machine_of(news["stack"], connection_of(news), self.login(news))

        def settled() -> None:
            request = request_of(news, self.login(news))
            known = machine_of(request.stack, request.connection, request.login, request.engines)
            if request.unit.process.settled and restarts(known, request):
                settle(known, request, teller(request.unit.id, request.host))

        self._apply(news, lambda: serving(machine, news["unit"]), settled)
        return UpdateResult(outputs(news))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Take the unit away; its data stays if the plan retains it."""
        if given_up(props["host"]):
            return
        for kept in self._run("remove", props):
            place = f"{props['host']}:{kept['path']}" if "connection" in props else kept["path"]
            tell_kept(f"{props['unit']}@{props['host']}", place, kept["size"])

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Compare with the host. What differs is returned in place of what was planned, so that a preview
        shows it and an update repairs it. Gone: an empty id."""
        _quiet()
        if given_up(props["host"]):
            return ReadResult("", {})
        planned = outputs(props)
        machine = machine_of(props["stack"], connection_of(props), self.login(props))
        found = differences(machine, expected_of(planned), self._seen(props))
        if found is None:
            return ReadResult("", {})
        return found_as(id_, planned, with_differences(planned, found))

    def _seen(self, props: dict[str, Any]) -> Seen | None:
        """What this run has seen of the unit on a server; None for this machine, which answers at once."""
        connection, unit = connection_of(props), props["unit"]
        if connection is None:
            return None
        way = snapshot.Way(props["stack"], connection, self.login(props))
        seen = snapshot.seen(way, part_id(unit, props["host"]))
        return Seen(seen.facts, seen.programs.get(unit), seen.listeners)

    def _apply(
        self, props: dict[str, Any], serves: Callable[[], bool], settled: Callable[[], None] = lambda: None
    ) -> None:
        """When it is the unit's turn."""
        hosts = tuple(props.get(MEMBERS, ()))
        member = Member(props["stack"], props["unit"], props["host"], hosts)
        TURNS.take(member, serves, lambda: self._run("apply", props), settled)

    def _run(self, action: str, props: dict[str, Any]) -> Any:
        """One `vsi.apply`; returns its result. Raises ApplyFailed with its one message."""
        _quiet()
        try:
            request = request_of(props, self.login(props))
        except (ValidationError, KeyError, ValueError) as error:
            raise ApplyFailed(_first_line(error)) from None
        with (
            nullcontext() if request.connection else _here,
            snapshot.changing(request.connection),
            departing.around(action, request),
        ):
            return carry_out(action, request)


def _unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_unknown(item) for item in value)
    return bool(value == pulumi.runtime.rpc.UNKNOWN)


def _first_line(error: Exception) -> str:
    """One line without the input, which may hold a secret."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if isinstance(error, KeyError):
        return f"input {error.args[0]!r} is missing"
    return str(error).splitlines()[0] if isinstance(error, DeployError) else type(error).__name__


def _quiet() -> None:
    """The plugin's gRPC server would log a traceback beside the message that the user gets anyway."""
    logging.getLogger("grpc._server").setLevel(logging.CRITICAL + 1)


class Unit(Resource, module="vsi", name="Unit"):
    """A unit on a host. `values` are the values of its secrets that are not generated there, by name."""

    def __init__(
        self,
        plan: HostPlan,
        unit: HostUnit,
        engines: Mapping[str, str],
        values: Mapping[str, pulumi.Input[str]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`engines` maps each engine of the unit to a text naming its artifact."""
        props = inputs_of(plan, unit, engines)
        for key, value in (values or {}).items():
            if key in unit.secrets:
                props[secret_key(key)] = pulumi.Output.secret(value)
        super().__init__(UnitProvider(), unit.id, props, opts)
