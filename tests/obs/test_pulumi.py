"""The variables under which `pulumi` works, and which plugins it then finds."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from semver import VersionInfo

from components import catalog
from engines.store import Store
from obs import providers
from obs.errors import ObsError
from obs.passphrase import LOCAL_PASSPHRASE
from obs.paths import PLUGINS
from obs.pulumi import (
    Driver,
    backend_folder,
    environment,
    exports,
    find_pulumi,
    pulumi_on_path,
)

PROVIDER = catalog.engine("pulumi_kubernetes")
HOSTS = ("pulumi-language-python", "pulumi-resource-pulumi-python")


WANTED = VersionInfo.parse(catalog.engine("pulumi").version)


def cli(folder: Path, *names: str, version: str = "") -> Path:
    folder.mkdir(parents=True)
    for name in ("pulumi", *names):
        (folder / name).write_text(f"#!/bin/sh\necho {version}\n")
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


def test_obs_is_on_the_path(tmp_path: Path) -> None:
    path = environment("local", cli(tmp_path / "built"))["PATH"]
    assert shutil.which("obs", path=path) == str(Path(sys.executable).parent / "obs")
    assert shutil.which("pulumi", path=path) == str(tmp_path / "built" / "pulumi")


def on_path(pulumi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{pulumi.parent}:/usr/bin:/bin")


def test_the_cli_on_path_is_used_if_it_differs_in_the_patch_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi = cli(tmp_path / "mine", version=f"v{WANTED.bump_patch()}")
    on_path(pulumi, monkeypatch)
    monkeypatch.setenv("OBS_CACHE", str(tmp_path / "empty"))
    assert find_pulumi() == pulumi


@pytest.mark.parametrize("version", [f"v{WANTED.bump_minor()}", f"v{WANTED.bump_major()}", "soon"])
def test_another_version_on_path_gives_way_to_the_cache_and_that_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], version: str
) -> None:
    cached = cli(tmp_path / "cached")
    on_path(other := cli(tmp_path / "other", version=version), monkeypatch)
    monkeypatch.setattr(Store, "locate", lambda *_: cached.parent)
    monkeypatch.setattr(Store, "executable", lambda *_: cached)
    assert pulumi_on_path() is None
    assert [find_pulumi(), find_pulumi()] == [cached, cached]
    said = capsys.readouterr().err
    assert said.count(str(other)) == 1
    assert version.removeprefix("v").replace("soon", "unknown") in said
    assert str(WANTED) in said


def test_another_version_on_path_and_none_in_the_cache_is_an_error_that_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = WANTED.bump_minor()
    on_path(cli(tmp_path / "other", version=f"v{other}"), monkeypatch)
    monkeypatch.setenv("OBS_CACHE", str(tmp_path / "empty"))
    with pytest.raises(ObsError, match=rf"has version {other}; expected {WANTED}.*obs engines build pulumi"):
        find_pulumi()


@pytest.mark.parametrize("variable", ["OBS_STATE_DIR", "PULUMI_BACKEND_URL", "PULUMI_HOME"])
def test_a_folder_that_cannot_be_written_is_named_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    on_path(cli(tmp_path / "mine", version=f"v{WANTED}"), monkeypatch)
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setenv(variable, "file:///proc/x" if variable == "PULUMI_BACKEND_URL" else "/proc/x")
    with pytest.raises(ObsError, match=f"{variable}: /proc/x: .*set {variable} to a folder of yours"):
        Driver("local").select()


def test_only_the_local_stack_has_the_known_passphrase(tmp_path: Path) -> None:
    pulumi = cli(tmp_path / "built")
    assert environment("local", pulumi)["PULUMI_CONFIG_PASSPHRASE"] == LOCAL_PASSPHRASE
    assert "PULUMI_CONFIG_PASSPHRASE" not in environment("staging", pulumi)


def test_a_back_end_that_the_user_named_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = cli(tmp_path / "built")
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    assert backend_folder() == tmp_path / "state"
    assert environment("local", pulumi)["PULUMI_BACKEND_URL"] == (
        f"file://{tmp_path}/state?create_dir=true&metadata=skip"
    )
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


def test_a_provider_of_the_cache_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, folder = "pulumi-resource-kubernetes", tmp_path / "cached" / "bin"
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Store, "locate", lambda _self, engine: folder.parent if "_" in engine else None)
    monkeypatch.setattr(Store, "executable", lambda _self, _engine, program: folder / program)
    own = cli(tmp_path / "mine")

    def path() -> list[str]:
        return environment("local", own)["PATH"].split(":")

    assert path()[-1] == str(folder)
    assert providers.to_bring(["pulumi_kubernetes", "redis"], tmp_path / "home") == {
        "pulumi_kubernetes",
        "redis",
    }
    (tmp_path / "home/plugins" / f"resource-kubernetes-v{PROVIDER.version}").mkdir(parents=True)
    assert str(folder) not in path()
    assert providers.to_bring(["pulumi_kubernetes", "redis"], tmp_path / "home") == {"redis"}
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "other"))
    monkeypatch.setenv("PATH", f"{cli(tmp_path / 'installed', name).parent}:/usr/bin:/bin")
    assert str(folder) not in path()
