"""The golden helper must be able to fail, or no golden proves anything."""

from pathlib import Path

import pytest

from tests.render import golden


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "GOLDENS", tmp_path)
    monkeypatch.setenv("OBS_REGENERATE", "1")
    golden.check("toy", {"a.yml": "one\n", "sub/b.yml": "two\n"})
    monkeypatch.delenv("OBS_REGENERATE")


def test_equal_files_pass() -> None:
    golden.check("toy", {"sub/b.yml": "two\n", "a.yml": "one\n"})


@pytest.mark.parametrize(
    "files",
    [
        {"a.yml": "one\n", "sub/b.yml": "other\n"},
        {"a.yml": "one\r\n", "sub/b.yml": "two\n"},
        {"a.yml": "one\n"},
        {"a.yml": "one\n", "sub/b.yml": "two\n", "c.yml": ""},
    ],
    ids=["changed", "line ending", "missing", "additional"],
)
def test_any_difference_fails(files: dict[str, str]) -> None:
    with pytest.raises(pytest.fail.Exception, match="differs"):
        golden.check("toy", files)


def test_regenerating_removes_files_that_are_no_longer_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBS_REGENERATE", "1")
    golden.check("toy", {"a.yml": "one\n"})
    assert not (tmp_path / "toy/sub/b.yml").exists()
