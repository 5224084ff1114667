"""The whole plan of the stack that this repository ships, as the Pulumi engine is given it.

Whoever moves code about sees here whether anything moved for a running stack: an input that differs is an
update of a unit. Files stand as digests, since what is in them has goldens of its own.
"""

import hashlib
import json
from typing import Any

import pytest

from stacks.loader import load
from tests.render import golden
from vsi.inputs import inputs_of
from vsi.plan import plan
from vsi.unit import HostPlan


@pytest.fixture(scope="module")
def shipped() -> HostPlan:
    return plan(load("local"), "local")


def _shown(key: str, value: Any) -> Any:
    is_file = isinstance(value, str) and ("." in key or "/" in key)
    return f"sha256:{hashlib.sha256(value.encode()).hexdigest()}" if is_file else value


def test_inputs_of_every_unit(shipped: HostPlan) -> None:
    files = {}
    for unit in shipped.parts:
        inputs = inputs_of(shipped, unit, {engine: f"key of {engine}" for engine in unit.engines})
        shown = {key: _shown(key, value) for key, value in sorted(inputs.items())}
        files[f"{unit.name}.json"] = json.dumps(shown, indent=2) + "\n"

    golden.check("local-plan", files)


def test_order_and_secrets(shipped: HostPlan) -> None:
    rest = {
        "units": [unit.name for unit in shipped.parts],
        "secrets": [secret.model_dump() for secret in shipped.secrets],
        "tls_names": shipped.tls_names,
        "retain": shipped.retain,
    }

    golden.check("local-plan-order", {"plan.json": json.dumps(rest, indent=2) + "\n"})
