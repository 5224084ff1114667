"""Unpacking what came from elsewhere, so that no archive can write outside its folder."""

import stat
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from engines.errors import EngineError


def unpack(archive: Path, target: Path, strip: int = 0) -> None:
    """Unpack a .zip or a (compressed) .tar into the new folder `target`, leaving out `strip` leading folders.

    Raises EngineError when it is neither, is broken off, or has a member that would land outside `target`.
    """
    if zipfile.is_zipfile(archive):
        unzip(archive, target)
    else:
        untar(archive, target, strip)


def untar(archive: Path, target: Path, strip: int = 0) -> None:
    """Unpack a tar archive; `tarfile`'s data filter refuses what leads outside, devices and the like."""
    target.mkdir(parents=True)
    try:
        with tarfile.open(archive) as packed:
            for member in packed:
                name = _strip(member.name, strip)
                if name is None:
                    continue
                link = member.linkname
                if member.islnk():
                    link = _strip(link, strip) or link
                packed.extract(member.replace(name=name, linkname=link, deep=False), target, filter="data")
    except tarfile.FilterError as error:
        raise EngineError(f"{archive.name}: refuses to unpack it, {error}") from None
    except EngineError as error:
        raise EngineError(f"{archive.name}: {error}") from None
    except (tarfile.TarError, EOFError, OSError) as error:
        raise EngineError(f"{archive.name}: cannot be unpacked ({error})") from None


def unzip(archive: Path, target: Path) -> None:
    """Unpack a zip archive; programs stay executable, links and paths that lead outside are refused."""
    try:
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                name = PurePosixPath(info.filename)
                kind = stat.S_IFMT(info.external_attr >> 16)
                if name.is_absolute() or ".." in name.parts or kind == stat.S_IFLNK:
                    raise EngineError(
                        f"{archive.name}: refuses to unpack it, {info.filename!r} leads outside the folder"
                    )
            target.mkdir(parents=True)
            for info in packed.infolist():
                path = Path(packed.extract(info, target))
                if path.is_file():
                    path.chmod(0o755 if (info.external_attr >> 16) & 0o100 else 0o644)
    except zipfile.BadZipFile as error:
        raise EngineError(f"{archive.name}: cannot be unpacked ({error})") from None


def _strip(name: str, count: int) -> str | None:
    """The member's path without its first folders; None when nothing is left."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts:
        raise EngineError(f"refuses to unpack it, {name!r} leads outside the folder")
    return "/".join(parts[count:]) or None


def tree_size(folder: Path) -> int:
    """Bytes of all files below `folder`, links not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
