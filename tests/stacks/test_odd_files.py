"""Odd stack files that people write: each in `odd/`, with the lines that are told of it beside it.

To add one: write `odd/<what>.yaml`, run this with `ODD_WRITE=1`, and read what it wrote.
"""

import os
import re
import shutil
from pathlib import Path

import pytest

from stacks.loader import STACKS, StackFileError, load
from targets import refusals

ODD = sorted((Path(__file__).parent / "odd").glob("*.yaml"))


@pytest.mark.parametrize("file", ODD, ids=lambda file: file.stem)
def test_an_odd_file_is_told_in_these_words(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "stacks"
    folder.mkdir()
    shutil.copy(STACKS / "base.yaml", folder)
    shutil.copy(file, folder / "Pulumi.odd.yaml")
    with pytest.raises(StackFileError) as caught:
        load("odd", folder, refusals)
    told = f"{caught.value}\n"
    if os.environ.get("ODD_WRITE"):
        file.with_suffix(".txt").write_text(told)
    assert told == file.with_suffix(".txt").read_text()
    assert "hunter2" not in told
    assert not re.search(r"\^|\[a-z]-|<class|Input should|pydantic", told), "words, not innards"
    keys = [problem.key for problem in caught.value.problems]
    assert len(keys) == len(set(keys)), "one problem told twice"
