"""A preview leaves the user's files as they were, whatever the Pulumi CLI writes into a new stack's."""

from collections.abc import Iterator

import pytest

from tests.engine.project import Project, find_pulumi

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    pulumi = find_pulumi()
    if pulumi is None:
        pytest.skip("no Pulumi CLI on PATH or in the cache of engines: obs engines build pulumi")
    made = Project.make(tmp_path_factory.mktemp("new") / "copy", pulumi)
    text = made.stack_file.read_text()
    made.stack_file.write_text("\n".join(line for line in text.split("\n") if "encryptionsalt" not in line))
    yield made
    made.clean_up()


def _files(project: Project) -> dict[str, bytes]:
    folder = project.stack_file.parent
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def test_a_new_stack_gets_its_salt_from_up_and_not_from_a_preview(project: Project) -> None:
    before = _files(project)
    for _ in range(2):
        preview = project.obs("preview")
        assert preview.returncode == 0, preview.stderr
        assert "one: create" in preview.stdout
        assert _files(project) == before

    project.up()
    assert project.once_each()
    written = _files(project)
    assert b"encryptionsalt" in written["Pulumi.local.yaml"]

    done = project.obs("preview", "--expect-no-changes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert _files(project) == written
    assert project.obs("destroy", "--yes").returncode == 0


def test_a_file_that_holds_no_stack_is_refused_and_left_alone(project: Project) -> None:
    for text in ("", "# to do\n", "config: {}\n"):
        project.stack_file.write_text(text)
        done = project.obs("preview")
        assert done.returncode == 2, done.stderr
        assert "stacks/Pulumi.local.yaml:1:" in done.stderr
        assert project.stack_file.read_text() == text
