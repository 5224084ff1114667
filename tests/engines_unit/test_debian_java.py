"""A Java from Debian's packages, by programs that stand in for apt-get and dpkg-deb."""

from pathlib import Path

import pytest

from engines import toolchains
from engines.errors import EngineError

APT = """#!/bin/sh
case "$*" in
*update) exit {update} ;;
*openjdk-21-jre-headless) : > openjdk-21.deb ;;
*) echo "E: Unable to locate package" >&2; exit 100 ;;
esac
"""
DPKG = """#!/bin/sh
home="$3/usr/lib/jvm/java-21-openjdk-amd64"
/bin/mkdir -p "$home/bin" "$home/conf" "$3/etc/java-21-openjdk"
: > "$home/bin/java"
echo yes > "$3/etc/java-21-openjdk/net.properties"
/bin/ln -s /etc/java-21-openjdk/net.properties "$home/conf/net.properties"
/bin/ln -s java-21-openjdk-amd64 "$3/usr/lib/jvm/default"
"""


def programs(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / name.replace("_", "-")).write_text(text)
        (folder / name.replace("_", "-")).chmod(0o755)


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    (tmp_path / "bin").mkdir()
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def test_the_first_version_that_there_is_gets_unpacked_once(path: Path, tmp_path: Path) -> None:
    programs(path, apt_get=APT.format(update=0), dpkg_deb=DPKG)
    home = toolchains.whole_java(tmp_path / "cache")

    assert home.name == "java-21-openjdk-amd64"
    programs(path, apt_get="#!/bin/sh\nexit 1\n")
    assert toolchains.whole_java(tmp_path / "cache") == home


def test_settings_that_the_package_keeps_in_etc_come_along(path: Path, tmp_path: Path) -> None:
    programs(path, apt_get=APT.format(update=0), dpkg_deb=DPKG)
    settings = toolchains.whole_java(tmp_path / "cache") / "conf" / "net.properties"

    assert not settings.is_symlink()
    assert settings.read_text() == "yes\n"


@pytest.mark.parametrize(("update", "why"), [(0, "apt-get: E: Unable to locate package"), (7, "exit code 7")])
def test_what_apt_cannot_do_is_said_with_what_to_do(
    path: Path, tmp_path: Path, update: int, why: str
) -> None:
    programs(path, apt_get=APT.format(update=update).replace("openjdk-21", "no-such"), dpkg_deb=DPKG)
    with pytest.raises(EngineError, match=why) as caught:
        toolchains.whole_java(tmp_path / "cache")

    assert "openjdk-17-jre-headless), or set JAVA_HOME" in str(caught.value)
    assert not list(tmp_path.glob("cache/toolchains/debian-java/*"))


def test_without_apt_the_machine_is_told_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no apt-get and no dpkg-deb to load one with"):
        toolchains.whole_java(tmp_path / "cache")
