"""A target is added by its folder and its line in the registry: all else that there is knows what to do."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.project import Project, find_pulumi

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    pulumi = find_pulumi()
    if pulumi is None:
        pytest.skip("no Pulumi CLI on PATH or in the cache of engines: obs engines build pulumi")
    made = Project.make(tmp_path_factory.mktemp("toy") / "copy", pulumi)
    shutil.copytree(Path(__file__).parent / "toy", made.root / "toy")
    registry = made.root / "targets" / "__init__.py"
    text = registry.read_text()
    line = "MODULES = {\n"
    assert line in text
    registry.write_text(text.replace(line, f'{line}    "toy": "toy.target",\n'))
    spec = made.root / "components" / "spec" / "__init__.py"
    text = spec.read_text()
    names = 'target: Literal["local",'
    assert names in text
    spec.write_text(text.replace(names, f'{names} "toy",'))
    made.replace("target: local", "target: toy")
    yield made
    made.clean_up()


def test_what_the_target_cannot_do_is_refused_at_its_line(project: Project) -> None:
    project.replace("cluster: laptop", "cluster: cellar")
    refused = project.obs("preview")
    assert refused.returncode == 2, refused.stderr
    assert "Pulumi.local.yaml:9: environment.cluster = 'cellar': expected one of laptop" in refused.stderr
    project.replace("cluster: cellar", "cluster: laptop")


def test_a_life_in_another_target(project: Project) -> None:
    note = project.root / "toy" / "notes" / "note"
    preview = project.obs("preview")
    assert "note: create" in preview.stdout, preview.stderr
    assert "new note.txt (1 line)" in preview.stdout

    said = project.up()
    assert "created note in" in said
    assert "1 created" in said
    assert note.read_text() == "cluster: laptop\n"
    assert project.obs("preview", "--expect-no-changes").stdout == "no changes\n"

    project.replace("cluster: laptop", "cluster: shelf")
    changed = project.obs("preview").stdout
    assert "note: update" in changed
    assert "-cluster: laptop" in changed
    assert "+cluster: shelf" in changed
    _all_by_description_and_engine(project)
    assert "updated note in" in project.up()
    assert note.read_text() == "cluster: shelf\n"

    in_order = project.obs("drift", "--all", "--json")
    assert in_order.returncode == 0, in_order.stderr
    note.write_text("scribbled\n")
    _drift_is_told_and_not_remembered(project)
    assert "note is not as it was deployed" in project.obs("refresh").stderr
    assert "updated note in" in project.up()
    assert note.read_text() == "cluster: shelf\n"

    status = project.obs("status")
    assert status.returncode == 1
    assert "target toy has no `obs status`" in status.stderr

    assert project.obs("destroy", "--yes").returncode == 0
    assert not note.exists()


def _all_by_description_and_engine(project: Project) -> None:
    """What `up` kept is compared with, and the engine asked where there is state."""
    previewed = project.obs("preview", "--all", "--json")
    assert previewed.returncode in (0, 1), previewed.stderr  # by the policies
    stacks = {stack["stack"]: stack for stack in json.loads(previewed.stdout)["stacks"]}
    local = stacks["local"]
    assert local["against"] == "what was deployed last"
    assert "environment: cluster laptop \N{RIGHTWARDS ARROW} shelf" in [
        step["line"] for step in local["steps"]
    ]
    assert {part["id"].split("@")[0] for part in local["parts"]} == {"note"}
    assert [part["op"] for part in local["engine"]["parts"]] == ["update"]
    assert "deployment" in stacks["prod-aws"]["engine"]["lacks"]


def _drift_is_told_and_not_remembered(project: Project) -> None:
    for arguments in (["--all"], []):
        looked = project.obs("drift", *arguments, "--json")
        assert looked.returncode == 1, looked.stderr
        stacks = {stack["stack"]: stack for stack in json.loads(looked.stdout)["stacks"]}
        (part,) = stacks["local"]["parts"]
        assert (part["unit"].split("@")[0], part["op"]) == ("note", "different")
        assert "scribbled" in str(part["changes"])
        assert all("deployment" in stack["lacks"] for name, stack in stacks.items() if name != "local")
