"""From a unit to the inputs of its resource, and from inputs to what its host is asked to do. Pure.

Everything is a text, a list of texts or a map of texts: numbers would come back as floats. What is written
here stands in the state of running stacks: what changes in it is a change of every unit.
"""

import json
from collections.abc import Mapping
from typing import Any

from components.plan import Secret, part_id
from vsi.keys import file_key, file_of, secret_of
from vsi.machine import NO_LOGIN
from vsi.plan_version import PLAN_VERSION
from vsi.records import Request
from vsi.refresh import Differences, Expected
from vsi.ssh.connection import Connection, Login
from vsi.unit import HostPlan, HostUnit

RUNNING = "running"
PROVIDER = "__provider"
"""Where Pulumi keeps the provider itself, among inputs and outputs."""
MEMBERS = "members"
"""Says in which company a unit is changed, not what it is: another host beside it is no change of it."""


def inputs_of(plan: HostPlan, unit: HostUnit, engines: Mapping[str, str]) -> dict[str, Any]:
    """A unit's inputs, without values of secrets. `engines` says by name which artifact each engine is."""
    sources = {secret.name: secret for secret in plan.secrets}
    # without defaults: a preview stays short, and a new setting of the contract changes nothing by itself
    rest = unit.model_dump(
        mode="json", include={"pillar", "ports", "memory_mb", "process"}, exclude_defaults=True
    )
    return {
        **{file_key(path): text for path, text in unit.files},
        "process": json.dumps(rest, sort_keys=True, indent=1),
        "checks": json.dumps(unit.checks),
        "setup": json.dumps(unit.setup),
        "engines": {name: engines[name] for name in unit.engines},
        "needs": [need.removesuffix(f"@{unit.place}") for need in unit.needs],
        "secrets": {name: f"{sources[name].source}:{sources[name].key}" for name in unit.secrets},
        "tls": list(plan.tls_names),
        "stack": plan.stack,
        "host": unit.place,
        "unit": unit.name,
        "plan_version": PLAN_VERSION,
        "retain": "true" if plan.retain else "false",
        "process_state": RUNNING,
        **({MEMBERS: list(unit.members)} if unit.members else {}),
        **_of_server(plan, unit),
    }


def _of_server(plan: HostPlan, unit: HostUnit) -> dict[str, Any]:
    """How its host is reached, and what of it is a server's alone."""
    connection = plan.connection(unit.place)
    if connection is None:
        return {}
    return {
        "certificates": list(unit.certificates),
        "connection": connection.model_dump_json(exclude_defaults=True),
        "login": plan.login_sources,
    }


def connection_of(props: Mapping[str, Any]) -> Connection | None:
    """The way to the host of a unit's resource; None for this machine."""
    text = props.get("connection")
    return Connection.model_validate_json(text) if text else None


def files_of(props: Mapping[str, Any]) -> dict[str, str]:
    """The files among inputs, or outputs, by path."""
    return {path: text for key, text in props.items() if (path := file_of(key)) is not None}


def _values_of(props: Mapping[str, Any]) -> dict[str, str]:
    """The values of secrets among inputs, by name."""
    return {name: value for key, value in props.items() if (name := secret_of(key)) is not None}


def expected_of(props: Mapping[str, Any]) -> Expected:
    """What a refresh compares. Of outputs too, in which an earlier refresh may have left its words."""
    return Expected(props["unit"], files_of(props), tuple(props["secrets"]), _values_of(props))


def with_differences(props: Mapping[str, Any], found: Differences) -> dict[str, Any]:
    """The same inputs or outputs as the host has them."""
    gone = {file_key(path) for path in found.gone}
    return {
        **{key: value for key, value in props.items() if key not in gone},
        **{file_key(path): text for path, text in found.files.items()},
        "secrets": {**props["secrets"], **found.secrets},
        "process_state": found.process_state,
    }


def request_of(props: Mapping[str, Any], login: Login = NO_LOGIN) -> Request:
    """The reverse of `inputs_of`, with the values of secrets. Raises DeployError or ValidationError."""
    unit = HostUnit.model_validate(
        {
            **json.loads(props["process"]),
            "name": props["unit"],
            "place": props["host"],
            "files": sorted(files_of(props).items()),
            "checks": json.loads(props["checks"]),
            "setup": json.loads(props["setup"]),
            "engines": sorted(props["engines"]),
            "needs": [_id(need, props["host"]) for need in props["needs"]],
            "secrets": sorted(props["secrets"]),
            "certificates": props.get("certificates", []),
            "members": props.get(MEMBERS, []),
        }
    )
    secrets = []
    for name, text in sorted(props["secrets"].items()):
        source, _, key = text.partition(":")
        secrets.append(Secret.model_validate({"name": name, "source": source, "key": key}))
    return Request(
        stack=props["stack"],
        host=props["host"],
        unit=unit,
        secrets=tuple(secrets),
        values=_values_of(props),
        tls_names=tuple(props["tls"]),
        engines=dict(props["engines"]),
        connection=connection_of(props),
        login=login,
        retain=props["retain"] != "false",
        plan_version=props["plan_version"],
    )


def _id(need: str, host: str) -> str:
    """Needs on the unit's own host are written by name alone."""
    return need if "@" in need else part_id(need, host)
