import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from stacks.loader import STACKS, StackFileError, load
from stacks.source import Located
from targets import refusals

LOCAL = (STACKS / "Pulumi.local.yaml").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stacks folder with the committed base file and local stack."""
    monkeypatch.delenv("OBS_PORT_BASE", raising=False)
    made = tmp_path / "stacks"
    made.mkdir()
    shutil.copy(STACKS / "base.yaml", made)
    (made / "Pulumi.local.yaml").write_text(LOCAL, encoding="utf-8")
    return made


Broken = Callable[[str, str], list[Located]]


@pytest.fixture
def broken(folder: Path) -> Broken:
    """Replaces text in the local stack once and returns the problems that the loader finds."""

    def change(old: str, new: str) -> list[Located]:
        assert old in LOCAL, f"the local stack has no {old!r}"
        (folder / "Pulumi.local.yaml").write_text(LOCAL.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(StackFileError) as caught:
            load("local", folder, refusals)
        return list(caught.value.problems)

    return change
