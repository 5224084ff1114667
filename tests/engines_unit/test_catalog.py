import re
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from components import catalog
from components.catalog import ENGINES
from components.engine import CHANNELS, PLATFORMS, Engine, GoSource, MavenSource, RuntimeSource, WheelSource
from engines.lock import Lock, archive_url, fill_in
from engines.store import LOCK, ROOT, TOOLS

NOT_ENGINES = {"toolchains"}
by_name = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)


def test_names_are_unique_and_found() -> None:
    assert len({engine.name for engine in ENGINES}) == len(ENGINES)
    assert all(catalog.engine(engine.name) is engine for engine in ENGINES)
    with pytest.raises(KeyError, match="there are alertmanager, caddy"):
        catalog.engine("grafana")


@by_name
def test_every_channel_is_there_or_its_absence_explained(engine: Engine) -> None:
    there = set(engine.channels())
    assert there
    assert there | set(engine.absent) == set(CHANNELS)
    assert not there & set(engine.absent)
    assert set(engine.lacks) <= there
    assert set(engine.locations) <= there


@by_name
def test_every_field_is_filled(engine: Engine) -> None:
    assert re.fullmatch(r"[a-z][a-z_]*", engine.name)
    assert re.fullmatch(r"\d+\.\d+\.\d+", engine.version)
    assert engine.executables
    assert engine.estimate_s > 0
    for channel in engine.channels():
        assert [name for name, _ in engine.executables_in(channel)] == [
            name for name, _ in engine.executables
        ]


@by_name
def test_release_urls_are_whole_for_every_platform(engine: Engine) -> None:
    if engine.release is None:
        return
    assert [platform for platform, _ in engine.release.platforms] == list(PLATFORMS)
    for platform in PLATFORMS:
        for url in (archive_url(engine, platform), fill_in(engine.release.checksums, engine, platform)):
            assert url is not None
            assert url.startswith("https://")
            assert "{" not in url
        assert str(archive_url(engine, platform)).endswith(".tar.gz")
    assert archive_url(engine, "plan9/mips") is None


def test_every_tools_folder_is_in_the_catalogue_and_the_other_way_round() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "tools"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    committed = {line.split("/")[1] for line in listed}
    kinds = GoSource | MavenSource | RuntimeSource
    named = {engine.source.folder for engine in ENGINES if isinstance(engine.source, kinds)}
    assert committed - NOT_ENGINES == named


@by_name
def test_the_folder_builds_the_version_of_the_catalogue(engine: Engine) -> None:
    """One version per engine: what go.mod, pom or requirements pin is what the catalogue says."""
    match engine.source:
        case GoSource(folder=folder, packages=packages):
            required = dict(
                re.findall(r"^(?:require )?\s*(\S+) v(\S+)", (TOOLS / folder / "go.mod").read_text(), re.M)
            )
            for _, package in packages:
                if package == ".":
                    assert f" v{engine.version}\n" in (TOOLS / folder / "go.mod").read_text()
                    continue
                [module] = [name for name in required if f"{package}/".startswith(f"{name}/")]
                # Prometheus 3.13.5 is the Go module v0.313.5
                major, minor, patch = engine.version.split(".")
                spellings = {engine.version, f"0.{major}{minor:0>2}.{patch}"}
                assert required[module] in spellings
        case MavenSource(folder=folder):
            assert f"<opensearch.version>{engine.version}<" in (TOOLS / folder / "pom.xml").read_text()
        case WheelSource(distribution=distribution, version=version):
            assert metadata.version(distribution) == version
            assert f"{distribution}=={version}" in (ROOT / "requirements" / "runtime.in").read_text()
        case RuntimeSource():
            assert metadata.version("observability-suite") == engine.version


@by_name
def test_ldflags_tell_the_program_its_version(engine: Engine) -> None:
    if isinstance(engine.source, GoSource) and "-X" in engine.source.ldflags:
        assert re.search(rf"=v?{re.escape(engine.version)}$", engine.source.ldflags)


def test_the_lock_has_exactly_the_catalogues_archives(tmp_path: Path) -> None:
    Lock.read(LOCK).write(tmp_path / "lock")
    assert (tmp_path / "lock").read_text() == LOCK.read_text()


def test_toolchains_are_pinned_with_hashes_and_name_no_index() -> None:
    for path in sorted((TOOLS / "toolchains").iterdir()):
        text = path.read_text()
        assert len(re.findall(r"^\S+==\S+ \\$", text, re.MULTILINE)) == 1
        assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) == 2
        assert "index" not in text


def test_nothing_committed_names_a_registry_or_a_machine() -> None:
    hosts = re.compile(r"proxy\.golang|pypi\.org|pythonhosted|repo1\.maven|maven\.org/maven2|registry\.npmjs")
    files = [*TOOLS.glob("*/pom.xml"), *TOOLS.glob("*/go.mod"), *TOOLS.glob("toolchains/*"), LOCK]
    files += [*Path(ROOT / "engines").glob("*.py"), ROOT / "components" / "catalog.py"]
    for path in files:
        assert not hosts.search(path.read_text()), path
