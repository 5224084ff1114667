"""Odd stack files that people write: each in `odd/`, with the lines that are told of it beside it.

To add one: write `odd/<what>.yaml`, run this with `ODD_WRITE=1`, and read what it wrote.
"""

import os
import re
import shutil
from pathlib import Path

import pytest
import yaml

from stacks import source
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


@pytest.mark.parametrize("file", sorted(STACKS.glob("*.yaml")), ids=lambda file: file.stem)
def test_libyaml_and_pyyaml_read_the_same_in_the_same_places(file: Path) -> None:
    text = file.read_text()
    fast, slow = (_told(yaml.compose(text, Loader=loader)) for loader in (source._Fast, source._Loader))
    assert fast == slow


def _told(node: yaml.Node | None) -> tuple[object, ...]:
    """A node and all below it: tag, line, and what it is."""
    assert node is not None
    if isinstance(node, yaml.MappingNode):
        below: object = [(_told(key), _told(value)) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        below = [_told(item) for item in node.value]
    else:
        below = (node.value, getattr(node, "style", None) or None)
    return node.tag, node.start_mark.line, below
