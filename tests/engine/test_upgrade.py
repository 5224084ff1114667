"""A stack of the first slice, still running, in the hands of today's code."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import first_slice
from tests.engine.project import SERVERS, Project, find_pulumi

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def old_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    pulumi = find_pulumi()
    if pulumi is None:
        pytest.skip("no Pulumi CLI on PATH or in the cache of engines: obs engines build pulumi")
    project = Project.make(tmp_path_factory.mktemp("upgrade") / "copy", pulumi)
    supervisor = first_slice.lay_out(project)
    yield project
    supervisor.kill()
    project.clean_up()
    supervisor.wait(timeout=30)
    shutil.rmtree(first_slice.socket_of(project).parent, ignore_errors=True)


def _data(project: Project) -> dict[str, str]:
    units = project.root / ".state" / "local" / "units"
    return {name: (units / name / "data" / "kept").read_text() for name in SERVERS}


def test_an_upgrade_says_that_it_is_one_and_is_done_once(old_stack: Project) -> None:
    """Every unit of the old stack is known as what today's code would have made itself. Where that code
    carries the same plan out otherwise (vsi/plan_version.py), the preview says that alone, and up does it."""
    data = _data(old_stack)

    preview = old_stack.obs("preview")
    refresh = old_stack.obs("refresh")
    old_stack.up()
    pids = old_stack.servers()
    again = old_stack.up()

    told = {line.strip() for line in preview.stdout.splitlines() if line.startswith("  changed ")}
    assert told == {"changed plan_version"}, preview.stdout + preview.stderr
    assert f"{len(SERVERS)} units" in preview.stdout
    assert "0 files" in preview.stdout
    assert "everything is as it was deployed" in refresh.stdout + refresh.stderr
    assert "nothing to change" in again
    assert all(pids.values())
    assert old_stack.servers() == pids, "a unit was restarted"
    assert _data(old_stack) == data


def test_a_change_reaches_only_what_it_concerns(old_stack: Project) -> None:
    before = old_stack.servers()
    old_stack.replace("cluster: laptop", "cluster: workshop")

    assert "1 updated" in old_stack.up()

    after = old_stack.servers()
    assert after["two"] != before["two"]
    assert (after["one"], after["three"]) == (before["one"], before["three"])
    status = json.loads(old_stack.obs("status", "--json").stdout)
    assert {row["unit"] for row in status["units"]} == set(SERVERS)


def test_destroy_takes_the_old_stack_down_and_keeps_its_data(old_stack: Project) -> None:
    gone = old_stack.obs("destroy", "--yes")

    assert gone.returncode == 0, gone.stderr
    assert not any(old_stack.servers().values())
    kept = old_stack.root / ".state" / "local" / "units"
    assert {path.parent.parent.name for path in kept.rglob("data/kept") if Path(path).is_file()} == set(
        SERVERS
    )
