"""Repositories and stack files as people leave them: each is told in a line, and hides no other stack."""

import os
import shutil
from pathlib import Path

import pytest

from obs.errors import BadInput
from obs.previews.commits import changed_files, commit_of, then
from obs.previews.describing import described
from stacks.loader import STACKS, names
from tests.obs.previews.repository import commit, git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    (root / "file").write_text("one\n", encoding="utf-8")
    return root


def test_no_repository_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(BadInput, match="is no git repository"):
        commit_of("HEAD", tmp_path)


def test_a_repository_without_a_commit(repository: Path) -> None:
    with pytest.raises(BadInput, match="HEAD: unknown here"):
        commit_of("HEAD", repository)


def test_a_clone_that_is_too_shallow_for_a_common_commit(repository: Path, tmp_path: Path) -> None:
    commit(repository)
    git(repository, "checkout", "--quiet", "-b", "change")
    (repository / "file").write_text("two\n", encoding="utf-8")
    commit(repository)
    git(repository, "checkout", "--quiet", "main")
    (repository / "other").write_text("three\n", encoding="utf-8")
    commit(repository)
    clone = tmp_path / "clone"
    url = f"file://{repository}"
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=change", "--no-single-branch", url, str(clone))
    with pytest.raises(BadInput, match="too shallow"):
        commit_of("origin/main", clone)
    git(clone, "fetch", "--quiet", "--unshallow")
    assert commit_of("origin/main", clone) == git(repository, "rev-list", "--max-parents=0", "main")


def test_a_head_that_is_no_branch_and_a_tree_with_changes(repository: Path) -> None:
    first = commit(repository)
    git(repository, "checkout", "--quiet", "--detach")
    (repository / "file").write_bytes(bytes(range(256)))
    (repository / "new").write_text("new\n", encoding="utf-8")
    (repository / "link").symlink_to("nowhere")
    assert commit_of("main", repository) == first
    assert changed_files(first, repository) == ["file", "link", "new"]


def test_a_link_that_leads_out_of_the_repository_is_left_out(repository: Path) -> None:
    os.symlink("/etc/hostname", repository / "absolute")
    os.symlink("../../outside", repository / "above")
    os.symlink("file", repository / "inside")
    with then(commit(repository), repository) as before:
        there = sorted(path.name for path in before.tree.iterdir())
        before.stop()
    assert there == ["file", "inside"]


def _copied(folder: Path) -> Path:
    for file in STACKS.glob("*.yaml"):
        shutil.copy(file, folder)
    return folder / "Pulumi.local.yaml"


def test_a_file_with_a_mark_of_its_encoding_and_ends_of_lines_of_windows_is_read(tmp_path: Path) -> None:
    file = _copied(tmp_path)
    plain = described("local", tmp_path)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert described("local", tmp_path) == plain


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"config: [\n",
        b"\x00\x01\xff\xfe",
        b"\xff" * 40,
        b"just words\n",
        b"a: &a [*a]\n",
        b"\t\n",
        b"- 1\n",
    ],
    ids=["empty", "unclosed", "binary", "no-utf-8", "a-text", "itself", "tab", "a-list"],
)
def test_one_that_cannot_be_read_is_refused_with_its_place(tmp_path: Path, content: bytes) -> None:
    _copied(tmp_path).write_bytes(content)
    (first, *_) = described("local", tmp_path)["problems"]
    assert "Pulumi.local.yaml" in first


def test_links_that_lead_nowhere_round_and_to_folders(tmp_path: Path) -> None:
    _copied(tmp_path)
    (tmp_path / "Pulumi.gone.yaml").symlink_to("nowhere.yaml")
    (tmp_path / "Pulumi.round.yaml").symlink_to("Pulumi.round.yaml")
    (tmp_path / "Pulumi.folder.yaml").mkdir()
    found = {stack: described(stack, tmp_path) for stack in names(tmp_path)}
    for stack in ("gone", "round", "folder"):
        assert "problems" in found[stack], found[stack]
    assert "parts" in found["dev-vsi"]
