"""What the local stack describes is what the demo programs accept."""

import importlib
import json
from pathlib import Path

import pytest

from components.render import services
from components.render.text import texts
from demo._app import Service
from demo.settings import load_settings
from stacks.loader import load
from vsi.site import local_site

SPEC = load("local")
AT = local_site(SPEC)
RUN = {item.name: item for item in SPEC.services if item.run}


@pytest.mark.parametrize("name", RUN)
def test_rendered_settings_start_the_module(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf").mkdir()
    monkeypatch.chdir(tmp_path / "conf")
    files = texts(services.render(SPEC, AT, RUN[name]))
    Path("settings.json").write_text(files["settings.json"])
    settings = load_settings(Path("settings.json"))
    module = importlib.import_module(f"demo.{name}")
    assert module.create_app(Service.build(settings)).routes
    assert json.loads(files["settings.json"])["service"] == settings.service


def test_the_shop_is_on_the_path() -> None:
    assert {"gateway", "orders", "payments", "inventory", "loadgen"} <= RUN.keys()
