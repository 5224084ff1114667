import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from engines.archives import unpack
from engines.errors import EngineError


def tar(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as packed:
        for member in members:
            packed.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 1) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = kind, link, size, 0o755
    return info


@pytest.mark.parametrize(
    "bad",
    [
        member("../evil"),
        member("top/../../evil"),
        member("/evil"),
        member("top/link", tarfile.SYMTYPE, "../../evil", 0),
        member("top/link", tarfile.SYMTYPE, "/etc/passwd", 0),
        member("top/hard", tarfile.LNKTYPE, "../../evil", 0),
        member("top/pipe", tarfile.CHRTYPE, size=0),
    ],
    ids=["parent", "deeper", "absolute", "link out", "absolute link", "hard link out", "device"],
)
@pytest.mark.parametrize("strip", [0, 1])
def test_a_tar_cannot_write_outside(tmp_path: Path, bad: tarfile.TarInfo, strip: int) -> None:
    archive = tar(tmp_path / "a.tar.gz", member("top/fine"), bad)
    target = tmp_path / "deep" / "target"
    target.parent.mkdir()
    with pytest.raises(EngineError, match=r"a\.tar\.gz: refuses to unpack it"):
        unpack(archive, target, strip)
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "deep" / "evil").exists()


def test_a_tar_loses_its_leading_folder_and_keeps_programs_executable(tmp_path: Path) -> None:
    archive = tar(
        tmp_path / "a.tar.gz",
        member("./top/bin/tool"),
        member("./top/bin/same", tarfile.LNKTYPE, "./top/bin/tool", 0),
    )
    unpack(archive, tmp_path / "target", 1)
    assert (tmp_path / "target" / "bin" / "same").read_bytes() == b"x"
    assert os.access(tmp_path / "target" / "bin" / "tool", os.X_OK)


def test_a_broken_archive_is_said_so(tmp_path: Path) -> None:
    archive = tar(tmp_path / "a.tar.gz", member("top/file", size=100_000))
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(EngineError, match=r"a.tar.gz: cannot be unpacked"):
        unpack(archive, tmp_path / "target")


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil"])
def test_a_zip_cannot_write_outside(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(name, "x")
    with pytest.raises(EngineError, match="refuses to unpack it"):
        unpack(tmp_path / "a.zip", tmp_path / "deep" / "target")
    assert not (tmp_path / "deep").exists()


def test_a_zip_with_a_link_is_refused_and_programs_stay_programs(tmp_path: Path) -> None:
    tool, link = zipfile.ZipInfo("bin/tool"), zipfile.ZipInfo("link")
    tool.external_attr = (stat.S_IFREG | 0o755) << 16
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "good.zip", "w") as packed:
        packed.writestr(tool, "x")
        packed.writestr("text", "x")
    unpack(tmp_path / "good.zip", tmp_path / "target")
    assert os.access(tmp_path / "target" / "bin" / "tool", os.X_OK)
    assert (tmp_path / "target" / "text").stat().st_mode & 0o777 == 0o644
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as packed:
        packed.writestr(link, "/etc/passwd")
    with pytest.raises(EngineError, match="refuses to unpack it"):
        unpack(tmp_path / "bad.zip", tmp_path / "other")
