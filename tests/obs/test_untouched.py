"""What the Pulumi CLI adds to a stack file during a preview is taken back; what people change stays."""

from pathlib import Path

import pytest

from obs.untouched import untouched

TEXT = "# ours\nconfig:\n    a: 1   # odd indentation\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Pulumi.new.yaml"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


@pytest.mark.parametrize(
    "written", [f"{TEXT}encryptionsalt: v1:x\n", "config:\n  a: 1\nencryptionsalt: v1:x\n"]
)
def test_a_salt_is_taken_back(file: Path, written: str) -> None:
    with untouched(file):
        file.write_text(written)
    assert file.read_text() == TEXT
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_so_it_is_after_an_error(file: Path) -> None:
    def interrupted() -> None:
        with untouched(file):
            file.write_text(f"{TEXT}encryptionsalt: v1:x\n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.read_text() == TEXT


@pytest.mark.parametrize("before", ["", "# nothing yet\n", "{}\n", None])
def test_a_file_without_content_stays_so(file: Path, before: str | None) -> None:
    if before is None:
        file.unlink()
    else:
        file.write_text(before)
    with untouched(file):
        file.write_text("encryptionsalt: v1:x\n")
    assert (file.read_text() if file.exists() else None) == before


def test_a_file_that_somebody_makes_meanwhile_stays(file: Path) -> None:
    file.unlink()
    with untouched(file):
        file.write_text("encryptionsalt: v1:x\nconfig: {a: 1}\n")
    assert file.exists()


@pytest.mark.parametrize("edited", ["config: {a: 2}\nencryptionsalt: v1:x\n", "config: [\n", "", "- 1\n"])
def test_an_edit_by_somebody_else_stays(file: Path, edited: str) -> None:
    with untouched(file):
        file.write_text(edited)
    assert file.read_text() == edited


def test_a_file_that_is_deleted_meanwhile_stays_so(file: Path) -> None:
    with untouched(file):
        file.unlink()
    assert not file.exists()


def test_a_file_that_is_not_changed_is_not_written(file: Path) -> None:
    before = file.stat().st_mtime_ns
    with untouched(file):
        pass
    assert file.stat().st_mtime_ns == before
