"""What a preview of all stacks says is what `up` then does: for every stack file, and for changes of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stacks.loader import names
from tests.e2e.shop import ROOT, Shop
from tests.engine.project import find_pulumi

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]
STACKS = ("dev-vsi", "local", "staging-k8s")
"""One of each target but AWS: see docs/previews.md."""
OTHERS = ("staging-k8s",)
"""With providers that are not ours: of them the engine alone knows whether there is something to do."""
CHANGES = int(os.environ.get("OBS_TEST_CHANGES", "2"))
"""Of each. With 17 there are 51."""
SEED = 1
DESCRIBED = {"create": "new", "delete": "removed", "update": "changed", "replace": "changed"}
"""What a description calls what the engine does."""


def _life(folder: Path, stack: str) -> list[dict[str, Any]]:
    """See `preview_walk`."""
    shop = Shop.make(folder / "project")
    (shop.root / "tests").symlink_to(ROOT / "tests")
    for other in set(names()) - {stack}:
        (shop.root / "stacks" / f"Pulumi.{other}.yaml").unlink()
    environment = {key: value for key, value in shop.environment.items() if not key.startswith("OBS_PORT")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.preview_walk", stack, str(CHANGES), str(SEED)],
        cwd=shop.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("stack", STACKS)
def test_what_is_said_is_done(stack: str, tmp_path: Path) -> None:
    if find_pulumi() is None:
        pytest.skip("no Pulumi CLI on PATH or in the cache of engines: obs engines build pulumi")
    first, *changes, last = _life(tmp_path, stack)

    assert first["done"]
    assert set(first["done"].values()) == {"create"}
    assert (last["said"]["said"], last["said"]["steps"], last["done"]) == ("no change", [], {})
    assert len(changes) == CHANGES
    assert not [change for change in changes if change["no_op"] and change["done"]], "not started, and needed"
    assert not first["no_op"]
    assert last["no_op"] == (stack not in OTHERS), "started for nothing"
    wrong = [problem for change in [first, *changes] for problem in _wrong(change)]
    assert not wrong, "\n".join(wrong)


def _wrong(change: dict[str, Any]) -> list[str]:
    """Where what was said and what was done differ."""
    said, done = change["said"], change["done"]
    by_engine = {part["id"]: part["op"] for part in (said["engine"] or {}).get("parts", ())}
    described = {part: DESCRIBED[op] for part, op in done.items()}
    found = [f"{change['change']}: {problem}" for problem in said["broken"]]
    for what, told, did in (("engine", by_engine, done), ("description", said["parts"], described)):
        found += [
            f"{change['change']}: {what}: {part}: said {told.get(part)}, done {did.get(part)}"
            for part in sorted(told.keys() | did.keys())
            if told.get(part) != did.get(part)
        ]
    return found
