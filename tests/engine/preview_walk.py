"""A stack that is changed again and again under the real Pulumi engine, and nothing but the engine.

    python -m tests.engine.preview_walk STACK CHANGES SEED

Runs in a copy of the project, in a process of its own, since it takes the place of what carries plans out:
units, hosts, objects and resources of clouds are there as soon as they are asked for. For each change it
prints a line of JSON: what was done, what `obs preview --all` said, whether the engine was said to have
nothing to do, and what it then did.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from typer.testing import CliRunner

from components import catalog
from components.plan import Plan
from components.spec import Spec
from obs.cli import app
from obs.commands import stack as commands
from obs.describe import describe
from obs.no_op import NoOp
from obs.paths import ROOT
from obs.previews import engine
from obs.previews.deployed import forget, remember
from obs.previews.run import preview_all, with_engine
from obs.session import session
from tests.engine.echo import echoing
from tests.given import from_environment
from tests.obs.previews.generated import Walk
from vsi.provider import UnitProvider
from vsi.resources import found_as, outputs
from vsi.servers import ready_host

KUBECONFIG = """\
contexts: [{name: staging, context: {cluster: staging, user: staging}}]
clusters: [{name: staging, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: staging, user: {token: none}}]
"""
DONE = ("create", "update", "delete", "replace", "create-replacement", "delete-replaced")


def _key(name: str) -> str:
    """Which artifact an engine is: another one with another version."""
    return f"{name} {catalog.engine(name).version}"


def _as_asked(_self: Any, id_: str, props: dict[str, Any]) -> Any:
    return found_as(id_, outputs(props), outputs(props))


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _obs(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Another `obs`, in this process, which has the stand-ins."""
    done = CliRunner().invoke(app, arguments)
    return subprocess.CompletedProcess(list(arguments), done.exit_code, done.stdout, done.stderr)


@contextmanager
def nowhere(folder: Path) -> Iterator[None]:
    """Nothing that a plan asks for is a matter of a place."""
    context = folder / "kubeconfig"
    context.write_text(KUBECONFIG, encoding="utf-8")
    # The passphrase is the one that the example for servers says.
    variables = {"KUBECONFIG": str(context), "OBS_SSH_KEY": "none", "PULUMI_CONFIG_PASSPHRASE": "demo-vsi"}

    def artifacts(plan: Plan) -> dict[str, str]:
        return {name: _key(name) for name in plan.engines}

    def packed(names: Any, _store: Any = None) -> dict[str, Any]:
        return {name: SimpleNamespace(key=_key(name)) for name in names}

    with (
        mock.patch.dict(os.environ, variables),
        mock.patch.multiple(UnitProvider, _apply=_nothing, delete=_nothing, read=_as_asked),
        mock.patch.multiple(ready_host.HostProvider, _prepare=_nothing, delete=_nothing, read=_as_asked),
        mock.patch("vsi.target.artifacts", artifacts),
        mock.patch("engines.pack.packed", packed),
        mock.patch("k8s.resources.has_provider", return_value=True),
        mock.patch("k8s.pending.free", return_value=[]),
        mock.patch.object(commands, "_bring_engines", _nothing),
        mock.patch.object(commands, "_obstacles", _nothing),
        mock.patch.object(engine, "lacks", return_value=""),
        mock.patch.object(engine, "obs", _obs),
        mock.patch("obs.pulumi.handled", return_value=nullcontext()),  # the engine is asked in a thread here
        echoing("kubernetes", "aws") as attached,
        mock.patch.dict(os.environ, {"PULUMI_DEBUG_PROVIDERS": attached}),
    ):
        yield


def give_secrets(walk: Walk) -> None:
    """Those of its receivers, from the environment."""
    data = walk.now.data
    os.environ |= from_environment(data)
    walk.write(data)
    walk.now = walk.moment("with secrets of the environment", data)


def up(stack: str, spec: Spec, plan: Plan) -> dict[str, Any]:
    """As `obs up --refresh` does. `done`: part -> what the engine did to it, by its own events; `no_op`:
    whether it was said before that it would find nothing to do."""
    found: dict[str, str] = {}
    no_op = NoOp(stack)
    said = no_op.holds(spec, plan)
    with session(stack, f"up {stack}", False, plan) as (driver, watcher):
        forget(stack)

        def hear(event: Any) -> None:
            watcher(event)
            if not event.res_outputs_event:
                return
            step = event.res_outputs_event.metadata
            op = str(getattr(step.op, "value", step.op))
            part = watcher.parts.carrying(step)
            if op in DONE and part is not None:
                own = watcher.parts.id_of(step.urn) == part
                found[part] = _worse(found.get(part), op if own else "update")

        driver.up(hear)
    no_op.remember(spec, plan)
    remember(spec, plan)
    return {"done": found, "no_op": said}


def _worse(known: str | None, op: str) -> str:
    """One word for all that was done to a part and below it."""
    if op in ("replace", "create-replacement", "delete-replaced"):
        op = "replace"
    order = ("update", "replace", "create", "delete")
    return op if known is None or order.index(op) > order.index(known) else known


def life(stack: str, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """What was said and done: of the first deployment, and of each change."""
    walk = Walk(ROOT / "stacks", stack, seed)
    give_secrets(walk)
    spec, plan = describe(stack)
    yield {"change": "first", "said": _said(), **up(stack, spec, plan)}
    for _, after in walk.changes(count):
        said = _said()
        spec, plan = describe(stack)
        yield {"change": after.said, "said": said, **up(stack, spec, plan)}
    yield {"change": "none", "said": _said(), **up(stack, spec, plan)}


def _said() -> dict[str, Any]:
    (found,) = with_engine(preview_all(None)).as_json()["stacks"]
    return {
        "said": found["said"],
        "parts": {part["id"]: part["kind"] for part in found["parts"]},
        "steps": [step["line"] for step in found["steps"]],
        "engine": found["engine"],
        "broken": [*found["problems"], *found["failures"]],
    }


if __name__ == "__main__":
    with nowhere(ROOT):
        for line in life(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])):
            print(json.dumps(line), flush=True)
