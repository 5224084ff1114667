"""The variables under which `pulumi` works, and which plugins it then finds."""

import shutil
import subprocess
from pathlib import Path

import pytest

from obs.paths import PLUGINS
from obs.pulumi import LOCAL_PASSPHRASE, backend_folder, environment, exports

HOSTS = ("pulumi-language-python", "pulumi-resource-pulumi-python")


def cli(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in ("pulumi", *names):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder / "pulumi"


@pytest.mark.parametrize("name", HOSTS)
def test_a_cli_without_plugins_gets_ours(tmp_path: Path, name: str) -> None:
    path = environment("local", cli(tmp_path / "built"))["PATH"]
    assert shutil.which(name, path=path) == str(PLUGINS / name)
    assert shutil.which("pulumi", path=path) == str(tmp_path / "built" / "pulumi")


@pytest.mark.parametrize("name", HOSTS)
def test_the_plugins_that_a_cli_brought_are_preferred(tmp_path: Path, name: str) -> None:
    official = cli(tmp_path / "official", *HOSTS)
    (tmp_path / "bin").mkdir()
    link = tmp_path / "bin" / "pulumi"
    link.symlink_to(official)
    assert shutil.which(name, path=environment("local", link)["PATH"]) == str(official.parent / name)


def test_only_the_local_stack_has_the_known_passphrase(tmp_path: Path) -> None:
    pulumi = cli(tmp_path / "built")
    assert environment("local", pulumi)["PULUMI_CONFIG_PASSPHRASE"] == LOCAL_PASSPHRASE
    assert "PULUMI_CONFIG_PASSPHRASE" not in environment("staging", pulumi)


def test_a_back_end_that_the_user_named_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = cli(tmp_path / "built")
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    assert backend_folder() == tmp_path / "state"
    assert environment("local", pulumi)["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/state?create_dir=true"
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}/elsewhere?create_dir=true")
    assert backend_folder() == tmp_path / "elsewhere"
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://bucket")
    assert backend_folder() is None
    assert environment("local", pulumi)["PULUMI_BACKEND_URL"] == "s3://bucket"


def test_the_exports_survive_a_shell(tmp_path: Path) -> None:
    value = "a 'quoted' $HOME `x`\n\"y\""
    shell = f'eval "$(cat {tmp_path}/exports)"; printf %s "$VALUE"'
    (tmp_path / "exports").write_text(exports({"VALUE": value}))
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)
    assert done.stdout == value
