"""`--check`: settings that an agent would start with are accepted, others refused with the reason."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from agents import housekeeper, redis_exporter
from components.render.housekeeper import render
from components.render.redis_exporter import render as render_exporter
from components.render.text import text
from tests import specs
from vsi.site import local_site

Main = Callable[[Iterable[str]], int]
SPEC = specs.spec()
BOTH = [
    (housekeeper.main, text(render(SPEC, local_site(SPEC))["settings.json"])),
    (redis_exporter.main, text(render_exporter(SPEC, local_site(SPEC))["settings.json"])),
]


@pytest.mark.parametrize(("main", "settings"), BOTH)
def test_rendered_settings_are_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], main: Main, settings: str
) -> None:
    path = tmp_path / "settings.json"
    path.write_text(settings)
    assert main(["--settings", str(path), "--check"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("main", "settings"), BOTH)
def test_a_wrong_key_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], main: Main, settings: str
) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({**json.loads(settings), "prot": 1}))
    assert main(["--settings", str(path), "--check"]) == 2
    said = capsys.readouterr().err
    assert str(path) in said
    assert "prot" in said
